/*
 * param.h: the parameters of a POST, read by a table: name, kind, range, and the code that the
 * carrier answers with when the value is wrong. What no table names is refused.
 */
#ifndef SIM_PARAM_H
#define SIM_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/str.h"

enum param_kind {
	PARAM_TEXT,   /* const char *, at most max characters */
	PARAM_URL,    /* const char *, absolute */
	PARAM_METHOD, /* bool: true for GET, false for POST */
	PARAM_INT,    /* int, min to max */
	PARAM_BOOL,   /* bool */
	PARAM_WORD,   /* int: which of words, from 1 */
	PARAM_EVENTS, /* unsigned: a bit for each of words; the parameter may be repeated */
	PARAM_SPACED  /* the same, and one value may hold several words */
};

struct param {
	const char *name;
	enum param_kind kind;
	size_t offset; /* in the struct that is filled */
	long min, max;
	const char *words; /* separated by single spaces */
	int code;          /* 0: 20422, the carrier's "invalid parameter" */
};

/* Why a request is refused, as REST answers it. */
struct refusal {
	int http;
	int code;
	char message[200];
};

/* Fills the struct at out, which holds the defaults, from pairs. Texts are copied to the arena.
 * False with a refusal when something is wrong. table ends with a NULL name. */
bool param_read(const struct param *table, const struct str_pair *pairs, int count, void *out,
    struct arena *arena, struct refusal *why);

/* Fills a refusal and returns false. */
bool refuse_request(struct refusal *why, int http, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
