/*
 * gauge.h: what is measured on a media stream: the callee's turns, how fast the agent answers and
 * falls silent, and whether sound came in time. Times are CLOCK_MONOTONIC in microseconds, told
 * as microseconds since the stream's start.
 */
#ifndef SIM_GAUGE_H
#define SIM_GAUGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAUGE_TURNS_MAX 500 /* of each side; later ones are not kept */

struct gauge_turn; /* of the callee */
struct gauge_span; /* the agent speaks */

struct gauge {
	int64_t start_us;
	int64_t quiet_us; /* that much silence of the agent ends its turn */
	struct gauge_turn *turns;
	struct gauge_span *spans;
	size_t turn_count, span_count;
	int64_t arrived_us;      /* the agent's first audible sound; 0: none yet */
	int64_t last_audible_us; /* the end of what was last to be heard of it; 0: nothing */
	int64_t starved;         /* frames without sound since there was some; -1: idle */
	int64_t gaps, missing;   /* holes in what the agent says, and their frames */
	int64_t sent, late, worst_late_us; /* media that the carrier sent */
};

/* quiet_ms: so much silence of the agent ends its turn. */
void gauge_init(struct gauge *g, int64_t start_us, int quiet_ms);
void gauge_free(struct gauge *g);

/* The callee begins: kind is a literal (speech, digits, music, beep), text may be NULL. While it
 * speaks, an interruption waits for the agent's silence. */
void gauge_begins(
    struct gauge *g, int64_t at_us, const char *kind, const char *text, bool interrupts);
/* Its last word is out. */
void gauge_ends(struct gauge *g, int64_t at_us);
/* The agent's sound has arrived; audible: some of it is to be heard. */
void gauge_arrived(struct gauge *g, int64_t at_us, bool audible);
void gauge_cleared(struct gauge *g, int64_t at_us);
/* 20 ms of the agent are played from at_us on: of them samples are sound, and audible or not. */
void gauge_played(struct gauge *g, int64_t at_us, size_t samples, bool audible);
/* A frame that was due has been written. */
void gauge_sent(struct gauge *g, int64_t due_us, int64_t at_us);

/* Adds what is known to the object. */
void gauge_json(const struct gauge *g, json_t *out);

#endif
