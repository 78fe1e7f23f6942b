/* sayings.c: see sayings.h. */
#include "voice/sayings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define TEXT_MAX 16000
#define SAYINGS_MAX 64
#define LATE_US 3000000 /* so long after its sound the text of an item may come */
#define MS_A_LETTER 40  /* nobody speaks faster: a text that is longer is not all there as sound */

struct saying {
	STAILQ_ENTRY(saying) next;
	char item[PLAY_ITEM_MAX];
	struct buf text;
	bool final;
	bool heard; /* played is set, at played_at */
	struct play_item played;
	int64_t played_at;
};

struct sayings {
	STAILQ_HEAD(, saying) list; /* oldest first */
	int count;
};

struct sayings *
sayings_new(void)
{
	struct sayings *s = mem_zalloc(1, sizeof *s);

	STAILQ_INIT(&s->list);
	return s;
}

static void
drop_first(struct sayings *s)
{
	struct saying *first = STAILQ_FIRST(&s->list);

	STAILQ_REMOVE_HEAD(&s->list, next);
	s->count--;
	buf_free(&first->text);
	free(first);
}

void
sayings_free(struct sayings *s)
{
	while (!STAILQ_EMPTY(&s->list))
		drop_first(s);
	free(s);
}

static struct saying *
saying_of(struct sayings *s, const char *item)
{
	struct saying *one;

	STAILQ_FOREACH(one, &s->list, next)
	if (strcmp(one->item, item) == 0)
		return one;
	if (s->count == SAYINGS_MAX)
		drop_first(s);
	one = mem_zalloc(1, sizeof *one);
	snprintf(one->item, sizeof one->item, "%s", item);
	buf_init(&one->text, TEXT_MAX);
	STAILQ_INSERT_TAIL(&s->list, one, next);
	s->count++;
	return one;
}

void
sayings_text(struct sayings *s, const char *item, const char *text, bool final)
{
	struct saying *one = saying_of(s, item);

	if (final)
		buf_clear(&one->text);
	buf_puts(&one->text, text);
	one->final = one->final || final;
}

void
sayings_played(struct sayings *s, const struct play_item *played, int64_t now)
{
	struct saying *one = saying_of(s, played->name);

	one->heard = true;
	one->played = *played;
	one->played_at = now;
}

char *
sayings_cut(const char *text, int64_t heard_ms, int64_t whole_ms)
{
	int64_t least = (int64_t)str_chars(text) * MS_A_LETTER;
	size_t len = strlen(text), keep;
	char *cut;

	if (whole_ms < least)
		whole_ms = least;
	if (heard_ms >= whole_ms)
		return mem_strdup(text);
	keep = heard_ms <= 0 ? 0 : (size_t)((double)len * (double)heard_ms / (double)whole_ms);
	while (keep > 0 && text[keep] != ' ')
		keep--;
	while (keep > 0 && text[keep - 1] == ' ')
		keep--;
	if (keep == 0)
		return mem_strdup("");
	cut = mem_alloc(keep + sizeof "…");
	memcpy(cut, text, keep);
	memcpy(cut + keep, "…", sizeof "…");
	return cut;
}

bool
sayings_next(struct sayings *s, int64_t now, bool all, char **text, int64_t *started_us)
{
	struct saying *first;

	while ((first = STAILQ_FIRST(&s->list)) != NULL) {
		bool known = first->heard && (first->final || now - first->played_at >= LATE_US);

		if (!known && !all)
			return false;
		*started_us = first->played.started_us;
		if (!first->heard)
			*text = mem_strdup("");
		else if (first->played.cut)
			*text = sayings_cut(
			    first->text.data, first->played.heard_ms, first->played.whole_ms);
		else
			*text = mem_strdup(first->text.data);
		drop_first(s);
		if ((*text)[0] != '\0')
			return true;
		free(*text);
	}
	return false;
}
