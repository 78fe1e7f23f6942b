/*
 * line.c: see line.h. Arrays of customers and of their lanes, found by name through hash tables; picking
 * walks the arrays, which for ten thousand waiting workspaces costs less than the claim that follows.
 *
 * The share is stride scheduling. A customer has a pass for each kind of call; he with the lowest is next,
 * and a dial moves his on by SCALE / weight. Nobody's pass counts for less than that of the last who was
 * dialed: who did not wait, or could not be dialed, saves nothing up. So while a customer waits with pass p,
 * another is dialed only as long as his own is not above p, which is at most one stride above the lowest.
 */
#include "work/line.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define ASIDE_MAX 4096
#define SCALE (INT64_C(1) << 30)
#define PATIENCE 4 /* claims in vain before others are asked */

enum kind { DIRECT, TIMED, PLAIN, KINDS };

struct customer {
	char *workspace;
	int first;           /* of his lanes; -1 none */
	bool blocked;        /* at his cap */
	int64_t in_flight;   /* calls, at most; -1 unknown */
	int64_t pass[KINDS]; /* what he has had, by his weight */
	int64_t round;       /* of the line, to which belongs: */
	int vain;            /* so many of his calls were claimed in vain */
	int64_t reading;     /* he was dialed during that one */
};

struct lane {
	int customer;
	int next; /* of the same customer; -1 none */
	int rank;
	char *name;
	int64_t head;      /* 0: nobody waits */
	int64_t until_us;  /* do not pick before */
	bool held;         /* nor before line_release() */
	int64_t in_flight; /* calls in the lanes of this name, at most; -1 unknown */
	int64_t turn;      /* when it was served last */
	int64_t ripe;      /* during a pick: the lowest of those set aside whose time has come */
};

struct aside {
	int lane;
	int64_t no;
	int64_t at_us;
};

/* Open addressing: index + 1, 0 empty. */
struct table {
	int *slots;
	int size;
};

struct line {
	struct customer *customers;
	int customer_count, customer_size;
	struct lane *lanes;
	int lane_count, lane_size;
	struct table by_workspace, by_lane;
	struct aside asides[ASIDE_MAX];
	int aside_count;
	int64_t now[KINDS]; /* the pass of the last that was dialed */
	bool timed_last;    /* of timed and plain calls, the last dial was a timed one's */
	int64_t turns;      /* of lanes */
	int64_t round;      /* so many dials */
	int64_t reading;
	int blocked_from, held_from; /* where line_blocked() and line_held() go on */
};

struct line *
line_new(void)
{
	return mem_zalloc(1, sizeof(struct line));
}

void
line_reset(struct line *l)
{
	for (int i = 0; i < l->customer_count; i++)
		free(l->customers[i].workspace);
	for (int i = 0; i < l->lane_count; i++)
		free(l->lanes[i].name);
	free(l->customers);
	free(l->lanes);
	free(l->by_workspace.slots);
	free(l->by_lane.slots);
	memset(l, 0, sizeof *l);
}

void
line_free(struct line *l)
{
	line_reset(l);
	free(l);
}

/* ---- by name ---- */

