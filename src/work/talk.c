/*
 * talk.c: the talker. Where voice.engine is openai and voice.transport twiml, a language model answers the
 * turns of the agent. Many are asked for at once; each is leased, and the lease renewed while its request is
 * under way, so that what a talker that died had in hand is taken up by the next within seconds.
 */
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "domain/talk.h"
#include "domain/talk_rules.h"
#include "remote/llm.h"
#include "sys/signals.h"
#include "work/env.h"

#define AT_ONCE_MAX 256
#define POLL_US 100000
#define HOLD_US 1000000 /* a quarter of a lease */
#define IDLE_MS 500
/* Somebody holds the line: an answer that takes longer comes too late (fn.talk_ask). */
#define CONNECT_MS 3000
#define TOTAL_MS 12000

#define DRAIN_US 2000000

struct talk;

struct talker {
	const struct work_env *env;
	struct db *db;
	struct fetch_pool *pool;
	json_t *schema;
	char holder[ID_SIZE];
	int64_t poll_us, hold_us; /* the next of each */
	struct talk *under_way[AT_ONCE_MAX];
};

/* One turn under way. */
struct talk {
	struct talker *t;
	struct arena *arena; /* holds this and its texts */
	struct talk_done done;
	int place; /* among those under way */
};

static void
finish(struct talk *k, const char *error)
{
	log_about(k->done.call_id);
	if (error != NULL)
		log_warning("turn %s of the agent: %s%s", k->done.number, error,
		    k->done.again_s < 0 ? "" : "; it is asked again");
	if (talk_done(k->t->db, &k->done) != RC_OK)
		log_warning("a turn's reply could not be kept; it is asked for again");
	log_about(NULL);
	k->t->under_way[k->place] = NULL;
	arena_free(k->arena);
}

static void
answered(struct fetch_result *result, void *arg)
{
	struct talk *k = arg;
	struct llm_answer answer;
	enum rc rc = llm_read(result, k->arena, &answer);

	k->done.again_s = rc == RC_INVALID ? -1 : answer.retry_after_s;
	if (rc == RC_OK) {
		k->done.reply = talk_read(k->arena, answer.value);
		if (k->done.reply == NULL)
			answer.error = "The language model's answer is no turn of a talk";
	}
	finish(k, answer.error);
}

static void
start(struct talker *t, const struct rows *rows, int i)
{
	struct arena *a = arena_new();
	struct talk *k = arena_alloc(a, sizeof *k);
	struct talk_facts facts = { .brief = rows_text(rows, i, TALK_BRIEF),
		.language = rows_text(rows, i, TALK_LANGUAGE),
		.kind = rows_text(rows, i, TALK_KIND),
		.today = rows_text(rows, i, TALK_TODAY),
		.slots = rows_text(rows, i, TALK_SLOTS),
		.so_far = rows_text(rows, i, TALK_SO_FAR),
		.question = rows_text(rows, i, TALK_QUESTION),
		.answer = rows_text(rows, i, TALK_ANSWER),
		.mode = rows_text(rows, i, TALK_MODE) };
	struct llm_question question = { talk_rules, talk_material(a, &facts), "agent_turn",
		t->schema, TALK_TOKENS_MAX };
	struct fetch f;

	*k = (struct talk){ .t = t, .arena = a };
	k->done = (struct talk_done){ .call_id = rows_copy(a, rows, i, TALK_CALL_ID),
		.number = rows_copy(a, rows, i, TALK_NUMBER),
		.workspace_id = rows_copy(a, rows, i, TALK_WORKSPACE_ID) };
	while (t->under_way[k->place] != NULL)
		k->place++;
	t->under_way[k->place] = k;
	llm_request(&t->env->llm, a, &question, &f);
	f.connect_ms = CONNECT_MS;
	f.total_ms = TOTAL_MS;
	fetch_pool_start(t->pool, &f, answered, k);
}

static void
hold(struct talker *t)
{
	int64_t now = clock_boot_us();

	if (now < t->hold_us || fetch_pool_active(t->pool) == 0)
		return;
	t->hold_us = now + HOLD_US;
	if (talks_hold(t->db, t->holder) != RC_OK)
		log_warning("the leases of the turns under way could not be renewed");
}

static void
turn(struct talker *t)
{
	int room = AT_ONCE_MAX - fetch_pool_active(t->pool);
	int64_t now = clock_boot_us();
	struct rows *rows;

	hold(t);
	if (now >= t->poll_us) {
		t->poll_us = now + POLL_US;
		if (room > 0 && talks_due(t->db, t->holder, room, &rows) == RC_OK) {
			for (int i = 0; i < rows_count(rows); i++)
				start(t, rows, i);
			rows_free(rows);
		}
	}
	fetch_pool_run(t->pool, t->poll_us);
}

/* What is under way is waited for, but not for long: new turns wait for the next talker, and it takes up
 * what is left behind once the leases are over. */
static void
drain(struct talker *t)
{
	int64_t end = clock_boot_us() + DRAIN_US;

	while (fetch_pool_active(t->pool) > 0 && clock_boot_us() < end)
		fetch_pool_run(t->pool, end);
	fetch_pool_free(t->pool);
	for (int i = 0; i < AT_ONCE_MAX; i++)
		if (t->under_way[i] != NULL)
			arena_free(t->under_way[i]->arena);
}

static void
talk(struct talker *t)
{
	struct db_options options = { "offhook-talker", t->env->statement_timeout_ms, 0 };

	signals_unblock(); /* this loop waits in libcurl, which knows no signal mask */
	fetch_init();
	id_make(t->holder, "talker_");
	t->db = db_new(t->env->database_url, &options);
	t->pool = fetch_pool_new();
	t->schema = talk_schema();
	while (!signal_stop && !signal_reload)
		turn(t);
	drain(t);
	json_decref(t->schema);
	db_free(t->db);
}

int
work_talk(void *arg)
{
	struct talker t = { .env = arg };

	if (t.env->talks)
		talk(&t);
	while (!signal_stop && !signal_reload)
		signals_sleep_ms(IDLE_MS);
	return 0;
}
