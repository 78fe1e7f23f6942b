/*
 * voice_ends.c: both ends of many conversations: the carrier's media streams, and the voice model that the
 * relay between them is connected with. Sound goes both ways in frames of 20 ms, evenly spread over the
 * sessions; a frame in sixteen is a mark that no resampling hides, and the time from its sending to its
 * coming is what is measured.
 *
 *   voice_ends WHERE MODEL_PORT openai|gemini|bare|script all|turns RATE
 *
 * WHERE: see ws_connect(). The model listens on MODEL_PORT of loopback; bare is the model's side of openai
 * without its protocol, script has no model. all: agent and callee talk all the time; turns: each for four
 * seconds, and the callee begins his by interrupting. Reads sessions from standard input, a line each, until
 * ".": PATH SIGNATURE ACCOUNT_SID CALL_SID TOKEN. So many are opened a second, then it says "open"; each
 * later line of input is a number of seconds, after which a line of figures of that time is printed (JSON);
 * "keep" is for those since the beginning.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "voice_frames.h"
#include "ws.h"

#define FRAME_NS INT64_C(20000000)
#define MARK_EVERY 16  /* frames */
#define TURN 200       /* frames */
#define WORDS_EVERY 25 /* frames */
#define NONE (-1)

enum way {
	IN,
	OUT,
	CLEARED,
	FIRST,
	WAYS
}; /* from the carrier, to it, an interruption, the first word */
static const char *const way_names[] = { "in", "out", "clear", "first" };
struct end {
	struct ws *ws;
	struct session *session; /* NULL: a model that does not know yet whose it is */
	bool carrier;
};

struct session {
	char path[128], signature[64], account[64], call_sid[64], token[128], stream_sid[64];
	struct end carrier, *model;
	bool started, talks;        /* the carrier has sent "start"; the model is asked to talk */
	long frames, told;          /* of the carrier, of the model */
	int64_t opened, sent[WAYS]; /* when; NONE: it has come */
	long item;
};

static struct session *sessions;
static int count, opened, running, set;
static bool turns, gemini, script;
static struct times times[WAYS], lag;
static long sent[2], came[2], closed; /* milliseconds of sound */

/* ---- figures ---- */

static void
print_all(void)
{
	long jammed = 0;

	printf("{");
	for (int i = 0; i < WAYS; i++)
		times_print(way_names[i], &times[i]);
	times_print("lag", &lag);
	for (int i = 0; i < count; i++)
		jammed += sessions[i].carrier.ws == NULL ? 0 : sessions[i].carrier.ws->jammed;
	printf(
	    "\"sent_ms\": [%ld, %ld], \"came_ms\": [%ld, %ld], \"closed\": %ld, \"jammed\": %ld}\n",
	    sent[IN], sent[OUT], came[IN], came[OUT], closed, jammed);
	fflush(stdout);
}

static void
forget_all(void)
{
	memset(times, 0, sizeof times);
	memset(&lag, 0, sizeof lag);
	memset(sent, 0, sizeof sent);
	memset(came, 0, sizeof came);
}

/* ---- what is on its way ---- */

static void
arrive(struct session *s, enum way way, int64_t now)
{
	if (s->sent[way] == NONE)
		return;
	times_add(&times[way], now - s->sent[way]);
	s->sent[way] = NONE;
}

/* A mark that was overtaken by the next counts with all its time. */
static void
depart(struct session *s, enum way way, int64_t now)
{
	arrive(s, way, now);
	s->sent[way] = now;
}

/* ---- the model ---- */

static void
begin_turn(struct session *s)
{
	s->talks = true;
	s->told = 0;
	s->item++;
	if (gemini)
		return;
	ws_say(s->model->ws,
	    "{\"type\":\"response.created\",\"event_id\":\"e\",\"response\":{\"id\":\"resp_%ld\","
	    "\"status\":\"in_progress\"}}",
	    s->item);
}

