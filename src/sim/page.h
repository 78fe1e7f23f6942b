/*
 * page.h: lists in the carrier's envelope, newest first, in pages. A page token names a place
 * among the numbers of a roll, so it stays good while new things are added and old ones go.
 */
#ifndef SIM_PAGE_H
#define SIM_PAGE_H

#include <jansson.h>
#include <stdbool.h>

#include "sim/ask.h"
#include "sim/roll.h"

#define PAGE_PARAMS "PageSize Page PageToken"

struct listing {
	const struct roll *roll;
	const char *key; /* of the array: "calls" */
	bool (*match)(const void *thing, const void *filter);
	const void *filter;
	json_t *(*json)(const void *thing);
};

/* Answers with the page that the query asks for; ask_query() has been called. The world lock is
 * taken here. */
void page_answer(struct ask *a, const struct listing *l);

/* A moment from a filter such as "StartTime<": all that lies in [from, to). */
struct span {
	int64_t from_us, to_us;
};
#define SPAN_ALL ((struct span){ INT64_MIN, INT64_MAX })

/* Narrows the span by the parameters name, name< and name>. False when one has been refused. */
bool page_span(struct ask *a, const char *name, struct span *out);
bool span_holds(const struct span *s, int64_t wall_us);

#endif
