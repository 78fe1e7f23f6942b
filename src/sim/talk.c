/*
 * talk.c: obeying TwiML. Words take a constant short time here, so that a whole call is over in
 * about two seconds; pauses and the timeouts of Gather and Record take the time that they say,
 * because an agent that waits for something counts on them.
 *
 * Every step ends in one of four ways: the call's step timer is armed, a fetch is under way, a media
 * stream is open, or the call has ended (and c->live is gone). A fetch that was overtaken is known
 * by its tag, a stream by its sid.
 */
#include "sim/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/twiml.h"
#include "sim/webhook.h"
#include "sim/weburl.h"
#include "sim/wire.h"

#define SAY_MS 30
#define TONE_MS 20
#define FAULT_MS 200       /* how long the carrier's error announcement takes */
#define DOCUMENTS_MAX 1000 /* in one call */
#define BEEP_WAIT_MS 60000 /* a verdict waits no longer for the beep in a media stream */

struct talk {
	struct twiml *doc;
	const struct twiml_node *next;   /* the verb that comes next */
	const struct twiml_node *gather; /* the Gather under way, NULL outside */
	const struct twiml_node *prompt; /* what it says next */
	char *url;    /* of the document, with its overrides; NULL for inline TwiML */
	unsigned tag; /* of the last fetch */
	int documents;
	bool fell_back; /* the FallbackUrl has had its chance */
	enum heard heard;
	const char *words;
};

static void run(void *owner);
static void fetch(struct call *c, const char *url, bool get, struct form *form);

static void
talk_free(void *arg)
{
	struct talk *t = arg;

	twiml_free(t->doc);
	free(t->url);
}

static void
later(struct call *c, int ms, void (*step)(void *))
{
	timer_arm_in(&c->live->step, ms, step, c);
}

/* The end that both sides come to in peace. */
static void
hang_up(void *owner)
{
	call_end(owner, CALL_COMPLETED, 200);
}

static void
fault(struct call *c, int code, const char *url, const char *why)
{
	const struct dial *d = &c->live->dial;
	struct talk *t = c->live->talk;
	struct form *f;

	call_error(c, code, false, url, "%s", why);
	if (d->fallback_url == NULL || t->fell_back) {
		later(c, FAULT_MS, hang_up);
		return;
	}
	t->fell_back = true;
	f = call_form(c, "in-progress");
	form_addf(f, "ErrorCode", "%d", code);
	form_add(f, "ErrorUrl", url == NULL ? "" : url);
	fetch(c, d->fallback_url, d->fallback_get, f);
}

/* --- documents --- */

static void
begin_document(struct call *c, struct twiml *doc, const char *url)
{
	struct talk *t = c->live->talk;
	char *kept = url == NULL ? NULL : mem_strdup(url);

	twiml_free(t->doc);
	free(t->url);
	t->doc = doc;
	t->url = kept;
	t->next = twiml_first(doc);
	t->gather = NULL;
	run(c);
}

static void
read_document(struct call *c, const char *bytes, size_t len, const char *url)
{
	char problem[TWIML_PROBLEM_SIZE];
	struct twiml *doc;
	int code;

	doc = twiml_parse(bytes, len, &code, problem);
	if (doc == NULL)
		fault(c, code, url, problem);
	else
		begin_document(c, doc, url);
}

static bool
type_is(const char *type, const char *name)
{
	size_t len = strcspn(type, "; ");

	return strlen(name) == len && strncasecmp(type, name, len) == 0;
}

/* text/plain: TwiML when it is TwiML, read aloud otherwise. */
static void
read_plain(struct call *c, const struct webhook_answer *a)
{
	char problem[TWIML_PROBLEM_SIZE];
	struct twiml *doc;
	int code;

	doc = twiml_parse(a->body, a->len, &code, problem);
	if (doc != NULL) {
		begin_document(c, doc, a->url);
		return;
	}
	call_record_words(c, true, a->body, "en-US");
	later(c, SAY_MS, hang_up);
}

