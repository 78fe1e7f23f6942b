/* test_party.c: the callee on a media stream, in a time of its own, and what is measured of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sim/gauge.h"
#include "sim/party.h"

#define VOICE_MS 300

static const char *const two_lines[] = { "one", "two", NULL };
static const char *const no_lines[] = { NULL };

struct scene {
	struct callee callee;
	struct party party;
	uint8_t voice[VOICE_MS * 8];
	int64_t now_ms;   /* the end of the last frame */
	int64_t agent_ms; /* the agent is to be heard until then */
	char log[400];    /* what happened when */
	bool sound;       /* in the last frame */
};

static struct callee
somebody(const char *const *lines)
{
	return (
	    struct callee){ .lines = lines, .language = "en", .first_ms = -1, .silence_ms = 700 };
}

static void
begin(struct scene *s, struct callee callee, bool greeted)
{
	memset(s, 0, sizeof(*s));
	memset(s->voice, 0x80, sizeof(s->voice));
	s->callee = callee;
	party_init(&s->party, &s->callee, greeted);
}

static void
note(struct scene *s, const char *what, const char *more)
{
	size_t len = strlen(s->log);

	snprintf(s->log + len, sizeof(s->log) - len, "%d %s%s;", (int)s->now_ms, what, more);
}

/* Lets time pass; voices are there at once. */
static void
pass(struct scene *s, int ms)
{
	uint8_t out[ULAW_FRAME];
	struct party_did did;
	int line;

	for (int64_t end = s->now_ms + ms; s->now_ms < end; s->now_ms += ULAW_FRAME_MS) {
		while ((line = party_wants(&s->party)) >= 0)
			party_voice(&s->party, (size_t)line, s->voice, sizeof(s->voice));
		party_tick(&s->party, s->now_ms < s->agent_ms, out, &did);
		if (did.began != NULL)
			note(s, did.interrupts ? "interrupts " : did.began,
			    did.text == NULL ? "" : did.text);
		if (did.digit != '\0')
			note(s, "key ", (char[]){ did.digit, '\0' });
		if (did.ended)
			note(s, "ends", "");
		if (did.beeped)
			note(s, "beeped", "");
		if (did.hangs_up)
			note(s, "hangs up", "");
		s->sound = ulaw_audible(out, sizeof(out));
		assert_true(s->sound ==
			(did.began != NULL || s->party.state == PARTY_SPEAKS ||
			    s->party.state == PARTY_BEEPS || did.ended) ||
		    s->party.state == PARTY_PRESSES || s->party.state == PARTY_HOLDS ||
		    did.digit != '\0' || s->party.state == PARTY_BEEPS);
	}
}

static void
agent_speaks(struct scene *s, int ms)
{
	s->agent_ms = s->now_ms + ms;
	pass(s, ms);
}

static void
turns_are_taken_in_the_agents_silence(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, somebody(two_lines), false);
	pass(&s, 10000);
	assert_string_equal(s.log, ""); /* who is not spoken to says nothing */
	agent_speaks(&s, 500);
	pass(&s, 400);
	agent_speaks(&s, 100); /* a pause of the agent is no end */
	pass(&s, 3000);
	assert_string_equal(s.log, "11700 speechone;11980 ends;");
	s.log[0] = '\0';
	agent_speaks(&s, 200);
	pass(&s, 20000);
	assert_string_equal(s.log, "14900 speechtwo;15180 ends;");
	s.log[0] = '\0';
	agent_speaks(&s, 200); /* it has nothing left to say, and does not leave */
	pass(&s, 60000);
	assert_string_equal(s.log, "");
}

static void
who_leaves_hangs_up_when_all_is_said(void **state)
{
	struct callee callee = somebody(two_lines);
	struct scene s;

	(void)state;
	callee.leaves = true;
	begin(&s, callee, false);
	agent_speaks(&s, 100);
	pass(&s, 1500);
	agent_speaks(&s, 100);
	pass(&s, 1500);
	s.log[0] = '\0';
	agent_speaks(&s, 100);
	pass(&s, 5000);
	assert_string_equal(s.log, "4000 hangs up;");
	/* And when nobody answers its last word. */
	begin(&s, callee, false);
	s.callee.turn = 2;
	pass(&s, 5000);
	assert_string_equal(s.log, "3000 hangs up;");
	/* In the middle it has more patience. */
	begin(&s, callee, false);
	s.callee.turn = 1;
	pass(&s, 40000);
	assert_string_equal(s.log, "30000 hangs up;");
}