/* The callee has been heard to talk. */
static void
interrupt(struct session *s)
{
	if (gemini) {
		ws_say(s->model->ws, "{\"serverContent\":{\"interrupted\":true}}");
		ws_say(s->model->ws, "{\"serverContent\":{\"turnComplete\":true}}");
	} else {
		ws_say(s->model->ws,
		    "{\"type\":\"input_audio_buffer.speech_started\",\"event_id\":\"e\","
		    "\"audio_start_ms\":1,\"item_id\":\"u_%ld\"}",
		    s->item);
		ws_say(s->model->ws,
		    "{\"type\":\"response.output_audio_transcript.done\",\"event_id\":\"e\","
		    "\"item_id\":\"item_%ld\",\"transcript\":\"Good evening, I would like a table.\"}",
		    s->item);
		ws_say(s->model->ws,
		    "{\"type\":\"response.done\",\"event_id\":\"e\",\"response\":{\"id\":\"resp_%ld\","
		    "\"status\":\"cancelled\"}}",
		    s->item);
	}
	s->talks = false;
	s->told = 0;
	s->sent[OUT] = NONE; /* it may be dropped */
}

static void
answer_callee(struct session *s)
{
	if (gemini)
		ws_say(s->model->ws,
		    "{\"serverContent\":{\"inputTranscription\":{\"text\":\"At eight.\"}}}");
	else
		ws_say(s->model->ws,
		    "{\"type\":\"conversation.item.input_audio_transcription.completed\","
		    "\"event_id\":\"e\",\"item_id\":\"u_%ld\",\"transcript\":\"At eight.\"}",
		    s->item);
	begin_turn(s);
}

static void
tell_words(struct session *s)
{
	if (gemini)
		ws_say(s->model->ws,
		    "{\"serverContent\":{\"outputTranscription\":{\"text\":\"Good evening, \"}}}");
	else
		ws_say(s->model->ws,
		    "{\"type\":\"response.output_audio_transcript.delta\",\"event_id\":\"e\","
		    "\"item_id\":\"item_%ld\",\"delta\":\"Good evening, \"}",
		    s->item);
}

/* Every 20 ms. */
static void
model_frame(struct session *s, int64_t now)
{
	enum sound kind = s->told % MARK_EVERY == 0 ? MARK : SPEECH;

	s->told++;
	if (turns && !s->talks && s->told == TURN)
		answer_callee(s);
	if (!s->talks)
		return;
	if (turns && s->told % WORDS_EVERY == 1)
		tell_words(s);
	if (kind == MARK)
		depart(s, OUT, now);
	sent[OUT] += 20;
	if (gemini)
		ws_say(s->model->ws,
		    "{\"serverContent\":{\"modelTurn\":{\"parts\":[{\"inlineData\":{\"mimeType\":"
		    "\"audio/pcm;rate=24000\",\"data\":\"%s\"}}]}}}",
		    frame_linear[kind]);
	else
		ws_say(s->model->ws,
		    "{\"type\":\"response.output_audio.delta\",\"event_id\":\"event_%08ld\","
		    "\"response_id\":\"resp_%ld\",\"item_id\":\"item_%ld\",\"output_index\":0,"
		    "\"content_index\":0,\"delta\":\"%s\"}",
		    s->told, s->item, s->item, frame_pcmu[kind]);
}

/* open: whether the callee's speech interrupts, and is answered. */
static void
updated(struct end *e, bool open)
{
	static const char format[] = "{\"type\":\"audio/pcmu\"}";
	const char *word = open ? "true" : "false";

	ws_say(e->ws,
	    "{\"type\":\"session.updated\",\"event_id\":\"e\",\"session\":{\"type\":\"realtime\","
	    "\"audio\":{\"input\":{\"format\":%s,\"turn_detection\":{\"type\":\"server_vad\","
	    "\"create_response\":%s,\"interrupt_response\":%s}},\"output\":{\"format\":%s}}}}",
	    format, word, word, format);
}

/* The first message of a connection says whose it is. */
static void
meet(struct end *e, const char *text)
{
	const char *name = strstr(text, "bench-");

	if (name == NULL)
		errx(1, "nobody's message: %.200s", text);
	e->session = &sessions[atoi(name + strlen("bench-"))];
	e->session->model = e;
	running++;
	if (gemini)
		ws_say(e->ws, "{\"setupComplete\":{}}");
	else
		updated(e, false);
	begin_turn(e->session);
}

