/* The built-in agent: what it says to what it hears, and that nothing heard can upset it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "domain/script.h"

static const struct {
	struct script_turn turn;
	const char *verdict; /* NULL: it listens on */
	const char *says;    /* part of its words, NULL: nothing */
} dialogues[] = {
	{ { 0, "", "A table for two.", "auto", NULL, 0 }, NULL, "A table for two." },
	{ { 0, "", "A table for two.", "en", NULL, 0 }, NULL, "automated assistant" },
	{ { 0, "", "Столик на двоих.", "ru", NULL, 0 }, NULL, "Столик на двоих." },
	{ { 0, "", "x", "en", "human", 0 }, NULL, "automated assistant" },
	{ { 0, "", "x", "en", "machine_end_beep", 0 }, "failed_voicemail", NULL },
	{ { 0, "", "x", "en", "fax", 0 }, "failed_voicemail", NULL },
	{ { 1, "Yes, that is fine.", "x", "en", NULL, 0 }, "success_booked", "Thank you" },
	{ { 1, "YES", "x", "en", NULL, 0 }, "success_booked", "Thank you" },
	{ { 1, "Sorry, we are closed.", "x", "en", NULL, 0 }, "success_refused", "I understand" },
	{ { 1, "No.", "x", "en", NULL, 0 }, "success_refused", "I understand" },
	{ { 1, "We can't do that.", "x", "en", NULL, 0 }, "success_refused", "I understand" },
	{ { 1, "Please leave a message after the tone.", "x", "en", NULL, 0 }, "failed_voicemail",
	    NULL },
	{ { 1, "Seven or nine? Please ask your client.", "x", "en", NULL, 0 }, "success_no_booking",
	    "I will find out" },
	{ { 1, "Who is calling?", "x", "en", NULL, 0 }, NULL, "say that again" },
	{ { 1, "Nobody knows the yesterday of bookedness", "x", "en", NULL, 0 }, NULL,
	    "say that again" }, /* whole words only */
	{ { 1, "", "x", "en", NULL, 1 }, NULL, "say that again" },
	{ { 2, "", "x", "en", NULL, 2 }, NULL, "say that again" },
	{ { 3, "", "x", "en", NULL, 3 }, "success_no_booking", "Goodbye" },
	{ { 8, "hmm", "x", "en", NULL, 0 }, "success_no_booking", "Goodbye" },
	{ { 1, "ДА.", "x", "ru", NULL, 0 }, "success_booked", "Большое спасибо" },
	{ { 1, "Хорошо, записала.", "x", "ru", NULL, 0 }, "success_booked", "Большое спасибо" },
	{ { 1, "нет", "x", "ru", NULL, 0 }, "success_refused", "Понимаю" },
};

static void
test_dialogues(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		struct arena *a = arena_new();
		struct script_reply reply = script_reply(a, &dialogues[i].turn);

		if (dialogues[i].verdict == NULL)
			assert_null(reply.verdict);
		else
			assert_string_equal(reply.verdict, dialogues[i].verdict);
		if (dialogues[i].says == NULL)
			assert_string_equal(reply.words, "");
		else if (strcasestr(reply.words, dialogues[i].says) == NULL)
			fail_msg("dialogue %zu says: %s", i, reply.words);
		assert_true((reply.verdict == NULL) == (reply.summary == NULL));
		arena_free(a);
	}
}

static void
test_same_turn_same_reply(void **state)
{
	struct script_turn turn = { 2, "Well, hm.", "x", "en", NULL, 0 };
	struct arena *a = arena_new();

	(void)state;
	assert_string_equal(script_reply(a, &turn).words, script_reply(a, &turn).words);
	arena_free(a);
}

/* A long brief is cut at a character's end. */
static void
test_long_brief_is_cut_whole(void **state)
{
	char brief[4001];
	struct script_turn turn = { 0, "", brief, "en", NULL, 0 };
	struct arena *a = arena_new();
	struct script_reply reply;

	(void)state;
	brief[0] = 'x';
	for (size_t i = 1; i + 1 < sizeof brief; i += 2)
		memcpy(brief + i, "é", 2);
	brief[3999] = '\0';
	reply = script_reply(a, &turn);
	assert_true(str_utf8(reply.words, strlen(reply.words)));
	assert_true(strlen(reply.words) < 2000);
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_same_turn_same_reply),
		cmocka_unit_test(test_long_brief_is_cut_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
