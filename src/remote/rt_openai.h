/*
 * rt_openai.h: the messages of OpenAI's Realtime API (GA) over a WebSocket, as bytes: what we say into a
 * buffer, what we are told out of one. No socket, no policy. Sound is mu-law at 8 kHz in base64 both ways.
 */
#ifndef REMOTE_RT_OPENAI_H
#define REMOTE_RT_OPENAI_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* ---- what we say: each appends one message ---- */

struct rt_openai_session {
	const char *instructions;
	const char *language; /* BCP-47, or "auto" */
	const char *voice;    /* or NULL, "": the model's usual one */
	json_t *tools;        /* an array of {name, description, parameters}, or NULL */
	bool open;            /* see rt_openai_open() */
};

/* session.update: the whole configuration; to be sent once, after session.created. */
void rt_openai_update(struct buf *out, const struct rt_openai_session *session);
/* session.update, later: from now on the callee's speech cancels the response that is under way, and is
 * answered by the server itself. Before, the server only tells of it. */
void rt_openai_open(struct buf *out, const char *language);
/* A frame of the callee; base64 is put there as it is. */
void rt_openai_append(struct buf *out, const char *base64, size_t len);
/* How much of an item of the agent was really heard: at most what there is of it, more is an error. */
void rt_openai_truncate(struct buf *out, const char *item, int64_t heard_ms);
/* A message in the conversation. Without rt_openai_respond() the model says nothing to it. */
enum rt_openai_role { RT_OPENAI_SYSTEM, RT_OPENAI_USER, RT_OPENAI_ASSISTANT };
void rt_openai_say(struct buf *out, enum rt_openai_role role, const char *text);
/* A tool's result. Likewise. */
void rt_openai_result(struct buf *out, const char *call_id, const json_t *result);
/* Asks for a response: an error, with this id, while another is under way. */
#define RT_OPENAI_RESPOND_ID "respond"
void rt_openai_respond(struct buf *out);

/* ---- what we are told ---- */

enum rt_openai_kind {
	RT_OPENAI_OTHER,   /* nothing that we act upon */
	RT_OPENAI_CREATED, /* the session: now rt_openai_update() */
	RT_OPENAI_UPDATED, /* pcmu, open */
	RT_OPENAI_SPEECH_STARTED,
	RT_OPENAI_SPEECH_STOPPED,
	RT_OPENAI_HEARD_PART,  /* item, text: more of the callee's words */
	RT_OPENAI_HEARD,       /* item, text: all of them */
	RT_OPENAI_RESPONSE,    /* response: it has begun */
	RT_OPENAI_AUDIO,       /* item, text (base64, checked) and text_len */
	RT_OPENAI_SPOKEN_PART, /* item, text: more of the agent's words */
	RT_OPENAI_SPOKEN,      /* item, text: all of them */
	RT_OPENAI_TOOL,        /* call_id, name, arguments: to be run once the response is done */
	RT_OPENAI_DONE,        /* response, status */
	RT_OPENAI_ERROR        /* code; the session goes on, unless it has expired */
};

enum rt_openai_status {
	RT_OPENAI_COMPLETED,
	RT_OPENAI_CANCELLED, /* the callee spoke over it */
	RT_OPENAI_INCOMPLETE,
	RT_OPENAI_FAILED /* and whatever we do not know */
};

/* Texts are never NULL in the kinds that name them; they live until rt_openai_clear(). */
struct rt_openai_event {
	enum rt_openai_kind kind;
	const char *item, *response, *call_id, *name;
	const char *text;
	size_t text_len;
	json_t *arguments; /* an object, or NULL: what the model wrote is none */
	enum rt_openai_status status;
	const char *code; /* of an error: letters, digits, '_' and '.' only; or "" */
	bool of_respond;  /* of an error: it is about what rt_openai_respond() said */
	bool expired;     /* of an error: the session is over */
	bool pcmu;        /* both formats are those that we asked for */
	bool open;        /* what rt_openai_open() asks for holds */
	json_t *tree;     /* what the texts stand in, if they do not stand in the message */
};

/* Reads a message, which is changed and must stay as long as the event. RC_OK,
 * or RC_INVALID when it is none of this protocol: then the event is empty. */
enum rc rt_openai_read(char *message, size_t len, struct rt_openai_event *event) MUST_CHECK;
void rt_openai_clear(struct rt_openai_event *event);

#endif