static void
on_model(void *arg, char *text, size_t len)
{
	struct end *e = arg;
	int64_t now = clock_ns();
	enum sound kind;
	int ms;

	if (e->session == NULL && strstr(text, "\"connected\"") == NULL) {
		meet(e, text);
		return;
	}
	if (!gemini && e->session != NULL && strstr(text, "\"session.update\"") != NULL)
		updated(e, true);
	if (e->session == NULL || len > 2000 ||
	    (strstr(text, "\"media\"") == NULL && strstr(text, "audio_buffer.append") == NULL &&
		strstr(text, "\"realtimeInput\":{\"a") == NULL))
		return;
	kind = frame_hear(text, false, &ms);
	came[IN] += ms;
	if (kind == MARK)
		arrive(e->session, IN, now);
	if (kind == BREAK_IN && e->session->talks)
		interrupt(e->session);
}

/* ---- the carrier ---- */

static void
on_carrier(void *arg, char *text, size_t len)
{
	struct session *s = ((struct end *)arg)->session;
	int64_t now = clock_ns();
	char *name;
	int ms;

	(void)len;
	if (strstr(text, "\"event\":\"media\"") != NULL || strstr(text, "audio.delta") != NULL) {
		arrive(s, FIRST, now);
		if (frame_hear(text, true, &ms) == MARK)
			arrive(s, OUT, now);
		came[OUT] += ms;
	} else if (strstr(text, "\"event\":\"clear\"") != NULL) {
		arrive(s, CLEARED, now);
	} else if ((name = strstr(text, "\"name\":\"")) != NULL) {
		name += strlen("\"name\":\"");
		ws_say(s->carrier.ws,
		    "{\"event\":\"mark\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"mark\":"
		    "{\"name\":\"%.*s\"}}",
		    s->stream_sid, (int)strcspn(name, "\""), name);
	}
}

static void
start(struct session *s)
{
	s->started = true;
	ws_say(
	    s->carrier.ws, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
	ws_say(s->carrier.ws,
	    "{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"%s\",\"start\":{\"streamSid\":\"%s\","
	    "\"accountSid\":\"%s\",\"callSid\":\"%s\",\"tracks\":[\"inbound\"],\"customParameters\":{"
	    "\"token\":\"%s\",\"name\":\"bench-%d\"},\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
	    "\"sampleRate\":8000,\"channels\":1}}}",
	    s->stream_sid, s->stream_sid, s->account, s->call_sid, s->token, (int)(s - sessions));
}

/* Without turns the callee talks on and on, with the pauses of somebody who breathes. */
static enum sound
callee_sound(const struct session *s)
{
	long at = s->frames + s - sessions;

	if (turns && at % (2 * TURN) == 0)
		return BREAK_IN;
	if (at % MARK_EVERY == 0)
		return MARK;
	if (turns)
		return at % (2 * TURN) < TURN - TURN / 4 ? SPEECH : QUIET;
	return script || at % 150 < 20 ? QUIET : SPEECH;
}

static void
carrier_frame(struct session *s, int64_t now)
{
	enum sound kind = callee_sound(s);

	s->frames++;
	if (kind == BREAK_IN && s->model != NULL && s->talks)
		s->sent[CLEARED] = now;
	if (kind == MARK && s->model != NULL)
		depart(s, IN, now);
	sent[IN] += 20;
	ws_say(s->carrier.ws,
	    "{\"event\":\"media\",\"sequenceNumber\":\"%ld\",\"streamSid\":\"%s\",\"media\":{\"track\":\"inbound\","
	    "\"chunk\":\"%ld\",\"timestamp\":\"%ld\",\"payload\":\"%s\"}}",
	    s->frames + 1, s->stream_sid, s->frames, 20 * s->frames, frame_pcmu[kind]);
}

/* ---- the loop ---- */

static void
watch(struct end *e)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = e };

	if (epoll_ctl(set, EPOLL_CTL_ADD, e->ws->fd, &event) != 0)
		err(1, "epoll");
}

static void
open_session(struct session *s, const char *where)
{
	char header[128];

	for (int i = 0; i < WAYS; i++)
		s->sent[i] = NONE;
	s->opened = s->sent[FIRST] = clock_ns();
	snprintf(s->stream_sid, sizeof s->stream_sid, "MZ%032lx", (long)(s - sessions));
	snprintf(header, sizeof header, "X-Twilio-Signature: %s\r\n", s->signature);
	s->carrier = (struct end){ ws_connect(where, s->path, header), s, true };
	watch(&s->carrier);
	opened++;
}

