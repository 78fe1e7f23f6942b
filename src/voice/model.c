/* model.c: see model.h. */
#include "voice/model.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define MESSAGE_MAX (1u << 20)
#define OUT_MAX (256u << 10)
#define EARLY_BYTES_A_MS 16 /* base64, and what the backlog adds to a frame */
#define EARLY_AT_ONCE 100   /* frames: the link takes so much without dropping any */
#define READY_MS 10000      /* from the connection to a model that takes sound */
#define AGAIN_MS 400        /* before another connection, with jitter */
#define GOOD_US 60000000    /* a connection that was good for so long was no mistake */
#define TRIES_MAX 2         /* connections in a row that were no good */

static void
release(struct model *m)
{
	link_close(m->link);
	alarm_free(m->alarm);
	backlog_free(&m->early);
	history_free(&m->history);
	buf_free(&m->out);
	m->ops->release(m->engine);
}

/* Whatever comes from the loop runs between these two. */
static void
enter(struct model *m)
{
	m->busy = true;
}

static void
leave(struct model *m)
{
	m->busy = false;
	if (m->ended)
		release(m);
}

bool
model_alive(const struct model *m)
{
	return !m->ended && !m->dead;
}

static void
hang_up(struct model *m)
{
	link_close(m->link);
	m->link = NULL;
	m->ready = false;
	alarm_set(m->alarm, 0);
}

void
model_fail(struct model *m, const char *what, bool for_good)
{
	char sentence[300];

	if (!model_alive(m))
		return;
	if (for_good) {
		hang_up(m);
		m->dead = true;
	}
	snprintf(sentence, sizeof sentence, "%s %s", m->ops->name, what);
	m->told->failed(m->arg, sentence, for_good);
}

/* The connection is no good, or not any more. */
static void
lose(struct model *m, const char *what, bool worth_it)
{
	bool was_good = m->ready && clock_boot_us() - m->ready_us > GOOD_US;

	hang_up(m);
	m->tries = was_good ? 1 : m->tries + 1;
	if (!worth_it || m->tries >= TRIES_MAX) {
		model_fail(m, what, true);
		return;
	}
	alarm_set(m->alarm, clock_jitter_ms(AGAIN_MS));
	model_fail(m, what, false);
}

/* ---- the connection ---- */

static void
on_opened(void *arg)
{
	struct model *m = arg;

	enter(m);
	if (m->ops->opened != NULL)
		m->ops->opened(m->engine);
	leave(m);
}

static void
on_message(void *arg, char *bytes, size_t len)
{
	struct model *m = arg;

	enter(m);
	if (!m->ops->message(m->engine, bytes, len) && model_alive(m))
		lose(m, "sent what is none of its protocol", true);
	leave(m);
}

static void
on_ended(void *arg, const struct link_end *end)
{
	struct model *m = arg;

	enter(m);
	lose(m, end->error, m->ops->worth_it(m->engine, end));
	leave(m);
}

static const struct link_told link_told = { on_opened, on_message, on_ended };

static void
connect_anew(struct model *m)
{
	struct link_setup setup = { .links = m->links, .message_max = MESSAGE_MAX };
	struct buf url;

	buf_init(&url, 4096);
	m->life++;
	m->ops->address(m->engine, &url, &setup);
	setup.url = url.data;
	m->link = link_open(&setup, &link_told, m);
	buf_free(&url);
	alarm_set(m->alarm, READY_MS);
}

/* It is time for another connection, or this one has taken too long to be of use. */
static void
on_alarm(void *arg)
{
	struct model *m = arg;

	enter(m);
	if (m->link == NULL)
		connect_anew(m);
	else
		lose(m, "is connected, but does not begin", true);
	leave(m);
}

void
model_move(struct model *m)
{
	hang_up(m);
	m->tries = 0;
	alarm_set(m->alarm, 1);
}

/* ---- for the engine ---- */

void
model_begin(struct model *m, const struct model_ops *ops, struct engine *e,
    const struct engine_setup *setup, const struct engine_told *told, void *arg)
{
	m->ops = ops;
	m->engine = e;
	m->links = setup->env->links;
	m->told = told;
	m->arg = arg;
	buf_init(&m->out, OUT_MAX);
	backlog_init(&m->early, (size_t)ops->keep_ms * EARLY_BYTES_A_MS, ops->keep_ms);
	m->alarm = alarm_new(m->links, on_alarm, m);
	connect_anew(m);
}

void
model_end(struct model *m)
{
	m->ended = true;
	if (!m->busy)
		release(m);
}

/* What has waited, in pieces, and as long as there is any what comes goes behind it. */
static void
send_early(struct model *m)
{
	enum backlog_kind kind;
	unsigned char *base64;
	size_t len;

	for (int i = 0; i < EARLY_AT_ONCE; i++) {
		base64 = backlog_next(&m->early, clock_boot_us(), &kind, &len);
		if (base64 == NULL)
			break;
		m->ops->hear(m->engine, (const char *)base64, len);
		backlog_pop(&m->early);
	}
}

void
model_ready(struct model *m)
{
	m->ready = true;
	m->ready_us = clock_boot_us();
	alarm_set(m->alarm, 0);
	if (!m->held)
		send_early(m);
	if (m->told_ready)
		return;
	m->told_ready = true;
	m->told->ready(m->arg);
}

void
model_send(struct model *m, enum backlog_kind kind)
{
	if (buf_failed(&m->out))
		log_error("a message for %s is too long, or no text", m->ops->name);
	else if (m->link != NULL)
		link_send(m->link, kind, m->out.data, m->out.len);
	buf_clear(&m->out);
}

void
model_hear(struct model *m, const char *base64, size_t len)
{
	bool waits = !m->ready || m->held || !backlog_empty(&m->early);

	if (m->dead)
		return;
	if (waits)
		(void)backlog_add(&m->early, BACKLOG_SOUND, base64, len, clock_boot_us());
	else
		m->ops->hear(m->engine, base64, len);
	if (waits && m->ready && !m->held)
		send_early(m);
}

void
model_listen(struct model *m)
{
	m->held = false;
	if (m->ready)
		send_early(m);
}