static void
somebody_interrupts(void **state)
{
	struct callee callee = somebody(two_lines);
	struct scene s;

	(void)state;
	callee.interrupt_ms = 400;
	begin(&s, callee, false);
	pass(&s, 200);
	agent_speaks(&s, 500); /* to 700, and is silent in time */
	pass(&s, 1000);
	assert_string_equal(s.log, "600 interrupts one;880 ends;");
	s.log[0] = '\0';
	agent_speaks(&s, 300); /* too short to be interrupted */
	pass(&s, 1000);
	assert_string_equal(s.log, "2100 interrupts two;2380 ends;");
	s.log[0] = '\0';
	agent_speaks(&s, 3000); /* nothing left to say */
	pass(&s, 1000);
	assert_string_equal(s.log, "");
}

static void
keys_are_pressed_at_the_first_chance(void **state)
{
	struct callee callee = somebody(two_lines);
	struct scene s;

	(void)state;
	callee.digits = "12";
	begin(&s, callee, false);
	agent_speaks(&s, 100);
	pass(&s, 3000);
	assert_string_equal(s.log, "800 digits12;800 key 1;1000 key 2;1000 ends;");
	s.log[0] = '\0';
	agent_speaks(&s, 100);
	pass(&s, 2000);
	assert_string_equal(s.log, "3900 speechone;4180 ends;");
}

static void
music_is_played_while_somebody_is_away(void **state)
{
	struct callee callee = somebody(two_lines);
	struct scene s;

	(void)state;
	callee.hold_ms = 1000;
	callee.hold_turn = 1;
	begin(&s, callee, false);
	agent_speaks(&s, 100);
	pass(&s, 5000);
	assert_string_equal(
	    s.log, "800 speechone;1080 ends;1100 music;2080 ends;2100 speechtwo;2380 ends;");
	/* At once, and nobody comes back. */
	callee.lines = no_lines;
	callee.hold_turn = 0;
	begin(&s, callee, false);
	pass(&s, 3000);
	assert_string_equal(s.log, "0 music;980 ends;");
}

static void
a_machine_greets_beeps_and_listens(void **state)
{
	struct callee callee = somebody(two_lines);
	struct scene s;

	(void)state;
	callee.outcome = OUTCOME_VOICEMAIL;
	begin(&s, callee, false);
	s.agent_ms = 60000; /* it does not care who speaks */
	pass(&s, 10000);
	assert_string_equal(
	    s.log, "300 speechone;580 ends;600 speechtwo;880 ends;900 beep;1380 ends;1380 beeped;");
	begin(&s, callee, true);
	agent_speaks(&s, 2000);
	pass(&s, 10000);
	assert_string_equal(s.log, "");
	callee.lines = no_lines;
	begin(&s, callee, false);
	pass(&s, 3000);
	assert_string_equal(s.log, "320 beep;800 ends;800 beeped;");
}

static void
a_voice_that_cannot_be_had_is_not_waited_for(void **state)
{
	uint8_t out[ULAW_FRAME];
	struct party_did did;
	struct scene s;

	(void)state;
	begin(&s, somebody(two_lines), false);
	agent_speaks(&s, 100);
	assert_int_equal(party_wants(&s.party), -1); /* each is asked for once */
	party_voice(&s.party, 0, NULL, 0);
	pass(&s, 2000);
	assert_string_equal(s.log, "");
	assert_int_equal(s.callee.turn, 1);
	party_tick(&s.party, false, out, &did);
	assert_null(did.began);
}

/* --- measured --- */

static json_int_t
number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return json_is_null(v) ? -1 : json_integer_value(v);
}

static void
answers_and_interruptions_are_measured(void **state)
{
	json_t *o = json_object(), *turns, *t;
	struct gauge g;

	(void)state;
	gauge_init(&g, 1000000, 700);
	gauge_begins(&g, 1500000, "speech", "one", false);
	gauge_arrived(&g, 1600000, true); /* the agent is not silent while it speaks: no answer */
	gauge_ends(&g, 2000000);
	gauge_arrived(&g, 2100000, false); /* silence is none either */
	gauge_arrived(&g, 2345000, true);
	gauge_arrived(&g, 2400000, true);
	gauge_played(&g, 2360000, ULAW_FRAME, true);
	gauge_played(&g, 2380000, ULAW_FRAME, true);
	gauge_begins(&g, 2390000, "speech", "two", true);
	gauge_cleared(&g, 2450000);
	gauge_played(&g, 2400000, ULAW_FRAME, true);
	gauge_played(&g, 2420000, 0, false);
	gauge_ends(&g, 3000000);
	gauge_begins(&g, 4000000, "speech", NULL, true);
	gauge_played(&g, 4380000, ULAW_FRAME, true);
	gauge_ends(&g, 4400000); /* and the agent still spoke */
	gauge_json(&g, o);
	assert_int_equal(number(o, "first_word_us"), 600000);
	turns = json_object_get(o, "turns");
	assert_int_equal(json_array_size(turns), 3);
	t = json_array_get(turns, 0);
	assert_int_equal(number(t, "began_us"), 500000);
	assert_int_equal(number(t, "ended_us"), 1000000);
	assert_int_equal(number(t, "reply_us"), 345000);
	assert_int_equal(number(t, "reply_heard_us"), 360000);
	assert_int_equal(number(t, "silence_us"), -1);
	t = json_array_get(turns, 1);
	assert_int_equal(number(t, "cleared_us"), 60000);
	assert_int_equal(number(t, "silence_us"), 30000);
	assert_int_equal(number(t, "reply_us"), -1);
	t = json_array_get(turns, 2);
	assert_int_equal(number(t, "cleared_us"), -1);
	assert_int_equal(number(t, "silence_us"), -1);
	assert_int_equal(json_array_size(json_object_get(o, "agent_turns")), 2);
	json_decref(o);
	gauge_free(&g);
}

