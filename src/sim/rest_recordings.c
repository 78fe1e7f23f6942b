/* rest_recordings.c: recordings by account and by call, their deletion, and their sound. */
#include "sim/rest_recordings.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sim/page.h"
#include "sim/recording.h"
#include "sim/settings.h"

#define ACCOUNT "/2010-04-01/Accounts/{}"

static void list_all(struct ask *);
static void list_of_call(struct ask *);
static void show(struct ask *);
static void show_of_call(struct ask *);
static void delete (struct ask *);
static void delete_of_call(struct ask *);
static void media_mp3(struct ask *);
static void media_wav(struct ask *);

const struct route rest_recordings_routes[] = {
	{ "GET", ACCOUNT "/Recordings.json", list_all },
	{ "GET", ACCOUNT "/Calls/{}/Recordings.json", list_of_call },
	{ "GET", ACCOUNT "/Recordings/{}.json", show },
	{ "GET", ACCOUNT "/Calls/{}/Recordings/{}.json", show_of_call },
	{ "DELETE", ACCOUNT "/Recordings/{}.json", delete },
	{ "DELETE", ACCOUNT "/Calls/{}/Recordings/{}.json", delete_of_call },
	{ "GET", ACCOUNT "/Recordings/{}.mp3", media_mp3 },
	{ "GET", ACCOUNT "/Recordings/{}.wav", media_wav },
	{ "GET", ACCOUNT "/Recordings/{}", media_wav },
	{ NULL, NULL, NULL },
};

/* --- lists --- */

struct filter {
	const char *call_sid;
	bool none; /* asks for conferences: there are none */
	struct span created;
};

static bool
recording_matches(const void *thing, const void *arg)
{
	const struct recording *r = thing;
	const struct filter *f = arg;

	return !f->none && (f->call_sid == NULL || strcmp(f->call_sid, r->call_sid) == 0) &&
	    span_holds(&f->created, r->created_us);
}

static json_t *
recording_to_json(const void *thing)
{
	return recording_json(thing);
}

static void
list(struct ask *a, struct filter *f)
{
	struct listing l = { recording_roll(), "recordings", recording_matches, f,
		recording_to_json };

	if (page_span(a, "DateCreated", &f->created))
		page_answer(a, &l);
}

#define DATES "DateCreated DateCreated< DateCreated> "

static void
list_all(struct ask *a)
{
	struct filter f = { 0 };

	if (!ask_query(a, DATES "CallSid ConferenceSid IncludeSoftDeleted " PAGE_PARAMS))
		return;
	f.call_sid = ask_value(a, "CallSid");
	f.none = ask_value(a, "ConferenceSid") != NULL;
	list(a, &f);
}

static void
list_of_call(struct ask *a)
{
	struct filter f = { .call_sid = a->names[1] };
	bool known;

	if (!ask_query(a, DATES PAGE_PARAMS))
		return;
	world_lock();
	known = call_get(a->names[1]) != NULL;
	world_unlock();
	if (known)
		list(a, &f);
	else
		answer_not_found(a);
}

/* --- one recording --- */

/* The recording, of this call if one is named, or NULL when 404 has been answered. The lock is
 * held. */
static struct recording *
find(struct ask *a, const char *sid, const char *call_sid)
{
	struct recording *r = recording_get(sid);

	if (r != NULL && (call_sid == NULL || strcmp(r->call_sid, call_sid) == 0))
		return r;
	answer_not_found(a);
	return NULL;
}

static void
show_one(struct ask *a, const char *sid, const char *call_sid)
{
	struct recording *r;

	if (!ask_query(a, "IncludeSoftDeleted"))
		return;
	world_lock();
	r = find(a, sid, call_sid);
	if (r != NULL)
		answer_json(a, 200, recording_json(r));
	world_unlock();
}

static void
show(struct ask *a)
{
	show_one(a, a->names[1], NULL);
}

static void
show_of_call(struct ask *a)
{
	show_one(a, a->names[2], a->names[1]);
}

static void
delete_one(struct ask *a, const char *sid, const char *call_sid)
{
	struct recording *r;

	world_lock();
	r = find(a, sid, call_sid);
	if (r != NULL && recording_delete(r))
		answer_empty(a);
	else if (r != NULL)
		answer_error(a, 409, 20409, "The recording is not completed yet");
	world_unlock();
}

static void delete (struct ask *a)
{
	delete_one(a, a->names[1], NULL);
}

static void
delete_of_call(struct ask *a)
{
	delete_one(a, a->names[2], a->names[1]);
}

/* --- media --- */

/* In the media thread: the file is open, or there is none. */
static void
ready(struct media_job *job)
{
	struct ask *a = job->owner;

	MHD_resume_connection(a->conn);
}

void
rest_recordings_resumed(struct ask *a)
{
	if (a->media.fd < 0)
		answer_error(a, 503, 20503, "The media cannot be had at the moment");
	else
		answer_file(
		    a, a->media.fd, a->media.format == SOUND_MP3 ? "audio/mpeg" : "audio/x-wav");
}

static bool
channels_ok(const struct recording *r, const char *asked)
{
	return asked == NULL || strcmp(asked, "1") == 0 ||
	    (strcmp(asked, "2") == 0 && r->channels == 2);
}

/* What is to be made, if the recording is there and has this many channels. */
static bool
prepare(struct ask *a, enum sound_format format)
{
	struct recording *r;
	bool ok = false;

	world_lock();
	r = find(a, a->names[1], NULL);
	if (r != NULL && r->status != RECORDING_COMPLETED) {
		answer_not_found(a);
	} else if (r != NULL && !channels_ok(r, ask_value(a, "RequestedChannels"))) {
		answer_error(a, 400, 16113, "The recording does not have these channels");
	} else if (r != NULL) {
		a->media = (struct media_job){
			.format = format, .ready = ready, .owner = a, .fd = -1
		};
		sound_copy(&r->sound, &a->media.sound);
		ok = true;
	}
	world_unlock();
	return ok;
}

static void
media(struct ask *a, enum sound_format format)
{
	if (!ask_query(a, "RequestedChannels") || !prepare(a, format))
		return;
	a->waiting = true;
	MHD_suspend_connection(a->conn); /* first: the answer may be there at once */
	if (!media_request(&a->media))
		MHD_resume_connection(a->conn);
}

static void
media_mp3(struct ask *a)
{
	media(a, SOUND_MP3);
}

static void
media_wav(struct ask *a)
{
	media(a, SOUND_WAV);
}
