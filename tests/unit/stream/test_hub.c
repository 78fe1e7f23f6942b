/*
 * Who is sent what, and until when: the rules of stream/hub.h, without sockets and without a
 * database. A stream of the test is a list of the ids that it was sent; the table is a count of
 * events for each call. At last a random run, in which news come late, twice, out of order or
 * never, and every listener must still get every event once and in order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "stream/hub.h"

#define S INT64_C(1000000)
#define CALL "call_01m8ag254n90fbmptcfhdy3bsg"
#define SENT_MAX 4096

struct stream {
	int ids[SENT_MAX];
	int count;
	int beats;
	int64_t retry; /* the last one told */
	bool ended;
	bool full; /* takes what it is sent, and says that it is enough */
};

/* The last question of each kind, and how many there were. */
static struct {
	uint64_t listener;
	int64_t after;
	int replays;
	char stands[256];
	int stand_count;
	int stand_calls; /* that the last one was about */
	bool busy;
} asked;

static bool
take(void *arg, const char *bytes, size_t len)
{
	struct stream *s = arg;
	char text[65536];
	const char *at = text;

	assert_false(s->ended);
	assert_true(len < sizeof text);
	memcpy(text, bytes, len);
	text[len] = '\0';
	if (text[0] == ':')
		s->beats++;
	if (strncmp(text, "retry: ", 7) == 0)
		s->retry = atoll(text + 7);
	while ((at = strstr(at, "id: ")) != NULL) {
		if (at == text || at[-1] == '\n') {
			assert_true(s->count < SENT_MAX);
			s->ids[s->count++] = atoi(at + 4);
		}
		at += 4;
	}
	return !s->full;
}

static void
finish(void *arg)
{
	struct stream *s = arg;

	assert_false(s->ended);
	s->ended = true;
}

static void
want_replay(void *arg, uint64_t listener, const char *call_id, int64_t after)
{
	(void)arg;
	(void)call_id;
	asked.listener = listener;
	asked.after = after;
	asked.replays++;
}

static bool
want_stand(void *arg, const char *calls)
{
	(void)arg;
	if (asked.busy)
		return false;
	snprintf(asked.stands, sizeof asked.stands, "%s", calls);
	asked.stand_count++;
	asked.stand_calls = 1;
	for (; (calls = strchr(calls, ',')) != NULL; calls++)
		asked.stand_calls++;
	return true;
}

static const struct hub_ops ops = { take, finish, want_replay, want_stand, NULL };
static const struct hub_rules rules = { 4, 15 * S, 1800 * S };

static struct call_event
event(const char *call_id, int64_t id, const char *type)
{
	return (struct call_event){ id, call_id, type, "2026-11-25T00:00:00.000Z", "{}" };
}

static void
tell(struct hub *h, int64_t id, const char *type, int64_t now)
{
	struct call_event e = event(CALL, id, type);

	hub_news(h, &e, now);
}

/* Answers the last question with the events up to a number, the last of which is of that type. */
static void
replay(struct hub *h, int64_t upto, const char *last, bool final, int64_t now)
{
	struct call_event events[HUB_BATCH];
	struct replay r = { asked.listener, CALL, events, 0, final };

	for (int64_t id = asked.after + 1; id <= upto && r.count < HUB_BATCH; id++)
		events[r.count++] = event(CALL, id, id == upto ? last : "transcript");
	hub_replayed(h, &r, now);
}

static void
assert_sent(const struct stream *s, int from, int to)
{
	assert_int_equal(s->count, to - from + 1);
	for (int i = 0; i < s->count; i++)
		assert_int_equal(s->ids[i], from + i);
}

static int
setup(void **state)
{
	memset(&asked, 0, sizeof asked);
	*state = hub_new(&rules, &ops);
	return 0;
}

static int
teardown(void **state)
{
	hub_free(*state);
	return 0;
}

static void
test_history_then_news_without_a_seam(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	assert_non_null(hub_join(h, CALL, 2, &s, 0));
	assert_in_range(s.retry, 1000, 2000);
	assert_int_equal(asked.after, 2);
	tell(h, 5, "transcript", 0); /* while the history is read: it is in there, or comes again */
	assert_int_equal(s.count, 0);
	replay(h, 5, "transcript", false, 0);
	assert_sent(&s, 3, 5);
	tell(h, 4, "transcript", 0);
	tell(h, 5, "transcript", 0);
	tell(h, 6, "transcript", 0);
	assert_sent(&s, 3, 6);
}

