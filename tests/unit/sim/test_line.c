/* test_line.c: a media stream without its socket: what waits to be sent, what is dropped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/line.h"
#include "sim/settings.h"

#define ACCOUNT "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define CALL "CA5a4b3c2d1e0f00112233445566778899"
#define NOW 7001000 /* not on the grid of deadlines */

static struct line *
new_line(const char *sid)
{
	static const char *const lines[] = { "Hello.", NULL };
	struct callee callee = {
		.lines = lines, .language = "en", .first_ms = -1, .silence_ms = 700
	};
	struct line_order order = { .url = "wss://a.example/x", .callee = &callee };
	struct line *l;

	memcpy(order.stream_sid, sid, sizeof(order.stream_sid));
	memcpy(order.call_sid, CALL, sizeof(order.call_sid));
	order.parameters = json_pack("{s:s}", "token", "t");
	line_lock();
	l = line_new(&order);
	line_unlock();
	json_decref(order.parameters);
	return l;
}

static void
make_sid(char out[SID_SIZE])
{
	sid_make(out, "MZ");
}

/* Takes the next message away; "" when there is none. */
static const char *
next(struct line *l)
{
	static char text[1000];
	size_t len;
	uint8_t *bytes = line_next(l, &len);

	if (bytes == NULL)
		return "";
	assert_true(len < sizeof(text));
	memcpy(text, bytes, len);
	text[len] = '\0';
	line_sent(l, NOW);
	return text;
}

static void
hear(struct line *l, const char *text)
{
	line_received(l, text, strlen(text), true, true, false, NOW);
}

static void
a_stream_begins_goes_on_and_ends(void **state)
{
	struct line_news news;
	char sid[SID_SIZE], text[200];
	struct line *l;
	bool late;

	(void)state;
	make_sid(sid);
	l = new_line(sid);
	line_lock();
	assert_ptr_equal(line_get(sid), l);
	assert_int_equal(line_due_us(l), INT64_MAX);
	assert_false(line_some_news());
	line_open(l, NOW);
	assert_int_equal(line_due_us(l), 7005000 + 20000); /* on the grid of 5 ms */
	assert_non_null(strstr(next(l), "\"connected\""));
	assert_non_null(strstr(next(l), "\"start\""));
	assert_string_equal(next(l), "");
	line_tick(l);
	assert_int_equal(line_due_us(l), 7005000 + 40000);
	assert_non_null(strstr(next(l), "\"timestamp\":\"0\""));
	snprintf(text, sizeof(text),
	    "{\"event\":\"mark\",\"streamSid\":\"%s\",\"mark\":{\"name\":\"m\"}}", sid);
	hear(l, text);
	assert_non_null(strstr(next(l), "\"name\":\"m\""));
	assert_true(line_news(l, &news));
	assert_true(news.opened);
	assert_false(news.over);
	assert_false(line_news(l, &news));
	line_stop(l, NOW);
	line_stop(l, NOW);
	assert_false(line_finished(l, NOW, &late));
	hear(l, "late"); /* is not read any more */
	assert_non_null(strstr(next(l), "\"stop\""));
	assert_string_equal(next(l), "");
	assert_true(line_finished(l, NOW, &late));
	assert_false(late);
	line_over(l, 0, "", 1000);
	assert_true(line_news(l, &news));
	assert_true(news.over);
	assert_int_equal(news.code, 0);
	assert_int_equal(news.warning_count, 0);
	assert_string_equal(news.call_sid, CALL);
	line_unlock();
	line_close_all();
}

