/* Who is next: random runs of work/line.h, and the share that it promises to each customer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "work/line.h"

enum { DIRECT, TIMED, NORMAL = 3 };

static void
offer_lane(struct line *l, const char *workspace, int rank, const char *name, int64_t no)
{
	const struct line_lane lane = { workspace, rank, name };

	line_offer(l, &lane, no);
}

static void
offer(struct line *l, const char *workspace, int64_t no)
{
	offer_lane(l, workspace, NORMAL, "", no);
}

/* Picks and dials, for a customer of weight 1. */
static void
must_dial(struct line *l, int64_t no, int64_t next_no)
{
	struct line_pick pick;

	assert_true(line_pick(l, 0, &pick));
	assert_int_equal(pick.no, no);
	line_dialed(l, &pick, next_no, 1);
}

/* ---- random runs ---- */

enum { CUSTOMERS = 10, LANES = 7, CALLS = 600 };

/* What the database would know of one call, and what was done to it. */
struct model_call {
	bool waits;
	int customer;
	int rank;
	int lane;      /* 0 plain, else that of a campaign */
	int64_t at_us; /* set aside until then, 0: not */
};
static struct model_call calls[CALLS + 1];
static int offered;
static bool at_cap[CUSTOMERS], paused[CUSTOMERS][LANES];
static int weights[CUSTOMERS];
static int64_t now_us;

static const char *
customer_name(int customer)
{
	static char name[16];

	snprintf(name, sizeof name, "w%d", customer);
	return name;
}

static const char *
lane_name(int lane)
{
	static char name[16];

	snprintf(name, sizeof name, "task_%d", lane);
	return lane == 0 ? "" : name;
}

static int
kind(const struct model_call *c)
{
	return c->rank < 2 ? c->rank : 2;
}

static bool
may_go(const struct model_call *c)
{
	return c->waits && !at_cap[c->customer] && !paused[c->customer][c->lane] &&
	    c->at_us <= now_us;
}

/* How many calls may go now: of that customer (-1: any), of that kind (-1: any). */
static int
how_many(int customer, int a_kind)
{
	int count = 0;

	for (int no = 1; no <= offered; no++)
		count += may_go(&calls[no]) && (customer < 0 || calls[no].customer == customer) &&
		    (a_kind < 0 || kind(&calls[no]) == a_kind);
	return count;
}

/* The next of a lane behind a call, as the claim tells, which knows of nothing set aside. */
static int64_t
behind(int no)
{
	for (int n = no + 1; n <= offered; n++)
		if (calls[n].waits && calls[n].customer == calls[no].customer &&
		    calls[n].rank == calls[no].rank && calls[n].lane == calls[no].lane)
			return n;
	return 0;
}

static void
new_call(struct line *l, int customer)
{
	struct model_call *c = &calls[++offered];
	int rank = rand() % 8;

	*c = (struct model_call){ true, customer, rank < 5 ? rank : NORMAL, 0, 0 };
	if (c->rank > TIMED)
		c->lane = rand() % LANES;
	offer_lane(l, customer_name(customer), c->rank, lane_name(c->lane), offered);
}

/* Claims until the picked call may be dialed, and returns its number; 0 when nobody is left. */
static int
claim(struct line *l, struct line_pick *pick)
{
	while (line_pick(l, now_us, pick)) {
		const struct model_call *c = &calls[pick->no];

		if (may_go(c))
			return (int)pick->no;
		if (!c->waits)
			line_advance(l, pick, behind((int)pick->no));
		else if (paused[c->customer][c->lane])
			line_hold(l, pick->lane, LINE_UNKNOWN);
		else if (at_cap[c->customer])
			line_block(l, pick->lane);
		else
			line_set_aside(l, pick, behind((int)pick->no), c->at_us);
	}
	return 0;
}

/* Of its customer and kind, no call of a better rank may go. */
static void
assert_right_rank(const struct model_call *c)
{
	for (int no = 1; no <= offered; no++)
		if (may_go(&calls[no]) && calls[no].customer == c->customer &&
		    kind(&calls[no]) == kind(c))
			assert_true(calls[no].rank >= c->rank);
}

