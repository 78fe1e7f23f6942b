/* play.c: a queue of samples that grows as it must and moves to the front as it can. */
#include "sim/play.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
play_init(struct play *p)
{
	*p = (struct play){ 0 };
	TAILQ_INIT(&p->marks);
}

void
play_free(struct play *p)
{
	struct play_mark *m;

	while ((m = TAILQ_FIRST(&p->marks)) != NULL) {
		TAILQ_REMOVE(&p->marks, m, link);
		free(m);
	}
	free(p->bytes);
	p->bytes = NULL;
	p->begin = p->end = p->room = 0;
}

size_t
play_waiting(const struct play *p)
{
	return p->end - p->begin;
}

static void
make_room(struct play *p, size_t len)
{
	size_t used = play_waiting(p);

	if (p->begin > 0) {
		memmove(p->bytes, p->bytes + p->begin, used);
		p->begin = 0;
		p->end = used;
	}
	if (used + len > p->room) {
		p->room = (used + len) * 2;
		p->bytes = mem_realloc(p->bytes, p->room);
	}
}

size_t
play_add(struct play *p, const uint8_t *bytes, size_t len)
{
	size_t free_room = PLAY_MAX - play_waiting(p), n = len < free_room ? len : free_room;

	if (n == 0)
		return len;
	if (p->end + n > p->room)
		make_room(p, n);
	memcpy(p->bytes + p->end, bytes, n);
	p->end += n;
	return len - n;
}

bool
play_mark(struct play *p, const char *name)
{
	size_t size = strlen(name) + 1;
	struct play_mark *m;

	if (p->mark_count == PLAY_MARKS_MAX)
		return false;
	m = mem_alloc(sizeof(*m) + size);
	m->at = p->taken + play_waiting(p);
	memcpy(m->name, name, size);
	TAILQ_INSERT_TAIL(&p->marks, m, link);
	p->mark_count++;
	return true;
}

size_t
play_take(struct play *p, uint8_t out[ULAW_FRAME])
{
	size_t waiting = play_waiting(p), n = waiting < ULAW_FRAME ? waiting : ULAW_FRAME;

	p->done = p->taken;
	memset(out, ULAW_SILENCE, ULAW_FRAME);
	if (n == 0)
		return 0;
	memcpy(out, p->bytes + p->begin, n);
	p->begin += n;
	p->taken += n;
	if (p->begin == p->end)
		p->begin = p->end = 0;
	return n;
}

size_t
play_clear(struct play *p)
{
	size_t gone = play_waiting(p);
	struct play_mark *m;

	p->begin = p->end = 0;
	TAILQ_FOREACH(m, &p->marks, link)
	m->at = 0;
	return gone;
}

struct play_mark *
play_due(struct play *p)
{
	struct play_mark *m = TAILQ_FIRST(&p->marks);

	if (m == NULL || m->at > p->done)
		return NULL;
	TAILQ_REMOVE(&p->marks, m, link);
	p->mark_count--;
	return m;
}
