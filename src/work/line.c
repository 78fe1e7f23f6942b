/*
 * line.c: see line.h. An array of lanes, found by name through a hash table; picking walks the
 * array, which for ten thousand waiting workspaces costs less than the claim that follows.
 */
#include "work/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ASIDE_MAX 4096

struct lane {
	char *workspace;
	bool direct;
	bool blocked;      /* its workspace is at its cap */
	int64_t head;      /* 0: nobody waits */
	int64_t until_us;  /* do not pick before */
	int64_t in_flight; /* calls of its workspace, at most; -1 unknown */
};

struct aside {
	int lane;
	int64_t no;
	int64_t at_us;
};

struct line {
	struct lane *lanes;
	int count, size;
	int *table; /* lane index + 1, 0 empty; open addressing */
	int table_size;
	struct aside asides[ASIDE_MAX];
	int aside_count;
	int blocked_from; /* where line_blocked() goes on */
};

struct line *
line_new(void)
{
	return mem_zalloc(1, sizeof(struct line));
}

void
line_reset(struct line *l)
{
	for (int i = 0; i < l->count; i++)
		free(l->lanes[i].workspace);
	free(l->lanes);
	free(l->table);
	memset(l, 0, sizeof *l);
}

void
line_free(struct line *l)
{
	line_reset(l);
	free(l);
}

/* FNV-1a. */
static unsigned
hash(const char *workspace, bool direct)
{
	unsigned h = 2166136261u ^ direct;

	for (; *workspace != '\0'; workspace++)
		h = (h ^ (unsigned char)*workspace) * 16777619u;
	return h;
}

static int *
slot(const struct line *l, const char *workspace, bool direct)
{
	unsigned i = hash(workspace, direct);

	for (;; i++) {
		int *s = &l->table[i & (unsigned)(l->table_size - 1)];

		if (*s == 0 ||
		    (l->lanes[*s - 1].direct == direct &&
			strcmp(l->lanes[*s - 1].workspace, workspace) == 0))
			return s;
	}
}

static void
grow_table(struct line *l)
{
	l->table_size = l->table_size == 0 ? 64 : 2 * l->table_size;
	free(l->table);
	l->table = mem_zalloc((size_t)l->table_size, sizeof *l->table);
	for (int i = 0; i < l->count; i++)
		*slot(l, l->lanes[i].workspace, l->lanes[i].direct) = i + 1;
}

static struct lane *
lane_of(struct line *l, const char *workspace, bool direct)
{
	int *s;

	if (2 * (l->count + 1) > l->table_size)
		grow_table(l);
	s = slot(l, workspace, direct);
	if (*s == 0) {
		if (l->count == l->size) {
			l->size = l->size == 0 ? 32 : 2 * l->size;
			l->lanes = mem_realloc(l->lanes, (size_t)l->size * sizeof *l->lanes);
		}
		l->lanes[l->count] = (struct lane){ mem_strdup(workspace), direct, false, 0, 0,
			-1 };
		*s = ++l->count;
	}
	return &l->lanes[*s - 1];
}

/* The entry of a call that is set aside, or NULL. */
static struct aside *
find_aside(struct line *l, int64_t no)
{
	for (int i = 0; i < l->aside_count; i++)
		if (l->asides[i].no == no)
			return &l->asides[i];
	return NULL;
}

void
line_offer(struct line *l, const char *workspace, bool direct, int64_t no)
{
	struct lane *lane = lane_of(l, workspace, direct);

	if ((lane->head == 0 || no < lane->head) && find_aside(l, no) == NULL)
		lane->head = no;
}

/* Whether a call comes before another one (no 0: there is none yet). */
static bool
before(bool direct, int64_t no, bool other_direct, int64_t other_no)
{
	if (other_no == 0)
		return true;
	return direct != other_direct ? direct : no < other_no;
}

