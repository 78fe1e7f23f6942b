/* accept.c: see accept.h. Between worker and committer everything is text, as the statement's parameters
 * are. */
#include "domain/accept.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/texts.h"

/* An array of texts: quotes and backslashes double what they are in, and there are 64 of them. */
#define ARRAY_MAX (ACCEPT_AT_ONCE * 2 * ACCEPT_MESSAGE_MAX)

enum answer_text {
	ANSWER_RC,
	ANSWER_RESULT,
	ANSWER_WORKSPACE,
	ANSWER_STATUS,
	ANSWER_BODY,
	ANSWER_TEXTS
};

/* ---- asking ---- */

void
accept_ask(struct buf *message, const struct credential *who, const struct call_wish *wish)
{
	char credits[24], price[24], cap[24];
	const char *fields[ACCEPT_FIELDS] = {
		[5] = wish->idem_key,
		[6] = wish->idem_route,
		[7] = wish->idem_fingerprint,
		[8] = wish->call_id,
		[9] = wish->task_id,
		[10] = wish->target_phone,
		[11] = wish->brief,
		[12] = wish->language,
		[13] = wish->kind,
		[14] = wish->parsed_slots,
		[15] = wish->ask_user_mode,
		[16] = wish->machine_detection,
		[17] = wish->metadata,
		[18] = wish->not_after,
		[19] = db_bool(wish->direct),
		[20] = db_int(wish->credits, credits),
		[21] = db_int(wish->price_cents, price),
		[22] = db_int(wish->default_cap, cap),
		[23] = wish->answer,
		[24] = wish->priority,
	};

	who_params(who, fields);
	texts_write(message, fields, ACCEPT_FIELDS);
}

/* Reads the committer's answer, which stays in the arena. */
static enum rc
read_answer(struct arena *a, const struct buf *answer, struct call_acceptance *acceptance)
{
	char *copy = arena_strndup(a, answer->data, answer->len);
	const char *texts[ANSWER_TEXTS];
	int64_t rc, status = 0;

	if (!texts_read(copy, answer->len, texts, ANSWER_TEXTS) || texts[ANSWER_RC] == NULL ||
	    !str_int64(texts[ANSWER_RC], RC_OK, RC_BROKEN, &rc) ||
	    (texts[ANSWER_STATUS] != NULL && !str_int64(texts[ANSWER_STATUS], 100, 599, &status))) {
		log_error("the committer gave an answer that is none");
		return RC_BROKEN;
	}
	if (rc != RC_OK)
		return (enum rc)rc;
	acceptance->workspace_id = texts[ANSWER_WORKSPACE];
	acceptance->status = (int)status;
	acceptance->body = texts[ANSWER_BODY];
	return call_result(texts[ANSWER_RESULT], &acceptance->refusal);
}

enum rc
call_accept(struct asker *committer, int wait_ms, struct arena *a, const struct credential *who,
    const struct call_wish *wish, struct call_acceptance *acceptance)
{
	struct buf question, answer;
	enum rc rc = RC_INVALID;

	buf_init(&question, ACCEPT_MESSAGE_MAX);
	buf_init(&answer, ACCEPT_MESSAGE_MAX);
	accept_ask(&question, who, wish);
	if (!buf_failed(&question))
		rc = asker_ask(committer, &question, wait_ms, &answer);
	if (rc == RC_OK)
		rc = read_answer(a, &answer, acceptance);
	buf_free(&question);
	buf_free(&answer);
	return rc;
}

/* ---- the committer's side ---- */

bool
accept_read(const char *message, size_t size, struct accept_wish *wish)
{
	return texts_read(message, size, wish->fields, ACCEPT_FIELDS);
}

/* The elements of one field as PostgreSQL reads an array. */
static void
add_array(struct buf *out, const struct accept_wish wishes[], int count, int field)
{
	buf_puts(out, "{");
	for (int i = 0; i < count; i++) {
		const char *text = wishes[i].fields[field];

		buf_puts(out, i == 0 ? "" : ",");
		if (text == NULL) {
			buf_puts(out, "NULL");
			continue;
		}
		buf_puts(out, "\"");
		for (size_t plain; *text != '\0'; text += plain) {
			if (*text == '"' || *text == '\\') {
				buf_puts(out, "\\");
				buf_add(out, text++, 1);
			}
			plain = strcspn(text, "\"\\");
			buf_add(out, text, plain);
		}
		buf_puts(out, "\"");
	}
	buf_puts(out, "}");
}

static const struct statement accept_calls = {
	"calls_accept",
	"SELECT result, workspace_id, status, body FROM fn.calls_accept($1::bytea[], $2::text[],"
	" $3::text[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[],"
	" $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::json[], $16::text[],"
	" $17::machine_detection[], $18::json[], $19::timestamptz[], $20::boolean[], $21::integer[],"
	" $22::integer[], $23::integer[], $24::text[], $25::text[])",
	ACCEPT_FIELDS,
};

enum rc
accept_run(struct db *db, const struct accept_wish wishes[], int count, struct rows **rows)
{
	struct buf arrays[ACCEPT_FIELDS];
	const char *values[ACCEPT_FIELDS];
	enum rc rc;

	for (int i = 0; i < ACCEPT_FIELDS; i++) {
		buf_init(&arrays[i], ARRAY_MAX);
		add_array(&arrays[i], wishes, count, i);
		values[i] = arrays[i].data;
	}
	rc = db_run(db, &accept_calls, values, rows);
	for (int i = 0; i < ACCEPT_FIELDS; i++)
		buf_free(&arrays[i]);
	if (rc == RC_OK && rows_count(*rows) != count) {
		log_error("of %d calls %d have an answer", count, rows_count(*rows));
		rows_free(*rows);
		*rows = NULL;
		rc = RC_BROKEN;
	}
	return rc;
}

bool
accept_again(const struct rows *rows, int row)
{
	return strcmp(rows_text(rows, row, 0), "again") == 0;
}

void
accept_answer(struct buf *message, enum rc rc, const struct rows *rows, int row)
{
	char number[24];
	const char *texts[ANSWER_TEXTS] = { db_int(rc, number) };

	for (int i = ANSWER_RESULT; rows != NULL && i < ANSWER_TEXTS; i++)
		texts[i] = rows_text(rows, row, i - ANSWER_RESULT);
	texts_write(message, texts, ANSWER_TEXTS);
}
