/* words.c: see words.h. */
#include "domain/words.h"

#include <ctype.h>
#include <string.h>

bool
words_byte(char c)
{
	return isalnum((unsigned char)c) || c == '\'' || (unsigned char)c >= 0x80;
}

/* Cyrillic A to Ya are D0 90 to D0 AF in UTF-8, their small letters D0 B0 to D1 8F. */
char *
words_lower(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	for (unsigned char *p = (unsigned char *)copy; *p != '\0'; p++) {
		if (*p < 0x80) {
			*p = (unsigned char)tolower(*p);
		} else if (p[0] == 0xd0 && p[1] >= 0x90 && p[1] <= 0x9f) {
			p[1] += 0x20;
		} else if (p[0] == 0xd0 && p[1] >= 0xa0 && p[1] <= 0xaf) {
			p[0] = 0xd1;
			p[1] -= 0x20;
		}
	}
	return copy;
}

bool
words_hold(const char *text, const char *phrases)
{
	while (*phrases != '\0') {
		size_t len = strcspn(phrases, "|");

		for (const char *at = text; *at != '\0'; at++) {
			bool starts = at == text || !words_byte(at[-1]);

			if (starts && strncmp(at, phrases, len) == 0 && !words_byte(at[len]))
				return true;
		}
		phrases += len + (phrases[len] == '|');
	}
	return false;
}

const char *
words_cut(struct arena *a, const char *s, size_t most)
{
	size_t len = strlen(s);

	if (len > most)
		for (len = most; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80; len--)
			;
	return arena_strndup(a, s, len);
}
