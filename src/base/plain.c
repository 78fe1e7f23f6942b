/* plain.c: see plain.h. */
#include "base/plain.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

static const char replacement[] = "\xef\xbf\xbd", ellipsis[] = "…";

static bool
ends_line(uint32_t c)
{
	return (c >= '\n' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool
is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* What lets a line be read otherwise than it is written: marks of direction, characters without a width,
 * and the tags that repeat ASCII invisibly. Joiners stay: some scripts cannot be written without. */
static bool
is_hidden(uint32_t c)
{
	return c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f || c == 0x61c ||
	    c == 0xfeff || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	    (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

/* The next character of s as it may stand, of *size bytes there. */
static const char *
next(const char *s, size_t left, bool one_line, size_t *size)
{
	uint32_t code = 0;

	*size = str_utf8_next(s, left, &code);
	if (*size == 0) {
		*size = 1;
		return replacement;
	}
	if (code == '\r' && left > 1 && s[1] == '\n')
		*size = 2;
	if (is_hidden(code))
		return "";
	if (ends_line(code) && !one_line)
		return "\n";
	if (code == '\t' && !one_line)
		return "\t";
	return ends_line(code) || is_control(code) ? " " : NULL;
}

char *
plain_text(struct arena *a, const char *s, size_t max_chars, bool one_line)
{
	size_t left = strlen(s), count = 0, at = 0;
	/* A byte becomes three at most, a character has four, and "…" may follow. */
	char *out = arena_alloc(a, (left / 4 < max_chars ? 3 * left : 4 * max_chars) + 4);
	size_t last = 0; /* where the last character begins */

	for (size_t size; left > 0; s += size, left -= size) {
		const char *as = next(s, left, one_line, &size);
		size_t len = as != NULL ? strlen(as) : size;

		if (len == 0)
			continue;
		if (count == max_chars) {
			memcpy(out + last, ellipsis, sizeof ellipsis);
			return out;
		}
		last = at;
		memcpy(out + at, as != NULL ? as : s, len);
		at += len;
		count++;
	}
	out[at] = '\0';
	return out;
}
