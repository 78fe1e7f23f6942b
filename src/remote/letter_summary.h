/*
 * letter_summary.h: what a mail about a summarised call says, as text and as HTML. The words come from a
 * language model and from customers: in the HTML each is escaped, and nothing of them becomes a link, an
 * image or a style.
 */
#ifndef REMOTE_LETTER_SUMMARY_H
#define REMOTE_LETTER_SUMMARY_H

#include <jansson.h>
#include <stdint.h>

#include "base/mem.h"
#include "remote/letter.h"

/* Texts are borrowed, and so are the values; each may be NULL, or of any length, shape and depth: what is
 * too much for a mail is cut off or left out. */
struct letter_call {
	const char *summary, *outcome, *sentiment;
	json_t *action_items; /* an array of texts */
	json_t *fields;       /* an object: what was read out of the call */
	int64_t job_id;
	const char *call_id, *external_id;
	int64_t duration_s; /* below 0: unknown */
	int64_t created_s;  /* seconds since 1970; 0: unknown */
};

/* Sets subject, text and html of the letter, in the arena. */
void letter_summary(struct arena *a, const struct letter_call *call, struct letter *letter);

#endif
