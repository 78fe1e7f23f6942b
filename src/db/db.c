/*
 * db.c: see db.h. libpq's asynchronous interface with a poll of our own, so that no wait is left
 * to the server's good will. A prepared statement costs one round trip; its first use on a
 * connection prepares and runs it in the same trip, by a pipeline.
 *
 * Values may be personal, and PostgreSQL quotes them in some of its messages ("invalid input
 * syntax for type …"): see loggable().
 */
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "db/db.h"

#define STATEMENT_TIMEOUT_MS 5000
#define CONNECT_TIMEOUT_MS 3000
#define GRACE_MS 2000             /* beyond the server's own timeout: then it is not answering */
#define SCRIPT_TIMEOUT_MS 3600000 /* a migration rewrites tables */
#define BRAKE_MIN_MS 50
#define BRAKE_MAX_MS 5000
#define CONFLICT_TRIES 3
#define KNOWN_SLOTS 1024 /* a power of two, several times what the program has statements */

struct db {
	char *url;
	char *program;
	char *actor; /* NULL: none */
	int statement_timeout_ms;
	int connect_timeout_ms;
	int patience_ms; /* 0: these two decide */
	bool (*wait)(void *arg, int fd, short events, int64_t until_us);
	void *wait_arg;
	PGconn *conn; /* NULL when there is none */
	uint64_t generation;
	int64_t brake_ms;    /* the next brake is twice this; 0 while all is well */
	int64_t brake_until; /* no attempt to connect before */
	/* The statements that are prepared on conn: open addressing by their address. */
	const struct statement *known[KNOWN_SLOTS];
	int known_count;
};

struct rows {
	PGresult *result;
};

/* What one exchange with the server came to. */
struct reply {
	PGresult *result; /* of the statement when all went well, else NULL */
	PGresult *error;  /* the first error, or NULL */
	bool lost;        /* the connection is gone or silent: the outcome is unknown */
};

/* ---- prepared statements of this connection ---- */

static const struct statement **
known_slot(struct db *db, const struct statement *statement)
{
	size_t at = ((uintptr_t)statement >> 4) * 0x9e3779b97f4a7c15u >> 16;

	for (;; at++) {
		const struct statement **slot = &db->known[at & (KNOWN_SLOTS - 1)];

		if (*slot == NULL || *slot == statement)
			return slot;
	}
}

static void
known_add(struct db *db, const struct statement *statement)
{
	/* Statements are constants of the program, so this is a matter of the build. */
	if (db->known_count >= KNOWN_SLOTS / 2)
		abort();
	*known_slot(db, statement) = statement;
	db->known_count++;
}

/* ---- the connection ---- */

static void
ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

/* db_meanwhile(), unless somebody else waits. */
static bool
wait_alone(void *arg, int fd, short events, int64_t until_us)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	(void)arg;
	for (;;) {
		int64_t left = until_us - clock_boot_us();
		int n;

		if (left <= 0)
			return false;
		n = poll(&pfd, 1, (int)(left / 1000) + 1);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* Waits for the socket; false when the deadline has passed. */
static bool
wait_socket(const struct db *db, short events, int64_t deadline)
{
	int fd = PQsocket(db->conn);

	return fd >= 0 && db->wait(db->wait_arg, fd, events, deadline);
}

static void
forget_connection(struct db *db)
{
	if (db->conn == NULL)
		return;
	PQfinish(db->conn);
	db->conn = NULL;
	memset(db->known, 0, sizeof(db->known));
	db->known_count = 0;
}

/* For a connection that may be stuck: PQfinish() says good-bye in blocking mode, which a shut
 * socket refuses at once. */
static void
drop_connection(struct db *db)
{
	if (db->conn != NULL && PQsocket(db->conn) >= 0)
		(void)shutdown(PQsocket(db->conn), SHUT_RDWR);
	forget_connection(db);
}

/* waited_ms: how long the attempt was waited for. A server that answers nobody must not hold up each that
 * asks for as long again. */
static void
brake(struct db *db, int64_t waited_ms)
{
	db->brake_ms = db->brake_ms == 0 ? BRAKE_MIN_MS : db->brake_ms * 2;
	if (db->brake_ms < waited_ms)
		db->brake_ms = waited_ms;
	if (db->brake_ms > BRAKE_MAX_MS)
		db->brake_ms = BRAKE_MAX_MS;
	db->brake_until = clock_boot_us() + clock_jitter_ms(db->brake_ms) * 1000;
}

/* The options of the session: ours, after those that the URL itself carries. */
static void
session_options(const struct db *db, struct buf *out)
{
	PQconninfoOption *options = PQconninfoParse(db->url, NULL);

	for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
		if (strcmp(o->keyword, "options") == 0 && o->val != NULL)
			buf_printf(out, "%s ", o->val);
	}
	PQconninfoFree(options);
	buf_printf(out,
	    "-c statement_timeout=%d -c lock_timeout=2000"
	    " -c idle_in_transaction_session_timeout=5000"
	    " -c client_connection_check_interval=2000 -c client_min_messages=warning"
	    " -c timezone=UTC -c datestyle=ISO -c extra_float_digits=1 -c jit=off"
	    /* every statement is written for one plan: planning anew costs more than it runs */
	    " -c plan_cache_mode=force_generic_plan"
	    /* and that plan may be made while a table is still empty: none is for walking a table */
	    " -c enable_seqscan=off",
	    db->statement_timeout_ms);
	if (db->actor != NULL)
		buf_printf(out, " -c offhook.actor=%s", db->actor);
}

