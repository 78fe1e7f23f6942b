/*
 * frames.c: see frames.h. Sound comes fifty times a second in each call, so its messages are read where they
 * stand (base/scan.h); all others are read as strict JSON.
 */
#include "voice/frames.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/scan.h"

#define ENCODING "audio/x-mulaw"
#define RATE 8000
#define TOKEN_MAX 128

static const char *
text_of(json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

/* "MZ" and 32 hex digits, or the like. */
static bool
is_sid(const char *s, const char *prefix)
{
	return s != NULL && strncmp(s, prefix, 2) == 0 && strlen(s) == 34 &&
	    strspn(s + 2, "0123456789abcdefABCDEF") == 32;
}

static bool
is_sound(const char *base64, size_t len)
{
	return len > 0 && len <= (FRAME_SOUND_MAX + 2) / 3 * 4 && digest_is_base64(base64, len);
}

static bool
is_our_format(json_t *format)
{
	const char *encoding = text_of(format, "encoding");

	return encoding != NULL && strcmp(encoding, ENCODING) == 0 &&
	    json_integer_value(json_object_get(format, "sampleRate")) == RATE &&
	    json_integer_value(json_object_get(format, "channels")) == 1;
}

static bool
read_start(json_t *message, struct frame *f)
{
	json_t *start = json_object_get(message, "start");

	f->kind = FRAME_START;
	f->account_sid = text_of(start, "accountSid");
	f->call_sid = text_of(start, "callSid");
	f->token = text_of(json_object_get(start, "customParameters"), "token");
	return is_sid(f->account_sid, "AC") && is_sid(f->call_sid, "CA") &&
	    is_our_format(json_object_get(start, "mediaFormat")) &&
	    (f->token == NULL || strlen(f->token) <= TOKEN_MAX);
}

static bool
read_sound(json_t *message, struct frame *f)
{
	json_t *media = json_object_get(message, "media");
	json_t *payload = json_object_get(media, "payload");
	const char *track = text_of(media, "track");

	if (track == NULL || !json_is_string(payload))
		return false;
	f->kind = strcmp(track, "inbound") == 0 ? FRAME_SOUND : FRAME_OTHER;
	f->base64 = json_string_value(payload);
	f->base64_len = json_string_length(payload);
	return is_sound(f->base64, f->base64_len);
}

static bool
read_key(json_t *message, struct frame *f)
{
	const char *digit = text_of(json_object_get(message, "dtmf"), "digit");

	f->kind = FRAME_KEY;
	if (digit == NULL || strlen(digit) != 1 || strchr("0123456789*#ABCD", digit[0]) == NULL)
		return false;
	f->key = digit[0];
	return true;
}

static bool
read_mark(json_t *message, struct frame *f)
{
	f->kind = FRAME_MARK;
	f->mark = text_of(json_object_get(message, "mark"), "name");
	return f->mark != NULL && strlen(f->mark) <= FRAME_MARK_MAX;
}

static bool
read_stop(json_t *message, struct frame *f)
{
	(void)message;
	f->kind = FRAME_STOP;
	return true;
}

static const struct {
	const char *event;
	bool (*read)(json_t *message, struct frame *f);
} readers[] = {
	{ "media", read_sound },
	{ "mark", read_mark },
	{ "dtmf", read_key },
	{ "start", read_start },
	{ "stop", read_stop },
};

static bool
read_message(json_t *message, struct frame *f)
{
	const char *event = text_of(message, "event"), *stream_sid;

	if (event == NULL)
		return false;
	f->kind = FRAME_OTHER;
	if (strcmp(event, "connected") == 0) {
		f->kind = FRAME_CONNECTED;
		return true;
	}
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
		if (strcmp(event, readers[i].event) != 0)
			continue;
		stream_sid = text_of(message, "streamSid");
		if (!is_sid(stream_sid, "MZ"))
			return false;
		snprintf(f->stream_sid, sizeof f->stream_sid, "%s", stream_sid);
		return readers[i].read(message, f);
	}
	return true;
}

/* ---- sound, in place ---- */

/* The track and the payload of a "media" object; false when it is not as usual. */
static bool
scan_media(const struct scan_member *media, struct frame *f)
{
	struct scan_member m;
	bool inbound = false;
	struct scan s;

	scan_enter(&s, media->value, media->len);
	while (scan_next(&s, &m)) {
		if (scan_is(&m, "track")) {
			inbound = scan_says(&m, "inbound");
		} else if (scan_is(&m, "payload") && m.kind == SCAN_TEXT && m.plain) {
			f->base64 = m.value;
			f->base64_len = m.len;
		}
	}
	return scan_whole(&s) && inbound && f->base64 != NULL;
}

/* Reads a message of sound as the carrier writes it; false when it is another, or odd. */
static bool
scan_sound(const char *text, size_t len, struct frame *f)
{
	bool sound = false, event = false;
	struct scan_member m;
	struct scan s;

	scan_enter(&s, text, len);
	while (scan_next(&s, &m)) {
		if (scan_is(&m, "event")) {
			event = scan_says(&m, "media");
			if (!event)
				return false;
		} else if (scan_is(&m, "streamSid") && m.kind == SCAN_TEXT && m.plain &&
		    m.len < sizeof f->stream_sid) {
			memcpy(f->stream_sid, m.value, m.len);
			f->stream_sid[m.len] = '\0';
		} else if (scan_is(&m, "media") && m.kind == SCAN_OBJECT) {
			sound = scan_media(&m, f);
		}
	}
	f->kind = FRAME_SOUND;
	return scan_whole(&s) && event && sound && is_sid(f->stream_sid, "MZ") &&
	    is_sound(f->base64, f->base64_len);
}

bool
frame_read(const char *text, size_t len, struct frame *f)
{
	char why[64];

	memset(f, 0, sizeof *f);
	if (len > FRAME_MAX)
		return false;
	if (scan_sound(text, len, f))
		return true;
	memset(f, 0, sizeof *f);
	f->owner = json_parse_strict(text, len, why);
	if (json_is_object(f->owner) && read_message(f->owner, f))
		return true;
	frame_free(f);
	return false;
}

void
frame_free(struct frame *f)
{
	json_decref(f->owner);
	f->owner = NULL;
}

/* ---- to the carrier ---- */

static void
begin(struct buf *out, const char *event, const char *stream_sid)
{
	buf_puts(out, "{\"event\":\"");
	buf_puts(out, event);
	buf_puts(out, "\",\"streamSid\":\"");
	buf_puts(out, stream_sid);
}

void
frame_sound(struct buf *out, const char *stream_sid, const uint8_t *pcmu, size_t len)
{
	char payload[4 * ((FRAME_SOUND_MAX + 2) / 3) + 1];

	digest_base64(pcmu, len, payload);
	begin(out, "media", stream_sid);
	buf_puts(out, "\",\"media\":{\"payload\":\"");
	buf_puts(out, payload);
	buf_puts(out, "\"}}");
}

void
frame_mark(struct buf *out, const char *stream_sid, const char *name)
{
	begin(out, "mark", stream_sid);
	buf_puts(out, "\",\"mark\":{\"name\":\"");
	buf_puts(out, name);
	buf_puts(out, "\"}}");
}

void
frame_clear(struct buf *out, const char *stream_sid)
{
	begin(out, "clear", stream_sid);
	buf_puts(out, "\"}");
}
