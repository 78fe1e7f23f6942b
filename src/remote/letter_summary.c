/*
 * letter_summary.c: see letter_summary.h. Each paragraph, item and row is written into both parts at
 * once, so that they say the same.
 */
#include "remote/letter_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/plain.h"

/* Characters. With the greatest numbers the HTML stays well below LETTER_PART_MAX. */
#define SUMMARY_MAX 10000
#define WORDS_MAX 200 /* of an outcome, a sentiment, an id */
#define OUTCOME_IN_SUBJECT 80
#define ITEM_MAX 500
#define NAME_MAX_CHARS 100

#define ITEMS_MAX 50
#define ROWS_MAX 100
#define DEPTH_MAX 5

struct page {
	struct arena *arena;
	struct buf text, html;
	int rows; /* of the extracted fields */
};

#define CELL "padding:4px 12px 4px 0;vertical-align:top;text-align:left"

/* ---- writing into both parts ---- */

/* Escaped, with the line ends to be seen. */
static void
html_words(struct page *p, const char *words)
{
	for (;;) {
		size_t len = strcspn(words, "\n");

		buf_xml(&p->html, arena_strndup(p->arena, words, len));
		if (words[len] == '\0')
			return;
		buf_puts(&p->html, "<br>\n");
		words += len + 1;
	}
}

static void
heading(struct page *p, const char *title)
{
	buf_printf(&p->text, "%s%s\n\n", p->text.len > 0 ? "\n" : "", title);
	buf_printf(&p->html, "<h2 style=\"font-size:16px;margin:20px 0 8px\">%s</h2>\n", title);
}

static void
paragraph(struct page *p, const char *words)
{
	buf_printf(&p->text, "%s\n", words);
	buf_puts(&p->html, "<p style=\"margin:0\">");
	html_words(p, words);
	buf_puts(&p->html, "</p>\n");
}

static void
item(struct page *p, const char *words)
{
	buf_printf(&p->text, "- %s\n", words);
	buf_puts(&p->html, "<li>");
	html_words(p, words);
	buf_puts(&p->html, "</li>\n");
}

static void
row(struct page *p, const char *name, const char *value)
{
	buf_printf(&p->text, "%s: %s\n", name, value);
	buf_puts(&p->html, "<tr><th style=\"" CELL "\">");
	html_words(p, name);
	buf_puts(&p->html, "</th><td style=\"" CELL "\">");
	html_words(p, value);
	buf_puts(&p->html, "</td></tr>\n");
}

static void
table(struct page *p, bool begins)
{
	buf_puts(&p->html,
	    begins ? "<table style=\"border-collapse:collapse;font-size:14px\">\n" : "</table>\n");
}

/* A row where there is a value. */
static void
row_if(struct page *p, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		row(p, name, plain_text(p->arena, value, WORDS_MAX, true));
}

/* ---- the sections ---- */

static void
write_summary(struct page *p, const struct letter_call *call)
{
	const char *summary = call->summary != NULL ? call->summary : "";

	heading(p, "Summary");
	paragraph(p, plain_text(p->arena, summary, SUMMARY_MAX, false));
	if (call->outcome == NULL && call->sentiment == NULL)
		return;
	heading(p, "Result");
	table(p, true);
	row_if(p, "Outcome", call->outcome);
	row_if(p, "Sentiment", call->sentiment);
	table(p, false);
}

static void
write_items(struct page *p, json_t *items)
{
	size_t count = json_array_size(items); /* 0 for what is no array */

	if (count == 0)
		return;
	heading(p, "Action items");
	buf_puts(&p->html, "<ul style=\"margin:0;padding-left:20px\">\n");
	for (size_t i = 0; i < count && i < ITEMS_MAX; i++) {
		const char *words = json_string_value(json_array_get(items, i));

		if (words != NULL)
			item(p, plain_text(p->arena, words, ITEM_MAX, true));
	}
	if (count > ITEMS_MAX)
		item(p, arena_printf(p->arena, "… and %zu more", count - ITEMS_MAX));
	buf_puts(&p->html, "</ul>\n");
}

