/*
 * plain.h: foreign text made plain: valid UTF-8 in which nothing is hidden, nothing turns the direction of
 * writing around, and no line ends where its writer was not to end one.
 */
#ifndef BASE_PLAIN_H
#define BASE_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

/*
 * s in the arena, at most max_chars characters; where it is cut, the last is "…". What is no UTF-8 becomes
 * U+FFFD. Line ends are LF (CR, CRLF and what Unicode takes for one too), and one_line makes spaces of
 * them. Other controls become spaces; what is written to be invisible is left out.
 */
char *plain_text(struct arena *a, const char *s, size_t max_chars, bool one_line);

#endif
