/*
 * session.h: one conversation: between the carrier's stream, the engine that thinks, and the records. It
 * decides who may speak, what an interruption cuts off, what a tool does, and when the talk is over. It
 * knows neither sockets nor the database: both are reached through session_ops. Times are those of
 * clock_boot_us(); all of it runs in the loop's one thread.
 */
#ifndef VOICE_SESSION_H
#define VOICE_SESSION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "voice/engine.h"
#include "voice/play.h"
#include "voice/tap.h"
#include "voice/verdict.h"

struct session;
struct ears_setup; /* voice/ears.h */

/* What the session wants; texts are borrowed. at_ms counts from the answer. */
struct session_ops {
	/* Somebody has said something: role is that of the event "transcript". What other ears have heard
	 * (supervisor_stt) may come after over(), see session_quiet(). */
	void (*told)(void *arg, const char *role, const char *text, int64_t at_ms);
	/* There is something in play for the carrier, which is not to wait for a tick. */
	void (*ready)(void *arg);
	/* The agent's first sound leaves. */
	void (*spoke)(void *arg);
	/* Something was decided or noticed. */
	void (*noted)(void *arg, const char *decision, const char *text);
	void (*keys)(void *arg, const char *digits, const char *direction);
	void (*ask)(void *arg, const char *request_id, const char *question);
	void (*used)(void *arg, const char *request_id);
	/* Once, at last: the talk is over and its sound has been heard. The stream is to be closed. */
	void (*over)(void *arg, const struct verdict *v);
};

struct session_setup {
	const struct session_ops *ops; /* outlives the session */
	void *arg;
	const struct engine_kind *kind;
	const struct engine_env *env; /* outlives the session */
	const struct ears_setup
	    *ears; /* without a language; or NULL: nobody listens beside the engine */
	const char *call_id;
	const char *brief, *language, *call_kind;
	const char *slots, *learnt; /* JSON, or NULL */
	const char *answered_by;    /* or NULL */
	const char *voicemail;      /* what a machine is told, or NULL */
	json_t *transfer_numbers;   /* an array; borrowed */
	int64_t since_us;           /* from the answer to now */
	int64_t max_talk_s;         /* from the answer */
	int64_t hold_s;             /* of music, once it is known for that */
};

/* Begins the conversation; texts are copied. */
struct session *session_new(const struct session_setup *setup, int64_t now);
void session_free(struct session *s);

/* What is to be sent to the carrier. */
struct play *session_play(struct session *s);
/* For a listener, who is to take it before the next tick; NULL when the talk is over. */
struct tap *session_tap(struct session *s, int64_t now);

/* From the carrier: sound (the same twice), a key, a mark; the end of the stream, after which over() comes
 * with the next tick. */
void session_hear(struct session *s, const char *base64, size_t base64_len, const uint8_t *pcmu,
    size_t len, int64_t now);
void session_key(struct session *s, char key, int64_t now);
void session_marked(struct session *s, const char *mark, int64_t now);
void session_stopped(struct session *s, int64_t now);

/* From the database: machine detection (or NULL) and an array of fn.voice_news()'s questions (or NULL). */
void session_news(struct session *s, const char *answered_by, json_t *questions, int64_t now);

/* To be called every 20 ms or so: what depends on time. */
void session_tick(struct session *s, int64_t now);

/* Whether over() has come and nothing more will be told. Until then, two seconds at most, it is worth to keep a
 * session whose stream has gone. */
bool session_quiet(const struct session *s);

#endif
