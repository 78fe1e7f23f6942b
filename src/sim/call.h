/*
 * call.h: the table of calls, what a call needs while it lives, and the changes of its state with
 * everything that follows from them (ledger, status callbacks, recording). How a call proceeds is
 * life.c's business, what is said talk.c's.
 *
 * All of this belongs to the world lock.
 */
#ifndef SIM_CALL_H
#define SIM_CALL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "sim/callee.h"
#include "sim/dial.h"
#include "sim/form.h"
#include "sim/record.h"
#include "sim/recording.h"
#include "sim/roll.h"
#include "sim/timer.h"

struct talk;

/* What a call needs until it ends. */
struct live {
	struct call *call;
	TAILQ_ENTRY(live) queue; /* while it waits for a slot */
	bool in_queue;
	struct arena *arena; /* its texts, and what hooks itself in */
	struct dial dial;
	struct callee callee;
	struct timer step;       /* whatever comes next */
	struct timer limit;      /* TimeLimit */
	struct timer impatience; /* the callee hangs up by itself */
	struct timer detection;  /* answering machine, asynchronous */
	int sequence;            /* of the next status callback */
	struct form *held;       /* a callback that is let out after the next one */
	struct recording *recording;
	struct sound recorded; /* what the recording will hold */
	struct talk *talk;     /* once answered */
	struct {
		char sid[SID_SIZE];   /* of the media stream that is open; "": none */
		const char *name;     /* NULL: its sid */
		const char *callback; /* NULL: nobody is told */
		bool callback_get;
	} stream;
};

struct arrival {
	int64_t wall_us, mono_us;
};

/* A new queued call, in the table and the ledger. Takes the arena over; dial's texts are in it. */
struct call *call_new(struct arena *arena, const struct dial *dial, const struct callee *callee,
    struct arrival arrival);
struct call *call_get(const char *sid);
const struct roll *call_roll(void);
/* REST shows a call that has ended no more; the ledger's side still does. */
void call_delete(struct call *c);
void call_close(void);

/* The call goes to a state that is no end: times and ledger. */
void call_move(struct call *c, enum call_status status);
/* The call leaves its queue. */
void call_start(struct call *c);
/* The machine detection has its verdict. */
void call_detected(struct call *c, const char *answered_by);
/* The call ends: everything alive of it is released, the last callbacks go out. */
void call_end(struct call *c, enum call_status status, int sip_code);

/* A status callback, if its event was asked for; sip_code is told when it is not 0. */
void call_event(struct call *c, unsigned event, int sip_code);
/* The parameters of every request about a call. */
struct form *call_form(const struct call *c, const char *status);
/* What is said and heard goes into the recording, as far as its track wants it. */
void call_record_words(struct call *c, bool by_bot, const char *words, const char *language);
/* Tells the status callback of the call's media stream: stream-started, stream-stopped, or with an
 * error stream-error. */
void call_stream_event(struct call *c, const char *event, const char *error);
/* The call has a media stream no more: what was heard in it goes into the recording. Nothing
 * happens when it had none. */
void call_leave_stream(struct call *c);
/* Sends a form about this call; no fragment of the state is kept. */
void call_post(const struct call *c, const char *url, bool get, struct form *form, int delay_ms);

/* Notes a fault in the call's list: at most CALL_ERRORS_MAX are kept. */
#define CALL_ERRORS_MAX 50
void call_error(struct call *c, int code, bool warning, const char *url, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#endif
