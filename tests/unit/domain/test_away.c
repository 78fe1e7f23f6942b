/* While the database is away, whoever dials, hears from the carrier, or tells events is told "later", and nothing
 * that was his has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "db/db.h"
#include "domain/event.h"
#include "domain/leg.h"
#include "domain/pacer.h"
#include "domain/queue.h"

#define ATTEMPT "00000000-0000-4000-8000-000000000000"
#define UNTOUCHED INT64_C(4711)

static struct db *db;

static int
set_up(void **state)
{
	struct db_options options = { "test_away", 1000, 0 };

	(void)state;
	db = db_new("postgresql:///nobody?host=/nowhere", &options);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	db_free(db);
	return 0;
}

static void
who_leads(void **state)
{
	struct pacer_holder me = { .host = "here", .pid = 1, .pid_start = 1 };
	struct pacer_heir heir = { &me, 1, false };
	struct pacer_lead lead = { .epoch = UNTOUCHED };
	int64_t epoch = UNTOUCHED;
	bool leads = true;

	(void)state;
	assert_int_equal(pacer_look(db, &lead), RC_LATER);
	assert_int_equal(lead.epoch, UNTOUCHED);
	assert_int_equal(pacer_take(db, &lead, &heir, &epoch), RC_LATER);
	assert_int_equal(epoch, UNTOUCHED);
	assert_int_equal(pacer_seen(db, epoch, 1, &leads), RC_LATER);
	assert_true(leads); /* nobody has said that it does not */
	assert_int_equal(pacer_release(db, epoch), RC_LATER);
}

static void
who_dials(void **state)
{
	struct pacer_wish wish = { .epoch = 1, .queue_no = 1, .wait_us = 1000, .default_cap = 1 };
	struct pacer_report report = { ATTEMPT, "accepted", "CA1", "", 0 };
	struct pacer_grant grant = { .next_no = UNTOUCHED };
	int64_t again = UNTOUCHED;

	(void)state;
	assert_int_equal(pacer_claim(db, &wish, &grant), RC_LATER);
	assert_int_equal(pacer_report(db, &report, &again), RC_LATER);
}

static void
who_waits(void **state)
{
	int64_t last = UNTOUCHED, no = UNTOUCHED, next = UNTOUCHED;
	struct rows *rows = NULL;
	int woken = (int)UNTOUCHED;

	(void)state;
	assert_int_equal(queue_heads(db, &last, &rows), RC_LATER);
	assert_int_equal(last, UNTOUCHED);
	assert_int_equal(queue_news(db, 0, "{}", &rows), RC_LATER);
	assert_int_equal(queue_next(db, "ws", 3, "", 0, &no), RC_LATER);
	assert_int_equal(no, UNTOUCHED);
	assert_int_equal(queue_below_cap(db, "{ws}", 1, &rows), RC_LATER);
	assert_int_equal(queue_lanes_free(db, "{ws}", "{lane}", &rows), RC_LATER);
	assert_int_equal(queue_wake(db, 0, 1, &woken, &next), RC_LATER);
	assert_int_equal(woken, UNTOUCHED);
	assert_int_equal(next, UNTOUCHED);
	assert_int_equal(queue_recount(db), RC_LATER);
	assert_null(rows);
}

static void
who_hears_from_the_carrier(void **state)
{
	struct leg_news news = {
		.call_id = "call_1", .attempt_id = ATTEMPT, .call_sid = "CA1", .status = "busy"
	};
	bool taken = true, bound = true;
	struct rows *rows = NULL;

	(void)state;
	assert_int_equal(leg_tell(db, &news, &taken), RC_LATER);
	assert_true(taken);
	assert_int_equal(leg_due(db, 1, &rows), RC_LATER);
	assert_null(rows);
	assert_int_equal(leg_sid_bound(db, "CA1", &bound), RC_LATER);
	assert_true(bound);
	assert_int_equal(leg_not_found(db, ATTEMPT), RC_LATER);
	assert_int_equal(leg_give_up(db, ATTEMPT), RC_LATER);
	assert_int_equal(leg_ask_failed(db, ATTEMPT), RC_LATER);
}

static void
who_tells_events(void **state)
{
	struct rows *rows = NULL;
	int64_t seq = UNTOUCHED;

	(void)state;
	assert_int_equal(call_event_last_seq(db, &seq), RC_LATER);
	assert_int_equal(seq, UNTOUCHED);
	assert_int_equal(call_event_news(db, 0, "{}", &rows), RC_LATER);
	assert_int_equal(call_event_replay(db, "call_1", 0, 1, &rows), RC_LATER);
	assert_int_equal(call_event_stand(db, "{call_1}", &rows), RC_LATER);
	assert_null(rows);
}

static void
an_attempt_has_the_form_of_one(void **state)
{
	(void)state;
	assert_true(leg_attempt_id_valid(ATTEMPT));
	assert_false(leg_attempt_id_valid("")); /* too short */
	assert_false(leg_attempt_id_valid("00000000-0000-4000-8000-00000000000g"));
	assert_false(leg_attempt_id_valid("00000000_0000-4000-8000-000000000000"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_leads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_dials, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_hears_from_the_carrier, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_tells_events, set_up, tear_down),
		cmocka_unit_test(an_attempt_has_the_form_of_one),
	};

	log_open("test_away", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
