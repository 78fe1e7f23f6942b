/*
 * ledger.h: what really happened, as lines of JSON in a file: one at the arrival of a call and
 * one at each change. Each line is one write() to a file opened for appending.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include <jansson.h>

/* Opens the file (NULL: no ledger is kept); ends the program when that is impossible. */
void ledger_open(const char *path);
/* Appends one object; it is not released. The world lock is held: the order of lines is the order
 * of changes. A write to the page cache takes microseconds; nothing is synced. */
void ledger_append(const json_t *line);
void ledger_close(void);

#endif
