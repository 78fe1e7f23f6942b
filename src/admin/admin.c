/*
 * admin.c: see admin.h.
 */
#include "admin/admin.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/print.h"
#include "base/str.h"

#define QUICK_MS 30000 /* an operator waits longer than a client */
#define SLOW_MS 900000 /* for commands that read whole tables */

#define ACTOR_SIZE 128

/* Copies a name of the system as far as the audit log takes it; others' characters become '_'. */
static void
put_name(char *out, size_t size, const char *name)
{
	size_t i = 0;

	for (; name[i] != '\0' && i + 1 < size; i++) {
		bool plain =
		    strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-",
			name[i]) != NULL;

		out[i] = plain ? name[i] : '_';
	}
	out[i] = '\0';
}

/* Who runs this command, for the audit log: "user:NAME@HOST". Whoever became root by sudo is named by
 * the name that he had before; root himself can claim any, and the database cannot know better. */
static void
who_runs(char out[ACTOR_SIZE])
{
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *entry = getpwuid(getuid());
	char user[48], host[64], raw[64] = "";

	if (sudo != NULL && sudo[0] != '\0')
		put_name(user, sizeof(user), sudo);
	else if (entry != NULL)
		put_name(user, sizeof(user), entry->pw_name);
	else
		snprintf(user, sizeof(user), "%ld", (long)getuid());
	if (gethostname(raw, sizeof(raw) - 1) != 0)
		raw[0] = '\0';
	put_name(host, sizeof(host), raw);
	snprintf(out, ACTOR_SIZE, "user:%s@%s", user, host);
}

void
admin_open(struct admin *a, const struct admin_settings *settings)
{
	char actor[ACTOR_SIZE];
	struct db_options options = { .program = "offhook" };

	a->settings = settings;
	if (settings->error != NULL)
		return;
	options.statement_timeout_ms = (a->command->flags & COMMAND_SLOW) != 0 ? SLOW_MS : QUICK_MS;
	a->db = db_new(settings->database_url, &options);
	who_runs(actor);
	db_actor(a->db, actor);
}

void
admin_close(struct admin *a)
{
	db_free(a->db);
	a->db = NULL;
}

const char *
admin_option(const struct admin *a, const char *name)
{
	const struct command_option *o = a->command->options;

	for (int i = 0; o[i].name != NULL; i++) {
		if (strcmp(o[i].name, name) == 0)
			return a->options[i];
	}
	abort(); /* a command that asks for an option that its table does not have */
}

bool
admin_number(const char *what, const char *text, int64_t min, int64_t max, int64_t *out)
{
	if (str_int64(text, min, max, out))
		return true;
	admin_misuse("%s must be a whole number from %" PRId64 " to %" PRId64, what, min, max);
	return false;
}

bool
admin_tenant_id(const char *what, const char *text)
{
	if (str_tenant_id(text))
		return true;
	admin_misuse("%s must be 3 to 64 of A-Z a-z 0-9 _ -", what);
	return false;
}

bool
admin_scope(const char *what, const char *text)
{
	static const char *const scopes[] = { "workspace", "organization", "partner", "platform" };

	for (size_t i = 0; text != NULL && i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		if (strcmp(text, scopes[i]) == 0)
			return true;
	}
	admin_misuse("%s must be workspace, organization, partner or platform", what);
	return false;
}

bool
admin_run(struct admin *a, const struct statement *statement, const char *const values[],
    struct rows **rows)
{
	switch (db_run(a->db, statement, values, rows)) {
	case RC_OK:
		return true;
	case RC_LATER:
		admin_refuse("the database did not answer: see that it runs and that database.url "
			     "names it; if this was to change something, look whether it did");
		return false;
	case RC_INVALID:
		admin_refuse("the database refused a value: nothing was changed");
		return false;
	default:
		admin_refuse("the database does not know this statement: run 'offhook migrate' "
			     "of this release");
		return false;
	}
}

bool
admin_run_word(
    struct admin *a, const struct statement *statement, const char *const values[], char word[32])
{
	struct rows *rows;

	if (!admin_run(a, statement, values, &rows))
		return false;
	snprintf(word, 32, "%s", rows_count(rows) > 0 ? rows_text(rows, 0, 0) : "");
	rows_free(rows);
	return true;
}

int
admin_list(struct admin *a, const struct statement *statement, const char *const values[],
    const struct column *columns, const char *none)
{
	struct rows *rows;

	if (!admin_run(a, statement, values, &rows))
		return ADMIN_FAILED;
	if (a->json)
		print_json(print_array(columns, rows));
	else
		print_table(columns, rows, none, stdout);
	rows_free(rows);
	return ADMIN_DONE;
}

static void __attribute__((format(printf, 1, 0))) say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fputs("offhook: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int
admin_refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return ADMIN_FAILED;
}

int
admin_misuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return ADMIN_USAGE;
}