static void
fetched(const char *sid, unsigned tag, const struct webhook_answer *a)
{
	struct call *c = call_get(sid);
	const char *type = a->content_type;

	if (c == NULL || c->live == NULL || c->live->talk == NULL || c->live->talk->tag != tag)
		return;
	if (a->code != 0) {
		char why[80];

		snprintf(why, sizeof(why), "TwiML could not be had (HTTP %ld)", a->status);
		fault(c, a->code, a->url, why);
	} else if (type == NULL || type[0] == '\0') {
		fault(c, 12300, a->url, "the answer has no Content-Type");
	} else if (type_is(type, "text/xml") || type_is(type, "application/xml") ||
	    type_is(type, "text/html")) {
		read_document(c, a->body, a->len, a->url);
	} else if (type_is(type, "text/plain")) {
		read_plain(c, a);
	} else if (strncasecmp(type, "audio/", 6) == 0) {
		later(c, SAY_MS, hang_up);
	} else {
		fault(c, 12300, a->url, "the answer has a wrong Content-Type");
	}
}

static void
fetch(struct call *c, const char *url, bool get, struct form *form)
{
	struct talk *t = c->live->talk;
	struct webhook w = { .url = url, .get = get, .form = form, .done = fetched };

	timer_disarm(&c->live->step);
	w.tag = ++t->tag;
	memcpy(w.sid, c->sid, sizeof(w.sid));
	if (++t->documents > DOCUMENTS_MAX) {
		form_free(form);
		call_error(c, 11215, false, url, "more than %d documents", DOCUMENTS_MAX);
		later(c, FAULT_MS, hang_up);
		return;
	}
	webhook_send(&w);
}

/* Asks the URL in an attribute (or in a verb's text), which is relative to the document; empty
 * means the document itself. */
static void
follow(struct call *c, const char *ref, bool get, struct form *form)
{
	struct talk *t = c->live->talk;
	char *url;

	if (ref[0] != '\0')
		url = weburl_join(t->url, ref);
	else
		url = t->url == NULL ? NULL : mem_strdup(t->url);
	if (url == NULL) {
		form_free(form);
		fault(c, 11100, ref, "a relative URL in inline TwiML, or no URL at all");
		return;
	}
	fetch(c, url, get, form);
	free(url);
}

static void
follow_action(struct call *c, const struct twiml_node *n, struct form *form)
{
	follow(c, twiml_text(n, "action", ""), twiml_is(n, "method", "GET"), form);
}

/* --- verbs: each returns true when the next one may follow at once --- */

static bool
obey_say(struct call *c, const struct twiml_node *n)
{
	c->live->callee.spoken_to = true;
	call_record_words(c, true, n->text, twiml_text(n, "language", "en-US"));
	later(c, SAY_MS, run);
	return false;
}

static bool
obey_play(struct call *c, const struct twiml_node *n)
{
	int tones = (int)strlen(twiml_text(n, "digits", ""));

	c->live->callee.spoken_to = true;
	later(c, tones > 0 ? tones * TONE_MS : SAY_MS, run);
	return false;
}

static bool
obey_pause(struct call *c, const struct twiml_node *n)
{
	later(c, twiml_number(n, "length", 1) * 1000, run);
	return false;
}

static bool
obey_hangup(struct call *c, const struct twiml_node *n)
{
	(void)n;
	hang_up(c);
	return false;
}

static bool
obey_redirect(struct call *c, const struct twiml_node *n)
{
	follow(c, n->text, twiml_is(n, "method", "GET"), call_form(c, "in-progress"));
	return false;
}

static bool
obey_gather(struct call *c, const struct twiml_node *n)
{
	c->live->talk->gather = n;
	c->live->talk->prompt = n->child;
	return true;
}

