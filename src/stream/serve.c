/*
 * serve.c: see serve.h. One loop: connections from nginx on one side, the answers of the database
 * on the other, the hub between them, and a tick.
 */
#include "stream/serve.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "stream/conn.h"
#include "stream/feed.h"
#include "stream/hub.h"
#include "sys/signals.h"

#define TICK_MS 250
#define FAREWELL_US 2000000 /* for the last bytes to go out */
#define STALL_BEATS 2       /* heartbeats that a client may leave untaken */
#define OTHER_FILES 300     /* beside the streams: see SPARE in conn.c */

struct server {
	struct event_base *loop;
	struct conns *conns;
	struct feed *feed;
	struct hub *hub;
	int64_t leave_at; /* 0: not leaving */
};

/* ---- what the hub wants ---- */

static void
ask_replay(void *arg, uint64_t listener, const char *call_id, int64_t after)
{
	struct server *s = arg;

	feed_ask_replay(s->feed, listener, call_id, after, HUB_BATCH);
}

static bool
ask_stand(void *arg, const char *calls)
{
	struct server *s = arg;

	return feed_ask_stand(s->feed, calls);
}

/* ---- what the database answers ---- */

static void
take_news(struct server *s, const struct answer *answer, int64_t now)
{
	struct call_event event;

	for (int i = 0; i < rows_count(answer->rows); i++) {
		/* News are events: GCOVR_EXCL_BR_START */
		if (call_event_read(answer->rows, i, EVENT_NEWS_FIRST, &event))
			hub_news(s->hub, &event, now);
		/* GCOVR_EXCL_BR_STOP */
	}
}

static void
take_replay(struct server *s, const struct answer *answer, int64_t now)
{
	struct call_event events[HUB_BATCH];
	struct replay replay = { answer->listener, answer->call_id, events, 0, true };

	if (rows_count(answer->rows) > 0)
		replay.final = rows_bool(answer->rows, 0, EVENT_REPLAY_FINAL);
	/* No more than HUB_BATCH were asked for: GCOVR_EXCL_BR_START */
	for (int i = 0; i < rows_count(answer->rows) && replay.count < HUB_BATCH; i++) {
		/* GCOVR_EXCL_BR_STOP */
		if (call_event_read(answer->rows, i, EVENT_REPLAY_FIRST, &events[replay.count]))
			replay.count++;
	}
	hub_replayed(s->hub, &replay, now);
}

static void
take_stand(struct server *s, const struct answer *answer)
{
	const struct rows *rows = answer->rows;

	for (int i = 0; i < rows_count(rows); i++)
		hub_stands(s->hub, rows_text(rows, i, EVENT_STAND_CALL),
		    rows_int(rows, i, EVENT_STAND_COUNT), rows_bool(rows, i, EVENT_STAND_SETTLED));
}

static void
on_answers(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	struct answer *answer, *next;

	(void)fd;
	(void)what;
	for (answer = feed_take(s->feed); answer != NULL; answer = next) {
		int64_t now = clock_boot_us();

		next = answer->next;
		if (answer->kind == ANSWER_NEWS)
			take_news(s, answer, now);
		else if (answer->kind == ANSWER_REPLAY)
			take_replay(s, answer, now);
		else
			take_stand(s, answer);
		answer_free(answer);
	}
}

/* ---- time and signals ---- */

static void
leave(struct server *s, int64_t now)
{
	if (s->leave_at == 0) {
		log_info("%d streams are closed; their clients come back", hub_count(s->hub));
		s->leave_at = now + FAREWELL_US;
		conns_stop_listening(s->conns);
		hub_goodbye(s->hub);
	}
	if (conns_count(s->conns) == 0 || now >= s->leave_at)
		event_base_loopbreak(s->loop);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int64_t now = clock_boot_us();

	(void)fd;
	(void)what;
	if (signal_stop || signal_reload) {
		leave(s, now);
		return;
	}
	hub_tick(s->hub, now);
	feed_follow(s->feed, hub_count(s->hub) > 0);
}

/* ---- the life ---- */

/* As many files as the streams need, as far as we may. */
static void
raise_limit(int max_streams)
{
	rlim_t wanted = (rlim_t)max_streams + OTHER_FILES;
	struct rlimit files = { RLIM_INFINITY, RLIM_INFINITY };

	(void)getrlimit(RLIMIT_NOFILE, &files); /* it cannot fail */
	if (files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	if (files.rlim_cur < wanted)
		log_warning("only %llu files may be open: that is not enough for %d streams",
		    (unsigned long long)files.rlim_cur, max_streams);
	if (setrlimit(RLIMIT_NOFILE, &files) != 0) /* a filter may forbid it: GCOVR_EXCL_BR_LINE */
		log_warning("the limit of open files cannot be raised");
}

static void
on_library_log(int severity, const char *message)
{
	if (severity >= EVENT_LOG_WARN)
		log_warning("libevent: %s", message);
}

static void
run(struct server *s)
{
	const struct timeval tick = { .tv_usec = TICK_MS * 1000 };
	struct event *ticks = event_new(s->loop, -1, EV_PERSIST, on_tick, s);
	struct event *answers = event_new(
	    s->loop, feed_fd(s->feed), EV_READ | EV_PERSIST, on_answers, s);

	if (ticks == NULL || answers == NULL || event_add(ticks, &tick) != 0 ||
	    event_add(answers, NULL) != 0 || event_base_dispatch(s->loop) != 0)
		log_error("the event loop failed");
	if (answers != NULL)
		event_free(answers);
	if (ticks != NULL)
		event_free(ticks);
}

int
stream_serve(void *arg)
{
	const struct stream_env *env = arg;
	struct hub_rules rules = { env->max_streams, env->heartbeat_s * 1000000,
		env->longest_s * 1000000 };
	struct server s = { 0 };
	struct hub_ops ops = { conn_send, conn_end, ask_replay, ask_stand, &s };
	int status = 1;

	raise_limit(env->max_streams);
	event_set_log_callback(on_library_log);
	s.loop = event_base_new();
	if (s.loop == NULL)
		log_fatal("no event loop can be made");
	s.feed = feed_new(env->database_url, env->statement_timeout_ms);
	signals_unblock(); /* of this thread alone; libevent knows no mask, the tick looks at flags */
	s.conns = conns_new(s.loop, env->max_streams, STALL_BEATS * (int)env->heartbeat_s);
	s.hub = hub_new(&rules, &ops);
	conns_set_hub(s.conns, s.hub);
	if (conns_listen(s.conns, env->listen_fd)) {
		run(&s);
		status = signal_stop || signal_reload ? 0 : 1;
	} else {
		log_error("the socket of the streams cannot be listened on");
	}
	conns_free(s.conns);
	hub_free(s.hub);
	feed_free(s.feed);
	event_base_free(s.loop);
	libevent_global_shutdown();
	return status;
}
