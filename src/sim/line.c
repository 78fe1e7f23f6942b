/*
 * line.c: media streams.
 *
 * Sound is counted in frames of 20 ms, each with a deadline of its own, a multiple of 20 ms after
 * the start: a late frame is followed by one in time. A mark is due at the deadline at which the
 * sound before it has been played; one that comes while nothing is played is due at once.
 *
 * What the customer is too slow to read is dropped, the oldest sound first.
 */
#include "sim/line.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/buf.h"
#include "base/mem.h"
#include "sim/gauge.h"
#include "sim/map.h"
#include "sim/msg.h"
#include "sim/party.h"
#include "sim/play.h"
#include "sim/settings.h"
#include "sim/tone.h"
#include "sim/ulaw.h"

#define FRAME_US (ULAW_FRAME_MS * 1000)
#define GRID_US 5000 /* deadlines lie on this grid of the clock, so that one timer serves all */
#define OUT_MAX 500  /* messages that wait to be sent: ten seconds of sound */
#define DRAIN_US 2000000
#define LINES_KEPT 2000
#define TAPE_BYTES_MAX ((int64_t)2 * 1024 * 1024 * 1024) /* of all lines that are over */

#define KEYS_MAX 64 /* that are told of */

#define CODE_SLOW 31930
#define CODE_OVERFLOW 31931
#define CODE_BINARY 31950

enum state { CONNECTING, OPEN, STOPPING, OVER };
static const char *const state_names[] = { "connecting", "open", "stopping", "over" };

struct out {
	TAILQ_ENTRY(out) link;
	int64_t due_us; /* of a frame of sound; 0 for everything else */
	size_t len;
	uint8_t bytes[]; /* LINE_OUT_ROOM free ones first */
};

