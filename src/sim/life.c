/*
 * life.c: the stations of a call. The rate of dials is kept here as the carrier keeps it: calls
 * above it wait in order, each next one a full interval after the one before.
 */
#include "sim/life.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sim/settings.h"
#include "sim/talk.h"

#define SETUP_MS 20 /* from the slot to the first ring */
#define VERDICT_MS 100

static TAILQ_HEAD(, live) queue = TAILQ_HEAD_INITIALIZER(queue);
static struct timer slot;
static int64_t next_slot_us;

/* --- answered --- */

static const char *
verdict(const struct live *l)
{
	if (l->callee.outcome != OUTCOME_VOICEMAIL)
		return "human";
	return l->dial.amd == AMD_MESSAGE_END ? "machine_end_beep" : "machine_start";
}

/* A machine is known to be one at once, its beep only comes after the greeting. */
static int
verdict_ms(const struct live *l)
{
	bool waits = l->callee.outcome == OUTCOME_VOICEMAIL && l->dial.amd == AMD_MESSAGE_END;

	return VERDICT_MS + (waits ? l->callee.talk_ms : 0);
}

static void
detected(void *owner)
{
	struct call *c = owner;

	call_detected(c, verdict(c->live));
	talk_start(c);
}

static void
detected_late(void *owner)
{
	struct call *c = owner;
	const struct dial *d = &c->live->dial;
	struct form *f;

	call_detected(c, verdict(c->live));
	if (d->amd_callback == NULL)
		return;
	for (int i = 0; i < (c->live->callee.outcome == OUTCOME_DUPLICATE ? 2 : 1); i++) {
		f = form_new();
		form_add(f, "CallSid", c->sid);
		form_add(f, "AccountSid", settings()->account_sid);
		form_add(f, "AnsweredBy", c->answered_by);
		form_addf(f, "MachineDetectionDuration", "%d",
		    (int)((clock_wall_us() - c->answered_us) / 1000));
		call_post(c, d->amd_callback, d->amd_get, f, i * 300);
	}
}

/* The callee has had enough, or the time that the call was given is over. */
static void
time_is_up(void *owner)
{
	call_end(owner, CALL_COMPLETED, 200);
}

static enum track
track_of(int track)
{
	if (track == DIAL_TRACK_INBOUND)
		return TRACK_INBOUND;
	return track == DIAL_TRACK_OUTBOUND ? TRACK_OUTBOUND : TRACK_BOTH;
}

static void
record(struct call *c)
{
	const struct dial *d = &c->live->dial;
	struct recording_order order = { .call_sid = c->sid,
		.source = "OutboundAPI",
		.track = track_of(d->track),
		.channels = d->channels == CHANNELS_DUAL ? 2 : 1,
		.callback = d->recording_callback,
		.callback_get = d->recording_get,
		.events = d->recording_events,
		.twice = c->live->callee.outcome == OUTCOME_DUPLICATE };

	if (d->record)
		c->live->recording = recording_start(&order);
}

static void
answer(void *owner)
{
	struct call *c = owner;
	struct live *l = c->live;

	call_move(c, CALL_IN_PROGRESS);
	record(c);
	call_event(c, EVENT_ANSWERED, 0);
	timer_arm_in(&l->limit, (int64_t)l->dial.limit_s * 1000, time_is_up, c);
	if (l->callee.patience_ms > 0)
		timer_arm_in(&l->impatience, l->callee.patience_ms, time_is_up, c);
	if (l->dial.amd != AMD_OFF && !l->dial.amd_async) {
		timer_arm_in(&l->step, verdict_ms(l), detected, c);
		return;
	}
	if (l->dial.amd != AMD_OFF)
		timer_arm_in(&l->detection, verdict_ms(l), detected_late, c);
	talk_start(c);
}

/* --- not answered --- */

static void
end_busy(void *owner)
{
	call_end(owner, CALL_BUSY, 486);
}

static void
end_failed(void *owner)
{
	call_end(owner, CALL_FAILED, 404);
}

static void
end_unanswered(void *owner)
{
	call_end(owner, CALL_NO_ANSWER, 487);
}

/* --- before --- */

