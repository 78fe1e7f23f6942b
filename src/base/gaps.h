/*
 * gaps.h: reading rows in the order of a sequence while they are written. Numbers are drawn before
 * their transactions commit, so whoever reads "behind the last" jumps over some whose commits are
 * still to come. They are remembered here, to be asked for by name for a while.
 */
#ifndef BASE_GAPS_H
#define BASE_GAPS_H

#include <stdint.h>

#include "base/buf.h"

struct gap {
	int64_t no;
	int64_t until_us; /* not asked for after that */
};

struct gaps {
	int64_t last;        /* the highest number seen */
	int64_t patience_us; /* no statement runs so long: then the number will not come any more */
	int reach;           /* only so far behind the newest may a commit still be on its way */
	int max, count;
	struct gap *list; /* owned; max elements */
};

/* Remembers at most max numbers; those beyond are missed. Free with gaps_clear(). */
void gaps_init(struct gaps *g, int max, int reach, int64_t patience_us);
void gaps_clear(struct gaps *g);
/* Begins anew: all up to last have been read, none is missing. */
void gaps_restart(struct gaps *g, int64_t last);
/* A row with this number has been read at now_us. */
void gaps_seen(struct gaps *g, int64_t no, int64_t now_us);
/* Appends the missing numbers as an array literal, "{3,7}", without those that will not come any
 * more. It has at most GAPS_LIST_SIZE(max) bytes. */
#define GAPS_LIST_SIZE(max) (24 * ((size_t)(max) + 1))
void gaps_list(struct gaps *g, int64_t now_us, struct buf *out);

#endif