struct line {
	TAILQ_ENTRY(line) link;
	struct msg_line names;
	char *url;
	json_t *parameters;
	struct arena *arena; /* the callee's texts */
	struct callee callee;
	struct party party;
	struct play play;
	struct gauge gauge;
	struct tape *tape; /* while it is open */
	int64_t samples;   /* kept of each side */
	bool callee_audible, agent_audible;
	enum state state;
	int64_t began_us, due_us, stop_us;
	TAILQ_HEAD(, out) out;
	int out_count;
	struct buf message; /* that is being made */
	struct buf in;      /* that is being received */
	bool in_binary;
	struct line_news news;
	bool has_news;
	int warned[LINE_WARNINGS_MAX]; /* codes: each once */
	int close_code;
	char ended_by[16];
	char keys[KEYS_MAX + 1]; /* that the agent pressed, by their tones */
	char key, key_before;    /* of the last frame, and of the one before; 0: none */
	uint64_t messages, media, marks, clears, ignored; /* from the customer */
	uint64_t bytes, overflow, cleared, dropped;
	void *wire;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static TAILQ_HEAD(lines, line) lines = TAILQ_HEAD_INITIALIZER(lines);
static size_t line_count;
static int64_t tape_bytes;
static size_t with_news;
static struct map by_stream, by_call;

void
line_lock(void)
{
	pthread_mutex_lock(&lock);
}

void
line_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* --- the table --- */

static void
drop_tape(struct line *l)
{
	if (l->samples == 0)
		return;
	tape_bytes -= l->samples * 4;
	l->samples = 0;
	tape_remove(l->names.stream_sid);
}

static void
drop_out(struct line *l, struct out *o)
{
	TAILQ_REMOVE(&l->out, o, link);
	l->out_count--;
	free(o);
}

/* What is needed only while it is open. */
static void
release(struct line *l)
{
	struct out *o, *next;

	for (o = TAILQ_FIRST(&l->out); o != NULL; o = next) {
		next = TAILQ_NEXT(o, link);
		free(o);
	}
	TAILQ_INIT(&l->out);
	l->out_count = 0;
	play_free(&l->play);
	for (size_t i = 0; i < l->party.line_count; i++)
		if (l->party.voices[i].bytes != NULL)
			munmap((void *)(uintptr_t)l->party.voices[i].bytes, l->party.voices[i].len);
	l->party.line_count = 0;
	buf_free(&l->message);
	buf_free(&l->in);
	if (l->tape != NULL)
		tape_close(l->tape);
	l->tape = NULL;
}

static void
line_free(struct line *l)
{
	if (l->state != OVER)
		release(l);
	drop_tape(l);
	if (l->has_news)
		with_news--;
	TAILQ_REMOVE(&lines, l, link);
	line_count--;
	map_remove(&by_stream, l->names.stream_sid);
	if (map_get(&by_call, l->names.call_sid) == l)
		map_remove(&by_call, l->names.call_sid);
	gauge_free(&l->gauge);
	json_decref(l->parameters);
	free(l->url);
	arena_free(l->arena);
	free(l);
}

/* The oldest that are over go when there are too many, or too much of their sound. */
static void
forget_old(void)
{
	struct line *l, *next;

	for (l = TAILQ_FIRST(&lines); l != NULL && tape_bytes > TAPE_BYTES_MAX;
	     l = TAILQ_NEXT(l, link))
		if (l->state == OVER)
			drop_tape(l);
	for (l = TAILQ_FIRST(&lines); l != NULL && line_count > LINES_KEPT; l = next) {
		next = TAILQ_NEXT(l, link);
		if (l->state == OVER && l->wire == NULL && !l->has_news)
			line_free(l);
	}
}

struct line *
line_new(const struct line_order *o)
{
	struct line *l = mem_zalloc(1, sizeof(*l));

	memcpy(l->names.stream_sid, o->stream_sid, sizeof(l->names.stream_sid));
	memcpy(l->names.call_sid, o->call_sid, sizeof(l->names.call_sid));
	l->names.account_sid = settings()->account_sid;
	l->url = mem_strdup(o->url);
	l->parameters = json_deep_copy(o->parameters);
	l->arena = arena_new();
	l->callee = callee_copy(o->callee, l->arena);
	party_init(&l->party, &l->callee, o->greeted);
	play_init(&l->play);
	TAILQ_INIT(&l->out);
	buf_init(&l->message, MSG_BYTES_MAX);
	buf_init(&l->in, MSG_BYTES_MAX);
	l->due_us = INT64_MAX;
	TAILQ_INSERT_TAIL(&lines, l, link);
	line_count++;
	map_put(&by_stream, l->names.stream_sid, l);
	map_remove(&by_call, l->names.call_sid); /* its key is the older line's */
	map_put(&by_call, l->names.call_sid, l);
	forget_old();
	return l;
}

struct line *
line_get(const char *stream_sid)
{
	return map_get(&by_stream, stream_sid);
}

const char *
line_sid(const struct line *l)
{
	return l->names.stream_sid;
}

const char *
line_url(const struct line *l)
{
	return l->url;
}

void
line_set_wire(struct line *l, void *wire)
{
	l->wire = wire;
}

void *
line_wire(const struct line *l)
{
	return l->wire;
}

/* --- news --- */

static struct line_news *
news(struct line *l)
{
	if (!l->has_news)
		with_news++;
	l->has_news = true;
	return &l->news;
}

bool
line_some_news(void)
{
	return with_news > 0;
}

static void
warn(struct line *l, int code, const char *why)
{
	struct line_warning *w;

	for (int i = 0; i < LINE_WARNINGS_MAX; i++) {
		if (l->warned[i] == code)
			return;
		if (l->warned[i] != 0)
			continue;
		l->warned[i] = code;
		w = &news(l)->warnings[l->news.warning_count++];
		w->code = code;
		snprintf(w->why, sizeof(w->why), "%s", why);
		return;
	}
}

bool
line_news(struct line *l, struct line_news *out)
{
	if (!l->has_news)
		return false;
	*out = l->news;
	memcpy(out->call_sid, l->names.call_sid, sizeof(out->call_sid));
	out->turn = l->callee.turn;
	out->silent_turns = l->callee.silent_turns;
	out->pressed = l->callee.digits == NULL;
	l->news = (struct line_news){ 0 };
	l->has_news = false;
	with_news--;
	return true;
}

/* --- to the customer --- */

/* Makes room for one more message. False when that one is dropped. */
static bool
make_room(struct line *l)
{
	struct out *o;

	if (l->out_count < OUT_MAX)
		return true;
	warn(l, CODE_SLOW, "the server reads too slowly: sound is dropped");
	l->dropped++;
	TAILQ_FOREACH(o, &l->out, link)
	if (o->due_us != 0) {
		drop_out(l, o);
		return true;
	}
	return false;
}

/* The message that has been made goes behind the others. */
static void
post(struct line *l, int64_t due_us)
{
	struct out *o;

	if (buf_failed(&l->message))
		abort(); /* marks are bounded, and everything else is ours */
	if (!make_room(l))
		return;
	o = mem_alloc(sizeof(*o) + LINE_OUT_ROOM + l->message.len);
	o->due_us = due_us;
	o->len = l->message.len;
	memcpy(o->bytes + LINE_OUT_ROOM, l->message.data, o->len);
	TAILQ_INSERT_TAIL(&l->out, o, link);
	l->out_count++;
}

static struct buf *
message(struct line *l)
{
	buf_clear(&l->message);
	return &l->message;
}

uint8_t *
line_next(struct line *l, size_t *len)
{
	struct out *o = TAILQ_FIRST(&l->out);

	if (o == NULL)
		return NULL;
	*len = o->len;
	return o->bytes + LINE_OUT_ROOM;
}

void
line_sent(struct line *l, int64_t now_us)
{
	struct out *o = TAILQ_FIRST(&l->out);

	if (o->due_us != 0)
		gauge_sent(&l->gauge, o->due_us, now_us);
	drop_out(l, o);
}

static void
post_due_marks(struct line *l)
{
	struct play_mark *m;

	while ((m = play_due(&l->play)) != NULL) {
		msg_mark(&l->names, m->name, message(l));
		post(l, 0);
		free(m);
	}
}

/* --- time --- */

void
line_open(struct line *l, int64_t now_us)
{
	if (l->state != CONNECTING)
		return;
	l->state = OPEN;
	l->began_us = (now_us + GRID_US - 1) / GRID_US * GRID_US;
	l->due_us = l->began_us + FRAME_US;
	gauge_init(&l->gauge, l->began_us, l->callee.silence_ms);
	if (settings()->tape_ms > 0)
		l->tape = tape_open(
		    l->names.stream_sid, (int64_t)settings()->tape_ms * (ULAW_RATE / 1000));
	msg_connected(message(l));
	post(l, 0);
	msg_start(&l->names, l->parameters, message(l));
	post(l, 0);
	news(l)->opened = true;
}

int64_t
line_due_us(const struct line *l)
{
	return l->due_us;
}

static void
follow(struct line *l, const struct party_did *did)
{
	if (did->began != NULL)
		gauge_begins(&l->gauge, l->due_us, did->began, did->text, did->interrupts);
	if (did->digit != '\0') {
		msg_dtmf(&l->names, did->digit, message(l));
		post(l, 0);
	}
	if (did->ended)
		gauge_ends(&l->gauge, l->due_us);
	if (did->beeped)
		news(l)->beeped = true;
	if (did->hangs_up)
		news(l)->hung_up = true;
}

/* A key is pressed when its tones are there for two frames; it is let go in the first without. */
static void
hear_keys(struct line *l, const uint8_t agent[ULAW_FRAME], bool audible)
{
	char key = audible ? tone_key(agent) : '\0';
	size_t len = strlen(l->keys);

	if (key != '\0' && key == l->key && key != l->key_before && len < KEYS_MAX)
		l->keys[len] = key;
	l->key_before = l->key;
	l->key = key;
}

void
line_tick(struct line *l)
{
	uint8_t agent[ULAW_FRAME], callee[ULAW_FRAME];
	size_t samples = play_take(&l->play, agent);
	bool audible = ulaw_audible(agent, ULAW_FRAME);
	struct party_did did;

	post_due_marks(l);
	gauge_played(&l->gauge, l->due_us, samples, audible);
	hear_keys(l, agent, audible);
	party_tick(&l->party, audible, callee, &did);
	/* A frame holds the sound of the 20 ms before it: the first begins at 0. */
	msg_media(
	    &l->names, (l->due_us - l->began_us - FRAME_US) / 1000, callee, ULAW_FRAME, message(l));
	post(l, l->due_us);
	follow(l, &did);
	l->agent_audible = l->agent_audible || audible;
	l->callee_audible = l->callee_audible || ulaw_audible(callee, ULAW_FRAME);
	if (l->tape != NULL)
		tape_add(l->tape, callee, agent);
	l->due_us += FRAME_US;
}

/* --- from the customer --- */

static void
take(struct line *l, const struct msg *m, int64_t now_us)
{
	size_t gone;

	switch (m->kind) {
	case MSG_MEDIA:
		l->media++;
		l->bytes += m->len;
		gauge_arrived(&l->gauge, now_us, ulaw_audible(m->audio, m->len));
		gone = play_add(&l->play, m->audio, m->len);
		l->overflow += gone;
		if (gone > 0)
			warn(l, CODE_OVERFLOW, "more than ten minutes are buffered: discarded");
		break;
	case MSG_MARK:
		l->marks++;
		if (play_mark(&l->play, m->name))
			post_due_marks(l);
		else
			warn(l, CODE_OVERFLOW, "too many marks are outstanding: forgotten");
		break;
	case MSG_CLEAR:
		l->clears++;
		l->cleared += play_clear(&l->play);
		gauge_cleared(&l->gauge, now_us);
		post_due_marks(l);
		break;
	}
}

static void
ignore(struct line *l, int code, const char *why)
{
	l->ignored++;
	warn(l, code, why);
}

static void
read_message(struct line *l, int64_t now_us)
{
	char why[MSG_WHY_SIZE];
	struct msg m;
	int code;

	l->messages++;
	if (l->in_binary) {
		ignore(l, CODE_BINARY, "a binary message");
	} else if (buf_failed(&l->in)) {
		ignore(l, MSG_INVALID, "the message is too long");
	} else {
		code = msg_read(l->in.data, l->in.len, l->names.stream_sid, &m, why);
		if (code != 0)
			ignore(l, code, why);
		else
			take(l, &m, now_us);
		msg_release(&m);
	}
}

void
line_received(struct line *l, const void *bytes, size_t len, bool first, bool last, bool binary,
    int64_t now_us)
{
	if (l->state != OPEN)
		return;
	if (first) {
		buf_clear(&l->in);
		l->in_binary = binary;
	}
	buf_add(&l->in, bytes, len);
	if (last)
		read_message(l, now_us);
}

/* --- the end --- */

void
line_stop(struct line *l, int64_t now_us)
{
	if (l->state == OPEN) {
		msg_stop(&l->names, message(l));
		post(l, 0);
	}
	if (l->state == OVER || l->state == STOPPING)
		return;
	l->state = STOPPING;
	l->due_us = INT64_MAX;
	l->stop_us = now_us;
	snprintf(l->ended_by, sizeof(l->ended_by), "carrier");
}

bool
line_finished(const struct line *l, int64_t now_us, bool *late)
{
	*late = l->state == STOPPING && now_us - l->stop_us > DRAIN_US;
	return l->state == STOPPING && (TAILQ_EMPTY(&l->out) || *late);
}

void
line_over(struct line *l, int code, const char *why, int close_code)
{
	if (l->state == OVER)
		return;
	if (l->ended_by[0] == '\0')
		snprintf(l->ended_by, sizeof(l->ended_by), "%s",
		    l->state == CONNECTING ? "nobody" : "server");
	l->state = OVER;
	l->due_us = INT64_MAX;
	l->close_code = close_code;
	if (l->tape != NULL)
		l->samples = tape_samples(l->tape);
	release(l);
	tape_bytes += l->samples * 4;
	news(l)->over = true;
	l->news.code = code;
	snprintf(l->news.why, sizeof(l->news.why), "%s", why);
}

/* --- voices --- */

void
line_voice(struct line *l, size_t number, void *bytes, size_t len)
{
	if (number < l->party.line_count)
		party_voice(&l->party, number, bytes, len);
	else if (bytes != NULL)
		munmap(bytes, len);
}

int
line_wants(struct line *l, const char **text, const char **language)
{
	int number = party_wants(&l->party);

	if (number < 0)
		return -1;
	*text = l->callee.lines[number];
	*language = l->callee.language;
	return number;
}

/* --- for others --- */

int64_t
line_samples(const char *stream_sid, enum tape_side side)
{
	int64_t samples = 0;
	struct line *l;

	line_lock();
	l = line_get(stream_sid);
	if (l != NULL &&
	    ((side != TAPE_AGENT && l->callee_audible) ||
		(side != TAPE_CALLEE && l->agent_audible)))
		samples = l->tape != NULL ? tape_samples(l->tape) : l->samples;
	line_unlock();
	return samples;
}

static json_t *
warnings_json(const struct line *l)
{
	json_t *a = json_array();

	for (int i = 0; i < LINE_WARNINGS_MAX && l->warned[i] != 0; i++)
		json_array_append_new(a, json_integer(l->warned[i]));
	return a;
}

static json_t *
received_json(const struct line *l)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "messages",
	    (json_int_t)l->messages, "media", (json_int_t)l->media, "marks", (json_int_t)l->marks,
	    "clears", (json_int_t)l->clears, "ignored", (json_int_t)l->ignored, "samples",
	    (json_int_t)l->bytes, "overflow_samples", (json_int_t)l->overflow, "cleared_samples",
	    (json_int_t)l->cleared, "waiting_samples", (json_int_t)play_waiting(&l->play));
}