static void
test_long_history_comes_in_batches_as_the_client_takes_it(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };
	struct listener *l = hub_join(h, CALL, 0, &s, 0);

	replay(h, 250, "transcript", false, 0);
	assert_sent(&s, 1, 100);
	assert_int_equal(asked.replays, 1); /* not before it is gone */
	tell(h, 251, "transcript", 0);
	hub_drained(h, l);
	assert_int_equal(asked.after, 100);
	hub_drained(h, l);
	assert_int_equal(asked.replays, 2);
	replay(h, 250, "transcript", false, 0);
	hub_drained(h, l);
	replay(h, 251, "transcript", false, 0);
	assert_sent(&s, 1, 251);
	hub_drained(h, l);
	assert_int_equal(asked.replays, 3);
	tell(h, 252, "transcript", 0);
	assert_sent(&s, 1, 252);
}

static void
test_an_event_ahead_of_its_turn_is_fetched_with_its_predecessors(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	tell(h, 3, "transcript", 0);
	assert_sent(&s, 1, 1);
	assert_int_equal(asked.after, 1);
	assert_int_equal(asked.replays, 2);
	tell(h, 2, "transcript", 0); /* the missing one, meanwhile */
	replay(h, 3, "transcript", false, 0);
	assert_sent(&s, 1, 3);
}

static void
test_a_missed_event_is_found_at_the_heartbeat(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	hub_tick(h, 14 * S);
	assert_int_equal(s.beats, 0);
	assert_int_equal(asked.stand_count, 0);
	asked.busy = true;
	hub_tick(h, 15 * S);
	assert_int_equal(s.beats, 1);
	asked.busy = false;
	hub_tick(h, 15 * S);
	assert_int_equal(s.beats, 1);
	assert_string_equal(asked.stands, "{" CALL "}");
	hub_stands(h, CALL, 1, false);
	assert_int_equal(asked.replays, 1);
	hub_stands(h, CALL, 2, false);
	assert_int_equal(asked.replays, 2);
	replay(h, 2, "transcript", false, 0);
	assert_sent(&s, 1, 2);
	hub_tick(h, 30 * S);
	assert_int_equal(s.beats, 2);
	assert_int_equal(asked.stand_count, 2);
}

static void
test_a_live_stream_ends_five_seconds_after_the_outcome(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	tell(h, 2, "outcome", 100 * S);
	tell(h, 3, "recording_ready", 104 * S);
	hub_tick(h, 104 * S);
	assert_false(s.ended);
	hub_tick(h, 105 * S);
	assert_true(s.ended);
	assert_sent(&s, 1, 3);
	assert_int_equal(hub_count(h), 0);
}

static void
test_an_outcome_that_was_fetched_is_one_too(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	tell(h, 3, "outcome", 10 * S);
	replay(h, 3, "outcome", true, 11 * S);
	hub_tick(h, 15 * S);
	assert_false(s.ended);
	hub_tick(h, 16 * S);
	assert_true(s.ended);
}

static void
test_a_late_stream_stays_while_more_may_come(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 8, "outcome", true, 0);
	assert_sent(&s, 1, 8);
	hub_tick(h, 0);
	assert_int_equal(asked.stand_count, 1); /* at once */
	hub_stands(h, CALL, 8, false);
	hub_tick(h, 60 * S);
	assert_false(s.ended);
	tell(h, 9, "recording_ready", 61 * S);
	hub_tick(h, 62 * S);
	assert_int_equal(asked.stand_count, 3);
	hub_stands(h, CALL, 9, true);
	assert_true(s.ended);
	assert_sent(&s, 1, 9);
	assert_true(s.retry >= 60000);
}

static void
test_a_late_stream_is_not_ended_before_it_has_all(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 8, "outcome", true, 0);
	hub_stands(h, CALL, 9, true);
	assert_false(s.ended);
	replay(h, 9, "recording_ready", true, 0);
	hub_stands(h, CALL, 9, true);
	assert_true(s.ended);
	assert_sent(&s, 1, 9);
}

static void
test_five_minutes_are_the_most_for_a_late_stream(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 8, &s, 0);
	replay(h, 8, "outcome", true, 0);
	hub_tick(h, 299 * S);
	assert_false(s.ended);
	hub_tick(h, 300 * S);
	assert_true(s.ended);
}

static void
test_no_stream_outlasts_its_time(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	hub_stands(h, CALL, 1, true); /* settled alone ends no live stream */
	hub_tick(h, 1799 * S);
	assert_false(s.ended);
	hub_tick(h, 1800 * S);
	assert_true(s.ended);
	assert_in_range(s.retry, 1000, 2000);
}

