/*
 * engine.h: who thinks for the agent: the one interface of all engines. An engine is begun for one
 * conversation, hears the callee, and tells its session what it wants said and done. All of it runs in
 * the loop's one thread.
 *
 * Sound is G.711 mu-law at 8 kHz in base64, in both directions: it is what the carrier sends and takes,
 * so an engine whose model speaks it too passes it on unread. Eight bytes are a millisecond;
 * digest_unbase64_n() gives the bytes to whoever needs them.
 */
#ifndef VOICE_ENGINE_H
#define VOICE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct links;    /* voice/link.h */
struct speech;   /* voice/speech.h */
struct dialogue; /* voice/dialogue.h */

/* What the engines of a loop have in common. Texts are borrowed from the settings. */
struct engine_account {
	const char *url; /* ws:// or wss:// */
	const char *api_key;
	const char *model;
};
struct engine_env {
	struct links *links; /* the loop's connections to the outside; only script does without */
	struct engine_account openai, gemini;
	struct speech *speech;           /* of script */
	const struct dialogue *dialogue; /* of script: its file, or NULL */
};

/* What the call is about, for an engine that makes up its own mind. */
struct engine_call {
	const char *brief;
	const char *kind;
	const char *slots, *learnt; /* JSON, or NULL */
	bool words;                 /* other ears are there: see words() */
};

/* Everything is copied where it is needed longer than begin() runs. */
struct engine_setup {
	const struct engine_env *env; /* outlives the engine */
	const char *instructions;
	const char
	    *greeting; /* the sentence the agent begins with; NULL or "": the callee begins */
	const char *language; /* BCP-47, or "auto" */
	const char *voice;    /* of the model's voices; NULL or "": its usual one */
	const struct engine_call *call;
	json_t *tools; /* an array of {name, description, parameters: a JSON Schema}; or NULL */
};

/*
 * What an engine tells its session. Texts are valid UTF-8 and, like the sound, gone when the function
 * returns. Each may call any function of the engine, end() included; nothing is told after end(), and
 * nothing from within begin(). After a failure for good only end() is left to be called.
 */
struct engine_told {
	/* The model is there and has the instructions; the greeting is on its way. Once. */
	void (*ready)(void *arg);
	/* The agent's voice, faster than real time. item names what it is part of, for interrupted(). */
	void (*audio)(void *arg, const char *item, const char *base64, size_t len);
	/* The agent's own words: fragments to be appended to those before, then (final) the whole. */
	void (*spoken)(void *arg, const char *item, const char *text, bool final);
	/* The callee's words as the model heard them: likewise. Late, and in no order with audio. */
	void (*heard)(void *arg, const char *text, bool final);
	/* The callee talks. What is queued is to be dropped, then interrupted() called. */
	void (*speech_started)(void *arg);
	/* All that the model had to say for now has been told. */
	void (*turn_done)(void *arg);
	/* arguments is an object, borrowed; whether it fits the tool's schema is not checked. */
	void (*tool)(void *arg, const char *id, const char *name, json_t *arguments);
	/* The model does not want the answer any more. */
	void (*tool_cancelled)(void *arg, const char *id);
	/* for_good: the engine is dead. Otherwise it goes on by itself (a new connection). The sentence
	 * is for the operator: it holds no word of the conversation. */
	void (*failed)(void *arg, const char *sentence, bool for_good);
};

struct engine_kind {
	const char *name;
	/* Never NULL: what cannot work is told by failed(). told outlives the engine. */
	struct engine *(*begin)(
	    const struct engine_setup *setup, const struct engine_told *told, void *arg);
	/* A frame of the callee, usually 20 ms. It must be base64, which whoever read it has checked.
	 * Before ready, and while the model is away, frames are kept for a moment, then dropped. */
	void (*hear)(struct engine *e, const char *base64, size_t len);
	/* The callee has heard the greeting, whole: from now on he may interrupt, and what he has said meanwhile
	 * is answered. Before, nothing that he says may cut it off. NULL: the engine cuts off nothing by itself. */
	void (*disclosed)(struct engine *e);
	/* So much of that item was really heard, and no more of it will be. */
	void (*interrupted)(struct engine *e, const char *item, int64_t heard_ms);
	/* A tool's result, an object (borrowed), whenever it comes. */
	void (*answer)(struct engine *e, const char *tool_id, json_t *result);
	/* A word of ours into the conversation (silence, time is over), which the model then acts upon. */
	void (*prompt)(struct engine *e, const char *text);
	/* What the callee has said, as other ears have heard it, or the keys that were pressed. NULL: the
	 * engine hears for itself. */
	void (*words)(struct engine *e, const char *text);
	/* Frees it. The connection closes behind it. */
	void (*end)(struct engine *e);
};

extern const struct engine_kind engine_script, engine_openai, engine_gemini;

#endif