/* A value that holds no others, as people write it; NULL for null. */
static const char *
plain_value(struct page *p, json_t *value)
{
	char *number;
	const char *text;

	if (json_is_string(value))
		return plain_text(p->arena, json_string_value(value), ITEM_MAX, true);
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (json_is_null(value))
		return NULL;
	number = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	text = arena_strdup(p->arena, number != NULL ? number : "");
	free(number);
	return text;
}

static void write_fields(struct page *p, const char *name, json_t *value, int depth);

/* What stands inside an object or an array, under the names that lead to it. */
static void
write_inner(struct page *p, const char *name, json_t *value, int depth)
{
	const char *key, *dot = name[0] != '\0' ? "." : "";
	json_t *one;
	size_t i;

	if (json_is_array(value)) {
		json_array_foreach(value, i, one)
		{
			write_fields(
			    p, arena_printf(p->arena, "%s%s%zu", name, dot, i + 1), one, depth + 1);
		}
		return;
	}
	json_object_foreach(value, key, one)
	{
		const char *path = arena_printf(
		    p->arena, "%s%s%s", name, dot, plain_text(p->arena, key, NAME_MAX_CHARS, true));

		write_fields(p, plain_text(p->arena, path, NAME_MAX_CHARS, true), one, depth + 1);
	}
}

static void
write_fields(struct page *p, const char *name, json_t *value, int depth)
{
	const char *words;

	if (p->rows >= ROWS_MAX || depth > DEPTH_MAX)
		return;
	if (json_is_object(value) || json_is_array(value)) {
		write_inner(p, name, value, depth);
		return;
	}
	if ((words = plain_value(p, value)) == NULL)
		return;
	p->rows++;
	row(p, name, words);
}

static void
write_call(struct page *p, const struct letter_call *call)
{
	char when[CLOCK_ISO_SIZE];

	heading(p, "Call");
	table(p, true);
	row(p, "Job", arena_printf(p->arena, "%" PRId64, call->job_id));
	row_if(p, "Call", call->call_id);
	row_if(p, "External id", call->external_id);
	if (call->duration_s >= 0)
		row(p, "Duration",
		    arena_printf(p->arena, "%" PRId64 " min %" PRId64 " s", call->duration_s / 60,
			call->duration_s % 60));
	if (call->created_s > 0) {
		clock_format_rfc2822(call->created_s, when);
		row(p, "Date", when);
	}
	table(p, false);
}

static const char *
subject_of(struct arena *a, const struct letter_call *call)
{
	if (call->outcome == NULL || call->outcome[0] == '\0')
		return arena_printf(a, "Call summary (job %" PRId64 ")", call->job_id);
	return arena_printf(a, "Call summary: %s (job %" PRId64 ")",
	    plain_text(a, call->outcome, OUTCOME_IN_SUBJECT, true), call->job_id);
}

void
letter_summary(struct arena *a, const struct letter_call *call, struct letter *letter)
{
	struct page p = { .arena = a };

	buf_init(&p.text, LETTER_PART_MAX);
	buf_init(&p.html, LETTER_PART_MAX);
	buf_puts(&p.html,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>Call summary</title></head>\n"
	    "<body style=\"font-family:sans-serif;font-size:14px;color:#222;max-width:640px\">\n");
	write_summary(&p, call);
	write_items(&p, call->action_items);
	if (json_object_size(call->fields) > 0) {
		heading(&p, "Details");
		table(&p, true);
		write_inner(&p, "", call->fields, 0);
		table(&p, false);
	}
	write_call(&p, call);
	buf_puts(&p.html, "</body></html>\n");
	letter->subject = subject_of(a, call);
	letter->text = arena_strndup(a, p.text.data, p.text.len);
	letter->html = arena_strndup(a, p.html.data, p.html.len);
	buf_free(&p.text);
	buf_free(&p.html);
}
