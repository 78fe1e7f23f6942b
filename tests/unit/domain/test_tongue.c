/* test_tongue.c: what an agent says by itself in each of its languages, and that a script is led through a call
 * in each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "domain/script.h"
#include "domain/tongue.h"
#include "domain/words.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a callee says; upper case where a sentence begins, as transcripts have it. */
static const struct {
	const char *code, *tag;
	const char *yes, *no, *ask, *machine, *later;
} callees[] = {
	{ "en", "en-US", "Yes, that is fine.", "No, we are closed.", "Please ask your client.",
	    "Please leave a message after the tone.", "Yes, but you must confirm it." },
	{ "ru", "ru-RU", "Да, конечно.", "Нет, мы закрыты.", "Уточните у клиента, пожалуйста.",
	    "Оставьте сообщение после сигнала.", "Да, но нужно подтвердить." },
	{ "es", "es-ES", "¡Sí, por supuesto!", "No, está cerrado.", "Pregunte a su cliente.",
	    "Deje su mensaje después de la señal.", "Sí, pero tiene que confirmar." },
	{ "de", "de-DE", "Ja, gerne.", "Nein, leider nicht.", "Fragen Sie bitte Ihren Kunden.",
	    "Hinterlassen Sie eine Nachricht nach dem Signalton.",
	    "Ja, Sie müssen es aber noch bestätigen." },
	{ "fr", "fr-FR", "Oui, bien sûr.", "Désolé, c'est complet.", "Demandez à votre client.",
	    "Laissez un message après le bip.", "Oui, mais rappelez pour confirmer." },
	{ "pt", "pt-BR", "Sim, está reservado.", "Não, infelizmente.", "Pergunte ao seu cliente.",
	    "Deixe uma mensagem após o sinal.", "Sim, mas é preciso confirmar." },
	{ "it", "it-IT", "Sì, va bene.", "No, purtroppo.", "Chieda al suo cliente.",
	    "Lasciate un messaggio dopo il segnale.", "Sì, ma deve confermare." },
	{ "uk", "uk-UA", "Так, звичайно.", "Ні, на жаль.", "Запитайте у клієнта.",
	    "Залиште повідомлення після сигналу.", "Так, але треба підтвердити." },
	{ "pl", "pl-PL", "Tak, oczywiście.", "Niestety nie.", "Proszę zapytać klienta.",
	    "Proszę zostawić wiadomość po sygnale.", "Tak, ale trzeba potwierdzić." },
	{ "tr", "tr-TR", "Evet, tabii.", "Hayır, maalesef dolu.", "Lütfen müşterinize sorun.",
	    "Lütfen mesajınızı bırakın.", "Evet, ama onaylamanız gerekiyor." },
};

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

static void
each_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(callees); i++) {
		const struct tongue *t = tongue_find(callees[i].code);
		const char *sentences[] = { t->disclosure, t->moment, t->find_out, t->patience,
			t->broken, t->time_over, t->possible, t->pardon, t->thanks, t->sorry,
			t->no_verdict, t->go_on, t->declined, t->unreached };
		const char *words[] = { t->ask, t->machine, t->no, t->yes, t->later };

		assert_string_equal(t->code, callees[i].code);
		assert_true(strlen(t->name) > 3);
		assert_string_equal(t->tags[0], callees[i].tag);
		for (size_t k = 0; k < COUNT(sentences); k++) {
			const char *s = sentences[k];

			assert_true(str_utf8(s, strlen(s)) && strlen(s) < 200);
			assert_non_null(strchr(".?", s[strlen(s) - 1]));
			assert_null(strchr(s, '%'));
		}
		assert_non_null(strstr(t->told, " %s"));
		for (size_t k = 0; k < COUNT(words); k++) {
			assert_string_equal(words_lower(a, words[k]), words[k]);
			assert_null(strstr(words[k], "||"));
		}
	}
}

static void
a_language_is_found_by_its_code_and_region(void **state)
{
	static const struct {
		const char *language, *code, *tag;
	} cases[] = {
		{ "en", "en", "en-US" },
		{ "EN", "en", "en-US" },
		{ "en-GB", "en", "en-GB" },
		{ "en_gb", "en", "en-US" },
		{ "en-ZA", "en", "en-US" },
		{ "pt-pt", "pt", "pt-PT" },
		{ "es-MX", "es", "es-MX" },
		{ "de-AT", "de", "de-DE" },
		{ "auto", "en", "en-US" },
		{ "", "en", "en-US" },
		{ "ja", "en", "en-US" },
		{ "est", "en", "en-US" },
		{ "e", "en", "en-US" },
		{ "fr-FR\"/><Hangup/>", "fr", "fr-FR" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(tongue_of(cases[i].language)->code, cases[i].code);
		assert_string_equal(tongue_tag(cases[i].language), cases[i].tag);
	}
	assert_null(tongue_find("auto"));
	assert_null(tongue_find("ja"));
	assert_null(tongue_find("est"));
}

static struct script_reply
reply(const char *language, int64_t turn, const char *heard)
{
	struct script_turn t = {
		.turn = turn, .heard = heard, .brief = "Brief.", .language = language
	};

	return script_reply(a, &t);
}

static void
a_script_is_led_through_a_call(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(callees); i++) {
		const char *code = callees[i].code;
		struct script_reply r = reply(code, 0, "");

		assert_int_equal(strncmp(r.words, tongue_of(code)->disclosure,
				     strlen(tongue_of(code)->disclosure)),
		    0);
		assert_non_null(strstr(r.words, " Brief. "));
		assert_string_equal(r.language, callees[i].tag);
		r = reply(code, 1, callees[i].yes);
		assert_string_equal(r.verdict, "success_booked");
		assert_null(r.learnt);
		assert_string_equal(reply(code, 1, callees[i].no).verdict, "success_refused");
		assert_string_equal(reply(code, 1, callees[i].ask).question, callees[i].ask);
		assert_string_equal(reply(code, 1, callees[i].machine).verdict, "failed_voicemail");
		r = reply(code, 1, callees[i].later);
		assert_string_equal(r.verdict, "success_booked");
		assert_non_null(strstr(r.learnt, "pending"));
	}
}

static void
a_machine_is_known_in_any_language(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(callees); i++) {
		assert_true(tongue_machine(words_lower(a, callees[i].machine)));
		assert_false(tongue_machine(words_lower(a, callees[i].yes)));
		assert_false(tongue_machine(words_lower(a, callees[i].no)));
		assert_false(tongue_machine(words_lower(a, callees[i].ask)));
	}
}

static void
letters_become_small(void **state)
{
	(void)state;
	assert_string_equal(words_lower(a, "ÉÀÜÑÇÖÃÊ"), "éàüñçöãê");
	assert_string_equal(words_lower(a, "ŁŚŻŹĆĄĘŞĞ"), "łśżźćąęşğ");
	assert_string_equal(words_lower(a, "ЁІЇЄ АЯ"), "ёіїє ая");
	assert_string_equal(words_lower(a, "×÷ß ЯяІ İı €"), "×÷ß яяі İı €");
	assert_string_equal(words_lower(a, "¿SÍ? ¡«No»! °"), "  sí?     no  ! °");
	assert_string_equal(words_lower(a, "\xc3"), "\xc3"); /* cut off in the middle */
	assert_string_equal(words_lower(a, "\xd0"), "\xd0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_whole),
		cmocka_unit_test(a_language_is_found_by_its_code_and_region),
		cmocka_unit_test(a_script_is_led_through_a_call),
		cmocka_unit_test(a_machine_is_known_in_any_language),
		cmocka_unit_test(letters_become_small),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