static void
a_customer_who_does_not_read_loses_the_oldest_sound(void **state)
{
	struct line_news news;
	char sid[SID_SIZE];
	int media = 0;
	struct line *l;
	const char *text;
	json_t *o;
	bool late;

	(void)state;
	make_sid(sid);
	l = new_line(sid);
	line_lock();
	line_open(l, NOW);
	for (int i = 0; i < 600; i++)
		line_tick(l);
	assert_non_null(strstr(next(l), "\"connected\""));
	assert_non_null(strstr(next(l), "\"start\""));
	text = next(l);
	assert_non_null(strstr(text, "\"chunk\":\"103\"")); /* 600 and two, of which 500 stay */
	for (media = 1; next(l)[0] != '\0'; media++)
		continue;
	assert_int_equal(media, 498);
	assert_true(line_news(l, &news));
	assert_int_equal(news.warning_count, 1);
	assert_int_equal(news.warnings[0].code, 31930);
	for (int i = 0; i < 600; i++)
		line_tick(l);
	assert_false(line_news(l, &news)); /* once */
	/* Nor is it waited for at the end. */
	line_stop(l, NOW);
	assert_false(line_finished(l, NOW + 1999999, &late));
	assert_true(line_finished(l, NOW + 2000001, &late));
	assert_true(late);
	line_unlock();
	o = line_json(CALL);
	assert_int_equal(json_integer_value(json_object_get(o, "dropped_messages")), 102 + 101);
	json_decref(o);
	line_close_all();
}

static void
a_stream_that_is_given_up_before_it_opens_never_begins(void **state)
{
	char sid[SID_SIZE];
	struct line *l;
	bool late;

	(void)state;
	make_sid(sid);
	l = new_line(sid);
	line_lock();
	line_stop(l, NOW);
	line_open(l, NOW);
	assert_string_equal(next(l), "");
	assert_true(line_finished(l, NOW, &late));
	line_unlock();
	line_close_all();
}

static void
the_last_stream_of_a_call_is_told_of(void **state)
{
	char first[SID_SIZE], second[SID_SIZE];
	json_t *o;

	(void)state;
	make_sid(first);
	make_sid(second);
	new_line(first);
	new_line(second);
	o = line_json(CALL);
	assert_string_equal(json_string_value(json_object_get(o, "stream_sid")), second);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "connecting");
	assert_true(json_is_null(json_object_get(o, "ended_by")));
	json_decref(o);
	assert_null(line_json("CA0"));
	assert_int_equal(line_tape(CALL), -1);
	assert_int_equal(line_samples(second, TAPE_BOTH), 0);
	assert_int_equal(line_samples("MZ0", TAPE_BOTH), 0);
	line_close_all();
	assert_null(line_json(CALL));
}

static void
the_oldest_streams_are_forgotten(void **state)
{
	char first[SID_SIZE], open[SID_SIZE], sid[SID_SIZE];
	struct line_news news;
	struct line *l;

	(void)state;
	make_sid(open);
	new_line(open); /* one that goes on is never forgotten */
	for (int i = 0; i < 2100; i++) {
		make_sid(sid);
		l = new_line(sid);
		if (i == 0)
			memcpy(first, sid, sizeof(first));
		line_lock();
		line_over(l, 0, "", 1000);
		assert_true(line_news(l, &news));
		line_unlock();
	}
	line_lock();
	assert_null(line_get(first));
	assert_non_null(line_get(open));
	assert_non_null(line_get(sid));
	line_unlock();
	line_close_all();
}

static int
read_settings(void **state)
{
	static char words[][40] = { "sim", "--listen", "127.0.0.1:0", "--account-sid", ACCOUNT,
		"--auth-token", "x", "--tape-ms", "0" };
	char *argv[sizeof(words) / sizeof(words[0]) + 1] = { NULL };
	int argc = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		argv[argc++] = words[i];
	(void)state;
	settings_read(argc, argv);
	return 0;
}

static int
forget_settings(void **state)
{
	(void)state;
	settings_close();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_begins_goes_on_and_ends),
		cmocka_unit_test(a_customer_who_does_not_read_loses_the_oldest_sound),
		cmocka_unit_test(a_stream_that_is_given_up_before_it_opens_never_begins),
		cmocka_unit_test(the_last_stream_of_a_call_is_told_of),
		cmocka_unit_test(the_oldest_streams_are_forgotten),
	};

	return cmocka_run_group_tests(tests, read_settings, forget_settings);
}
