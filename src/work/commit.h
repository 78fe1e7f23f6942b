/*
 * commit.h: the committer: one process a host that commits whatever calls its workers want accepted, in one
 * statement for all that wait. PostgreSQL's price for a commit is then paid once for many.
 */
#ifndef WORK_COMMIT_H
#define WORK_COMMIT_H

#include "db/db.h"
#include "sys/exchange.h"

/*
 * Accepts for those who ask, until signal_reload is up, or signal_stop is and nobody is connected any more: a
 * worker that is to end still answers the request at hand, so the committer ends after the last of them.
 */
void commit_serve(struct exchange *x, struct db *db);

#endif