static void
an_interruption_hears_the_frame_under_way_to_its_end(void **state)
{
	json_t *o = json_object();
	struct gauge g;

	(void)state;
	gauge_init(&g, 0, 700);
	gauge_played(&g, 100000, ULAW_FRAME, true);
	gauge_begins(&g, 100000, "speech", "x", true);
	gauge_ends(&g, 900000);
	gauge_json(&g, o);
	assert_int_equal(
	    number(json_array_get(json_object_get(o, "turns"), 0), "silence_us"), 20000);
	json_decref(o);
	gauge_free(&g);
}

static void
holes_and_lateness_are_counted(void **state)
{
	json_t *o = json_object();
	int64_t at = 0;
	struct gauge g;

	(void)state;
	gauge_init(&g, 0, 700);
	gauge_played(&g, at += 20000, 0, false); /* before it speaks nothing is missing */
	gauge_played(&g, at += 20000, ULAW_FRAME, true);
	for (int i = 0; i < 3; i++)
		gauge_played(&g, at += 20000, i == 0 ? 80 : 0, i == 0);
	gauge_played(&g, at += 20000, ULAW_FRAME, true); /* a hole of three */
	for (int i = 0; i < 11; i++)
		gauge_played(&g, at += 20000, 0, false);
	gauge_played(&g, at += 20000, ULAW_FRAME, true); /* a pause */
	gauge_cleared(&g, at);
	gauge_played(&g, at += 20000, 0, false);
	gauge_played(&g, at += 20000, ULAW_FRAME, true); /* after a clear it is no hole */
	gauge_sent(&g, 1000, 2000);
	gauge_sent(&g, 1000, 6001);
	gauge_json(&g, o);
	assert_int_equal(number(o, "gaps"), 1);
	assert_int_equal(number(o, "missing_frames"), 3);
	assert_int_equal(number(o, "sent_frames"), 2);
	assert_int_equal(number(o, "late_frames"), 1);
	assert_int_equal(number(o, "worst_late_us"), 5001);
	json_decref(o);
	gauge_free(&g);
}

static void
only_so_many_turns_are_kept(void **state)
{
	json_t *o = json_object();
	struct gauge g;

	(void)state;
	gauge_init(&g, 0, 0);
	for (int i = 0; i < GAUGE_TURNS_MAX + 10; i++) {
		gauge_begins(&g, i, "speech", "x", false);
		gauge_ends(&g, i + 1);
		gauge_played(&g, (int64_t)i * 1000000, ULAW_FRAME, true);
	}
	gauge_json(&g, o);
	assert_int_equal(json_array_size(json_object_get(o, "turns")), GAUGE_TURNS_MAX);
	assert_int_equal(json_array_size(json_object_get(o, "agent_turns")), GAUGE_TURNS_MAX);
	json_decref(o);
	gauge_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_are_taken_in_the_agents_silence),
		cmocka_unit_test(who_leaves_hangs_up_when_all_is_said),
		cmocka_unit_test(somebody_interrupts),
		cmocka_unit_test(keys_are_pressed_at_the_first_chance),
		cmocka_unit_test(music_is_played_while_somebody_is_away),
		cmocka_unit_test(a_machine_greets_beeps_and_listens),
		cmocka_unit_test(a_voice_that_cannot_be_had_is_not_waited_for),
		cmocka_unit_test(answers_and_interruptions_are_measured),
		cmocka_unit_test(an_interruption_hears_the_frame_under_way_to_its_end),
		cmocka_unit_test(holes_and_lateness_are_counted),
		cmocka_unit_test(only_so_many_turns_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