/* What stands before dbname (the URL) are defaults that it may change, what follows is not. */
static PGconn *
connect_start(const struct db *db)
{
	const char *const keywords[] = { "application_name", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout",
		"target_session_attrs", "dbname", "client_encoding", "options", NULL };
	const char *values[] = { db->program, "5", "2", "3", "8000", "read-write", db->url, "UTF8",
		NULL, NULL };
	struct buf options;
	PGconn *conn;

	buf_init(&options, 16384);
	session_options(db, &options);
	values[8] = options.data;
	conn = PQconnectStartParams(keywords, values, 1);
	buf_free(&options);
	return conn;
}

/* Goes on with the started connection until it stands; false when it failed or time is up. */
static bool
connect_finish(const struct db *db, int64_t deadline)
{
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	PGconn *conn = db->conn;

	if (conn == NULL || PQstatus(conn) == CONNECTION_BAD)
		return false;
	while (next != PGRES_POLLING_OK) {
		if (next == PGRES_POLLING_FAILED)
			return false;
		if (!wait_socket(db, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
			return false;
		next = PQconnectPoll(conn);
	}
	return PQsetnonblocking(conn, 1) == 0;
}

/* When the patience for something that may take so long ends. */
static int64_t
deadline_of(const struct db *db, int most_ms)
{
	if (db->patience_ms > 0 && db->patience_ms < most_ms)
		most_ms = db->patience_ms;
	return clock_boot_us() + (int64_t)most_ms * 1000;
}

static enum rc
connect_now(struct db *db)
{
	int64_t deadline = deadline_of(db, db->connect_timeout_ms), begun = clock_boot_us();

	db->conn = connect_start(db);
	if (!connect_finish(db, deadline)) {
		const char *why = db->conn == NULL ? "out of memory" : PQerrorMessage(db->conn);

		log_warning("database: cannot connect: %s", *why != '\0' ? why : "timed out");
		drop_connection(db);
		brake(db, (clock_boot_us() - begun) / 1000);
		return RC_LATER;
	}
	PQsetNoticeReceiver(db->conn, ignore_notice, NULL);
	db->generation++;
	return RC_OK;
}

/*
 * Whether the connection, idle since the last statement, still stands. A server that went away in
 * the meantime has left an end of file behind; to see it before sending is what tells "not done"
 * from "outcome unknown". One that a script left in a transaction is of no use either.
 */
static bool
still_connected(PGconn *conn)
{
	char byte;
	ssize_t n;

	if (PQstatus(conn) != CONNECTION_OK || PQtransactionStatus(conn) != PQTRANS_IDLE)
		return false;
	for (int i = 0; i < 8; i++) {
		n = recv(PQsocket(conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0 || !PQconsumeInput(conn))
			return false;
		(void)PQisBusy(conn); /* reads what came: a notice, or the farewell of a backend */
	}
	return false;
}

/* A connection that can be used, or RC_LATER. */
static enum rc
ready(struct db *db)
{
	if (db->conn != NULL && !still_connected(db->conn)) {
		log_info("database: the connection was closed while idle");
		drop_connection(db);
	}
	if (db->conn != NULL)
		return RC_OK;
	if (clock_boot_us() < db->brake_until)
		return RC_LATER;
	return connect_now(db);
}

/* ---- one exchange ---- */

/* The next result of what was sent, NULL between commands. False when the connection is lost. */
static bool
next_result(const struct db *db, int64_t deadline, PGresult **result)
{
	PGconn *conn = db->conn;

	for (;;) {
		int unsent = PQflush(conn);

		if (unsent < 0)
			return false;
		if (unsent == 0 && !PQisBusy(conn))
			break;
		if (!wait_socket(db, unsent > 0 ? POLLIN | POLLOUT : POLLIN, deadline))
			return false;
		if (!PQconsumeInput(conn))
			return false;
	}
	*result = PQgetResult(conn);
	return PQstatus(conn) == CONNECTION_OK || *result != NULL;
}

/* Files a result of the statement itself. */
static void
keep_result(struct reply *reply, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		PQclear(reply->result);
		reply->result = result;
		break;
	case PGRES_PIPELINE_ABORTED:
		PQclear(result);
		break;
	case PGRES_FATAL_ERROR:
		if (reply->error == NULL)
			reply->error = result;
		else
			PQclear(result);
		break;
	default: /* a COPY: nothing here speaks it, so the connection is of no more use */
		PQclear(result);
		reply->lost = true;
	}
}

static void
settle_reply(struct db *db, struct reply *reply)
{
	if (!reply->lost && PQstatus(db->conn) != CONNECTION_OK)
		reply->lost = true;
	if ((reply->lost || reply->error != NULL) && reply->result != NULL) {
		PQclear(reply->result);
		reply->result = NULL;
	}
}

/* All results of a command that was sent without a pipeline. */
static void
receive(struct db *db, int64_t deadline, struct reply *reply)
{
	PGresult *result;

	for (;;) {
		if (reply->lost || !next_result(db, deadline, &result)) {
			reply->lost = true;
			break;
		}
		if (result == NULL)
			break;
		keep_result(reply, result);
	}
	settle_reply(db, reply);
}

/* The results of "prepare, run, sync": each command ends with NULL, the sync stands alone. */
static void
receive_first(struct db *db, const struct statement *s, int64_t deadline, struct reply *reply)
{
	PGresult *result;
	int ended = 0;

	while (!reply->lost) {
		if (!next_result(db, deadline, &result) || (result == NULL && ++ended > 2)) {
			reply->lost = true;
		} else if (result == NULL) {
			continue;
		} else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			break;
		} else if (ended == 0 && PQresultStatus(result) == PGRES_COMMAND_OK) {
			known_add(db, s);
			PQclear(result);
		} else {
			keep_result(reply, result);
		}
	}
	if (!reply->lost && !PQexitPipelineMode(db->conn))
		reply->lost = true;
	settle_reply(db, reply);
}

static void
run_prepared(
    struct db *db, const struct statement *s, const char *const values[], struct reply *reply)
{
	int64_t deadline = deadline_of(db, db->statement_timeout_ms + GRACE_MS);

	if (*known_slot(db, s) == s) {
		reply->lost = !PQsendQueryPrepared(
		    db->conn, s->name, s->params, values, NULL, NULL, 0);
		receive(db, deadline, reply);
		return;
	}
	reply->lost = !PQenterPipelineMode(db->conn) ||
	    !PQsendPrepare(db->conn, s->name, s->text, 0, NULL) ||
	    !PQsendQueryPrepared(db->conn, s->name, s->params, values, NULL, NULL, 0) ||
	    !PQpipelineSync(db->conn);
	receive_first(db, s, deadline, reply);
}

static void
reply_clear(struct reply *reply)
{
	PQclear(reply->result);
	PQclear(reply->error);
	*reply = (struct reply){ 0 };
}

/* ---- what an error means ---- */

/* What is to be done about an error. */
enum verdict {
	VERDICT_LATER,    /* the server cannot now */
	VERDICT_INVALID,  /* a value was refused */
	VERDICT_CONFLICT, /* lost against another transaction: run it again */
	VERDICT_STALE,    /* the session is not what we think it is; nothing was done */
	VERDICT_BROKEN
};

static const char *
sqlstate_of(const PGresult *error)
{
	const char *s = PQresultErrorField(error, PG_DIAG_SQLSTATE);

	return s != NULL ? s : "08006";
}

static enum verdict
judge(const char *sqlstate)
{
	static const struct {
		const char *prefix;
		enum verdict verdict;
	} table[] = {
		{ "40001", VERDICT_CONFLICT }, /* serialization_failure */
		{ "40P01", VERDICT_CONFLICT }, /* deadlock_detected */
		{ "0A000", VERDICT_STALE },    /* cached plan must not change result type */
		{ "26000", VERDICT_STALE },    /* the prepared statement is not there */
		{ "42P05", VERDICT_STALE },    /* … or is, though we did not make it */
		{ "25P02", VERDICT_STALE },    /* in a failed transaction that is not ours */
		{ "25006", VERDICT_LATER },    /* a primary that became a standby */
		{ "25P03", VERDICT_LATER },    /* idle in a transaction too long */
		{ "55P03", VERDICT_LATER },    /* lock_timeout */
		{ "08", VERDICT_LATER },       /* connection */
		{ "53", VERDICT_LATER },       /* out of something */
		{ "57", VERDICT_LATER },       /* cancelled, timed out, shutting down */
		{ "58", VERDICT_LATER },       /* its disk */
		{ "22", VERDICT_INVALID },     /* data */
		{ "23", VERDICT_INVALID },     /* constraints */
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (str_starts(sqlstate, table[i].prefix))
			return table[i].verdict;
	}
	return VERDICT_BROKEN;
}

/* Whether the primary message of this class is about names and the state of the server only.
 * Those of the data classes quote the value; what RAISE says is up to the function. */
static bool
loggable(const char *sqlstate)
{
	static const char *const classes[] = { "08", "0A", "25", "26", "28", "3D", "3F", "42", "53",
		"54", "55", "57", "58", "XX" };

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (str_starts(sqlstate, classes[i]))
			return true;
	}
	return false;
}