/* One dial, and what may come of it. */
static void
dial_one(struct line *l)
{
	static bool timed_last;
	struct line_pick pick;
	struct model_call *c;
	int no = claim(l, &pick);

	if (no == 0) {
		assert_int_equal(how_many(-1, -1), 0);
		assert_true(line_next_us(l, now_us) > now_us);
		return;
	}
	assert_int_equal(line_next_us(l, now_us), 0);
	c = &calls[no];
	assert_true(kind(c) == DIRECT || how_many(-1, DIRECT) == 0);
	if (kind(c) == TIMED && timed_last)
		assert_int_equal(how_many(-1, 2), 0);
	if (kind(c) == 2 && !timed_last)
		assert_int_equal(how_many(-1, TIMED), 0);
	assert_right_rank(c);
	if (kind(c) != DIRECT)
		timed_last = kind(c) == TIMED;
	c->waits = false;
	line_dialed(l, &pick, behind(no), weights[c->customer]);
	if (rand() % 6 == 0) { /* the carrier was busy */
		const struct line_lane lane = { customer_name(c->customer), c->rank,
			lane_name(c->lane) };

		c->waits = true;
		c->at_us = now_us + 1 + rand() % 50;
		line_put_back(l, &lane, no, c->at_us);
	}
}

/* Those who are at no cap any more, and paused no more, may go on; some are asked for at a time. */
static void
let_go(struct line *l)
{
	struct line_lane held[3];
	const char *names[3];
	int count = line_blocked(l, names, 3);

	for (int i = 0; i < count; i++)
		if (!at_cap[atoi(names[i] + 1)])
			line_unblock(l, names[i]);
	count = line_held(l, held, 3);
	for (int i = 0; i < count; i++) {
		int lane = held[i].name[0] == '\0' ? 0 : atoi(held[i].name + 5);

		if (!paused[atoi(held[i].workspace + 1)][lane])
			line_release(l, held[i].workspace, held[i].name);
	}
}

static void
let_all_go(struct line *l)
{
	for (int i = 0; i < 2 * CUSTOMERS * LANES; i++)
		let_go(l);
}

/* Caps are reached, campaigns paused, and both end again. */
static void
change(void)
{
	at_cap[rand() % CUSTOMERS] = rand() % 3 == 0;
	paused[rand() % CUSTOMERS][1 + rand() % (LANES - 1)] = rand() % 3 == 0;
	if (offered > 0 && rand() % 5 == 0)
		calls[1 + rand() % offered].waits = false; /* cancelled */
}

static void
read_anew(struct line *l)
{
	bool seen[CUSTOMERS][5][LANES] = { { { false } } };

	line_begin_reading(l);
	for (int no = 1; no <= offered; no++) {
		const struct model_call *c = &calls[no];

		if (!c->waits || seen[c->customer][c->rank][c->lane])
			continue;
		seen[c->customer][c->rank][c->lane] = true;
		offer_lane(l, customer_name(c->customer), c->rank, lane_name(c->lane), no);
	}
	line_end_reading(l);
}

static void
begin_run(unsigned seed)
{
	srand(seed);
	memset(calls, 0, sizeof calls);
	memset(at_cap, 0, sizeof at_cap);
	memset(paused, 0, sizeof paused);
	offered = 0;
	now_us = 0;
	for (int i = 0; i < CUSTOMERS; i++)
		weights[i] = rand() % 2 == 0 ? 1 : 1 + rand() % 100;
}

/* Everything that may happen, in random order: whoever may go is found, in the right order, and in the
 * end everybody has been dialed. */
static void
test_random_runs(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct line *l = line_new();

		begin_run(seed);
		while (offered < CALLS || now_us < 5000) {
			if (offered < CALLS && rand() % 3 > 0)
				new_call(l, rand() % CUSTOMERS);
			if (rand() % 3 == 0)
				change();
			let_all_go(l);
			if (rand() % 50 == 0)
				read_anew(l);
			dial_one(l);
			now_us += rand() % 10;
		}
		memset(at_cap, 0, sizeof at_cap);
		memset(paused, 0, sizeof paused);
		for (int i = 0; i < 3 * CALLS; i++) {
			let_all_go(l);
			now_us += 10;
			dial_one(l);
		}
		for (int no = 1; no <= CALLS; no++)
			assert_false(calls[no].waits);
		line_free(l);
	}
}

/* ---- the share ---- */

/* The bound that line.h states, as it is counted for one waiting customer. */
struct watch {
	bool waits;
	bool fresh;           /* he has had no more than his share when he came */
	int dials[CUSTOMERS]; /* of others, since */
	int plain, timed;
};

static void
assert_bound(const struct watch *w, int customer)
{
	int most = 0;

	for (int j = 0; j < CUSTOMERS; j++) {
		int bound = weights[j] / weights[customer] + 1;

		if (j == customer || w->dials[j] == 0)
			continue;
		most += w->fresh ? 1 : bound;
		assert_true(w->dials[j] <= (w->fresh ? 1 : bound));
	}
	assert_true(w->plain <= most);
	assert_true(w->timed <= most + 1);
}

