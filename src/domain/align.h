/*
 * align.h: which word of one text is which of another that is nearly the same: an alignment of least
 * edits. Pure.
 */
#ifndef DOMAIN_ALIGN_H
#define DOMAIN_ALIGN_H

#include <stdint.h>

#include "base/mem.h"

/* A word without its case and punctuation, as a number; 0 when nothing else is in it. */
uint64_t align_token(const char *word);

/* For each of the count_b tokens of b which one of a it stands for (growing), or -1. Tokens past the
 * 50,000th stand for none. */
void align_tokens(
    struct arena *arena, const uint64_t *a, int count_a, const uint64_t *b, int count_b, int *to);

#endif
