/* records.c: see records.h. */
#include "voice/records.h"

#include <stdio.h>

#include "base/log.h"
#include "domain/question.h"

#define URL_SIZE 1024
#define RECORDS_MAX 4000 /* of one call; a model that says more would hold up the others' records */

static void
put(const struct records *r, enum voice_act act, const char *one, const char *two,
    const char *three, const char *four)
{
	const char *values[VOICE_VALUES_MAX] = { r->call_id, one, two, three, four };

	(void)desk_put(r->desk, act, r->number, values);
}

/* Something that must not be written twice: with its number. */
static void
put_record(struct records *r, enum voice_act act, const char *one, const char *two,
    const char *three, const char *four)
{
	char record[24];
	const char *values[VOICE_VALUES_MAX] = { r->call_id, db_int(++r->last, record), one, two,
		three, four };

	if (r->last > RECORDS_MAX) {
		if (r->last == RECORDS_MAX + 1)
			log_warning("too much is told of this call: the rest is left out");
		return;
	}
	(void)desk_put(r->desk, act, r->number, values);
}

static void
on_told(void *arg, const char *role, const char *text, int64_t at_ms)
{
	char number[24];

	put_record(arg, VOICE_TOLD, role, text, db_int(at_ms, number), NULL);
}

static void
on_ready(void *arg)
{
	const struct records *r = arg;

	r->ready(r->arg);
}

static void
on_spoke(void *arg)
{
	put(arg, VOICE_SPOKE, NULL, NULL, NULL, NULL);
}

static void
on_noted(void *arg, const char *decision, const char *text)
{
	put_record(arg, VOICE_NOTED, decision, text, NULL, NULL);
}

static void
on_keys(void *arg, const char *digits, const char *direction)
{
	put_record(arg, VOICE_KEYS, digits, direction, NULL, NULL);
}

static void
on_ask(void *arg, const char *request_id, const char *question)
{
	struct records *r = arg;
	char wait[24], url[URL_SIZE];

	snprintf(url, sizeof url, "%s/calls/%s/answer", r->public_url, r->call_id);
	put_record(r, VOICE_ASK, request_id, question, db_int(QUESTION_WAIT_S, wait), url);
}

static void
on_used(void *arg, const char *request_id)
{
	put_record(arg, VOICE_USED, request_id, NULL, NULL, NULL);
}

static void
on_over(void *arg, const struct verdict *v)
{
	struct records *r = arg;

	put(r, VOICE_END, v->outcome, v->summary, v->learnt, v->transfer_to);
	r->over(r->arg);
}

const struct session_ops records_ops = { on_told, on_ready, on_spoke, on_noted, on_keys, on_ask,
	on_used, on_over };
