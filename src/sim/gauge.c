/*
 * gauge.c: the measurements of a media stream.
 *
 * The agent's answer is the first sound that arrives after the callee's last word. An
 * interruption is over with the last frame to be heard of the agent while the callee speaks: what
 * comes after the callee's last word is an answer, what is still to be heard then was never
 * silenced.
 */
#include "sim/gauge.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sim/ulaw.h"

#define FRAME_US (ULAW_FRAME_MS * 1000)
#define LATE_US 5000
#define GAP_FRAMES 10           /* a longer pause is no hole but the end of what was to be said */
#define STILL_US (3 * FRAME_US) /* heard so shortly before the last word: not silenced */

struct gauge_turn {
	const char *kind;
	char *text;
	bool interrupts;
	int64_t began_us, ended_us;       /* ended 0: still speaks */
	int64_t cleared_us;               /* the first clear since it began; 0: none */
	int64_t audible_us;               /* the end of the agent's last frame while it spoke */
	int64_t reply_us, reply_heard_us; /* arrived, and began to be played; 0: not yet */
};

struct gauge_span {
	int64_t began_us, ended_us;
	int64_t frames;
};

void
gauge_init(struct gauge *g, int64_t start_us, int quiet_ms)
{
	*g = (struct gauge){
		.start_us = start_us, .quiet_us = (int64_t)quiet_ms * 1000, .starved = -1
	};
}

void
gauge_free(struct gauge *g)
{
	for (size_t i = 0; i < g->turn_count; i++)
		free(g->turns[i].text);
	free(g->turns);
	free(g->spans);
	g->turns = NULL;
	g->spans = NULL;
	g->turn_count = g->span_count = 0;
}

static struct gauge_turn *
last_turn(struct gauge *g)
{
	return g->turn_count == 0 ? NULL : &g->turns[g->turn_count - 1];
}

void
gauge_begins(struct gauge *g, int64_t at_us, const char *kind, const char *text, bool interrupts)
{
	struct gauge_turn *t;

	if (g->turn_count == GAUGE_TURNS_MAX)
		return;
	g->turns = mem_realloc(g->turns, (g->turn_count + 1) * sizeof(g->turns[0]));
	t = &g->turns[g->turn_count++];
	*t = (struct gauge_turn){ .kind = kind,
		.text = text == NULL ? NULL : mem_strdup(text),
		.interrupts = interrupts,
		.began_us = at_us,
		.audible_us = g->last_audible_us > at_us ? g->last_audible_us : at_us };
}

void
gauge_ends(struct gauge *g, int64_t at_us)
{
	struct gauge_turn *t = last_turn(g);

	if (t != NULL && t->ended_us == 0)
		t->ended_us = at_us;
}

void
gauge_arrived(struct gauge *g, int64_t at_us, bool audible)
{
	struct gauge_turn *t = last_turn(g);

	if (!audible)
		return;
	if (g->arrived_us == 0)
		g->arrived_us = at_us;
	if (t != NULL && t->ended_us != 0 && t->reply_us == 0)
		t->reply_us = at_us;
}

void
gauge_cleared(struct gauge *g, int64_t at_us)
{
	struct gauge_turn *t = last_turn(g);

	g->starved = -1;
	if (t != NULL && t->cleared_us == 0)
		t->cleared_us = at_us;
}

static void
count_holes(struct gauge *g, size_t samples)
{
	if (samples == ULAW_FRAME) {
		if (g->starved > 0 && g->starved <= GAP_FRAMES) {
			g->gaps++;
			g->missing += g->starved;
		}
		g->starved = 0;
	} else if (g->starved >= 0 && ++g->starved > GAP_FRAMES) {
		g->starved = -1;
	}
}

static void
extend_span(struct gauge *g, int64_t at_us)
{
	struct gauge_span *s = g->span_count == 0 ? NULL : &g->spans[g->span_count - 1];

	if (s == NULL || at_us - s->ended_us >= g->quiet_us) {
		if (g->span_count == GAUGE_TURNS_MAX)
			return;
		g->spans = mem_realloc(g->spans, (g->span_count + 1) * sizeof(g->spans[0]));
		s = &g->spans[g->span_count++];
		*s = (struct gauge_span){ .began_us = at_us };
	}
	s->ended_us = at_us + FRAME_US;
	s->frames++;
}

void
gauge_played(struct gauge *g, int64_t at_us, size_t samples, bool audible)
{
	struct gauge_turn *t = last_turn(g);

	count_holes(g, samples);
	if (!audible)
		return;
	g->last_audible_us = at_us + FRAME_US;
	extend_span(g, at_us);
	if (t != NULL && t->ended_us == 0)
		t->audible_us = g->last_audible_us;
	else if (t != NULL && t->reply_heard_us == 0 && t->reply_us != 0)
		t->reply_heard_us = at_us;
}

void
gauge_sent(struct gauge *g, int64_t due_us, int64_t at_us)
{
	int64_t late_us = at_us - due_us;

	g->sent++;
	if (late_us > LATE_US)
		g->late++;
	if (late_us > g->worst_late_us)
		g->worst_late_us = late_us;
}

/* --- as JSON --- */

static json_t *
since(int64_t from_us, int64_t at_us)
{
	return at_us == 0 ? json_null() : json_integer(at_us - from_us);
}

static json_t *
silence(const struct gauge_turn *t)
{
	if (!t->interrupts || t->ended_us == 0 || t->ended_us - t->audible_us < STILL_US)
		return json_null();
	return json_integer(t->audible_us - t->began_us);
}

static json_t *
turn_json(const struct gauge *g, const struct gauge_turn *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_string(t->kind));
	json_object_set_new(o, "text", t->text == NULL ? json_null() : json_string(t->text));
	json_object_set_new(o, "began_us", since(g->start_us, t->began_us));
	json_object_set_new(o, "ended_us", since(g->start_us, t->ended_us));
	json_object_set_new(o, "interrupts", json_boolean(t->interrupts));
	json_object_set_new(o, "cleared_us", since(t->began_us, t->cleared_us));
	json_object_set_new(o, "silence_us", silence(t));
	json_object_set_new(o, "reply_us", since(t->ended_us, t->reply_us));
	json_object_set_new(o, "reply_heard_us", since(t->ended_us, t->reply_heard_us));
	return o;
}

static json_t *
span_json(const struct gauge *g, const struct gauge_span *s)
{
	return json_pack("{s:I, s:I, s:I}", "began_us", (json_int_t)(s->began_us - g->start_us),
	    "ended_us", (json_int_t)(s->ended_us - g->start_us), "audible_us",
	    (json_int_t)(s->frames * FRAME_US));
}

void
gauge_json(const struct gauge *g, json_t *out)
{
	json_t *turns = json_array(), *spans = json_array();

	for (size_t i = 0; i < g->turn_count; i++)
		json_array_append_new(turns, turn_json(g, &g->turns[i]));
	for (size_t i = 0; i < g->span_count; i++)
		json_array_append_new(spans, span_json(g, &g->spans[i]));
	json_object_set_new(out, "first_word_us", since(g->start_us, g->arrived_us));
	json_object_set_new(out, "turns", turns);
	json_object_set_new(out, "agent_turns", spans);
	json_object_set_new(out, "gaps", json_integer(g->gaps));
	json_object_set_new(out, "missing_frames", json_integer(g->missing));
	json_object_set_new(out, "sent_frames", json_integer(g->sent));
	json_object_set_new(out, "late_frames", json_integer(g->late));
	json_object_set_new(out, "worst_late_us", json_integer(g->worst_late_us));
}
