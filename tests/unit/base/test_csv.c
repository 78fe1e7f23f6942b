/* test_csv.c: rows as RFC 4180 has them, and what is said of those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/csv.h"
#include "base/mem.h"

/* All rows in short: "1:a|b;2:c|d;", with "!" before a wrong one. */
static void
check(const char *text, const char *want)
{
	struct arena *a = arena_new();
	struct csv_row row;
	struct csv csv;
	struct buf got;

	buf_init(&got, 65536);
	csv_start(&csv, arena_strdup(a, text), strlen(text));
	while (csv_next(&csv, &row)) {
		buf_printf(&got, "%s%d:", row.wrong != NULL ? "!" : "", (int)row.line);
		for (int i = 0; i < row.count; i++)
			buf_printf(&got, "%s%s", i > 0 ? "|" : "", row.fields[i]);
		buf_puts(&got, ";");
	}
	assert_string_equal(got.data, want);
	buf_free(&got);
	arena_free(a);
}

static void
rows(void **state)
{
	(void)state;
	check("", "");
	check("a", "1:a;");
	check("a,b\r\nc,d\r\n", "1:a|b;2:c|d;");
	check("a,b\nc,d", "1:a|b;2:c|d;");
	check("\xef\xbb\xbf"
	      "a,b\n",
	    "1:a|b;");
	check("a,,b,\n,", "1:a||b|;2:|;");
	check("\n\r\na\n\n\nb\n", "3:a;6:b;");
	check("\"\"\n", "1:;");
	check(" a , b \n", "1: a | b ;");
	check("a\rb,c\n", "1:a\rb|c;");
	check("a\r", "1:a;");
}

static void
quotes(void **state)
{
	(void)state;
	check("\"a\",\"b,c\"\n", "1:a|b,c;");
	check("\"say \"\"hi\"\"\",b\n", "1:say \"hi\"|b;");
	check("\"a\r\nb\",c\nd,e\n", "1:a\r\nb|c;3:d|e;");
	check("\"\",\"\"\n", "1:|;");
	check("\"\"\"\"\n", "1:\";");
}

static void
what_is_wrong_costs_one_line(void **state)
{
	(void)state;
	check("a\"b,c\nd,e\n", "!1:a\"b|c;2:d|e;");
	check("\"a\"b,c\nd,e\n", "!1:ab|c;2:d|e;");
	check("a,b\n\"c,d\ne,f\n", "1:a|b;!2:c,d\ne,f\n;");
	check("\"", "!1:;");
}

static void
fields_are_bounded(void **state)
{
	char text[CSV_FIELDS_MAX + 3];
	struct csv_row row;
	struct csv csv;

	(void)state;
	memset(text, ',', sizeof text);
	memcpy(text + CSV_FIELDS_MAX, "\nx", 3);
	csv_start(&csv, text, sizeof text - 1);
	assert_true(csv_next(&csv, &row));
	assert_int_equal(row.count, CSV_FIELDS_MAX);
	assert_string_equal(row.wrong, "there are too many fields");
	assert_true(csv_next(&csv, &row));
	assert_null(row.wrong);
	assert_string_equal(row.fields[0], "x");
	assert_false(csv_next(&csv, &row));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows),
		cmocka_unit_test(quotes),
		cmocka_unit_test(what_is_wrong_costs_one_line),
		cmocka_unit_test(fields_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