static void
log_refusal(const struct statement *s, const PGresult *error, enum verdict verdict)
{
	const char *state = sqlstate_of(error);
	const char *message = PQresultErrorField(error, PG_DIAG_MESSAGE_PRIMARY);
	const char *constraint = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);

	if (message == NULL || !loggable(state))
		message = "(text withheld: it may quote values)";
	if (constraint == NULL)
		constraint = "none";
	if (verdict == VERDICT_BROKEN)
		log_error("statement %s: SQLSTATE %s, constraint %s: %s", s->name, state,
		    constraint, message);
	else
		log_info("statement %s: SQLSTATE %s, constraint %s: %s", s->name, state, constraint,
		    message);
}

static enum rc
rc_of(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_LATER:
	case VERDICT_CONFLICT:
		return RC_LATER;
	case VERDICT_INVALID:
		return RC_INVALID;
	case VERDICT_STALE:
	case VERDICT_BROKEN:
		break;
	}
	return RC_BROKEN;
}

static void
lose_connection(struct db *db, const char *doing)
{
	log_warning("database: no answer to %s: connection dropped, outcome unknown", doing);
	drop_connection(db);
	brake(db, 0);
}

/* ---- the public side ---- */

struct db *
db_new(const char *url, const struct db_options *options)
{
	struct db *db = mem_zalloc(1, sizeof(*db));

	db->url = mem_strdup(url);
	db->program = mem_strdup(options->program != NULL ? options->program : "offhook");
	db->statement_timeout_ms = options->statement_timeout_ms > 0 ? options->statement_timeout_ms
								     : STATEMENT_TIMEOUT_MS;
	db->connect_timeout_ms = options->connect_timeout_ms > 0 ? options->connect_timeout_ms
								 : CONNECT_TIMEOUT_MS;
	db->wait = wait_alone;
	return db;
}

