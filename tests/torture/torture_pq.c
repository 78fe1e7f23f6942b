/* torture_pq.c: libpq. The connection goes before a call, or behind it: then the server has got what it sends. */
#include <libpq-fe.h>
#include <stddef.h>
#include <sys/socket.h>

#include "torture/wrap.h"

FAILS(PQconninfoOption *, PQconninfoParse, (const char *url, char **why), (url, why), NULL, ENOMEM)
FAILS(PGconn *, PQconnectStartParams,
    (const char *const *names, const char *const *values, int expand), (names, values, expand),
    NULL, ENOMEM)
PARTS(PostgresPollingStatusType, PQconnectPoll, (PGconn * conn), (conn))
PARTS(int, PQsetnonblocking, (PGconn * conn, int on), (conn, on))
PARTS(int, PQenterPipelineMode, (PGconn * conn), (conn))
PARTS(int, PQexitPipelineMode, (PGconn * conn), (conn))
PARTS(int, PQpipelineSync, (PGconn * conn), (conn))
PARTS(int, PQsendPrepare,
    (PGconn * conn, const char *name, const char *text, int count, const Oid *types),
    (conn, name, text, count, types))
PARTS(int, PQsendQueryPrepared,
    (PGconn * conn, const char *name, int count, const char *const *values, const int *lengths,
	const int *formats, int format),
    (conn, name, count, values, lengths, formats, format))
PARTS(int, PQsendQuery, (PGconn * conn, const char *text), (conn, text))
PARTS(int, PQflush, (PGconn * conn), (conn))
PARTS(int, PQconsumeInput, (PGconn * conn), (conn))
PARTS(PGresult *, PQgetResult, (PGconn * conn), (conn))
