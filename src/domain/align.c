/*
 * align.c: see align.h. Dynamic programming in a band around the diagonal: two transcripts of one
 * recording go along together, so cells far from it are not worth their memory.
 */
#include "domain/align.h"

#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wctype.h>

#include "base/str.h"

#define TOKENS_MAX 50000
#define BAND_MIN 256
/* A word that was misheard costs less than one that is missing and one that is too many. */
#define COST_OTHER 3
#define COST_SKIP 2
#define FAR (INT_MAX / 2)

enum step { STEP_BOTH = 1, STEP_A, STEP_B };

/* Letters of all scripts, whatever the environment's locale is. */
static locale_t
letters(void)
{
	static locale_t made;

	if (made == (locale_t)0)
		made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	return made;
}

uint64_t
align_token(const char *word)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	size_t left = strlen(word), n;
	bool any = false;
	uint32_t code;

	for (; (n = str_utf8_next(word, left, &code)) > 0; word += n, left -= n) {
		if (letters() == (locale_t)0 || !iswalnum_l((wint_t)code, letters()))
			continue;
		hash = (hash ^ (uint64_t)towlower_l((wint_t)code, letters())) *
		    UINT64_C(0x100000001b3);
		any = true;
	}
	return any ? hash | 1 : 0;
}

/* The table: a row for each token of a and one before, of the columns near the diagonal. */
struct band {
	const uint64_t *a, *b;
	int n, m;
	int half; /* columns on either side of the diagonal */
	uint8_t *steps;
	int *above, *here; /* costs of two rows, by column */
};

static int
diagonal(const struct band *t, int i)
{
	return t->n == 0 ? 0 : (int)((int64_t)i * t->m / t->n);
}

static bool
inside(const struct band *t, int i, int j)
{
	int d = diagonal(t, i);

	return i >= 0 && j >= 0 && j <= t->m && j >= d - t->half && j <= d + t->half;
}

static uint8_t *
step_at(const struct band *t, int i, int j)
{
	size_t width = 2 * (size_t)t->half + 1;

	return &t->steps[(size_t)i * width + (size_t)(j - diagonal(t, i) + t->half)];
}

static void
fill_cell(struct band *t, int i, int j)
{
	bool same = i > 0 && j > 0 && t->a[i - 1] == t->b[j - 1];
	int best = FAR;

	if (i == 0 && j == 0)
		best = 0;
	if (j > 0 && inside(t, i - 1, j - 1)) {
		best = t->above[j - 1] + (same ? 0 : COST_OTHER);
		*step_at(t, i, j) = STEP_BOTH;
	}
	if (inside(t, i - 1, j) && t->above[j] + COST_SKIP < best) {
		best = t->above[j] + COST_SKIP;
		*step_at(t, i, j) = STEP_A;
	}
	if (inside(t, i, j - 1) && t->here[j - 1] + COST_SKIP < best) {
		best = t->here[j - 1] + COST_SKIP;
		*step_at(t, i, j) = STEP_B;
	}
	t->here[j] = best;
}

static void
fill_rows(struct band *t)
{
	for (int i = 0; i <= t->n; i++) {
		int d = diagonal(t, i);
		int *row = t->above;

		for (int j = d > t->half ? d - t->half : 0; inside(t, i, j); j++)
			fill_cell(t, i, j);
		t->above = t->here;
		t->here = row;
	}
}

/* The path from the end, or nothing where the band did not hold it. */
static void
walk_back(const struct band *t, int *to)
{
	int i = t->n, j = t->m;

	while (i > 0 || j > 0) {
		switch (inside(t, i, j) ? (enum step) * step_at(t, i, j) : 0) {
		case STEP_BOTH:
			to[--j] = --i;
			break;
		case STEP_A:
			i--;
			break;
		case STEP_B:
			j--;
			break;
		default:
			return;
		}
	}
}

void
align_tokens(
    struct arena *arena, const uint64_t *a, int count_a, const uint64_t *b, int count_b, int *to)
{
	struct band t = { .a = a, .b = b, .n = count_a, .m = count_b };
	size_t columns;

	for (int j = 0; j < count_b; j++)
		to[j] = -1;
	if (t.n > TOKENS_MAX)
		t.n = TOKENS_MAX;
	if (t.m > TOKENS_MAX)
		t.m = TOKENS_MAX;
	if (t.n == 0 || t.m == 0)
		return;
	columns = (size_t)t.m + 1;
	t.half = BAND_MIN + 2 * (t.m / t.n);
	t.steps = arena_alloc(arena, ((size_t)t.n + 1) * (2 * (size_t)t.half + 1));
	t.above = arena_alloc(arena, columns * sizeof *t.above);
	t.here = arena_alloc(arena, columns * sizeof *t.here);
	fill_rows(&t);
	walk_back(&t, to);
}
