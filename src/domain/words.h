/*
 * words.h: what was said, looked at word by word. For agents that go by a script.
 */
#ifndef DOMAIN_WORDS_H
#define DOMAIN_WORDS_H

#include <stdbool.h>

#include "base/mem.h"

/* Part of a word: a letter or digit of ASCII, an apostrophe, or any byte of another script. */
bool words_byte(char c);

/* A copy in lower case, in the alphabets that scripts are written in: Latin (but for the Turkish İ) and
 * Cyrillic; blanks instead of ¿ ¡ « ». No byte moves. */
char *words_lower(struct arena *a, const char *s);

/* Whether text (lower case) holds one of the phrases ("|" between them) as whole words. */
bool words_hold(const char *text, const char *phrases);

/* The text cut to so many bytes, at a character's end; it must be UTF-8. */
const char *words_cut(struct arena *a, const char *s, size_t most);

#endif
