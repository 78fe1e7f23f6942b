/*
 * test_script.c: the built-in agent: what it says to what it hears, when it ends, and that nothing
 * a callee says, however odd, makes it do anything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "domain/script.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct arena *a;

static int
setup(void **state)
{
	(void)state;
	a = arena_new();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static struct script_reply
reply(int64_t turn, const char *language, const char *heard, int64_t silent)
{
	struct script_turn t = { .turn = turn,
		.heard = heard,
		.brief = "Please book a table for two.",
		.language = language,
		.silent_turns = silent };

	return script_reply(a, &t);
}

static void
it_opens_with_who_it_is_and_the_brief(void **state)
{
	static const char *const languages[] = { "en", "auto", "", "ja", "en-ZA", "xx" };
	struct script_reply r;

	(void)state;
	for (size_t i = 0; i < COUNT(languages); i++) {
		r = reply(0, languages[i], "", 0);
		assert_string_equal(r.language, "en-US");
		assert_non_null(strstr(r.words, "automated assistant"));
		assert_non_null(strstr(r.words, "Please book a table for two."));
		assert_null(r.verdict);
	}
	r = reply(0, "ru", "", 0);
	assert_string_equal(r.language, "ru-RU");
	assert_non_null(strstr(r.words, "автоматический помощник"));
	assert_non_null(strstr(r.words, "Please book a table for two."));
	/* Before it has said anything, what it hears is a greeting. */
	assert_null(reply(0, "en", "Hello, no, we are closed.", 0).verdict);
}

