/*
 * brief.c: see brief.h. One pass over the template: a value is never looked at for slots again.
 * A character of a value becomes one character or none, so lengths are known beforehand.
 */
#include "domain/brief.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

#define BYTES_MAX 65536
#define NAME_MAX_BYTES 64

/* ---- values ---- */

/* A character that ends a line, or that a reader cannot see. */
static bool
is_break(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x2028 || c == 0x2029;
}

static bool
is_invisible(uint32_t c)
{
	return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	    (c >= 0xe0000 && c <= 0xe0fff);
}

static bool
is_quote(uint32_t c)
{
	return c == '"' || c == '`' || c == 0xab || c == 0xbb || (c >= 0x201c && c <= 0x201f) ||
	    c == 0x2033 || c == 0x2036 || c == 0x2039 || c == 0x203a || c == 0x275d ||
	    c == 0x275e || (c >= 0x300c && c <= 0x300f) || c == 0xff02;
}

/* The text on one line, without what could end a quotation or hide. */
static void
add_text(struct buf *b, const char *s)
{
	size_t len = strlen(s), n;
	uint32_t c;

	for (; len > 0; s += n, len -= n) {
		n = str_utf8_next(s, len, &c);
		if (n == 0)
			return; /* no UTF-8; no JSON holds such a text */
		if (is_break(c))
			buf_puts(b, " ");
		else if (is_quote(c))
			buf_puts(b, "'");
		else if (!is_invisible(c))
			buf_add(b, s, n);
	}
}

static void
add_value(struct buf *b, json_t *value)
{
	char *text;

	if (json_is_string(value)) {
		add_text(b, json_string_value(value));
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	add_text(b, text == NULL ? "" : text);
	free(text);
}

/* ---- templates ---- */

/* The name of the slot that begins at s (behind its brace); its length, 0 when it is none. */
static size_t
slot_name(const char *s, char name[NAME_MAX_BYTES])
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (len == 0 || len >= NAME_MAX_BYTES || s[len] != '}')
		return 0;
	memcpy(name, s, len);
	name[len] = '\0';
	return len;
}

static json_t *
value_of(json_t *values, const char *name)
{
	json_t *value = json_object_get(values, name);

	return json_is_null(value) ? NULL : value;
}

/* Whether every slot of the part that begins at s, up to its bracket, has a value. */
static bool
part_is_full(const char *s, json_t *values)
{
	char name[NAME_MAX_BYTES];

	for (; *s != ']'; s++)
		if (*s == '{' && slot_name(s + 1, name) > 0 && value_of(values, name) == NULL)
			return false;
	return true;
}

const char *
brief_make(struct arena *a, const char *template, json_t *values)
{
	char name[NAME_MAX_BYTES];
	const char *made;
	struct buf b;

	buf_init(&b, BYTES_MAX);
	for (const char *s = template; *s != '\0'; s++) {
		if (*s == '[' && !part_is_full(s + 1, values)) {
			s = strchr(s, ']');
			s += s[1] == ' '; /* the blank that would have followed it */
		} else if (*s == '{') {
			s += slot_name(s + 1, name) + 1;
			add_value(&b, value_of(values, name));
		} else if (*s != '[' && *s != ']') {
			buf_add(&b, s, 1);
		}
	}
	made = arena_strdup(a, b.data);
	buf_free(&b);
	return made;
}

/* ---- checking a template ---- */

struct reading {
	const char *at;
	bool optional; /* inside brackets */
	int64_t chars;
};

/* NULL, or what is wrong with the slot at r->at; moves on to its closing brace. */
static const char *
check_slot(struct reading *r, const char *template, brief_slot *slot, const void *arg)
{
	struct schema_bounds bounds;
	char name[NAME_MAX_BYTES];
	size_t len = slot_name(r->at + 1, name);
	bool quoted = r->at > template && r->at[-1] == '"' && r->at[len + 2] == '"';

	if (len == 0 || !slot(arg, name, &bounds))
		return "there is no such slot";
	if (bounds.max_chars < 0)
		return "the slot has no maxLength";
	if (!bounds.always && !r->optional)
		return "the slot may be absent: put its sentence into [brackets]";
	if (bounds.free_text && !quoted)
		return "the slot is any text: put it into double quotes";
	r->chars += bounds.max_chars;
	r->at += len + 1;
	return NULL;
}

static const char *
check_next(struct reading *r, const char *template, brief_slot *slot, const void *arg)
{
	if (*r->at == '{')
		return check_slot(r, template, slot, arg);
	if (*r->at == '}' || (unsigned char)*r->at < 0x20)
		return "there is a brace or a control character on its own";
	if (*r->at == '[' || *r->at == ']') {
		if (r->optional != (*r->at == ']'))
			return "brackets do not match, or stand in each other";
		r->optional = !r->optional;
		return NULL;
	}
	r->chars += ((unsigned char)*r->at & 0xc0) != 0x80;
	return NULL;
}

bool
brief_check(const char *template, int64_t most_chars, brief_slot *slot, const void *arg,
    char *error, size_t error_size)
{
	struct reading r = { .at = template };
	const char *wrong = NULL;

	for (; *r.at != '\0'; r.at++) {
		wrong = check_next(&r, template, slot, arg);
		if (wrong != NULL) {
			snprintf(error, error_size, "at character %zu: %s",
			    (size_t)(r.at - template) + 1, wrong);
			return false;
		}
	}
	if (r.optional) {
		snprintf(error, error_size, "a bracket is not closed");
		return false;
	}
	if (r.chars > most_chars) {
		snprintf(error, error_size, "may grow to %lld characters, more than %lld",
		    (long long)r.chars, (long long)most_chars);
		return false;
	}
	return true;
}
