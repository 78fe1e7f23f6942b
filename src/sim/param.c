/* param.c: strict reading of form parameters. */
#include "sim/param.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/weburl.h"

bool
refuse_request(struct refusal *why, int http, int code, const char *fmt, ...)
{
	va_list ap;

	why->http = http;
	why->code = code;
	va_start(ap, fmt);
	vsnprintf(why->message, sizeof(why->message), fmt, ap);
	va_end(ap);
	return false;
}

/* Which of the words (from 1) the first len characters of text are, or 0. */
static int
word_index(const char *words, const char *text, size_t len)
{
	size_t n;
	int index = 1;

	for (; *words != '\0'; words += n + (words[n] == ' '), index++) {
		n = strcspn(words, " ");
		if (n == len && strncmp(words, text, n) == 0)
			return index;
	}
	return 0;
}

static bool
read_events(const char *words, const char *value, bool spaced, unsigned *bits)
{
	size_t n;
	int index;

	do {
		n = spaced ? strcspn(value, " ") : strlen(value);
		index = word_index(words, value, n);
		if (index == 0)
			return false;
		*bits |= 1u << (index - 1);
		value += n + (value[n] == ' ');
	} while (*value != '\0');
	return true;
}

static bool
read_value(const struct param *p, const char *value, void *at, struct arena *arena)
{
	int64_t n;

	switch (p->kind) {
	case PARAM_TEXT:
		if (!str_utf8(value, strlen(value)) || (long)str_chars(value) > p->max)
			return false;
		*(const char **)at = arena_strdup(arena, value);
		return true;
	case PARAM_URL:
		if (!weburl_absolute(value))
			return false;
		*(const char **)at = arena_strdup(arena, value);
		return true;
	case PARAM_METHOD:
		*(bool *)at = strcmp(value, "GET") == 0;
		return strcmp(value, "GET") == 0 || strcmp(value, "POST") == 0;
	case PARAM_INT:
		if (!str_int64(value, p->min, p->max, &n))
			return false;
		*(int *)at = (int)n;
		return true;
	case PARAM_BOOL:
		*(bool *)at = strcmp(value, "true") == 0;
		return strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
	case PARAM_WORD:
		*(int *)at = word_index(p->words, value, strlen(value));
		return *(int *)at != 0;
	case PARAM_EVENTS:
		return read_events(p->words, value, false, at);
	case PARAM_SPACED:
		return read_events(p->words, value, true, at);
	}
	return false;
}

static const struct param *
param_named(const struct param *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static bool
given_before(const struct str_pair *pairs, int index)
{
	for (int i = 0; i < index; i++)
		if (strcmp(pairs[i].name, pairs[index].name) == 0)
			return true;
	return false;
}

bool
param_read(const struct param *table, const struct str_pair *pairs, int count, void *out,
    struct arena *arena, struct refusal *why)
{
	const struct param *p;

	for (int i = 0; i < count; i++) {
		p = param_named(table, pairs[i].name);
		if (p == NULL)
			return refuse_request(
			    why, 400, 20001, "Unknown parameter %.60s", pairs[i].name);
		bool many = p->kind == PARAM_EVENTS || p->kind == PARAM_SPACED;

		if (!many && given_before(pairs, i))
			return refuse_request(
			    why, 400, 20422, "Parameter %s is given twice", p->name);
		if (many && !given_before(pairs, i))
			*(unsigned *)((char *)out + p->offset) = 0; /* no longer the default */
		if (!read_value(p, pairs[i].value, (char *)out + p->offset, arena))
			return refuse_request(why, 400, p->code == 0 ? 20422 : p->code,
			    "%s is not valid: %.80s", p->name, pairs[i].value);
	}
	return true;
}
