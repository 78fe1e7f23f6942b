/* page.c: pages of a roll. */
#include "sim/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define PAGE_SIZE_MAX 1000
#define DAY_US (86400 * (int64_t)1000000)
#define URI_MAX (16 * 1024)
#define TOKEN_SIZE 35 /* PA or PB and 32 digits */

struct place {
	int64_t size, page;
	bool backwards; /* from PB: what is newer than number; else what is older */
	size_t number;  /* the end of the page before, not part of this one */
};

bool
span_holds(const struct span *s, int64_t wall_us)
{
	bool open = s->from_us == INT64_MIN && s->to_us == INT64_MAX;

	return open || (wall_us != 0 && wall_us >= s->from_us && wall_us < s->to_us);
}

static bool
read_moment(const char *text, int64_t *us)
{
	char full[32];

	if (strlen(text) != 10)
		return clock_parse_iso(text, us);
	snprintf(full, sizeof(full), "%sT00:00:00Z", text);
	return clock_parse_iso(full, us);
}

bool
page_span(struct ask *a, const char *name, struct span *out)
{
	static const char marks[] = { '\0', '<', '>' };
	char key[32];
	const char *value;
	int64_t us;

	*out = SPAN_ALL;
	for (size_t i = 0; i < sizeof(marks); i++) {
		snprintf(key, sizeof(key), "%s%c", name, marks[i]);
		value = ask_value(a, key);
		if (value == NULL)
			continue;
		if (!read_moment(value, &us)) {
			answer_error(a, 400, 20422, "%s is not a date: %.40s", key, value);
			return false;
		}
		if (marks[i] != '<' && us > out->from_us)
			out->from_us = us;
		if (marks[i] != '>' && us + (marks[i] == '\0' ? DAY_US : 0) < out->to_us)
			out->to_us = us + (marks[i] == '\0' ? DAY_US : 0);
	}
	return true;
}

static bool
read_token(const char *text, const struct roll *roll, struct place *p)
{
	const char *digits = text + 2;
	int64_t number = 0;

	if (strlen(text) != TOKEN_SIZE - 1 || (!str_starts(text, "PA") && !str_starts(text, "PB")))
		return false;
	digits += strspn(digits, "0");
	if (*digits != '\0' && !str_int64(digits, 1, INT64_MAX, &number))
		return false;
	p->backwards = text[1] == 'B';
	p->number = (size_t)number < roll->count ? (size_t)number : roll->count;
	return true;
}

static bool
read_place(struct ask *a, const struct roll *roll, struct place *p)
{
	const char *size = ask_value(a, "PageSize"), *page = ask_value(a, "Page");
	const char *token = ask_value(a, "PageToken");

	*p = (struct place){ .size = 50, .number = roll->count };
	if ((size != NULL && !str_int64(size, 1, PAGE_SIZE_MAX, &p->size)) ||
	    (page != NULL && !str_int64(page, 0, INT32_MAX, &p->page)) ||
	    (token != NULL && !read_token(token, roll, p))) {
		answer_error(a, 400, 20422, "PageSize, Page or PageToken is not valid");
		return false;
	}
	return true;
}

/* The first (or next) thing that matches, from number on in the direction; false: none. */
static bool
seek(const struct listing *l, bool backwards, size_t *number)
{
	for (;;) {
		if (backwards ? *number + 1 >= l->roll->count : *number == 0)
			return false;
		*number += backwards ? 1 : (size_t)-1;
		const void *thing = roll_at(l->roll, *number);

		if (thing != NULL && l->match(thing, l->filter))
			return true;
	}
}

/* Adds the page to items; first and last become the numbers at its ends. */
static void
collect(const struct listing *l, const struct place *p, json_t *items, size_t *first, size_t *last)
{
	size_t number = p->number;

	while (json_array_size(items) < (size_t)p->size && seek(l, p->backwards, &number)) {
		json_t *item = l->json(roll_at(l->roll, number));

		if (json_array_size(items) == 0)
			*first = *last = number;
		if (p->backwards) {
			json_array_insert_new(items, 0, item);
			*first = number;
		} else {
			json_array_append_new(items, item);
			*last = number;
		}
	}
}

static json_t *
page_uri(const struct ask *a, int64_t size, int64_t page, const char *token)
{
	struct buf uri;
	json_t *text;

	buf_init(&uri, URI_MAX);
	buf_printf(&uri, "%s?", a->path);
	for (int i = 0; i < a->pair_count; i++) {
		if (str_starts(a->pairs[i].name, "Page"))
			continue;
		buf_urlencode(&uri, a->pairs[i].name);
		buf_puts(&uri, "=");
		buf_urlencode(&uri, a->pairs[i].value);
		buf_puts(&uri, "&");
	}
	buf_printf(&uri, "PageSize=%lld&Page=%lld", (long long)size, (long long)page);
	if (token != NULL)
		buf_printf(&uri, "&PageToken=%s", token);
	text = json_string(uri.data);
	buf_free(&uri);
	return text;
}

/* The URI of the neighbouring page, or null when there is nothing on it. */
static json_t *
neighbour(const struct ask *a, const struct listing *l, const struct place *p, bool backwards,
    size_t edge)
{
	char token[TOKEN_SIZE];
	size_t probe = edge;
	int64_t page = backwards ? p->page - 1 : p->page + 1;

	if (!seek(l, backwards, &probe))
		return json_null();
	snprintf(
	    token, sizeof(token), "P%c%032llu", backwards ? 'B' : 'A', (unsigned long long)edge);
	return page_uri(a, p->size, page < 0 ? 0 : page, token);
}

void
page_answer(struct ask *a, const struct listing *l)
{
	json_t *items, *next, *previous, *o;
	size_t first, last;
	struct place p;

	world_lock();
	if (!read_place(a, l->roll, &p)) {
		world_unlock();
		return;
	}
	first = last = p.number;
	items = json_array();
	collect(l, &p, items, &first, &last);
	next = neighbour(a, l, &p, false, last);
	previous = neighbour(a, l, &p, true, first);
	world_unlock();

	o = json_object();
	json_object_set_new(o, "first_page_uri", page_uri(a, p.size, 0, NULL));
	json_object_set_new(o, "next_page_uri", next);
	json_object_set_new(o, "previous_page_uri", previous);
	json_object_set_new(o, "uri", page_uri(a, p.size, p.page, ask_value(a, "PageToken")));
	json_object_set_new(o, "page", json_integer(p.page));
	json_object_set_new(o, "page_size", json_integer(p.size));
	json_object_set_new(o, "start", json_integer(p.page * p.size));
	json_object_set_new(o, "end",
	    json_integer(p.page * p.size +
		(json_array_size(items) == 0 ? 0 : (int64_t)json_array_size(items) - 1)));
	json_object_set_new(o, l->key, items);
	answer_json(a, 200, o);
}