static void
dialed(void *owner)
{
	struct call *c = owner;
	const struct twiml_node *n = c->live->talk->gather;
	char leg[SID_SIZE];
	struct form *f;

	c->live->talk->gather = NULL;
	if (twiml_text(n, "action", "")[0] == '\0') {
		run(c);
		return;
	}
	sid_make(leg, "CA");
	f = call_form(c, "in-progress");
	form_add(f, "DialCallStatus", "completed");
	form_add(f, "DialCallSid", leg);
	form_addf(f, "DialCallDuration", "%d", (c->live->callee.talk_ms + 999) / 1000);
	form_add(f, "DialBridged", "true");
	follow_action(c, n, f);
}

static bool
obey_dial(struct call *c, const struct twiml_node *n)
{
	c->live->talk->gather = n;
	later(c, c->live->callee.talk_ms, dialed);
	return false;
}

static void
recorded(void *owner)
{
	struct call *c = owner;
	struct talk *t = c->live->talk;
	const struct twiml_node *n = t->gather;
	struct recording_order order = { .call_sid = c->sid,
		.source = "RecordVerb",
		.track = TRACK_INBOUND,
		.channels = 1,
		.callback = twiml_text(n, "recordingStatusCallback", NULL),
		.callback_get = twiml_is(n, "recordingStatusCallbackMethod", "GET"),
		.events = RECORDING_EVENT_COMPLETED };
	struct sound sound = { 0 };
	struct recording *r;
	char url[RECORDING_URL_SIZE], *callback = NULL;
	struct form *f;

	t->gather = NULL;
	if (strstr(twiml_text(n, "recordingStatusCallbackEvent", "completed"), "completed") == NULL)
		order.callback = NULL;
	if (order.callback != NULL)
		order.callback = callback = weburl_join(t->url, order.callback);
	r = recording_start(&order);
	sound_add_words(&sound, t->words, "en-US");
	recording_finish(r, &sound);
	free(callback);
	f = call_form(c, "in-progress");
	form_add(f, "RecordingUrl", recording_url(r, url));
	form_add(f, "RecordingSid", r->sid);
	form_addf(f, "RecordingDuration", "%d", r->seconds);
	form_add(f, "Digits", "");
	follow_action(c, n, f);
}

static bool
obey_record(struct call *c, const struct twiml_node *n)
{
	struct live *l = c->live;
	enum heard heard = callee_hear(&l->callee, true, false, &l->talk->words);

	if (heard == HEARD_SPEECH) {
		l->talk->gather = n;
		later(c, l->callee.talk_ms, recorded);
	} else if (heard == HEARD_HANGUP) {
		later(c, l->callee.talk_ms, hang_up);
	} else {
		later(c, twiml_number(n, "timeout", 5) * 1000, run);
	}
	return false;
}

/* --- media streams --- */

static void
name_stream(struct call *c, const struct twiml_node *s)
{
	struct live *l = c->live;
	const char *name = twiml_text(s, "name", NULL);
	const char *callback = twiml_text(s, "statusCallback", NULL);

	sid_make(l->stream.sid, "MZ");
	l->stream.name = name == NULL ? NULL : arena_strdup(l->arena, name);
	l->stream.callback = callback == NULL ? NULL : arena_strdup(l->arena, callback);
	l->stream.callback_get = twiml_is(s, "statusCallbackMethod", "GET");
}

static void
fault_stream(struct call *c, int code, const char *why)
{
	call_error(c, code, false, NULL, "%s", why);
	call_stream_event(c, "stream-error", why);
	call_leave_stream(c);
}

/* One-way streams are not simulated: each ends at once, with an error for whoever listens. */
static bool
obey_start(struct call *c, const struct twiml_node *n)
{
	name_stream(c, n->child);
	fault_stream(c, 31920, "one-way media streams are not simulated");
	return true;
}