static void
test_a_slow_stream_goes_on_from_the_table(void **state)
{
	struct hub *h = *state;
	struct stream s[2] = { 0 };
	struct listener *slow;

	hub_join(h, CALL, 0, &s[0], 0);
	replay(h, 1, "status_change", false, 0);
	slow = hub_join(h, CALL, 0, &s[1], 0);
	replay(h, 1, "status_change", false, 0);
	s[1].full = true;
	tell(h, 2, "transcript", 0);
	tell(h, 3, "transcript", 0);
	tell(h, 4, "outcome", 0);
	assert_sent(&s[0], 1, 4);
	assert_sent(&s[1], 1, 2);
	hub_tick(h, 4 * S);
	hub_drained(h, slow);
	assert_int_equal(asked.after, 2);
	replay(h, 3, "transcript", false, 4 * S); /* and that is enough again */
	hub_drained(h, slow);
	assert_int_equal(asked.after, 3);
	s[1].full = false;
	replay(h, 4, "outcome", true, 4 * S);
	assert_sent(&s[1], 1, 4);
	hub_tick(h, 5 * S);
	assert_true(s[0].ended);
	assert_false(s[1].ended);
	hub_tick(h, 9 * S);
	assert_true(s[1].ended);
}

static void
test_an_answer_for_one_who_left_is_nobodys(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 }, other = { 0 };
	struct listener *l = hub_join(h, CALL, 0, &s, 0);
	uint64_t no = asked.listener;
	struct replay r = { 0 };

	hub_leave(h, l);
	assert_int_equal(hub_count(h), 0);
	hub_join(h, CALL, 0, &other, 0);
	r = (struct replay){ no, CALL, NULL, 0, true };
	hub_replayed(h, &r, 0);
	replay(h, 2, "transcript", false, 0);
	assert_sent(&other, 1, 2);
	assert_int_equal(s.count, 0);
}

static void
test_goodbye_tells_all_to_come_back(void **state)
{
	struct hub *h = *state;
	struct stream s[3] = { 0 };

	for (int i = 0; i < 3; i++)
		hub_join(h, CALL, 0, &s[i], 0);
	hub_goodbye(h);
	for (int i = 0; i < 3; i++) {
		assert_true(s[i].ended);
		assert_in_range(s[i].retry, 1000, 2000);
	}
	assert_int_equal(hub_count(h), 0);
}

/* What comes of calls that nobody listens to any more. */
static void
test_what_is_nobodys_changes_nothing(void **state)
{
	struct hub *h = *state;
	struct replay r = { 1, CALL, NULL, 0, true };

	tell(h, 1, "outcome", 0);
	hub_replayed(h, &r, 0);
	hub_stands(h, CALL, 1, true);
	hub_tick(h, 0);
	assert_int_equal(asked.replays + asked.stand_count, 0);
}

/* An outcome in the last seconds of a stream does not lengthen it. */
static void
test_the_outcome_keeps_no_stream_beyond_its_time(void **state)
{
	struct hub *h = *state;
	struct stream s = { 0 };

	hub_join(h, CALL, 0, &s, 0);
	replay(h, 1, "status_change", false, 0);
	tell(h, 2, "outcome", 1799 * S);
	hub_tick(h, 1800 * S);
	assert_true(s.ended);
}

/* One who came late is looked after each second, though the others of the call are live. */
static void
test_one_who_is_late_decides_how_often_it_is_looked(void **state)
{
	struct hub *h = *state;
	struct stream s[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		hub_join(h, CALL, i == 1 ? 2 : 0, &s[i], 0);
		replay(h, 2, "outcome", i == 1, 0);
	}
	hub_tick(h, 15 * S);
	assert_int_equal(asked.stand_count, 1);
	hub_tick(h, 16 * S);
	assert_int_equal(asked.stand_count, 2);
}

#define MANY 2500