static void
accept_model(int door)
{
	struct end *e = calloc(1, sizeof *e);
	int fd = accept(door, NULL, NULL);

	if (e == NULL || fd < 0)
		err(1, "accept");
	e->ws = ws_accept(fd);
	watch(e);
}

static void
on_event(struct end *e)
{
	bool was_open = e->ws->open;

	if (!ws_read(e->ws, e->carrier ? on_carrier : on_model, e)) {
		closed++;
		return;
	}
	if (was_open || !e->ws->open)
		return;
	if (e->carrier)
		start(e->session);
	else if (!gemini)
		ws_say(e->ws,
		    "{\"type\":\"session.created\",\"event_id\":\"e\",\"session\":{\"type\":\"realtime\"}}");
}

/* Half a slot for each end: their frames are spread evenly over 20 ms. */
static void
run_slot(int64_t slot, int64_t due)
{
	struct session *s = &sessions[slot / 2 % count];
	int64_t now = clock_ns();

	times_add(&lag, now - due);
	if (slot % 2 == 0 && s->started && s->carrier.ws->open)
		carrier_frame(s, now);
	if (slot % 2 == 1 && s->model != NULL && s->model->ws->open)
		model_frame(s, now);
}

static void
read_sessions(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0 && strcmp(line, ".\n") != 0) {
		struct session *s;

		sessions = realloc(sessions, (size_t)(count + 1) * sizeof *sessions);
		if (sessions == NULL)
			err(1, "memory");
		s = &sessions[count++];
		memset(s, 0, sizeof *s);
		if (sscanf(line, "%127s %63s %63s %63s %127s", s->path, s->signature, s->account,
			s->call_sid, s->token) != 5)
			errx(2, "not a session: %s", line);
	}
	free(line);
}

/* Whether every session is open, and has its model. */
static bool
complete(void)
{
	return opened == count && (script ? times[FIRST].count : running) == count;
}

static void
run(const char *where, int door, int rate)
{
	static struct end command, model_door;
	struct epoll_event events[256], e = { .events = EPOLLIN };
	int64_t began = clock_ns(), slot = 0, ends = 0, now;
	bool told = false;

	e.data.ptr = &command;
	epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &e);
	e.data.ptr = &model_door;
	epoll_ctl(set, EPOLL_CTL_ADD, door, &e);
	for (;;) {
		int n = epoll_wait(set, events, 256, 1);

		for (int i = 0; i < n; i++) {
			char line[32];

			if (events[i].data.ptr == &model_door) {
				accept_model(door);
			} else if (events[i].data.ptr != &command) {
				on_event(events[i].data.ptr);
			} else {
				if (fgets(line, sizeof line, stdin) == NULL)
					return;
				if (strcmp(line, "keep\n") != 0)
					forget_all();
				ends = clock_ns() + (int64_t)(atof(line) * 1e9);
			}
		}
		now = clock_ns();
		if (opened < count && opened <= (now - began) * rate / 1000000000)
			open_session(&sessions[opened], where);
		for (; began + slot * FRAME_NS / (2 * count) <= now; slot++)
			run_slot(slot, began + slot * FRAME_NS / (2 * count));
		if (!told && closed > 0)
			errx(
			    1, "of %d sessions %ld are closed before all are open", opened, closed);
		if (!told && complete()) {
			printf("open\n");
			fflush(stdout);
			told = true;
		}
		if (ends != 0 && now >= ends) {
			print_all();
			ends = 0;
		}
	}
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	if (argc != 6)
		errx(2,
		    "usage: voice_ends WHERE MODEL_PORT openai|gemini|bare|script all|turns RATE");
	gemini = strcmp(argv[3], "gemini") == 0;
	script = strcmp(argv[3], "script") == 0;
	turns = strcmp(argv[4], "turns") == 0;
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdin, NULL, _IONBF, 0); /* what epoll does not see must not wait in a buffer */
	frames_make();
	read_sessions();
	set = epoll_create1(0);
	run(argv[1], ws_listen(atoi(argv[2])), atoi(argv[5]));
	return 0;
}
