/* call.c: the table of calls and the changes of their state. */
#include "sim/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/ledger.h"
#include "sim/settings.h"
#include "sim/webhook.h"
#include "sim/wire.h"

#define HOLD_BACK_MS 150 /* between callbacks that are to arrive in the wrong order */
#define REPEAT_MS 300    /* and until they come again */

static struct roll roll;
/* Calls are kept until the end of the program, packed: among the arenas of living calls each of
 * them would hold a page of its own. */
static struct arena *kept;

/* --- the table --- */

static void
keep_texts(struct call *c, const struct dial *d)
{
	c->to = arena_strdup(kept, d->to);
	c->from = arena_strdup(kept, d->from);
	c->url = d->url == NULL ? "" : arena_strdup(kept, d->url);
	c->status_callback = d->status_callback == NULL ? NULL
							: arena_strdup(kept, d->status_callback);
}

static void
note_in_ledger(const struct call *c)
{
	json_t *line = call_sim_json(c);

	ledger_append(line);
	json_decref(line);
}

struct call *
call_new(struct arena *arena, const struct dial *dial, const struct callee *callee,
    struct arrival arrival)
{
	struct live *l = arena_alloc(arena, sizeof(*l));
	struct call *c;

	if (kept == NULL)
		kept = arena_new();
	c = arena_alloc(kept, sizeof(*c));
	sid_make(c->sid, "CA");
	keep_texts(c, dial);
	c->arrived_us = c->updated_us = arrival.wall_us;
	c->arrived_mono_us = arrival.mono_us;
	c->errors_end = &c->errors;
	c->live = l;
	l->call = c;
	l->arena = arena;
	l->dial = *dial;
	l->callee = *callee;
	c->number = roll_add(&roll, c->sid, c);
	if (dial->url != NULL && dial->twiml != NULL)
		call_error(c, 32019, true, NULL, "Twiml is ignored: Url was also given");
	if (dial->amd_async && dial->amd != AMD_OFF && dial->amd_callback == NULL)
		call_error(c, 21262, true, NULL, "AsyncAmd without AsyncAmdStatusCallback");
	note_in_ledger(c);
	return c;
}

struct call *
call_get(const char *sid)
{
	return roll_get(&roll, sid);
}

const struct roll *
call_roll(void)
{
	return &roll;
}

static void
live_free(struct call *c)
{
	struct live *l = c->live;

	if (l == NULL)
		return;
	c->live = NULL;
	timer_disarm(&l->step);
	timer_disarm(&l->limit);
	timer_disarm(&l->impatience);
	timer_disarm(&l->detection);
	form_free(l->held);
	sound_free(&l->recorded);
	arena_free(l->arena);
}

void
call_delete(struct call *c)
{
	roll_hide(&roll, c->sid);
	c->deleted = true;
}

static void
forget(void *arg)
{
	live_free(arg);
}

void
call_close(void)
{
	roll_clear(&roll, forget);
	if (kept != NULL)
		arena_free(kept);
	kept = NULL;
}

void
call_error(struct call *c, int code, bool warning, const char *url, const char *fmt, ...)
{
	char message[256];
	struct call_error *e;
	va_list ap;

	if (c->error_count == CALL_ERRORS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	e = arena_alloc(kept, sizeof(*e));
	sid_make(e->sid, "NO");
	e->code = code;
	e->warning = warning;
	e->when_us = clock_wall_us();
	e->message = arena_strdup(kept, message);
	e->url = url == NULL ? NULL : arena_strdup(kept, url);
	*c->errors_end = e;
	c->errors_end = &e->next;
	c->error_count++;
}

/* --- requests about a call --- */

static void
add_place(struct form *f, const char *who, const char *number)
{
	/* The literals live as long as the program, as form_add() wants it. */
	static const struct {
		const char *who, *city, *state, *zip, *country;
	} names[] = {
		{ "From", "FromCity", "FromState", "FromZip", "FromCountry" },
		{ "To", "ToCity", "ToState", "ToZip", "ToCountry" },
		{ "Caller", "CallerCity", "CallerState", "CallerZip", "CallerCountry" },
		{ "Called", "CalledCity", "CalledState", "CalledZip", "CalledCountry" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].who, who) != 0)
			continue;
		form_add(f, names[i].city, "");
		form_add(f, names[i].state, "");
		form_add(f, names[i].zip, "");
		form_add(f, names[i].country, str_starts(number, "+1") ? "US" : "");
	}
}