static json_t *
parameters(const struct twiml_node *stream)
{
	json_t *o = json_object();

	for (const struct twiml_node *p = stream->child; p != NULL; p = p->next)
		json_object_set_new(
		    o, twiml_text(p, "name", ""), json_string(twiml_text(p, "value", "")));
	return o;
}

/* True when the machine's greeting is over: the verdict has waited for it. Otherwise a verdict
 * that waits for the beep waits for the one in the stream from now on. */
static bool
greeted(struct live *l)
{
	if (l->callee.outcome != OUTCOME_VOICEMAIL || l->dial.amd != AMD_MESSAGE_END)
		return false;
	if (l->detection.place == 0)
		return true;
	timer_arm_in(&l->detection, BEEP_WAIT_MS, l->detection.fire, l->call);
	return false;
}

static bool
obey_connect(struct call *c, const struct twiml_node *n)
{
	struct live *l = c->live;
	struct line_order order = {
		.url = twiml_text(n->child, "url", ""), .callee = &l->callee, .greeted = greeted(l)
	};
	bool ok;

	name_stream(c, n->child);
	memcpy(order.stream_sid, l->stream.sid, sizeof(order.stream_sid));
	memcpy(order.call_sid, c->sid, sizeof(order.call_sid));
	order.parameters = parameters(n->child);
	ok = wire_connect(&order);
	json_decref(order.parameters);
	if (!ok)
		fault_stream(c, 31920, "there are too many media streams");
	return !ok;
}

/* A verdict that waits for the beep need not wait any more. */
static void
beeped(struct call *c)
{
	struct timer *t = &c->live->detection;

	if (t->place != 0 && c->live->dial.amd == AMD_MESSAGE_END)
		timer_arm_in(t, 0, t->fire, c);
}

/* The stream is over by itself: what it was about goes on in TwiML. */
static void
stream_over(struct call *c, const struct line_news *news)
{
	struct callee *callee = &c->live->callee;

	callee->turn = news->turn;
	callee->silent_turns = news->silent_turns;
	if (news->pressed)
		callee->digits = NULL;
	beeped(c);
	if (news->code != 0) {
		fault_stream(c, news->code, news->why);
	} else {
		call_stream_event(c, "stream-stopped", NULL);
		call_leave_stream(c);
	}
	run(c);
}

void
talk_stream_news(const struct line_news *news, const char *stream_sid)
{
	struct call *c = call_get(news->call_sid);

	for (int i = 0; c != NULL && i < news->warning_count; i++)
		call_error(c, news->warnings[i].code, true, NULL, "%s", news->warnings[i].why);
	if (c == NULL || c->live == NULL || strcmp(c->live->stream.sid, stream_sid) != 0)
		return;
	if (news->opened)
		call_stream_event(c, "stream-started", NULL);
	if (news->beeped)
		beeped(c);
	if (news->hung_up)
		hang_up(c);
	else if (news->over)
		stream_over(c, news);
}

/* --- every verb --- */

static bool
obey_stop(struct call *c, const struct twiml_node *n)
{
	(void)c, (void)n;
	return true;
}

static const struct verb {
	enum twiml_verb verb;
	bool (*obey)(struct call *, const struct twiml_node *);
} verbs[] = {
	{ TWIML_SAY, obey_say },
	{ TWIML_PLAY, obey_play },
	{ TWIML_PAUSE, obey_pause },
	{ TWIML_GATHER, obey_gather },
	{ TWIML_HANGUP, obey_hangup },
	{ TWIML_REDIRECT, obey_redirect },
	{ TWIML_REJECT, obey_hangup },
	{ TWIML_RECORD, obey_record },
	{ TWIML_DIAL, obey_dial },
	{ TWIML_CONNECT, obey_connect },
	{ TWIML_START, obey_start },
	{ TWIML_STOP, obey_stop },
};

static bool
obey(struct call *c, const struct twiml_node *n)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].verb == n->verb)
			return verbs[i].obey(c, n);
	abort(); /* the schema lets nothing else through */
}