/* FNV-1a. */
static unsigned
hash(unsigned h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

static int *
customer_slot(const struct line *l, const char *workspace)
{
	const struct table *t = &l->by_workspace;
	unsigned i = hash(2166136261u, workspace);

	for (;; i++) {
		int *s = &t->slots[i & (unsigned)(t->size - 1)];

		if (*s == 0 || strcmp(l->customers[*s - 1].workspace, workspace) == 0)
			return s;
	}
}

static int *
lane_slot(const struct line *l, int customer, int rank, const char *name)
{
	const struct table *t = &l->by_lane;
	unsigned i = hash((2166136261u ^ (unsigned)rank) + 2654435761u * (unsigned)customer, name);

	for (;; i++) {
		int *s = &t->slots[i & (unsigned)(t->size - 1)];
		const struct lane *lane = *s == 0 ? NULL : &l->lanes[*s - 1];

		if (lane == NULL ||
		    (lane->customer == customer && lane->rank == rank &&
			strcmp(lane->name, name) == 0))
			return s;
	}
}

/* Empties a table that has room for count entries and as many again. */
static void
clear_table(struct table *t, int count)
{
	free(t->slots);
	for (t->size = 64; t->size < 2 * count; t->size *= 2)
		continue;
	t->slots = mem_zalloc((size_t)t->size, sizeof *t->slots);
}

static void
index_customers(struct line *l)
{
	clear_table(&l->by_workspace, 2 * l->customer_count);
	for (int i = 0; i < l->customer_count; i++)
		*customer_slot(l, l->customers[i].workspace) = i + 1;
}

static void
index_lanes(struct line *l)
{
	clear_table(&l->by_lane, 2 * l->lane_count);
	for (int i = 0; i < l->lane_count; i++)
		*lane_slot(l, l->lanes[i].customer, l->lanes[i].rank, l->lanes[i].name) = i + 1;
}

/* The customer when he is known, else NULL. */
static struct customer *
find_customer(const struct line *l, const char *workspace)
{
	int *s = l->by_workspace.size > 0 ? customer_slot(l, workspace) : NULL;

	return s == NULL || *s == 0 ? NULL : &l->customers[*s - 1];
}

static int
customer_of(struct line *l, const char *workspace)
{
	int *s;

	if (2 * (l->customer_count + 1) > l->by_workspace.size)
		index_customers(l);
	s = customer_slot(l, workspace);
	if (*s == 0) {
		if (l->customer_count == l->customer_size) {
			l->customer_size = l->customer_size == 0 ? 32 : 2 * l->customer_size;
			l->customers = mem_realloc(
			    l->customers, (size_t)l->customer_size * sizeof *l->customers);
		}
		l->customers[l->customer_count] = (struct customer){
			.workspace = mem_strdup(workspace),
			.first = -1,
			.in_flight = -1,
			.round = -1,
			.reading = -1,
		};
		*s = ++l->customer_count;
	}
	return *s - 1;
}

/* What is known of the calls in flight in lanes of that name. */
static int64_t
known_in_flight(const struct line *l, const struct customer *c, const char *name)
{
	for (int i = c->first; i >= 0; i = l->lanes[i].next)
		if (strcmp(l->lanes[i].name, name) == 0)
			return l->lanes[i].in_flight;
	return -1;
}

static int
lane_of(struct line *l, const struct line_lane *name)
{
	int customer = customer_of(l, name->workspace);
	struct customer *c = &l->customers[customer];
	int *s;

	if (2 * (l->lane_count + 1) > l->by_lane.size)
		index_lanes(l);
	s = lane_slot(l, customer, name->rank, name->name);
	if (*s == 0) {
		if (l->lane_count == l->lane_size) {
			l->lane_size = l->lane_size == 0 ? 32 : 2 * l->lane_size;
			l->lanes = mem_realloc(l->lanes, (size_t)l->lane_size * sizeof *l->lanes);
		}
		/* A new lane goes behind the others of its customer. */
		l->lanes[l->lane_count] = (struct lane){ .customer = customer,
			.next = c->first,
			.rank = name->rank,
			.name = mem_strdup(name->name),
			.in_flight = known_in_flight(l, c, name->name),
			.turn = ++l->turns };
		c->first = l->lane_count;
		*s = ++l->lane_count;
	}
	return *s - 1;
}

struct line_lane
line_lane_of(const struct line *l, int lane)
{
	const struct lane *n = &l->lanes[lane];

	return (struct line_lane){ l->customers[n->customer].workspace, n->rank, n->name };
}

/* ---- who waits ---- */

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
line_offer(struct line *l, const struct line_lane *name, int64_t no)
{
	int index = lane_of(l, name); /* may move the lanes */
	struct lane *lane = &l->lanes[index];

	if ((lane->head == 0 || no < lane->head) && find_aside(l, no) == NULL)
		lane->head = no;
}

void
line_begin_reading(struct line *l)
{
	l->aside_count = 0; /* they are offered with the rest, and then claimed in vain */
	for (int i = 0; i < l->lane_count; i++)
		l->lanes[i].head = 0;
	l->reading++;
}

/* Drops the lanes in which nobody waits; those that stay move up. */
static void
drop_lanes(struct line *l)
{
	int kept = 0;

	for (int i = 0; i < l->customer_count; i++)
		l->customers[i].first = -1;
	for (int i = 0; i < l->lane_count; i++) {
		struct lane *lane = &l->lanes[i];

		if (lane->head == 0) {
			free(lane->name);
			continue;
		}
		lane->next = l->customers[lane->customer].first;
		l->customers[lane->customer].first = kept;
		l->lanes[kept++] = *lane;
	}
	l->lane_count = kept;
}

/* Drops the customers without lanes, unless they have been dialed lately: what they have had counts. */
static void
drop_customers(struct line *l)
{
	int kept = 0;

	for (int i = 0; i < l->customer_count; i++) {
		struct customer *c = &l->customers[i];

		if (c->first < 0 && c->reading < l->reading - 1) {
			free(c->workspace);
			continue;
		}
		for (int lane = c->first; lane >= 0; lane = l->lanes[lane].next)
			l->lanes[lane].customer = kept;
		l->customers[kept++] = *c;
	}
	l->customer_count = kept;
}

void
line_end_reading(struct line *l)
{
	drop_lanes(l);
	drop_customers(l);
	index_customers(l);
	index_lanes(l);
}

/* ---- whose turn it is ---- */

struct choice {
	int64_t no; /* 0: there is none */
	int lane;
	bool aside;
	int vain;
	int64_t pass;
};

static enum kind
kind_of(const struct lane *lane)
{
	return lane->rank == 0 ? DIRECT : lane->rank == 1 ? TIMED : PLAIN;
}

/* What counts of a customer's pass. */
static int64_t
pass_of(const struct line *l, const struct customer *c, enum kind kind)
{
	return c->pass[kind] > l->now[kind] ? c->pass[kind] : l->now[kind];
}

/* Marks in each lane the first of its calls that were set aside and whose time has come. */
static void
ripen(struct line *l, int64_t now_us)
{
	for (int i = 0; i < l->lane_count; i++)
		l->lanes[i].ripe = 0;
	for (int i = 0; i < l->aside_count; i++) {
		const struct aside *aside = &l->asides[i];
		struct lane *lane = &l->lanes[aside->lane];

		if (aside->at_us <= now_us && (lane->ripe == 0 || aside->no < lane->ripe))
			lane->ripe = aside->no;
	}
}

/* The first of a lane that may be picked; no 0 when there is none. */
static struct choice
first_of(const struct line *l, int lane, int64_t now_us)
{
	const struct lane *n = &l->lanes[lane];

	if (n->held || n->until_us > now_us)
		return (struct choice){ .no = 0 };
	if (n->ripe != 0 && (n->head == 0 || n->ripe < n->head))
		return (struct choice){ .no = n->ripe, .lane = lane, .aside = true };
	return (struct choice){ .no = n->head, .lane = lane };
}

/* Whether one of a customer's lanes comes before another of the same kind. */
static bool
lane_before(const struct lane *a, const struct lane *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	return a->turn < b->turn;
}

/* Whether one customer comes before another of the same kind. */
static bool
customer_before(const struct choice *a, const struct choice *b)
{
	if (a->no == 0 || b->no == 0)
		return a->no != 0;
	if (a->vain != b->vain)
		return a->vain < b->vain;
	return a->pass != b->pass ? a->pass < b->pass : a->no < b->no;
}

/* Puts a customer's best of each kind into best, where they are better. */
static void
weigh(const struct line *l, const struct customer *c, int64_t now_us, struct choice best[KINDS])
{
	struct choice own[KINDS] = { { .no = 0 } };

	for (int i = c->first; i >= 0; i = l->lanes[i].next) {
		struct choice *mine = &own[kind_of(&l->lanes[i])], one = first_of(l, i, now_us);

		if (one.no != 0 &&
		    (mine->no == 0 || lane_before(&l->lanes[i], &l->lanes[mine->lane])))
			*mine = one;
	}
	for (int kind = 0; kind < KINDS; kind++) {
		own[kind].vain = c->round == l->round ? c->vain / PATIENCE : 0;
		own[kind].pass = pass_of(l, c, kind);
		if (customer_before(&own[kind], &best[kind]))
			best[kind] = own[kind];
	}
}

/* Which kind goes next. */
static const struct choice *
choose_kind(const struct line *l, const struct choice best[KINDS])
{
	int order[KINDS] = { DIRECT, TIMED, PLAIN };
	const struct choice *next = NULL;

	if (l->timed_last) {
		order[1] = PLAIN;
		order[2] = TIMED;
	}
	for (int i = 0; i < KINDS; i++) {
		const struct choice *one = &best[order[i]];

		if (one->no != 0 && (next == NULL || one->vain < next->vain))
			next = one;
	}
	return next;
}

bool
line_pick(struct line *l, int64_t now_us, struct line_pick *pick)
{
	struct choice best[KINDS] = { { .no = 0 } };
	const struct choice *next;

	ripen(l, now_us);
	for (int i = 0; i < l->customer_count; i++)
		if (!l->customers[i].blocked)
			weigh(l, &l->customers[i], now_us, best);
	next = choose_kind(l, best);
	*pick = (struct line_pick){ .no = 0 };
	if (next != NULL)
		*pick = (struct line_pick){ next->no, next->lane, next->aside };
	return next != NULL;
}

/* ---- what became of it ---- */

/* The picked call is the first of its lane no more. */
static void
take_off(struct line *l, const struct line_pick *pick, int64_t next_no)
{
	struct aside *aside = find_aside(l, pick->no);

	if (aside != NULL)
		*aside = l->asides[--l->aside_count];
	if (!pick->aside) /* else next_no was seen when the head went past */
		l->lanes[pick->lane].head = next_no;
}

static void
in_vain(struct line *l, int lane)
{
	struct customer *c = &l->customers[l->lanes[lane].customer];

	if (c->round != l->round)
		c->vain = 0;
	c->round = l->round;
	c->vain++;
}

void
line_dialed(struct line *l, const struct line_pick *pick, int64_t next_no, int weight)
{
	struct lane *lane = &l->lanes[pick->lane];
	struct customer *c = &l->customers[lane->customer];
	enum kind kind = kind_of(lane);

	take_off(l, pick, next_no);
	l->now[kind] = pass_of(l, c, kind);
	c->pass[kind] = l->now[kind] + (SCALE + weight - 1) / weight;
	c->reading = l->reading;
	lane->turn = ++l->turns;
	if (kind != DIRECT)
		l->timed_last = kind == TIMED;
	l->round++;
}

void
line_advance(struct line *l, const struct line_pick *pick, int64_t next_no)
{
	take_off(l, pick, next_no);
	in_vain(l, pick->lane);
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
line_put_back(struct line *l, const struct line_lane *lane, int64_t no, int64_t at_us)
{
	put_aside(l, lane_of(l, lane), no, at_us);
}

void
line_set_aside(struct line *l, const struct line_pick *pick, int64_t next_no, int64_t at_us)
{
	line_advance(l, pick, next_no);
	put_aside(l, pick->lane, pick->no, at_us);
}

void
line_hold(struct line *l, int lane, int64_t at_us)
{
	if (at_us == LINE_UNKNOWN)
		l->lanes[lane].held = true;
	else
		l->lanes[lane].until_us = at_us;
	in_vain(l, lane);
}

void
line_release(struct line *l, const char *workspace, const char *name)
{
	const struct customer *c = find_customer(l, workspace);

	for (int i = c != NULL ? c->first : -1; i >= 0; i = l->lanes[i].next)
		if (strcmp(l->lanes[i].name, name) == 0)
			l->lanes[i].held = false;
}

int
line_held(struct line *l, struct line_lane lanes[], int max)
{
	int found = 0, i;

	for (i = 0; i < l->lane_count && found < max; i++) {
		int lane = (l->held_from + i) % l->lane_count;

		if (l->lanes[lane].held)
			lanes[found++] = line_lane_of(l, lane);
	}
	l->held_from = l->lane_count > 0 ? (l->held_from + i) % l->lane_count : 0;
	return found;
}

void
line_block(struct line *l, int lane)
{
	l->customers[l->lanes[lane].customer].blocked = true;
	in_vain(l, lane);
}

void
line_unblock(struct line *l, const char *workspace)
{
	struct customer *c = find_customer(l, workspace);

	if (c != NULL)
		c->blocked = false;
}

int
line_blocked(struct line *l, const char *names[], int max)
{
	int found = 0, i;

	for (i = 0; i < l->customer_count && found < max; i++) {
		const struct customer *c = &l->customers[(l->blocked_from + i) % l->customer_count];

		if (c->blocked)
			names[found++] = c->workspace;
	}
	l->blocked_from = l->customer_count > 0 ? (l->blocked_from + i) % l->customer_count : 0;
	return found;
}

/* ---- calls in flight ---- */

int64_t
line_in_flight(const struct line *l, int lane)
{
	return l->customers[l->lanes[lane].customer].in_flight;
}

int64_t
line_lane_in_flight(const struct line *l, int lane)
{
	return l->lanes[lane].in_flight;
}

void
line_set_in_flight(struct line *l, const char *workspace, int64_t in_flight)
{
	struct customer *c = find_customer(l, workspace);

	if (c != NULL)
		c->in_flight = in_flight;
}

void
line_set_lane_in_flight(struct line *l, const char *workspace, const char *name, int64_t in_flight)
{
	const struct customer *c = find_customer(l, workspace);

	for (int i = c != NULL ? c->first : -1; i >= 0; i = l->lanes[i].next)
		if (strcmp(l->lanes[i].name, name) == 0)
			l->lanes[i].in_flight = in_flight;
}

/* ---- when ---- */

/* When a call of the lane that may be picked at at_us can be, if nobody says anything meanwhile. */
static int64_t
lane_at(const struct line *l, const struct lane *lane, int64_t at_us)
{
	if (lane->held || l->customers[lane->customer].blocked)
		return INT64_MAX;
	return lane->until_us > at_us ? lane->until_us : at_us;
}

int64_t
line_next_us(const struct line *l, int64_t now_us)
{
	int64_t next = INT64_MAX, at_us;

	for (int i = 0; i < l->lane_count; i++) {
		at_us = lane_at(l, &l->lanes[i], 0);
		if (l->lanes[i].head != 0 && at_us < next)
			next = at_us;
	}
	for (int i = 0; i < l->aside_count; i++) {
		at_us = lane_at(l, &l->lanes[l->asides[i].lane], l->asides[i].at_us);
		if (at_us < next)
			next = at_us;
	}
	return next <= now_us ? 0 : next;
}
