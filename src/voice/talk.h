/*
 * talk.h: the inside of a session, for the files that it is made of alone: talk.c (what it says by itself, and
 * how it ends), told.c (what the engine tells it), session.c (everything else; see session.h).
 */
#ifndef VOICE_TALK_H
#define VOICE_TALK_H

#include "base/buf.h"
#include "base/mem.h"
#include "voice/listen.h"
#include "voice/patience.h"
#include "voice/questions.h"
#include "voice/sayings.h"
#include "voice/session.h"

#define S_US 1000000LL
#define TALK_TEXT_MAX 4000 /* bytes of what an engine tells in one go */

enum phase {
	TALKING,
	MACHINE,    /* a machine has answered: wait for its beep, speak, end */
	ENDING,     /* a verdict stands: what was said is still heard */
	LAST_WORDS, /* all was heard: what the callee said last is still written down */
	OVER
};

struct session {
	const struct session_ops *ops;
	void *arg;
	const struct engine_kind *kind;
	struct engine *engine; /* NULL once it has ended */
	const struct engine_env *env;
	struct ears *ears; /* or NULL */
	struct arena *arena;
	const char *language, *voicemail;
	json_t *transfer_numbers;
	struct play *play;
	struct tap *tap; /* or NULL: nobody listens */
	struct sayings *sayings;
	struct questions questions;
	struct listen listen;
	struct verdict verdict;
	enum phase phase;
	int64_t answered_us, max_talk_us;
	int64_t sounded_us; /* the engine's or our own sound came in */
	struct patience patience;
	int64_t phase_since;
	int64_t ending_at;  /* the latest instant of the end */
	uint64_t own_order; /* of a sentence of ours that is being made */
	int own_count;
	bool spoke, machine_seen, screened, time_told, stopped, beeped, ears_done;
	bool first_heard; /* an item has been heard to its end */
	bool disclosed;   /* the callee has heard who is calling */
	int64_t spoke_us; /* the first sound of that */
	struct buf heard; /* fragments of what the callee says, as the engine hears it */
};

/* When that was, in the milliseconds of the transcript. */
int64_t talk_at_ms(const struct session *s, int64_t us);
/* Sound for the callee; see play_add(). */
void talk_add_sound(
    struct session *s, const char *item, const uint8_t *pcmu, size_t len, bool keep);
/* Says a customer's words in the voice of the house, whoever the engine is: in the language of the call. */
void talk_say(struct session *s, const char *text);
/* The same with a sentence of the call's tongue, which is English where we do not speak the call's language. */
void talk_say_own(struct session *s, const char *text);
/* Cuts off what is being said, without telling the engine. */
void talk_hush(struct session *s, int64_t now);

void talk_engine_end(struct session *s);
/* The verdict stands; what was said is heard to its end, for a while. */
void talk_end_soon(struct session *s, int64_t now);
/* The same with this verdict, unless there is one. */
void talk_end_with(struct session *s, const char *outcome, const char *summary, int64_t now);
/* The engine is dead: an apology, and the end. */
void talk_break_off(struct session *s, const char *why, int64_t now);

/* Whether machine detection says that nobody is there. */
bool talk_is_machine(const char *answered_by);
/* Nobody is: answered_by says what is, in the carrier's words. */
void talk_machine(struct session *s, const char *by, int64_t now);
/* Waits for the machine's beep. */
void talk_mind_machine(struct session *s, int64_t now);
/* What the callee's words, from whichever ears, say of who is listening. False: no human, and what was said
 * needs no other answer. */
bool talk_weigh(struct session *s, const char *words, int64_t now);

#endif
