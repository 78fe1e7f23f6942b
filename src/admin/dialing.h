/*
 * dialing.h: whether dialing is stopped, for more commands than one.
 */
#ifndef ADMIN_DIALING_H
#define ADMIN_DIALING_H

#include "admin/admin.h"
#include "admin/print.h"

/* What is stopped: a row a workspace, first that of all (workspace NULL). */
extern const struct column dialing_columns[];
extern const struct statement dialing_stops;

/* The command that starts again what a row of these says is stopped. */
#define DIALING_REMEDY_SIZE 128
void dialing_remedy(const struct rows *rows, int row, char remedy[DIALING_REMEDY_SIZE]);

/* Says for people what is stopped, and how to start it again; nothing when nothing is. */
void dialing_print(const struct rows *rows);

#endif
