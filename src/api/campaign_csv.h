/*
 * campaign_csv.h: a campaign's numbers as a CSV file: what it says of each line, and what the good ones
 * make of a task.
 */
#ifndef API_CAMPAIGN_CSV_H
#define API_CAMPAIGN_CSV_H

#include "api/tasks.h"

#define CSV_LINES_MAX 10000

/* What was found in a file. JSON values are the arena's. */
struct campaign_csv {
	json_t *numbers; /* good ones, in order, those that come again included */
	json_t
	    *each; /* the further columns of each different number, objects; NULL: there are none */
	json_t *lines; /* a report of each line: line, status, to_number, reason */
	int64_t accepted, duplicate, invalid;
};

/* Reads the body. RC_INVALID with a 400 when it is no such file; lines that are wrong are reported. */
enum rc campaign_csv_read(struct ask *ask, struct campaign_csv *csv) MUST_CHECK;

#endif