struct form *
call_form(const struct call *c, const char *status)
{
	struct form *f = form_new();

	form_add(f, "CallSid", c->sid);
	form_add(f, "AccountSid", settings()->account_sid);
	form_add(f, "From", c->from);
	form_add(f, "To", c->to);
	form_add(f, "Caller", c->from);
	form_add(f, "Called", c->to);
	form_add(f, "CallStatus", status);
	form_add(f, "ApiVersion", "2010-04-01");
	form_add(f, "Direction", "outbound-api");
	add_place(f, "From", c->from);
	add_place(f, "To", c->to);
	add_place(f, "Caller", c->from);
	add_place(f, "Called", c->to);
	return f;
}

static void
callback_done(const char *sid, unsigned tag, const struct webhook_answer *a)
{
	struct call *c = call_get(sid);

	(void)tag;
	if (c != NULL && a->status >= 400)
		call_error(
		    c, 15003, true, a->url, "a callback was answered with HTTP %ld", a->status);
	else if (c != NULL && a->code != 0)
		call_error(c, a->code, true, a->url, "a callback was not delivered");
}

void
call_post(const struct call *c, const char *url, bool get, struct form *form, int delay_ms)
{
	struct webhook w = {
		.url = url, .get = get, .form = form, .delay_ms = delay_ms, .done = callback_done
	};

	memcpy(w.sid, c->sid, sizeof(w.sid));
	webhook_send(&w);
}

static struct form *
form_copy(const struct form *f)
{
	struct form *copy = form_new();

	for (size_t i = 0; i < f->count; i++)
		form_add(copy, f->pair[i].name, f->pair[i].value);
	return copy;
}

/* Everything twice and out of order: each callback waits for the next one and follows it; then
 * both come again. */
static void
post_in_disorder(struct call *c, struct form *form, bool last)
{
	struct live *l = c->live;
	const char *url = l->dial.status_callback;
	bool get = l->dial.status_get;
	struct form *before = l->held;

	l->held = NULL;
	if (before == NULL && !last) {
		l->held = form;
		return;
	}
	call_post(c, url, get, form_copy(form), 0);
	call_post(c, url, get, form, REPEAT_MS + HOLD_BACK_MS);
	if (before == NULL)
		return;
	call_post(c, url, get, form_copy(before), HOLD_BACK_MS);
	call_post(c, url, get, before, REPEAT_MS);
}

static const char *
event_status(const struct call *c, unsigned event)
{
	if (event == EVENT_INITIATED)
		return "initiated";
	if (event == EVENT_RINGING)
		return "ringing";
	return call_status_name(event == EVENT_ANSWERED ? CALL_IN_PROGRESS : c->status);
}

static void
add_end(const struct call *c, struct form *f)
{
	const struct recording *r = c->live->recording;
	int seconds = c->answered_us == 0 ? 0 : call_seconds(c);
	char url[RECORDING_URL_SIZE];

	form_addf(f, "CallDuration", "%d", seconds);
	if (c->status == CALL_COMPLETED)
		form_addf(f, "Duration", "%d", (seconds + 59) / 60);
	if (r != NULL && r->status != RECORDING_ABSENT) {
		form_add(f, "RecordingUrl", recording_url(r, url));
		form_add(f, "RecordingSid", r->sid);
		form_addf(f, "RecordingDuration", "%d", r->seconds);
	}
}