void
db_free(struct db *db)
{
	if (db == NULL)
		return;
	forget_connection(db);
	free(db->url);
	free(db->program);
	free(db->actor);
	free(db);
}

void
db_actor(struct db *db, const char *actor)
{
	free(db->actor);
	db->actor = mem_strdup(actor);
}

void
db_meanwhile(
    struct db *db, bool (*wait)(void *arg, int fd, short events, int64_t until_us), void *arg)
{
	db->wait = wait;
	db->wait_arg = arg;
}

void
db_patience(struct db *db, int patience_ms)
{
	db->patience_ms = patience_ms;
}

/* One try on a standing connection. VERDICT_STALE and VERDICT_CONFLICT ask for another. */
static enum rc
run_once(struct db *db, const struct statement *s, const char *const values[], struct rows **rows,
    enum verdict *verdict)
{
	struct reply reply = { 0 };
	enum rc rc = RC_OK;

	*verdict = VERDICT_LATER;
	run_prepared(db, s, values, &reply);
	if (reply.lost) {
		lose_connection(db, s->name);
		rc = RC_LATER;
	} else if (reply.error != NULL) {
		*verdict = judge(sqlstate_of(reply.error));
		log_refusal(s, reply.error, *verdict);
		rc = rc_of(*verdict);
	} else {
		db->brake_ms = 0;
		if (rows != NULL) {
			*rows = mem_alloc(sizeof(**rows));
			(*rows)->result = reply.result;
			reply.result = NULL;
		}
	}
	reply_clear(&reply);
	return rc;
}