bool
line_pick(const struct line *l, int64_t now_us, struct line_pick *pick)
{
	bool direct = false;

	pick->no = 0;
	for (int i = 0; i < l->count; i++) {
		const struct lane *lane = &l->lanes[i];

		if (lane->head == 0 || lane->blocked || lane->until_us > now_us ||
		    !before(lane->direct, lane->head, direct, pick->no))
			continue;
		*pick = (struct line_pick){ lane->head, i, false };
		direct = lane->direct;
	}
	for (int i = 0; i < l->aside_count; i++) {
		const struct aside *aside = &l->asides[i];
		const struct lane *lane = &l->lanes[aside->lane];

		if (aside->at_us > now_us || lane->blocked ||
		    !before(lane->direct, aside->no, direct, pick->no))
			continue;
		*pick = (struct line_pick){ aside->no, aside->lane, true };
		direct = lane->direct;
	}
	return pick->no != 0;
}

const char *
line_workspace(const struct line *l, int lane, bool *direct)
{
	*direct = l->lanes[lane].direct;
	return l->lanes[lane].workspace;
}

void
line_advance(struct line *l, const struct line_pick *pick, int64_t next_no)
{
	struct aside *aside = find_aside(l, pick->no);

	if (aside != NULL)
		*aside = l->asides[--l->aside_count];
	if (!pick->aside) /* else next_no was seen when the head went past */
		l->lanes[pick->lane].head = next_no;
}

static void
put_aside(struct line *l, int lane, int64_t no, int64_t at_us)
{
	if (l->aside_count < ASIDE_MAX) {
		l->asides[l->aside_count++] = (struct aside){ lane, no, at_us };
		return;
	}
	if (l->lanes[lane].head == 0 || no < l->lanes[lane].head)
		l->lanes[lane].head = no;
	l->lanes[lane].until_us = at_us;
}

void
line_put_back(struct line *l, const char *workspace, bool direct, int64_t no, int64_t at_us)
{
	put_aside(l, (int)(lane_of(l, workspace, direct) - l->lanes), no, at_us);
}

void
line_set_aside(struct line *l, const struct line_pick *pick, int64_t next_no, int64_t at_us)
{
	line_advance(l, pick, next_no);
	put_aside(l, pick->lane, pick->no, at_us);
}

void
line_block(struct line *l, int lane)
{
	for (int i = 0; i < l->count; i++)
		if (strcmp(l->lanes[i].workspace, l->lanes[lane].workspace) == 0)
			l->lanes[i].blocked = true;
}

/* The lane of that workspace and kind when there is one, else NULL. */
static struct lane *
find_lane(struct line *l, const char *workspace, bool direct)
{
	int *s = l->table_size > 0 ? slot(l, workspace, direct) : NULL;

	return s == NULL || *s == 0 ? NULL : &l->lanes[*s - 1];
}

void
line_unblock(struct line *l, const char *workspace)
{
	for (int kind = 0; kind < 2; kind++) {
		struct lane *lane = find_lane(l, workspace, kind == 1);

		if (lane != NULL)
			lane->blocked = false;
	}
}

int64_t
line_in_flight(const struct line *l, int lane)
{
	return l->lanes[lane].in_flight;
}

void
line_set_in_flight(struct line *l, const char *workspace, int64_t in_flight)
{
	for (int kind = 0; kind < 2; kind++) {
		struct lane *lane = find_lane(l, workspace, kind == 1);

		if (lane != NULL)
			lane->in_flight = in_flight;
	}
}

int
line_blocked(struct line *l, const char *names[], int max)
{
	int found = 0;

	for (int i = 0; i < l->count && found < max; i++) {
		const struct lane *lane = &l->lanes[(l->blocked_from + i) % l->count];

		if (lane->blocked)
			names[found++] = lane->workspace;
		if (found == max)
			l->blocked_from = (l->blocked_from + i + 1) % l->count;
	}
	return found;
}

int64_t
line_next_us(const struct line *l, int64_t now_us)
{
	int64_t next = INT64_MAX;

	for (int i = 0; i < l->count; i++) {
		const struct lane *lane = &l->lanes[i];

		if (lane->head != 0 && !lane->blocked && lane->until_us < next)
			next = lane->until_us;
	}
	for (int i = 0; i < l->aside_count; i++)
		if (!l->lanes[l->asides[i].lane].blocked && l->asides[i].at_us < next)
			next = l->asides[i].at_us;
	return next <= now_us ? 0 : next;
}