void
call_event(struct call *c, unsigned event, int sip_code)
{
	struct live *l = c->live;
	char when[CLOCK_ISO_SIZE];
	struct form *f;
	int sequence = l->sequence++;

	if (l->dial.status_callback == NULL || (l->dial.status_events & event) == 0 ||
	    l->callee.outcome == OUTCOME_SILENT)
		return;
	f = call_form(c, event_status(c, event));
	form_addf(f, "SequenceNumber", "%d", sequence);
	clock_format_rfc2822(clock_wall_us() / 1000000, when);
	form_add(f, "Timestamp", when);
	form_add(f, "CallbackSource", "call-progress-events");
	if (event == EVENT_RINGING || event == EVENT_ANSWERED)
		form_add(f, "StirStatus", "B");
	if (event == EVENT_COMPLETED)
		add_end(c, f);
	if (c->answered_by != NULL)
		form_add(f, "AnsweredBy", c->answered_by);
	if (sip_code != 0)
		form_addf(f, "SipResponseCode", "%d", sip_code);
	if (l->callee.outcome == OUTCOME_DUPLICATE)
		post_in_disorder(c, f, event == EVENT_COMPLETED);
	else
		call_post(c, l->dial.status_callback, l->dial.status_get, f, 0);
}

/* --- changes of state --- */

void
call_move(struct call *c, enum call_status status)
{
	c->status = status;
	c->updated_us = clock_wall_us();
	if (status == CALL_IN_PROGRESS)
		c->answered_us = c->updated_us;
	note_in_ledger(c);
}

void
call_start(struct call *c)
{
	c->started_us = c->updated_us = clock_wall_us();
	c->queue_ms = (int)((c->started_us - c->arrived_us) / 1000);
	if (c->queue_ms < 0)
		c->queue_ms = 0;
}

void
call_detected(struct call *c, const char *answered_by)
{
	c->answered_by = answered_by;
	c->updated_us = clock_wall_us();
	note_in_ledger(c);
}

void
call_record_words(struct call *c, bool by_bot, const char *words, const char *language)
{
	struct live *l = c->live;

	if (l->recording == NULL ||
	    l->recording->track == (by_bot ? TRACK_INBOUND : TRACK_OUTBOUND))
		return;
	sound_add_words(&l->recorded, words, language);
}

void
call_stream_event(struct call *c, const char *event, const char *error)
{
	const struct live *l = c->live;
	char when[WHEN_SIZE];
	struct form *f;

	if (l->stream.callback == NULL)
		return;
	f = form_new();
	form_add(f, "AccountSid", settings()->account_sid);
	form_add(f, "CallSid", c->sid);
	form_add(f, "StreamSid", l->stream.sid);
	form_add(f, "StreamName", l->stream.name == NULL ? l->stream.sid : l->stream.name);
	form_add(f, "StreamEvent", event);
	if (error != NULL)
		form_add(f, "StreamError", error);
	form_add(f, "Timestamp", when_iso_text(clock_wall_us(), when));
	call_post(c, l->stream.callback, l->stream.callback_get, f, 0);
}

void
call_leave_stream(struct call *c)
{
	struct live *l = c->live;

	if (l->stream.sid[0] == '\0')
		return;
	if (l->recording != NULL)
		sound_add_stream(&l->recorded, l->stream.sid,
		    line_samples(l->stream.sid, recording_side(l->recording)));
	wire_hang_up(l->stream.sid);
	l->stream.sid[0] = '\0';
}

void
call_end(struct call *c, enum call_status status, int sip_code)
{
	struct live *l = c->live;

	c->status = status;
	c->ended_us = c->updated_us = clock_wall_us();
	if (l->stream.sid[0] != '\0')
		call_stream_event(c, "stream-stopped", NULL);
	call_leave_stream(c);
	if (l->recording != NULL)
		recording_finish(l->recording, &l->recorded);
	/* A call that never left the queue is told of by nobody. */
	if (c->started_us != 0)
		call_event(c, EVENT_COMPLETED, sip_code);
	note_in_ledger(c);
	live_free(c);
}
