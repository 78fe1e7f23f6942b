/*
 * admin.h: what every command of the operator's program stands on: the command line as it was
 * read, the settings that were handed down, the database, and how a command says that it has
 * refused. A command answers with an exit status: ADMIN_DONE, ADMIN_FAILED or ADMIN_USAGE.
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "db/db.h"
#include "remote/llm.h"
#include "remote/mail.h"
#include "remote/store.h"
#include "remote/stt.h"
#include "sys/conf.h"

enum { ADMIN_DONE = 0, ADMIN_FAILED = 1, ADMIN_USAGE = 2 };

/* The settings that commands need, borrowed from whoever read them. */
struct admin_settings {
	const struct conf_key *keys; /* the table of all settings … */
	const void *values;          /* … and what they are; NULL when they could not be read */
	const char *file;            /* the file that was read, or NULL when there is none */
	const char *error;           /* why they could not be read, or NULL; no field below then */

	const char *database_url, *schema_dir;
	double cps;
	int64_t max_concurrent_ceiling;
	const char *public_url, *data_dir, *api_socket, *events_socket, *skills_dir;
	const char *gateway_key_file, *ca_file; /* "" when there is none */
	const char *voice_transport, *voice_engine, *voice_socket;
	const char *voice_listen_dir; /* "": nobody listens */
	const char *carrier_url, *carrier_sid, *carrier_token, *carrier_number;
	int64_t carrier_timeout_ms;
	struct store store;
	struct stt stt;
	struct llm llm;       /* its model is not set */
	bool talks;           /* it thinks for the agent, turn by turn */
	struct mailer mailer; /* whose hello is made of public_url where it is needed */
};

#define ADMIN_ARGS_MAX 4
#define ADMIN_OPTIONS_MAX 8

struct command;

struct admin {
	const struct command *command;
	const char *args[ADMIN_ARGS_MAX]; /* what stands behind noun and verb; NULL past the last */
	int arg_count;
	/* The values of the command's own options, in the order of its table: NULL when absent,
	 * "" for a flag that is there. */
	const char *options[ADMIN_OPTIONS_MAX];
	const char *config; /* --config, or NULL */
	bool json;
	const struct admin_settings *settings;
	struct db *db; /* from admin_open() to admin_close() */
};

/* Remembers the database; nothing is asked of it yet. */
void admin_open(struct admin *a, const struct admin_settings *settings);
void admin_close(struct admin *a);

/* The value of one of the command's options, by its name ("--limit"); NULL when it is absent. */
const char *admin_option(const struct admin *a, const char *name);
/* A whole number in [min, max] from an argument or an option; on failure says so. */
bool admin_number(
    const char *what, const char *text, int64_t min, int64_t max, int64_t *out) MUST_CHECK;
/* An id of the tenancy tree; on failure says so. */
bool admin_tenant_id(const char *what, const char *text) MUST_CHECK;
/* workspace, organization, partner or platform (text may be NULL); on failure says so. */
bool admin_scope(const char *what, const char *text) MUST_CHECK;

/* Runs a statement; rows as in db_run(). On failure says why and what to do, and returns false. */
bool admin_run(struct admin *a, const struct statement *statement, const char *const values[],
    struct rows **rows) MUST_CHECK;
/* Runs it, and prints its rows as the columns (admin/print.h) say: a table, or none in its place; or JSON. The status. */
struct column;
int admin_list(struct admin *a, const struct statement *statement, const char *const values[],
    const struct column *columns, const char *none);
/* Runs a statement whose first row's first column is one word; copies that to word. */
bool admin_run_word(struct admin *a, const struct statement *statement, const char *const values[],
    char word[32]) MUST_CHECK;

/* Says a sentence on standard error; returns ADMIN_FAILED, or ADMIN_USAGE. */
int admin_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int admin_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
