/* recording.c: recordings from the answer of a call to their deletion. */
#include "sim/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sim/settings.h"
#include "sim/webhook.h"

#define PROCESSING_MS 150
#define SILENT_AND_DROPPED 16102

static struct roll roll;
static struct arena *kept; /* all of them, until the end of the program: see call.c */

static const char *const status_names[] = { "in-progress", "processing", "completed", "absent" };
static const char *const track_names[] = { "both", "inbound", "outbound" };

const char *
track_name(enum track track)
{
	return track_names[track];
}

const char *
recording_url(const struct recording *r, char out[RECORDING_URL_SIZE])
{
	snprintf(out, RECORDING_URL_SIZE, "%s/2010-04-01/Accounts/%s/Recordings/%s",
	    settings()->base_url, settings()->account_sid, r->sid);
	return out;
}

static struct form *
callback_form(const struct recording *r)
{
	char url[RECORDING_URL_SIZE], when[CLOCK_ISO_SIZE];
	struct form *f = form_new();

	form_add(f, "AccountSid", settings()->account_sid);
	form_add(f, "CallSid", r->call_sid);
	form_add(f, "RecordingSid", r->sid);
	form_add(f, "RecordingUrl", recording_url(r, url));
	form_add(f, "RecordingStatus", status_names[r->status]);
	if (r->status == RECORDING_COMPLETED)
		form_addf(f, "RecordingDuration", "%d", r->seconds);
	form_addf(f, "RecordingChannels", "%d", r->channels);
	clock_format_rfc2822(r->created_us / 1000000, when);
	form_add(f, "RecordingStartTime", when);
	form_add(f, "RecordingSource", r->source);
	form_add(f, "RecordingTrack", track_names[r->track]);
	if (r->error_code != 0)
		form_addf(f, "ErrorCode", "%d", r->error_code);
	return f;
}

static void
tell(const struct recording *r, unsigned event)
{
	struct webhook w = { .url = r->callback, .get = r->callback_get };

	if (r->callback == NULL || (r->events & event) == 0)
		return;
	memcpy(w.sid, r->call_sid, sizeof(w.sid));
	for (int i = 0; i < (r->twice ? 2 : 1); i++) {
		w.form = callback_form(r);
		w.delay_ms = i * 300;
		webhook_send(&w);
	}
}

static void
set_status(struct recording *r, enum recording_status status)
{
	r->status = status;
	r->updated_us = clock_wall_us();
}

struct recording *
recording_start(const struct recording_order *o)
{
	struct recording *r;

	if (kept == NULL)
		kept = arena_new();
	r = arena_alloc(kept, sizeof(*r));
	sid_make(r->sid, "RE");
	snprintf(r->call_sid, sizeof(r->call_sid), "%s", o->call_sid);
	r->source = o->source;
	r->track = o->track;
	r->channels = o->channels;
	r->callback = o->callback == NULL ? NULL : arena_strdup(kept, o->callback);
	r->callback_get = o->callback_get;
	r->events = o->events;
	r->twice = o->twice;
	r->created_us = clock_wall_us();
	set_status(r, RECORDING_IN_PROGRESS);
	r->number = roll_add(&roll, r->sid, r);
	tell(r, RECORDING_EVENT_IN_PROGRESS);
	return r;
}

static void
complete(void *owner)
{
	struct recording *r = owner;

	set_status(r, RECORDING_COMPLETED);
	tell(r, RECORDING_EVENT_COMPLETED);
}

enum tape_side
recording_side(const struct recording *r)
{
	if (r->track == TRACK_INBOUND)
		return TAPE_CALLEE;
	return r->track == TRACK_OUTBOUND ? TAPE_AGENT : TAPE_BOTH;
}

void
recording_finish(struct recording *r, struct sound *sound)
{
	r->sound = *sound;
	*sound = (struct sound){ 0 };
	r->sound.side = recording_side(r);
	if (sound_empty(&r->sound)) {
		r->error_code = SILENT_AND_DROPPED;
		set_status(r, RECORDING_ABSENT);
		tell(r, RECORDING_EVENT_ABSENT);
		return;
	}
	r->seconds = sound_seconds(&r->sound);
	set_status(r, RECORDING_PROCESSING);
	timer_arm_in(&r->ready, PROCESSING_MS, complete, r);
}

struct recording *
recording_get(const char *sid)
{
	return roll_get(&roll, sid);
}

const struct roll *
recording_roll(void)
{
	return &roll;
}

bool
recording_delete(struct recording *r)
{
	if (r->status != RECORDING_COMPLETED && r->status != RECORDING_ABSENT)
		return false;
	sound_free(&r->sound);
	roll_remove(&roll, r->sid, r->number);
	return true;
}

json_t *
recording_json(const struct recording *r)
{
	const char *account = settings()->account_sid;
	bool there = r->status == RECORDING_COMPLETED;
	char url[RECORDING_URL_SIZE];
	json_t *o = json_object();

	json_object_set_new(o, "sid", json_string(r->sid));
	json_object_set_new(o, "account_sid", json_string(account));
	json_object_set_new(o, "call_sid", json_string(r->call_sid));
	json_object_set_new(o, "conference_sid", json_null());
	json_object_set_new(o, "api_version", json_string("2010-04-01"));
	json_object_set_new(o, "status", json_string(status_names[r->status]));
	json_object_set_new(o, "source", json_string(r->source));
	json_object_set_new(o, "track", json_string(track_names[r->track]));
	json_object_set_new(o, "channels", json_integer(r->channels));
	json_object_set_new(o, "duration", there ? json_sprintf("%d", r->seconds) : json_null());
	json_object_set_new(o, "start_time", when_rfc2822(r->created_us));
	json_object_set_new(o, "date_created", when_rfc2822(r->created_us));
	json_object_set_new(o, "date_updated", when_rfc2822(r->updated_us));
	json_object_set_new(o, "price", json_null());
	json_object_set_new(o, "price_unit", json_string("USD"));
	json_object_set_new(
	    o, "error_code", r->error_code == 0 ? json_null() : json_integer(r->error_code));
	json_object_set_new(o, "encryption_details", json_null());
	json_object_set_new(
	    o, "uri", json_sprintf("/2010-04-01/Accounts/%s/Recordings/%s.json", account, r->sid));
	json_object_set_new(o, "media_url", json_string(recording_url(r, url)));
	json_object_set_new(o, "subresource_uris",
	    json_pack("{s:o, s:o}", "add_on_results",
		json_sprintf(
		    "/2010-04-01/Accounts/%s/Recordings/%s/AddOnResults.json", account, r->sid),
		"transcriptions",
		json_sprintf(
		    "/2010-04-01/Accounts/%s/Recordings/%s/Transcriptions.json", account, r->sid)));
	return o;
}

static void
forget(void *arg)
{
	struct recording *r = arg;

	timer_disarm(&r->ready);
	sound_free(&r->sound);
}

void
recording_close(void)
{
	roll_clear(&roll, forget);
	if (kept != NULL)
		arena_free(kept);
	kept = NULL;
}