json_t *
line_json(const char *call_sid)
{
	json_t *o = NULL;
	struct line *l;

	line_lock();
	l = map_get(&by_call, call_sid);
	if (l != NULL) {
		o = json_object();
		json_object_set_new(o, "call_sid", json_string(l->names.call_sid));
		json_object_set_new(o, "stream_sid", json_string(l->names.stream_sid));
		json_object_set_new(o, "url", json_string(l->url));
		json_object_set_new(o, "parameters", json_deep_copy(l->parameters));
		json_object_set_new(o, "state", json_string(state_names[l->state]));
		json_object_set_new(o, "started_mono_us",
		    l->began_us == 0 ? json_null() : json_integer(l->began_us));
		json_object_set_new(
		    o, "ended_by", l->ended_by[0] == '\0' ? json_null() : json_string(l->ended_by));
		json_object_set_new(o, "close_code",
		    l->close_code == 0 ? json_null() : json_integer(l->close_code));
		json_object_set_new(o, "warnings", warnings_json(l));
		json_object_set_new(o, "keys", json_string(l->keys));
		json_object_set_new(o, "received", received_json(l));
		json_object_set_new(o, "dropped_messages", json_integer((json_int_t)l->dropped));
		gauge_json(&l->gauge, o);
	}
	line_unlock();
	return o;
}

int
line_tape(const char *call_sid)
{
	struct line *l;
	int fd = -1;

	line_lock();
	l = map_get(&by_call, call_sid);
	if (l != NULL && l->tape != NULL)
		tape_flush(l->tape);
	if (l != NULL && (l->tape != NULL || l->samples > 0))
		fd = tape_file(l->names.stream_sid);
	line_unlock();
	return fd;
}

void
line_close_all(void)
{
	line_lock();
	while (!TAILQ_EMPTY(&lines))
		line_free(TAILQ_FIRST(&lines));
	map_clear(&by_stream, NULL);
	map_clear(&by_call, NULL);
	line_unlock();
}
