/* queue.h: how the queue of calls stands, for the commands that show it. */
#ifndef ADMIN_QUEUE_H
#define ADMIN_QUEUE_H

#include "admin/admin.h"
#include "admin/print.h"

/* One row: its columns, how it is read (as admin_run()), and how people see it. */
extern const struct column queue_columns[];
bool queue_read(struct admin *a, struct rows **rows) MUST_CHECK;
void queue_print(const struct rows *rows);

#endif