static void
words_decide(void **state)
{
	static const struct {
		const char *language, *heard, *verdict; /* NULL: it asks again */
	} cases[] = {
		{ "en", "Yes, of course.", "success_booked" },
		{ "en", "OKAY", "success_booked" },
		{ "en", "ok", "success_booked" },
		{ "en", "it is confirmed!", "success_booked" },
		{ "en", "No.", "success_refused" },
		{ "en", "no, sorry, we are fully booked", "success_refused" },
		{ "en", "I can't do that", "success_refused" },
		{ "en", "Unfortunately we're closed", "success_refused" },
		{ "en", "not today", "success_refused" },
		{ "en", "Leave a message after the beep.", "failed_voicemail" },
		{ "en", "This is the VOICEMAIL of nobody", "failed_voicemail" },
		{ "en", "Who is this?", NULL },
		/* Whole words alone: there is no "no" in "know", no "ok" in "book". */
		{ "en", "I know", NULL },
		{ "en", "Which book?", NULL },
		{ "en", "nothing", NULL },
		{ "en", "yesterday", NULL },
		{ "en", "Nobody knows of bookedness", NULL },
		{ "en", "refined", NULL },
		{ "en", "5", NULL },
		{ "auto", "yes", "success_booked" },
		{ "ru", "да, конечно", "success_booked" },
		{ "ru", "ДА.", "success_booked" },
		{ "ru", "Хорошо, записала.", "success_booked" },
		{ "ru", "нет", "success_refused" },
		{ "ru", "к сожалению мест нет", "success_refused" },
		{ "ru", "оставьте сообщение после сигнала", "failed_voicemail" },
		{ "ru", "вода", NULL }, /* ends in "да" */
		{ "ru", "неделя", NULL },
		{ "ru", "yes", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_reply r = reply(1, cases[i].language, cases[i].heard, 0);
		const char *verdict = r.verdict == NULL ? "-" : r.verdict;

		if (strcmp(verdict, cases[i].verdict == NULL ? "-" : cases[i].verdict) != 0)
			fail_msg("\"%s\": %s", cases[i].heard, verdict);
		assert_int_equal(r.verdict == NULL, r.summary == NULL);
		if (strcmp(verdict, "failed_voicemail") == 0)
			assert_string_equal(r.words, ""); /* nobody listens */
		else
			assert_true(r.words[0] != '\0');
	}
}

/* What a booking is to know beside the verdict. */
static void
it_learns_from_the_verdict(void **state)
{
	static const struct {
		const char *language, *heard, *learnt; /* NULL: nothing */
	} cases[] = {
		{ "en", "Yes, of course.", NULL },
		{ "en", "Yes, at 21:15.", "{\"time\":\"21:15\"}" },
		{ "en", "okay, 9:05 will do", "{\"time\":\"09:05\"}" },
		{ "en", "Sure, 7 PM.", "{\"time\":\"19:00\"}" },
		{ "en", "Sure, 7:30pm", "{\"time\":\"19:30\"}" },
		{ "en", "Fine. 12 am? 12 am.", "{\"time\":\"00:00\"}" },
		{ "en", "Fine, 12 pm.", "{\"time\":\"12:00\"}" },
		/* No times: a number, a size, what no clock shows. */
		{ "en", "Yes, for 4.", NULL },
		{ "en", "Yes, 25:00, 9:75, 123:45, 7:3, a7:30, 100 pm.", NULL },
		{ "en", "yes, 2 ample tables", NULL },
		{ "en", "Yes, but please confirm by mail.", "{\"pending\":\"yes\"}" },
		{ "en", "Sure, at 20:00, you have to confirm it though",
		    "{\"time\":\"20:00\",\"pending\":\"yes\"}" },
		{ "ru", "Да, в 20:30, но нужно подтвердить",
		    "{\"time\":\"20:30\",\"pending\":\"yes\"}" },
		{ "en", "No, sorry, fully booked.",
		    "{\"refusal_reason\":\"No, sorry, fully booked.\"}" },
		{ "en", "No. \"Never\"\n", "{\"refusal_reason\":\"No. \\\"Never\\\"\\n\"}" },
		{ "ru", "Нет.", "{\"refusal_reason\":\"Нет.\"}" },
		{ "en", "What?", NULL },
		{ "en", "Ask your client, at 20:00.", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_reply r = reply(1, cases[i].language, cases[i].heard, 0);
		const char *learnt = r.learnt == NULL ? "-" : r.learnt;

		if (strcmp(learnt, cases[i].learnt == NULL ? "-" : cases[i].learnt) != 0)
			fail_msg("\"%s\": %s", cases[i].heard, learnt);
	}
}

/* A reason is as long as a booking can keep, and ends at a character. */
static void
a_long_reason_is_cut(void **state)
{
	char heard[4001] = "no ";
	struct script_reply r;

	(void)state;
	for (size_t i = 3; i + 3 < sizeof(heard); i += 3)
		memcpy(heard + i, "漢", 4);
	r = reply(1, "en", heard, 0);
	assert_string_equal(r.verdict, "success_refused");
	assert_true(str_utf8(r.learnt, strlen(r.learnt)));
	assert_in_range(strlen(r.learnt), 490, 530);
}

static void
what_only_the_client_knows_is_asked(void **state)
{
	static const char *const cases[][2] = {
		{ "en", "Could you ASK YOUR CLIENT about allergies?" },
		{ "en", "Please check with your client. Yes?" },
		{ "en", "No. Ask your client." },
		{ "ru", "Спросите клиента, пожалуйста." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_reply r = reply(1, cases[i][0], cases[i][1], 0);

		assert_string_equal(r.question, cases[i][1]);
		assert_true(r.words[0] != '\0');
		assert_null(r.verdict);
	}
	assert_null(reply(1, "en", "Who is this?", 0).question);
	assert_null(reply(0, "en", "ask your client", 0).question);
	assert_null(reply(8, "en", "ask your client", 0).question); /* not for ever */
}

static void
the_clients_answer_is_said_or_gone_by(void **state)
{
	static const struct {
		const char *language, *answer;
		bool aloud;
		const char *says, *verdict;
	} cases[] = {
		{ "en", "At seven, %s & <b>.", true, "Thank you for waiting. At seven, %s & <b>.",
		    NULL },
		{ "en", "No.", true, "Thank you for waiting. No.", NULL },
		{ "ru", "В семь.", true, "Спасибо за ожидание. В семь.", NULL },
		{ "en", "Seven is fine", false,
		    "Thank you for waiting. I have found out, please go on.", NULL },
		{ "en", "No, neither", false,
		    "Thank you for waiting. That will not be possible. Goodbye.",
		    "success_no_booking" },
		{ "en", NULL, false,
		    "I am sorry, I could not reach my client. I will call you back. Goodbye.",
		    "success_no_booking" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_turn t = { .turn = 2,
			.heard = "",
			.brief = "brief",
			.language = cases[i].language,
			.asked = true,
			.answer = cases[i].answer,
			.aloud = cases[i].aloud };
		struct script_reply r = script_reply(a, &t);

		assert_string_equal(r.words, cases[i].says);
		assert_null(r.question);
		assert_int_equal(r.verdict == NULL, cases[i].verdict == NULL);
		if (r.verdict != NULL) {
			assert_string_equal(r.verdict, cases[i].verdict);
			assert_non_null(r.summary);
		}
	}
}

static void
silence_is_asked_twice_and_no_more(void **state)
{
	(void)state;
	assert_null(reply(1, "en", "", 1).verdict);
	assert_null(reply(2, "en", "", 2).verdict);
	assert_string_equal(reply(3, "en", "", 3).verdict, "success_no_booking");
	assert_string_equal(reply(1, "en", "", 9).verdict, "success_no_booking");
	assert_null(reply(3, "en", "what?", 2).verdict);
}

/* Whatever is said, the conversation has an end. */
static void
it_ends(void **state)
{
	int64_t turn = 1;

	(void)state;
	while (reply(turn, "en", "what?", 0).verdict == NULL)
		turn++;
	assert_in_range(turn, 2, 20);
	assert_string_equal(reply(turn, "en", "what?", 0).verdict, "success_no_booking");
	assert_non_null(reply(INT64_MAX, "en", "what?", 0).verdict);
}

static void
machines_are_hung_up_on(void **state)
{
	static const struct {
		const char *answered_by;
		bool machine;
	} cases[] = {
		{ "machine_start", true },
		{ "machine_end_beep", true },
		{ "machine_end_silence", true },
		{ "machine_end_other", true },
		{ "fax", true },
		{ "human", false },
		{ "unknown", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_turn t = { .heard = "",
			.brief = "brief",
			.language = "en",
			.answered_by = cases[i].answered_by };
		struct script_reply r = script_reply(a, &t);

		assert_int_equal(r.verdict != NULL, cases[i].machine);
		if (cases[i].machine)
			assert_string_equal(r.verdict, "failed_voicemail");
	}
}

/* A brief that is too long is cut between two characters, and it is only ever text. */
static void
long_briefs_are_cut_at_a_character(void **state)
{
	static const char *const units[] = { "a", "é", "漢", "😀" };
	char brief[16001];

	(void)state;
	for (size_t u = 0; u < COUNT(units); u++) {
		size_t step = strlen(units[u]);

		for (size_t shift = 0; shift < 4; shift++) {
			struct script_turn t = { .heard = "", .brief = brief, .language = "en" };
			struct script_reply r;

			memset(brief, 'x', shift);
			for (size_t at = shift; at + step < sizeof(brief); at += step) {
				memcpy(brief + at, units[u], step);
				brief[at + step] = '\0';
			}
			r = script_reply(a, &t);
			assert_true(str_utf8(r.words, strlen(r.words)));
			assert_in_range(strlen(r.words), 1400, 1800);
		}
	}
}

static void
a_brief_is_no_format(void **state)
{
	struct script_turn t = {
		.heard = "", .brief = "%s%n%d 100% <Hangup/> & \"", .language = "en"
	};

	(void)state;
	assert_non_null(strstr(script_reply(a, &t).words, "%s%n%d 100% <Hangup/> & \""));
}

static void
odd_words_do_no_harm(void **state)
{
	static const char *const odd[] = { "%s%s%n", "|", "||||", "no|yes", "\x01\x02", "</Say>",
		"'", "''''", "\xff\xfe", "e\xcc\x81", "😀", " ", "\t\n", "-", "yes\xc3" };
	char huge[20001];

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++)
		for (int64_t turn = 0; turn < 12; turn++)
			assert_non_null(reply(turn, "en", odd[i], 0).words);
	memset(huge, 'n', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(reply(1, "en", huge, 0).verdict);
	assert_non_null(reply(1, huge, huge, 0).words);
}

static void
the_same_turn_gives_the_same_reply(void **state)
{
	static const char *const heard[] = { "", "yes", "no", "what?", "ask your client", "да" };
	static const char *const languages[] = { "en", "ru", "auto" };

	(void)state;
	for (size_t h = 0; h < COUNT(heard); h++)
		for (size_t l = 0; l < COUNT(languages); l++)
			for (int64_t turn = 0; turn < 10; turn++) {
				struct script_reply one = reply(turn, languages[l], heard[h], 1);
				struct script_reply two = reply(turn, languages[l], heard[h], 1);

				assert_string_equal(one.words, two.words);
				assert_string_equal(one.language, two.language);
				assert_true(one.verdict == two.verdict);
				assert_true(one.summary == two.summary);
			}
}

/* ---- negotiations ---- */

/* A talk about a price: what it learns in a turn it knows in the next. The last reply. */
static struct script_reply
bargain(const char *estimate, const char *limit, const char *const *lines, const char **learnt)
{
	char slots[512];
	struct script_reply r = { .words = "" };

	snprintf(slots, sizeof slots,
	    "{\"job\": \"Repair a sink\", \"location\": \"San Jose\"%s%s%s%s%s%s}",
	    estimate != NULL ? ", \"estimated_price\": \"" : "", estimate != NULL ? estimate : "",
	    estimate != NULL ? "\"" : "", limit != NULL ? ", \"max_price\": \"" : "",
	    limit != NULL ? limit : "", limit != NULL ? "\"" : "");
	*learnt = NULL;
	for (int64_t turn = 0; turn == 0 || lines[turn - 1] != NULL; turn++) {
		struct script_turn t = { .turn = turn,
			.heard = turn == 0 ? "" : lines[turn - 1],
			.brief = "Find out the price.",
			.language = "auto",
			.deal = script_deal_read(a, slots, *learnt) };

		assert_null(r.verdict);
		assert_non_null(t.deal);
		r = script_reply(a, &t);
		if (r.learnt != NULL)
			*learnt = r.learnt;
		if (turn == 0)
			assert_non_null(strstr(r.words, "Repair a sink"));
	}
	return r;
}

static void
it_agrees_on_a_price(void **state)
{
	static const struct {
		const char *estimate, *limit, *lines[9];
		const char *verdict; /* NULL: the talk goes on */
		const char *learnt;  /* a part of it, or NULL: nothing */
	} cases[] = {
		{ "150.00", NULL, { "It costs 150." }, NULL, "\"price\":\"150.00\"" },
		{ "150.00", NULL, { "It costs 150.", "Okay, 135." }, "success_no_booking",
		    "\"price\":\"135.00\"" },
		{ "150.00", NULL, { "It costs 180.", "Yes, I can do that." }, "success_no_booking",
		    "\"price\":\"150.00\"" },
		/* A yes to no price in particular agrees to none but the one that was named. */
		{ "150.00", NULL, { "It costs 120.", "Yes." }, "success_no_booking",
		    "\"price\":\"120.00\"" },
		{ NULL, NULL, { "It costs 120.", "No." }, "success_no_booking",
		    "\"price\":\"120.00\"" },
		{ "150.00", NULL, { "It costs 180.", "No, sorry." }, "success_no_booking",
		    "\"price\":\"180.00\"" },
		{ "150.00", NULL, { "It costs 180.", "Let me think.", "170 dollars." },
		    "success_no_booking", "\"price\":\"170.00\"" },
		{ "150.00", NULL, { "It costs 180.", "Goodbye." }, "success_no_booking",
		    "\"price\":\"180.00\"" },
		{ "150.00", "140.00", { "It costs 180.", "Sure." }, "success_no_booking",
		    "\"price\":\"140.00\"" },
		{ "150.00", "160.00", { "It costs 180.", "No." }, "success_no_booking",
		    "\"offer\":\"180.00\"" },
		{ "150.00", NULL, { "Hello?", "Who is it?" }, NULL, NULL },
		{ "150.00", NULL, { "Hello?", "Who is it?", "Well.", "Hm." }, "success_no_booking",
		    NULL },
		{ "150.00", NULL, { "Yes, that is fine.", "Goodbye." }, "success_no_booking",
		    NULL },
		{ "150.00", NULL, { "No, we do not do that." }, "success_refused", NULL },
		{ "150.00", NULL, { "Leave a message after the beep." }, "failed_voicemail", NULL },
	};
	const char *learnt;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script_reply r = bargain(
		    cases[i].estimate, cases[i].limit, cases[i].lines, &learnt);

		if (cases[i].verdict == NULL)
			assert_null(r.verdict);
		else
			assert_string_equal(r.verdict, cases[i].verdict);
		if (cases[i].learnt == NULL)
			assert_null(learnt);
		else if (learnt == NULL || strstr(learnt, cases[i].learnt) == NULL)
			fail_msg("case %zu learnt %s", i, learnt == NULL ? "nothing" : learnt);
	}
}

static void
a_deal_without_a_job_is_none(void **state)
{
	static const char *const slots[] = { NULL, "", "{", "[]", "{}", "{\"job\": 1}" };

	(void)state;
	for (size_t i = 0; i < COUNT(slots); i++)
		assert_null(script_deal_read(a, slots[i], NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_opens_with_who_it_is_and_the_brief),
		cmocka_unit_test(words_decide),
		cmocka_unit_test(it_agrees_on_a_price),
		cmocka_unit_test(a_deal_without_a_job_is_none),
		cmocka_unit_test(it_learns_from_the_verdict),
		cmocka_unit_test(a_long_reason_is_cut),
		cmocka_unit_test(what_only_the_client_knows_is_asked),
		cmocka_unit_test(the_clients_answer_is_said_or_gone_by),
		cmocka_unit_test(silence_is_asked_twice_and_no_more),
		cmocka_unit_test(it_ends),
		cmocka_unit_test(machines_are_hung_up_on),
		cmocka_unit_test(long_briefs_are_cut_at_a_character),
		cmocka_unit_test(a_brief_is_no_format),
		cmocka_unit_test(odd_words_do_no_harm),
		cmocka_unit_test(the_same_turn_gives_the_same_reply),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
