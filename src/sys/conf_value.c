/*
 * conf_value.c: what the types of the configuration mean.
 */
#include "sys/conf_value.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* Longer texts can only come from the environment; a line of the file holds no more either. */
#define TEXT_MAX 4096
/* More than any setting needs; str_double() reads as many. */
#define REAL_DECIMALS_MAX 17

static void *
field_of(const struct conf_key *key, void *settings)
{
	return (char *)settings + key->offset;
}

static const void *
const_field_of(const struct conf_key *key, const void *settings)
{
	return (const char *)settings + key->offset;
}

static bool
read_bool(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "true", true },
		{ "on", true },
		{ "yes", true },
		{ "1", true },
		{ "false", false },
		{ "off", false },
		{ "no", false },
		{ "0", false },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i].word) == 0) {
			*out = words[i].value;
			return true;
		}
	}
	return false;
}

/* A new string with the word of "a|b|c" that text is, spelled as in the table; or NULL. */
static char *
read_choice(const char *choices, const char *text)
{
	size_t len, text_len = strlen(text);
	char *word;

	for (;; choices += len + 1) {
		len = strcspn(choices, "|");
		if (len == text_len && strncasecmp(choices, text, len) == 0) {
			word = mem_zalloc(len + 1, 1);
			memcpy(word, choices, len);
			return word;
		}
		if (choices[len] == '\0')
			return NULL;
	}
}

/* A limit of the table as an integer; a double can lie outside of those. */
static int64_t
whole(double limit)
{
	if (limit >= 9223372036854775807.0)
		return INT64_MAX;
	if (limit <= -9223372036854775808.0)
		return INT64_MIN;
	return (int64_t)limit;
}

/* One line of valid UTF-8 without control characters. */
static bool
is_plain_text(const char *text)
{
	size_t len = strnlen(text, TEXT_MAX + 1), i;

	if (len > TEXT_MAX || !str_utf8(text, len))
		return false;
	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	}
	return true;
}

static void
put_text(char **field, char *owned)
{
	if (*field != NULL) {
		explicit_bzero(*field, strlen(*field));
		free(*field);
	}
	*field = owned;
}

static bool
put_value(const struct conf_key *key, void *settings, const char *text)
{
	void *field = field_of(key, settings);
	char *word;

	switch (key->type) {
	case CONF_TEXT:
	case CONF_SECRET:
		put_text(field, mem_strdup(text));
		return true;
	case CONF_INT:
		return str_int64(text, whole(key->min), whole(key->max), field);
	case CONF_REAL:
		return str_double(text, key->min, key->max, field);
	case CONF_BOOL:
		return read_bool(text, field);
	case CONF_CHOICE:
		if ((word = read_choice(key->choices, text)) == NULL)
			return false;
		put_text(field, word);
		return true;
	}
	return false;
}

bool
conf_value_set(
    const struct conf_key *key, void *settings, const char *text, char why[CONF_WORDS_SIZE])
{
	char words[CONF_WORDS_SIZE - sizeof("must be ")];

	if (!is_plain_text(text)) {
		snprintf(why, CONF_WORDS_SIZE,
		    "must be one line of UTF-8 without control characters, at most %d bytes",
		    TEXT_MAX);
		return false;
	}
	if (!put_value(key, settings, text)) {
		conf_value_describe(key, why);
		snprintf(words, sizeof(words), "%s", why);
		snprintf(why, CONF_WORDS_SIZE, "must be %s", words);
		return false;
	}
	if (key->check != NULL && !key->check(text)) {
		snprintf(why, CONF_WORDS_SIZE, "must be %s", key->must);
		return false;
	}
	return true;
}

/* The fewest decimals that read back as the same number; no exponent, which is not read. */
static bool
print_real(double value, char *out, size_t out_size)
{
	int digits, len;

	for (digits = 0; digits <= REAL_DECIMALS_MAX; digits++) {
		len = snprintf(out, out_size, "%.*f", digits, value);
		if (len < 0 || (size_t)len >= out_size)
			return false;
		if (strtod(out, NULL) == value)
			break;
	}
	return true;
}

bool
conf_value_get(const struct conf_key *key, const void *settings, char *out, size_t out_size)
{
	const void *field = const_field_of(key, settings);
	const char *text;
	int len = -1;

	switch (key->type) {
	case CONF_TEXT:
	case CONF_SECRET:
	case CONF_CHOICE:
		text = *(char *const *)field;
		len = snprintf(out, out_size, "%s", text != NULL ? text : "");
		break;
	case CONF_INT:
		len = snprintf(out, out_size, "%" PRId64, *(const int64_t *)field);
		break;
	case CONF_REAL:
		return print_real(*(const double *)field, out, out_size);
	case CONF_BOOL:
		len = snprintf(out, out_size, "%s", *(const bool *)field ? "true" : "false");
		break;
	}
	return len >= 0 && (size_t)len < out_size;
}

void
conf_value_clear(const struct conf_key *key, void *settings)
{
	void *field = field_of(key, settings);

	switch (key->type) {
	case CONF_TEXT:
	case CONF_SECRET:
	case CONF_CHOICE:
		put_text(field, NULL);
		break;
	case CONF_INT:
		*(int64_t *)field = 0;
		break;
	case CONF_REAL:
		*(double *)field = 0;
		break;
	case CONF_BOOL:
		*(bool *)field = false;
		break;
	}
}

/* "a|b|c" as "a, b or c". */
static void
describe_choices(const char *choices, char out[CONF_WORDS_SIZE])
{
	size_t used = 0, len;
	int printed;

	for (out[0] = '\0'; *choices != '\0'; choices += len + (choices[len] == '|')) {
		const char *between = "";

		len = strcspn(choices, "|");
		if (used > 0)
			between = choices[len] == '\0' ? " or " : ", ";
		printed = snprintf(
		    out + used, CONF_WORDS_SIZE - used, "%s%.*s", between, (int)len, choices);
		if (printed < 0 || (size_t)printed >= CONF_WORDS_SIZE - used)
			return;
		used += (size_t)printed;
	}
}

void
conf_value_describe(const struct conf_key *key, char out[CONF_WORDS_SIZE])
{
	switch (key->type) {
	case CONF_TEXT:
	case CONF_SECRET:
		snprintf(out, CONF_WORDS_SIZE, "%s", key->must != NULL ? key->must : "text");
		break;
	case CONF_INT:
		snprintf(out, CONF_WORDS_SIZE, "a whole number from %" PRId64 " to %" PRId64,
		    whole(key->min), whole(key->max));
		break;
	case CONF_REAL:
		snprintf(out, CONF_WORDS_SIZE, "a number from %.10g to %.10g", key->min, key->max);
		break;
	case CONF_BOOL:
		snprintf(out, CONF_WORDS_SIZE, "true or false");
		break;
	case CONF_CHOICE:
		describe_choices(key->choices, out);
		break;
	}
}
