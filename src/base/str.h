/*
 * str.h: strict reading of short texts: numbers, phone numbers, names. Nothing here is lenient:
 * a text is exactly right or refused.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal integer and nothing else (an optional leading '-'), in [min, max]. */
bool str_int64(const char *s, int64_t min, int64_t max, int64_t *out);
/* A decimal number such as 1, 0.25 or 10.5 and nothing else, finite, in [min, max]. */
bool str_double(const char *s, double min, double max, double *out);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* True when nothing but ASCII or Unicode white space is in s (valid UTF-8). */
bool str_blank(const char *s);
/* Bytes of the first character of s and its code point; 0 when there is none or it is not valid. */
size_t str_utf8_next(const char *s, size_t len, uint32_t *code);
/* Valid UTF-8, as RFC 3629 has it. */
bool str_utf8(const char *s, size_t len);
/* Characters (code points) in valid UTF-8. */
size_t str_chars(const char *s);

/* ^\+[1-9][0-9]{6,14}$ */
bool str_e164(const char *s);
/* An id of the tenancy tree: 3 to 64 of A-Z a-z 0-9 _ - */
bool str_tenant_id(const char *s);

/* LOCAL@HOST as RFC 5321 has it, without quotes, addresses in brackets, and what is no ASCII: nothing
 * in it can end a line, a header or a command. At most STR_MAIL_MAX bytes. */
#define STR_MAIL_MAX 254
bool str_mail_address(const char *s);
/* Whether the len bytes at host, as a URL has them, name this host's loopback. */
bool str_loopback(const char *host, size_t len);

/* A phone number for the log: country part and the last two digits, "+1…67"; anything else is
 * "(not a number)". Returns out. */
#define STR_MASKED_SIZE 16
const char *str_mask_phone(const char *s, char out[STR_MASKED_SIZE]);

/* Splits "k=v&k=v" in place, decoding %XX and '+'; "k" alone has the value "". Returns how many
 * pairs (at most max), or -1 when the text is malformed (an empty pair or name included), decodes
 * to a zero byte or to what is not UTF-8, or holds more than max pairs. */
struct str_pair {
	char *name;
	char *value;
};
int str_form(char *text, struct str_pair *pairs, int max);

#endif