/* --- listening --- */

/* The keys that were pressed, as Gather hands them on: up to its finish key, up to its count. */
static size_t
digits_length(const struct twiml_node *g, const char *digits)
{
	const char *finish = twiml_text(g, "finishOnKey", "#");
	size_t max = (size_t)twiml_number(g, "numDigits", 1000), len;

	len = finish[0] == '\0' ? strlen(digits) : strcspn(digits, finish);
	return len < max ? len : max;
}

static void
heard(void *owner)
{
	struct call *c = owner;
	struct talk *t = c->live->talk;
	const struct twiml_node *g = t->gather;
	bool empty = twiml_is(g, "actionOnEmptyResult", "true");
	const char *input = twiml_text(g, "input", "dtmf");
	struct form *f;

	t->gather = NULL;
	if (t->heard == HEARD_NOTHING && !empty) {
		run(c);
		return;
	}
	f = call_form(c, "in-progress");
	if (t->heard == HEARD_SPEECH) {
		call_record_words(c, false, t->words, twiml_text(g, "language", "en-US"));
		form_add(f, "SpeechResult", t->words);
		form_add(f, "Confidence", "0.95");
	} else if (t->heard == HEARD_DIGITS) {
		form_addf(f, "Digits", "%.*s", (int)digits_length(g, t->words), t->words);
	} else {
		if (strstr(input, "speech") != NULL)
			form_add(f, "SpeechResult", "");
		if (strstr(input, "dtmf") != NULL)
			form_add(f, "Digits", "");
	}
	follow_action(c, g, f);
}

static void
listen(struct call *c)
{
	struct live *l = c->live;
	struct talk *t = l->talk;
	const char *input = twiml_text(t->gather, "input", "dtmf");

	t->heard = callee_hear(
	    &l->callee, strstr(input, "speech") != NULL, strstr(input, "dtmf") != NULL, &t->words);
	if (t->heard == HEARD_HANGUP)
		later(c, l->callee.talk_ms, hang_up);
	else if (t->heard == HEARD_NOTHING)
		later(c, twiml_number(t->gather, "timeout", 5) * 1000, heard);
	else
		later(c, l->callee.talk_ms, heard);
}

/* The next verb, or the next prompt of a Gather, until one takes time. */
static void
run(void *owner)
{
	struct call *c = owner;
	struct talk *t = c->live->talk;
	const struct twiml_node *n;

	do {
		if (t->gather != NULL && t->prompt == NULL) {
			listen(c);
			return;
		}
		n = t->gather != NULL ? t->prompt : t->next;
		if (n == NULL) {
			hang_up(c);
			return;
		}
		if (t->gather != NULL)
			t->prompt = n->next;
		else
			t->next = n->next;
	} while (obey(c, n));
}

/* --- doors --- */

static void
begin(struct call *c, const char *url, bool get, const char *twiml)
{
	struct form *f;

	if (url == NULL) {
		read_document(c, twiml, strlen(twiml), NULL);
		return;
	}
	f = call_form(c, "in-progress");
	if (c->answered_by != NULL)
		form_add(f, "AnsweredBy", c->answered_by);
	fetch(c, url, get, f);
}

void
talk_start(struct call *c)
{
	struct live *l = c->live;

	l->talk = arena_alloc(l->arena, sizeof(*l->talk));
	arena_on_free(l->arena, talk_free, l->talk);
	begin(c, l->dial.url, l->dial.url_get, l->dial.twiml);
}

void
talk_redirect(struct call *c, const char *url, bool get, const char *twiml)
{
	timer_disarm(&c->live->step);
	if (c->live->stream.sid[0] != '\0')
		call_stream_event(c, "stream-stopped", NULL);
	call_leave_stream(c);
	c->live->talk->tag++; /* whatever is under way comes too late */
	begin(c, url, get, twiml);
}
