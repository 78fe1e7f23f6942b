/*
 * party.h: the callee on a media stream. Every 20 ms it is told whether the agent is to be heard
 * and says its own 20 ms: waits for the agent's silence and takes its turn, interrupts, presses
 * keys, puts the agent on hold, or is a machine with a greeting and a beep. It knows no clock and
 * no socket.
 */
#ifndef SIM_PARTY_H
#define SIM_PARTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/callee.h"
#include "sim/ulaw.h"

/* A line as sound. NULL bytes with ready: it could not be made, and is not heard. */
struct party_voice {
	const uint8_t *bytes; /* must stay until the party is done with */
	size_t len;
	bool asked, ready;
};

enum party_state {
	PARTY_LISTENS,
	PARTY_BREATHES, /* has decided to speak, and its voice is not ready */
	PARTY_SPEAKS,
	PARTY_PRESSES,
	PARTY_HOLDS, /* plays music */
	PARTY_BEEPS,
	PARTY_SILENT, /* a machine that records */
	PARTY_GONE
};

struct party {
	struct callee *callee; /* its own: the turn goes on in it */
	struct party_voice voices[CALLEE_LINES_MAX];
	size_t line_count;
	enum party_state state;
	int64_t now_ms, since_ms; /* since the stream began; when the state began */
	int64_t agent_first_ms;   /* when the agent began what it says; -1: it is silent */
	int64_t agent_last_ms;    /* the end of what was last to be heard; -1: never */
	bool heard;               /* it has spoken since the callee's turn */
	bool interrupts;          /* what the callee says now */
	bool held;                /* the music has been played */
	bool back;                /* somebody comes back to the phone after it */
	size_t line;              /* that is spoken */
	size_t said;              /* samples of it that are out */
	const char *keys;         /* that are still to be pressed */
	bool machine;
};

/* What the callee did in these 20 ms. */
struct party_did {
	const char *began; /* speech, digits, music or beep; NULL: nothing began */
	const char *text;  /* of what began */
	bool interrupts;   /* what began */
	bool ended;        /* its last sound is in this frame */
	char digit;        /* pressed now; 0: none */
	bool beeped;       /* the greeting and its beep are over */
	bool hangs_up;
};

/* greeted: a machine whose greeting and beep are over already. The callee must stay. */
void party_init(struct party *p, struct callee *callee, bool greeted);
/* The next 20 ms. agent: it is to be heard in them. */
void party_tick(struct party *p, bool agent, uint8_t out[ULAW_FRAME], struct party_did *did);
/* The line whose voice should be made next, -1 when there is none; it is asked for once. */
int party_wants(struct party *p);
/* The voice of a line is there; NULL: it never will be. */
void party_voice(struct party *p, size_t line, const uint8_t *bytes, size_t len);

#endif
