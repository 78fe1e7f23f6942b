/*
 * json.c: nesting is counted before jansson sees the text, because jansson's parser calls itself
 * for every level. The reasons are ours: jansson's quote the text, which may not be fit to print.
 */
#include "base/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHY_SIZE 64
#define DIGITS "0123456789"
#define PLACES_MAX 400 /* behind the point, written without exponent; the smallest double has 324 */
#define NUMBER_SIZE 1024 /* of its text, with a zero */

/*
 * False when brackets outside of strings nest deeper than allowed. The text need not be JSON: in
 * what is none, the first fault comes no later for jansson than for this count.
 */
static bool
depth_fits(const char *text, size_t len)
{
	bool in_string = false;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (in_string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				in_string = false;
		} else if (text[i] == '"') {
			in_string = true;
		} else if (text[i] == '[' || text[i] == '{') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if (text[i] == ']' || text[i] == '}') {
			depth--;
		}
	}
	return true;
}

static const char *
reason(const json_error_t *error)
{
	switch (json_error_code(error)) {
	case json_error_premature_end_of_input:
		return "unexpected end";
	case json_error_end_of_input_expected:
		return "something follows the document";
	case json_error_invalid_utf8:
		return "not valid UTF-8";
	case json_error_duplicate_key:
		return "duplicate key";
	case json_error_numeric_overflow:
		return "number out of range";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "zero character in a string";
	default:
		return "syntax error";
	}
}

json_t *
json_parse_strict(const char *text, size_t len, char why[64])
{
	json_error_t error;
	json_t *root;

	why[0] = '\0';
	if (len > 0 && memchr(text, '\0', len) != NULL) {
		snprintf(why, WHY_SIZE, "zero byte in the text");
		return NULL;
	}
	if (!depth_fits(text, len)) {
		snprintf(why, WHY_SIZE, "nested deeper than %d levels", JSON_DEPTH_MAX);
		return NULL;
	}
	root = json_loadb(
	    len > 0 ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root == NULL)
		snprintf(why, WHY_SIZE, "%s at line %d, column %d", reason(&error), error.line,
		    error.column);
	return root;
}

/* ---- what may be kept ---- */

/* Whether a number is one as json_parse_kept() wants them; integers are bounded by jansson. */
static bool
number_fits(const char *text, size_t len)
{
	char number[NUMBER_SIZE];
	const char *exponent, *point;
	long power, places;

	if (len >= sizeof number)
		return false;
	memcpy(number, text, len);
	number[len] = '\0';
	exponent = strpbrk(number, "eE");
	point = strchr(number, '.');
	if (exponent == NULL && point == NULL)
		return true;
	power = exponent == NULL ? 0 : strtol(exponent + 1, NULL, 10);
	places = point == NULL ? 0 : (long)strspn(point + 1, DIGITS);
	return power >= -PLACES_MAX && power <= PLACES_MAX && places - power <= PLACES_MAX &&
	    fabs(strtod(number, NULL)) < 0x1p63;
}

/* How many characters at the beginning are a number's, in what is JSON. */
static size_t
number_span(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && memchr(DIGITS "-+.eE", text[n], strlen(DIGITS "-+.eE")) != NULL)
		n++;
	return n;
}

/* The text is JSON. */
static bool
numbers_fit(const char *text, size_t len)
{
	bool in_string = false;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = 1;
		if (text[i] == '"') {
			in_string = !in_string;
		} else if (in_string) {
			n = text[i] == '\\' ? 2 : 1;
		} else if (text[i] == '-' || (text[i] >= '0' && text[i] <= '9')) {
			n = number_span(text + i, len - i);
			if (!number_fits(text + i, n))
				return false;
		}
	}
	return true;
}

json_t *
json_parse_kept(const char *text, size_t len, char why[64])
{
	json_t *root = json_parse_strict(text, len, why);

	if (root != NULL && !numbers_fit(text, len)) {
		json_decref(root);
		snprintf(why, WHY_SIZE, "number out of range");
		return NULL;
	}
	return root;
}
