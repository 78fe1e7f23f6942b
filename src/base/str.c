/*
 * str.c: one decoder of UTF-8 and a few strict readers. All of them look at bytes, never at the
 * locale.
 */
#include "base/str.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A decimal number longer than this is refused before it is converted. */
#define DOUBLE_CHARS_MAX 64

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define LOCAL_MAX 64
#define LABEL_MAX 63

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
str_int64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = *s == '-';
	int64_t value = 0; /* kept negative while reading: that side has one value more */

	if (negative)
		s++;
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		if (!is_digit(*s) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, *s - '0', &value))
			return false;
	}
	if (!negative && __builtin_sub_overflow(0, value, &value))
		return false;
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* -?[0-9]+(\.[0-9]+)? */
static bool
is_decimal(const char *s)
{
	s += *s == '-';
	if (!is_digit(*s))
		return false;
	while (is_digit(*s))
		s++;
	if (*s == '.') {
		if (!is_digit(*++s))
			return false;
		while (is_digit(*s))
			s++;
	}
	return *s == '\0';
}

bool
str_double(const char *s, double min, double max, double *out)
{
	locale_t plain;
	double value;

	if (strnlen(s, DOUBLE_CHARS_MAX + 1) > DOUBLE_CHARS_MAX || !is_decimal(s))
		return false;
	/* strtod() would want the decimal comma in some locales. */
	plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (plain == (locale_t)0)
		return false;
	value = strtod_l(s, NULL, plain);
	freelocale(plain);
	if (!(value >= min && value <= max))
		return false;
	*out = value;
	return true;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t len = strlen(s), end = strlen(suffix);

	return len >= end && memcmp(s + len - end, suffix, end) == 0;
}

/* How long the character is that starts with this byte, 0 for none, and the bits that it gives. */
static size_t
utf8_lead(unsigned char c, uint32_t *code)
{
	if (c < 0x80) {
		*code = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		*code = c & 0x1fU;
		return 2;
	}
	if (c >= 0xe0 && c <= 0xef) {
		*code = c & 0x0fU;
		return 3;
	}
	if (c >= 0xf0 && c <= 0xf4) {
		*code = c & 0x07U;
		return 4;
	}
	return 0;
}

size_t
str_utf8_next(const char *s, size_t len, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t value;
	size_t size, i;

	if (len == 0)
		return 0;
	size = utf8_lead((unsigned char)s[0], &value);
	if (size == 0 || size > len)
		return 0;
	for (i = 1; i < size; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | ((unsigned char)s[i] & 0x3fU);
	}
	/* Overlong forms, surrogates, and what lies above Unicode. */
	if (value < least[size] || (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff)
		return 0;
	*code = value;
	return size;
}

/* Unicode's property White_Space. */
static bool
is_white(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	    (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	    c == 0x205f || c == 0x3000;
}

bool
str_blank(const char *s)
{
	size_t len = strlen(s), size;
	uint32_t code;

	for (; len > 0; s += size, len -= size) {
		size = str_utf8_next(s, len, &code);
		if (size == 0 || !is_white(code))
			return false;
	}
	return true;
}

bool
str_utf8(const char *s, size_t len)
{
	uint32_t code;
	size_t size;

	for (; len > 0; s += size, len -= size) {
		size = str_utf8_next(s, len, &code);
		if (size == 0)
			return false;
	}
	return true;
}

size_t
str_chars(const char *s)
{
	size_t count = 0;

	for (; *s != '\0'; s++)
		count += ((unsigned char)*s & 0xc0) != 0x80;
	return count;
}

bool
str_e164(const char *s)
{
	size_t digits;

	if (s[0] != '+' || s[1] < '1' || s[1] > '9')
		return false;
	digits = strspn(s + 1, "0123456789");
	return digits >= 7 && digits <= 15 && s[1 + digits] == '\0';
}

bool
str_tenant_id(const char *s)
{
	size_t len = strspn(s, LETTERS DIGITS "_-");

	return len >= 3 && len <= 64 && s[len] == '\0';
}

/* Labels of letters, digits and inner hyphens. */
static bool
is_host(const char *host)
{
	for (;;) {
		size_t len = strspn(host, LETTERS DIGITS "-");

		if (len == 0 || len > LABEL_MAX || host[0] == '-' || host[len - 1] == '-')
			return false;
		if (host[len] != '.')
			return host[len] == '\0';
		host += len + 1;
	}
}

bool
str_mail_address(const char *s)
{
	size_t local = strspn(s, LETTERS DIGITS ".!#$%&'*+/=?^_`{|}~-");

	if (local == 0 || local > LOCAL_MAX || s[local] != '@' || s[0] == '.' ||
	    s[local - 1] == '.' || strstr(s, "..") != NULL || strlen(s) > STR_MAIL_MAX)
		return false;
	return is_host(s + local + 1);
}

bool
str_loopback(const char *host, size_t len)
{
	return (len == 9 && strncasecmp(host, "localhost", len) == 0) ||
	    (len == 5 && strncmp(host, "[::1]", len) == 0) ||
	    (len >= 7 && strncmp(host, "127.", 4) == 0 && strspn(host, DIGITS ".") >= len);
}

/* Digits of the country code that an E.164 number starts with (ITU-T E.164, annex). */
static int
country_digits(const char *digits)
{
	static const char two[] = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 "
				  "54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 "
				  "95 98 ";
	const char *p;

	if (digits[0] == '1' || digits[0] == '7')
		return 1;
	for (p = two; *p != '\0'; p += 3) {
		if (p[0] == digits[0] && p[1] == digits[1])
			return 2;
	}
	return 3;
}

const char *
str_mask_phone(const char *s, char out[STR_MASKED_SIZE])
{
	if (str_e164(s))
		snprintf(out, STR_MASKED_SIZE, "%.*s…%s", 1 + country_digits(s + 1), s,
		    s + strlen(s) - 2);
	else
		snprintf(out, STR_MASKED_SIZE, "(not a number)");
	return out;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes one name or value in place; the result is never longer. */
static bool
form_decode(char *s)
{
	char *start = s, *to = s;
	int high, low;

	for (; *s != '\0'; s++) {
		if (*s == '+') {
			*to++ = ' ';
		} else if (*s != '%') {
			*to++ = *s;
		} else {
			if ((high = hex_digit(s[1])) < 0 || (low = hex_digit(s[2])) < 0 ||
			    high + low == 0)
				return false;
			*to++ = (char)(high << 4 | low);
			s += 2;
		}
	}
	*to = '\0';
	return str_utf8(start, (size_t)(to - start));
}

int
str_form(char *text, struct str_pair *pairs, int max)
{
	static char nothing[] = "";
	char *next, *value;
	int count = 0;

	if (*text == '\0')
		return 0;
	for (; text != NULL; text = next) {
		if ((next = strchr(text, '&')) != NULL)
			*next++ = '\0';
		if ((value = strchr(text, '=')) != NULL)
			*value++ = '\0';
		else
			value = nothing;
		if (count == max || *text == '\0' || !form_decode(text) || !form_decode(value))
			return -1;
		pairs[count].name = text;
		pairs[count].value = value;
		count++;
	}
	return count;
}
