/*
 * carrier_desk.c: what the database says of the calls behind the carrier's sockets: whether a token is good, what
 * the talk needs, what is new.
 */
#include <libwebsockets.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "voice/socket.h"

#define NEWS_US 250000 /* between two looks at the database */

void
sockets_ask(struct sockets *all, int64_t now)
{
	const char *values[VOICE_VALUES_MAX] = { NULL };
	const struct socket *s;
	struct buf list;

	if (all->news_asked || now < all->news_at)
		return;
	buf_init(&list, (size_t)all->env->most * ID_SIZE + 3);
	LIST_FOREACH(s, &all->list, next)
	{
		if (s->state == LIVE)
			buf_printf(&list, "%c%s", list.len == 0 ? '{' : ',', s->call_id);
	}
	buf_puts(&list, "}");
	values[0] = list.data;
	if (list.len > 1)
		all->news_asked = desk_put(all->env->desk, VOICE_NEWS, 0, values);
	all->news_at = now + NEWS_US;
	buf_free(&list);
}

static void
take_begin(struct socket *s, const struct rows *rows, int64_t now)
{
	const struct sockets_env *env = s->all->env;
	json_t *numbers;
	char why[64];
	const char *text;

	if (s->state != ASKING)
		return;
	if (rows == NULL) {
		socket_close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
		return;
	}
	if (rows_count(rows) == 0) {
		socket_refuse(s, "its token is not good for it");
		return;
	}
	text = rows_text(rows, 0, VOICE_BEGIN_TRANSFER_NUMBERS);
	numbers = json_parse_strict(text, strlen(text), why);
	s->session = session_new(&(struct session_setup){ .ops = &records_ops,
				     .arg = &s->records,
				     .kind = env->kind,
				     .env = env->engine,
				     .ears = env->ears,
				     .call_id = s->call_id,
				     .brief = rows_text(rows, 0, VOICE_BEGIN_BRIEF),
				     .language = rows_text(rows, 0, VOICE_BEGIN_LANGUAGE),
				     .call_kind = rows_text(rows, 0, VOICE_BEGIN_KIND),
				     .slots = rows_text(rows, 0, VOICE_BEGIN_SLOTS),
				     .learnt = rows_text(rows, 0, VOICE_BEGIN_LEARNT),
				     .answered_by = rows_text(rows, 0, VOICE_BEGIN_ANSWERED_BY),
				     .voicemail = rows_text(rows, 0, VOICE_BEGIN_VOICEMAIL),
				     .transfer_numbers = numbers,
				     .since_us = rows_int(rows, 0, VOICE_BEGIN_SINCE_MS) * 1000,
				     .max_talk_s = env->max_talk_s,
				     .hold_s = env->hold_s },
	    now);
	json_decref(numbers);
	socket_turn_to(s, LIVE);
	log_info("a conversation begins");
}

static void
take_news(struct sockets *all, const struct rows *rows, int64_t now)
{
	struct socket *s;

	all->news_asked = false;
	for (int i = 0; rows != NULL && i < rows_count(rows); i++) {
		const char *call_id = rows_text(rows, i, VOICE_NEWS_CALL);
		const char *text = rows_text(rows, i, VOICE_NEWS_QUESTIONS);
		json_t *questions = text == NULL ? NULL : json_loads(text, 0, NULL);

		LIST_FOREACH(s, &all->list, next)
		{
			if (s->state != LIVE || strcmp(s->call_id, call_id) != 0)
				continue;
			log_about(call_id);
			if (rows_bool(rows, i, VOICE_NEWS_OVER))
				session_stopped(s->session, now);
			session_news(
			    s->session, rows_text(rows, i, VOICE_NEWS_ANSWERED_BY), questions, now);
		}
		json_decref(questions);
	}
	log_about(NULL);
}

void
sockets_answer(struct sockets *all, const struct desk_answer *answer, int64_t now)
{
	struct socket *s;

	if (answer->act == VOICE_NEWS) {
		take_news(all, answer->rows, now);
		return;
	}
	LIST_FOREACH(s, &all->list, next)
	{
		if (s->number != answer->who)
			continue;
		log_about(s->call_id);
		if (answer->act == VOICE_BEGIN)
			take_begin(s, answer->rows, now);
		else if (s->state == REPORTING)
			socket_close_soon(s, LWS_CLOSE_STATUS_NORMAL);
		log_about(NULL);
		return;
	}
}