enum rc
db_run(struct db *db, const struct statement *statement, const char *const values[],
    struct rows **rows)
{
	bool renewed = false;
	int conflicts = 0;

	if (rows != NULL)
		*rows = NULL;
	for (;;) {
		enum verdict verdict;
		enum rc rc;

		if ((rc = ready(db)) != RC_OK)
			return rc;
		rc = run_once(db, statement, values, rows, &verdict);
		if (rc == RC_OK)
			return rc;
		if (verdict == VERDICT_STALE && !renewed) {
			renewed = true;
			drop_connection(db);
		} else if (verdict == VERDICT_CONFLICT && conflicts < CONFLICT_TRIES) {
			clock_sleep_ms(clock_jitter_ms(INT64_C(10) << conflicts));
			conflicts++;
		} else {
			return rc;
		}
	}
}

enum rc
db_script(struct db *db, const char *sql, char *error, int error_size)
{
	int64_t deadline = clock_boot_us() + INT64_C(1000) * SCRIPT_TIMEOUT_MS;
	struct reply reply = { 0 };
	enum rc rc;

	(void)snprintf(error, (size_t)error_size, "the database cannot be reached");
	if ((rc = ready(db)) != RC_OK)
		return rc;
	reply.lost = !PQsendQuery(db->conn, sql);
	receive(db, deadline, &reply);
	if (reply.lost) {
		(void)snprintf(error, (size_t)error_size, "the database went away");
		lose_connection(db, "a script");
		rc = RC_LATER;
	} else if (reply.error != NULL) {
		(void)snprintf(error, (size_t)error_size, "%s", PQresultErrorMessage(reply.error));
		rc = rc_of(judge(sqlstate_of(reply.error)));
		/* A transaction that the script began ends with its connection. */
		if (PQtransactionStatus(db->conn) != PQTRANS_IDLE)
			drop_connection(db);
	} else {
		db->brake_ms = 0;
		error[0] = '\0';
	}
	reply_clear(&reply);
	return rc;
}

uint64_t
db_generation(const struct db *db)
{
	return db->generation;
}

int
rows_count(const struct rows *r)
{
	return PQntuples(r->result);
}

int
rows_columns(const struct rows *r)
{
	return PQnfields(r->result);
}

const char *
rows_name(const struct rows *r, int column)
{
	if (column < 0 || column >= rows_columns(r))
		return NULL;
	return PQfname(r->result, column);
}

const char *
rows_text(const struct rows *r, int row, int column)
{
	if (row < 0 || row >= rows_count(r) || column < 0 || column >= rows_columns(r))
		abort();
	if (PQgetisnull(r->result, row, column))
		return NULL;
	return PQgetvalue(r->result, row, column);
}

const char *
rows_copy(struct arena *a, const struct rows *r, int row, int column)
{
	const char *text = rows_text(r, row, column);

	return text == NULL ? NULL : arena_strdup(a, text);
}

static _Noreturn void
wrong_type(const struct rows *r, int column, const char *wanted)
{
	log_error("column %s does not hold %s", rows_name(r, column), wanted);
	abort();
}

int64_t
rows_int(const struct rows *r, int row, int column)
{
	const char *text = rows_text(r, row, column);
	int64_t value = 0;

	if (text != NULL && !str_int64(text, INT64_MIN, INT64_MAX, &value))
		wrong_type(r, column, "an integer");
	return value;
}

double
rows_real(const struct rows *r, int row, int column)
{
	const char *text = rows_text(r, row, column);
	double value = 0;
	char *end;

	if (text == NULL)
		return 0;
	/* Not str_double(): PostgreSQL writes exponents. Nobody calls setlocale() in this program. */
	value = strtod(text, &end);
	if (end == text || *end != '\0')
		wrong_type(r, column, "a number");
	return value;
}

bool
rows_bool(const struct rows *r, int row, int column)
{
	const char *text = rows_text(r, row, column);

	if (text == NULL)
		return false;
	if (strcmp(text, "t") != 0 && strcmp(text, "f") != 0)
		wrong_type(r, column, "a boolean");
	return text[0] == 't';
}

void
rows_free(struct rows *r)
{
	if (r == NULL)
		return;
	PQclear(r->result);
	free(r);
}

const char *
db_int(int64_t value, char out[24])
{
	(void)snprintf(out, 24, "%" PRId64, value);
	return out;
}

const char *
db_bool(bool value)
{
	return value ? "true" : "false";
}