/* More calls than were expected, and than go into one question: each has its turn. */
static void
test_many_calls(void **state)
{
	static const struct hub_rules many = { 1 << 24, 15 * S, 1800 * S };
	static struct stream s[MANY];
	static struct listener *l[MANY];
	static char call[MANY][ID_SIZE];
	static uint64_t no[MANY];
	struct hub *h = hub_new(&many, &ops);

	hub_free(h); /* as many buckets as there may be at most */
	h = *state;
	for (int i = 0; i < MANY; i++) {
		snprintf(call[i], sizeof call[i], "call_%026d", i);
		l[i] = hub_join(h, call[i], 0, &s[i], 0);
		no[i] = asked.listener;
	}
	for (int turn = 0; turn < 3; turn++) {
		hub_tick(h, 15 * S + turn);
		assert_int_equal(asked.stand_calls, turn < 2 ? 1000 : 500);
	}
	assert_int_equal(asked.stand_count, 3);
	for (int i = 0; i < MANY; i += 2)
		hub_leave(h, l[i]);
	for (int i = 1; i < MANY; i += 2) { /* the others are still found */
		struct call_event e = event(call[i], 1, "status_change");
		struct replay r = { no[i], call[i], &e, 1, false };

		hub_replayed(h, &r, 15 * S);
		assert_sent(&s[i], 1, 1);
		hub_leave(h, l[i]);
	}
	assert_int_equal(hub_count(h), 0);
}

/* ---- the random run ---- */

#define CALLS 5
#define LISTENERS 20
#define STEPS 6000

struct model {
	struct stream s;
	struct listener *l;
	int call, first;
	/* The one question on its way. */
	bool open;
	int64_t after;
};
static struct model models[LISTENERS];
static char calls[CALLS][ID_SIZE];
static int events[CALLS];

static void
model_replay(void *arg, uint64_t listener, const char *call_id, int64_t after)
{
	size_t at = (size_t)listener - 1; /* the hub counts from 1 */

	(void)arg;
	assert_false(models[at].open);
	assert_string_equal(call_id, calls[models[at].call]);
	models[at].open = true;
	models[at].after = after;
}

static void
model_answer(struct hub *h, struct model *m)
{
	struct call_event batch[HUB_BATCH];
	struct replay r = { (uint64_t)(m - models) + 1, calls[m->call], batch, 0, false };

	m->open = false;
	for (int64_t id = m->after + 1; id <= events[m->call] && r.count < HUB_BATCH; id++)
		batch[r.count++] = event(calls[m->call], id, "transcript");
	hub_replayed(h, &r, 0);
	hub_drained(h, m->l);
}

static void
test_whatever_comes_each_gets_all_once(void **state)
{
	static const struct hub_ops model_ops = { take, finish, model_replay, want_stand, NULL };
	struct hub *h = hub_new(&rules, &model_ops);

	(void)state;
	srand(11);
	for (int i = 0; i < CALLS; i++)
		snprintf(calls[i], sizeof calls[i], "call_%026d", i);
	for (int i = 0; i < LISTENERS; i++) {
		models[i].call = rand() % CALLS;
		models[i].first = rand() % 50;
		models[i].l = hub_join(h, calls[models[i].call], models[i].first, &models[i].s, 0);
	}
	for (int step = 0; step < STEPS; step++) {
		struct model *m = &models[rand() % LISTENERS];
		int call = rand() % CALLS;
		struct call_event e;

		if (rand() % 3 == 0 && events[call] < 1000)
			events[call]++;
		/* News: mostly the newest, now and then an old one, one in four never. */
		if (rand() % 4 != 0 && events[call] > 0) {
			int back = rand() % 8 == 0 ? rand() % events[call] : 0;

			e = event(calls[call], events[call] - back, "transcript");
			hub_news(h, &e, 0);
		}
		if (m->open && rand() % 2 == 0)
			model_answer(h, m);
	}
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < CALLS; i++)
			hub_stands(h, calls[i], events[i], false);
		for (int i = 0; i < LISTENERS; i++)
			if (models[i].open)
				model_answer(h, &models[i]);
	}
	for (int i = 0; i < LISTENERS; i++)
		assert_sent(&models[i].s, models[i].first + 1, events[models[i].call]);
	hub_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_history_then_news_without_a_seam, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_long_history_comes_in_batches_as_the_client_takes_it, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_event_ahead_of_its_turn_is_fetched_with_its_predecessors, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_missed_event_is_found_at_the_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_live_stream_ends_five_seconds_after_the_outcome, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_outcome_that_was_fetched_is_one_too, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_late_stream_stays_while_more_may_come, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_late_stream_is_not_ended_before_it_has_all, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_five_minutes_are_the_most_for_a_late_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_stream_outlasts_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_slow_stream_goes_on_from_the_table, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_answer_for_one_who_left_is_nobodys, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_goodbye_tells_all_to_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_what_is_nobodys_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_the_outcome_keeps_no_stream_beyond_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_one_who_is_late_decides_how_often_it_is_looked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_calls, setup, teardown),
		cmocka_unit_test(test_whatever_comes_each_gets_all_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
