/* serve.h: the life of a loop of offhook-voice: conversations, many in one thread. */
#ifndef VOICE_SERVE_H
#define VOICE_SERVE_H

#include <stdint.h>

#include "voice/engine.h"

struct voice_env {
	const char *database_url;
	int statement_timeout_ms;
	int listen_fd;
	const char *public_url; /* https://… */
	const char *carrier_token, *account_sid;
	const char *engine;              /* the name of a kind */
	int64_t max_talk_s, hold_s;      /* see session.h */
	int max_calls;                   /* of this loop */
	const struct dialogue *dialogue; /* or NULL */
	struct engine_account openai, gemini;
	struct engine_account
	    deepgram;           /* other ears; without a key nobody listens beside the engine */
	const char *listen_dir; /* where each loop opens a door to listeners, or NULL: none */
	const char *host;       /* this one, as the database is to know it */
	const char *ca_file;    /* authorities beside the system's, or NULL */
};

/* The engine of that name, or NULL when there is none in this release. */
const struct engine_kind *voice_kind(const char *name);

/* Serves until a stop or reload signal, then until the conversations that it has are over. arg is a struct
 * voice_env; the result is the exit status. */
int voice_serve(void *arg);

#endif