/* A customer who waits is seen by others' dials; his own ends it. */
static void
count_dial(struct watch watches[CUSTOMERS], int customer, int a_kind, const int waiting[CUSTOMERS])
{
	for (int i = 0; i < CUSTOMERS; i++) {
		struct watch *w = &watches[i];

		if (!w->waits)
			continue;
		if (a_kind == TIMED)
			w->timed++;
		else if (i != customer)
			w->plain += 1, w->dials[customer]++;
	}
	if (a_kind == TIMED)
		return;
	assert_bound(&watches[customer], customer);
	memset(&watches[customer], 0, sizeof watches[customer]);
	watches[customer].waits = waiting[customer] > 0;
}

/* Customers of all weights with bursts and single calls, one of them with more than can ever be dialed,
 * some calls timed: nobody waits for longer than was promised. */
static void
test_nobody_waits_longer_than_promised(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 60; seed++) {
		struct watch watches[CUSTOMERS] = { { .waits = false } };
		int waiting[CUSTOMERS] = { 0 }, had[CUSTOMERS] = { 0 }, timed = 0;
		struct line *l = line_new();
		int64_t no = 0, heads[CUSTOMERS] = { 0 };

		begin_run(seed);
		for (int step = 0; step < 4000; step++) {
			int i = rand() % CUSTOMERS, burst = rand() % 40 == 0 ? rand() % 50 : 1;
			struct line_pick pick;
			int customer;

			if (step == 0)
				i = 0, burst = 100000;
			if (rand() % 3 == 0) {
				if (waiting[i] == 0) {
					heads[i] = ++no;
					offer(l, customer_name(i), no);
					watches[i] = (struct watch){ .waits = true,
						.fresh = had[i] == 0 };
				}
				waiting[i] += burst;
			}
			if (rand() % 5 == 0 && timed++ == 0)
				offer_lane(l, "w0", TIMED, "", ++no);
			if (!line_pick(l, 0, &pick))
				continue;
			customer = atoi(line_lane_of(l, pick.lane).workspace + 1);
			if (line_lane_of(l, pick.lane).rank == TIMED) {
				line_dialed(l, &pick, --timed > 0 ? ++no : 0, weights[customer]);
				count_dial(watches, customer, TIMED, waiting);
				continue;
			}
			assert_int_equal(pick.no, heads[customer]);
			waiting[customer]--;
			had[customer]++;
			heads[customer] = waiting[customer] > 0 ? ++no : 0;
			line_dialed(l, &pick, heads[customer], weights[customer]);
			count_dial(watches, customer, 2, waiting);
		}
		line_free(l);
	}
}

/* Who always waits is dialed as often as his weight says, to within one turn of each. */
static void
test_shares_follow_the_weights(void **state)
{
	static const int of[] = { 1, 1, 2, 5, 10, 100 };
	int dials[6] = { 0 }, total = 0;
	struct line *l = line_new();
	struct line_pick pick;

	(void)state;
	for (int i = 0; i < 6; i++)
		offer(l, customer_name(i), i + 1);
	for (int i = 0; i < 119 * 20; i++) {
		int customer;

		assert_true(line_pick(l, 0, &pick));
		customer = atoi(line_lane_of(l, pick.lane).workspace + 1);
		dials[customer]++;
		total++;
		line_dialed(l, &pick, 7 + i, of[customer]);
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(dials[i], 20 * of[i] - 2, 20 * of[i] + 2);
	assert_int_equal(total, 119 * 20);
	line_free(l);
}

/* Time without calls saves nothing up. */
static void
test_who_was_away_does_not_catch_up(void **state)
{
	struct line *l = line_new();
	struct line_pick pick;
	int64_t no = 10;
	int own = 0;

	(void)state;
	offer(l, "a", 1);
	offer(l, "b", 2);
	must_dial(l, 1, no);
	must_dial(l, 2, 0); /* b goes away */
	for (int i = 0; i < 1000; i++, no++)
		must_dial(l, no, no + 1);
	offer(l, "b", 5000);
	for (int i = 0; i < 100; i++) {
		bool b;

		assert_true(line_pick(l, 0, &pick));
		b = line_lane_of(l, pick.lane).workspace[0] == 'b';
		own += b;
		line_dialed(l, &pick, 6000 + i, 1);
	}
	assert_in_range(own, 49, 51);
	line_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_runs),
		cmocka_unit_test(test_nobody_waits_longer_than_promised),
		cmocka_unit_test(test_shares_follow_the_weights),
		cmocka_unit_test(test_who_was_away_does_not_catch_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
