/*
 * map.c: open addressing with linear probing and backward-shift deletion, so that there are no
 * tombstones and a million calls cost two words each.
 */
#include "sim/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* FNV-1a; the keys are random ids and phone numbers of our own tests, nobody attacks them. */
static size_t
hash(const char *key)
{
	uint64_t h = 14695981039346656037u;

	for (; *key != '\0'; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211u;
	return (size_t)(h ^ h >> 32);
}

/* The slot of key, or the free one where it would go. There is always a free one. */
static size_t
find(const struct map *m, const char *key)
{
	size_t i = hash(key) & (m->room - 1);

	while (m->slots[i].key != NULL && strcmp(m->slots[i].key, key) != 0)
		i = (i + 1) & (m->room - 1);
	return i;
}

void *
map_get(const struct map *m, const char *key)
{
	if (m->room == 0)
		return NULL;
	return m->slots[find(m, key)].value;
}

static void
grow(struct map *m)
{
	struct map bigger = { .used = m->used, .room = m->room == 0 ? 64 : m->room * 2 };

	bigger.slots = mem_zalloc(bigger.room, sizeof(bigger.slots[0]));
	for (size_t i = 0; i < m->room; i++)
		if (m->slots[i].key != NULL)
			bigger.slots[find(&bigger, m->slots[i].key)] = m->slots[i];
	free(m->slots);
	*m = bigger;
}

void *
map_put(struct map *m, const char *key, void *value)
{
	struct map_slot *slot;
	void *before;

	if ((m->used + 1) * 3 > m->room * 2)
		grow(m);
	slot = &m->slots[find(m, key)];
	before = slot->value;
	if (slot->key == NULL)
		m->used++;
	slot->key = key;
	slot->value = value;
	return before;
}

void *
map_remove(struct map *m, const char *key)
{
	size_t hole, i, home;
	void *value;

	if (m->room == 0)
		return NULL;
	hole = find(m, key);
	value = m->slots[hole].value;
	if (m->slots[hole].key == NULL)
		return NULL;
	/* Whoever stands behind the hole only because it was taken moves up. */
	for (i = (hole + 1) & (m->room - 1); m->slots[i].key != NULL; i = (i + 1) & (m->room - 1)) {
		home = hash(m->slots[i].key) & (m->room - 1);
		if (((i - home) & (m->room - 1)) >= ((i - hole) & (m->room - 1))) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct map_slot){ 0 };
	m->used--;
	return value;
}

void
map_clear(struct map *m, void (*release)(void *))
{
	for (size_t i = 0; release != NULL && i < m->room; i++)
		if (m->slots[i].key != NULL)
			release(m->slots[i].value);
	free(m->slots);
	*m = (struct map){ 0 };
}
