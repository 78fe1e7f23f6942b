/* words.c: see words.h. */
#include "domain/words.h"

#include <ctype.h>
#include <string.h>

bool
words_byte(char c)
{
	return isalnum((unsigned char)c) || c == '\'' || (unsigned char)c >= 0x80;
}

/* A character of two bytes: its small letter, where that has two as well. */
static void
lower_two(unsigned char *p)
{
	unsigned char first = p[0], *second = &p[1];

	if (first == 0xc2 &&
	    (*second == 0xa1 || *second == 0xab || *second == 0xbb || *second == 0xbf)) {
		p[0] = *second = ' '; /* ¡ « » ¿: no part of a word */
	} else if (first == 0xc3 && *second >= 0x80 && *second <= 0x9e && *second != 0x97) {
		*second += 0x20; /* À to Þ */
	} else if (first == 0xc4 && *second != 0xb0) {
		if (*second < 0xb8) /* Ā to Ķ: each beside its small one */
			*second |= 1;
		else if (*second % 2 == 1 && *second < 0xbf)
			++*second; /* Ĺ, Ļ, Ľ */
	} else if (first == 0xc5) {
		if ((*second >= 0x81 && *second <= 0x87 && *second % 2 == 1) ||
		    (*second >= 0xb9 && *second <= 0xbd && *second % 2 == 1))
			++*second; /* Ł to Ň, Ź to Ž */
		else if (*second >= 0x8a && *second <= 0xb7)
			*second |= 1; /* Ŋ to Ŷ */
	} else if (first == 0xd0 && *second >= 0x90 && *second <= 0x9f) {
		*second += 0x20; /* А to П */
	} else if (first == 0xd0 && *second >= 0xa0 && *second <= 0xaf) {
		p[0] = 0xd1; /* Р to Я */
		*second -= 0x20;
	} else if (first == 0xd0 && *second >= 0x80 && *second <= 0x8f) {
		p[0] = 0xd1; /* Ё, Є, І, Ї and the like */
		*second += 0x10;
	}
}

char *
words_lower(struct arena *a, const char *s)
{
	char *copy = arena_strdup(a, s);

	for (unsigned char *p = (unsigned char *)copy; *p != '\0'; p++) {
		if (*p < 0x80) {
			*p = (unsigned char)tolower(*p);
		} else if (*p >= 0xc2 && *p <= 0xd1 && p[1] >= 0x80 && p[1] <= 0xbf) {
			lower_two(p);
			p++;
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