static void
ring(void *owner)
{
	struct call *c = owner;
	struct live *l = c->live;
	int limit_ms = l->dial.timeout_s * 1000;

	call_move(c, CALL_RINGING);
	call_event(c, EVENT_RINGING, 0);
	if (l->callee.ring_ms >= limit_ms)
		timer_arm_in(&l->step, limit_ms, end_unanswered, c);
	else if (l->callee.outcome == OUTCOME_NO_ANSWER)
		timer_arm_in(&l->step, l->callee.ring_ms, end_unanswered, c);
	else
		timer_arm_in(&l->step, l->callee.ring_ms, answer, c);
}

static void
initiate(void *owner)
{
	struct call *c = owner;
	struct live *l = c->live;

	call_start(c);
	call_event(c, EVENT_INITIATED, 0);
	if (l->callee.outcome == OUTCOME_BUSY)
		timer_arm_in(&l->step, l->callee.ring_ms, end_busy, c);
	else if (l->callee.outcome == OUTCOME_FAILED)
		timer_arm_in(&l->step, l->callee.ring_ms, end_failed, c);
	else
		timer_arm_in(&l->step, SETUP_MS, ring, c);
}

static void
give_slot(void *owner)
{
	int64_t now = timer_now_us(), interval = (int64_t)(1000000.0 / settings()->cps);
	struct live *l = TAILQ_FIRST(&queue);

	(void)owner;
	if (l == NULL)
		return;
	TAILQ_REMOVE(&queue, l, queue);
	l->in_queue = false;
	next_slot_us = (next_slot_us > now ? next_slot_us : now) + interval;
	if (!TAILQ_EMPTY(&queue))
		timer_arm(&slot, next_slot_us, give_slot, NULL);
	initiate(l->call);
}

struct call *
life_dial(struct arena *arena, const struct dial *dial, const struct callee *callee,
    struct arrival arrival)
{
	struct call *c = call_new(arena, dial, callee, arrival);
	int64_t now = timer_now_us();

	if (settings()->cps <= 0) {
		timer_arm(&c->live->step, now, initiate, c);
		return c;
	}
	TAILQ_INSERT_TAIL(&queue, c->live, queue);
	c->live->in_queue = true;
	if (slot.place == 0)
		timer_arm(&slot, next_slot_us > now ? next_slot_us : now, give_slot, NULL);
	return c;
}

/* --- updates --- */

/* Before the answer a call is cancelled, afterwards it is completed. */
static void
end_now(struct call *c)
{
	if (c->live->in_queue)
		TAILQ_REMOVE(&queue, c->live, queue);
	if (c->status == CALL_IN_PROGRESS)
		call_end(c, CALL_COMPLETED, 200);
	else
		call_end(c, CALL_CANCELED, 487);
}

static void
replace_urls(struct live *l, const struct update *u)
{
	if (u->fallback_url != NULL) {
		l->dial.fallback_url = arena_strdup(l->arena, u->fallback_url);
		l->dial.fallback_get = u->fallback_get;
	}
	if (u->status_callback != NULL) {
		l->dial.status_callback = arena_strdup(l->arena, u->status_callback);
		l->dial.status_get = u->status_get;
	}
}

bool
life_update(struct call *c, const struct update *u, struct refusal *why)
{
	struct live *l = c->live;
	bool redirect = u->url != NULL || u->twiml != NULL;

	if (redirect && (c->status != CALL_IN_PROGRESS || l->talk == NULL))
		return refuse_request(why, 400, 21220, "Call is not in-progress. Cannot redirect.");
	replace_urls(l, u);
	if (u->limit_s > 0 && c->status == CALL_IN_PROGRESS)
		timer_arm_in(&l->limit,
		    (int64_t)u->limit_s * 1000 - (clock_wall_us() - c->answered_us) / 1000,
		    time_is_up, c);
	else if (u->limit_s > 0)
		l->dial.limit_s = u->limit_s;
	if (u->status == UPDATE_COMPLETED ||
	    (u->status == UPDATE_CANCELED && c->status != CALL_IN_PROGRESS))
		end_now(c);
	else if (redirect)
		talk_redirect(c, u->url, u->url_get, u->twiml);
	return true;
}

void
life_close(void)
{
	timer_disarm(&slot);
	TAILQ_INIT(&queue);
}
