/*
 * msg.c: JSON of media streams. Media goes out fifty times a second on each line, so it is printed;
 * a mark carries a foreign text, so jansson writes it.
 */
#include "sim/msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"

#define OUT_AUDIO_MAX 1600

/* --- to the customer --- */

static void
put(json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (text == NULL)
		abort();
	buf_puts(out, text);
	free(text);
	json_decref(object);
}

static void
put_head(struct msg_line *l, const char *event, struct buf *out)
{
	buf_printf(out,
	    "{\"event\":\"%s\",\"sequenceNumber\":\"%" PRIu64 "\",\"streamSid\":\"%s\",", event,
	    ++l->sequence, l->stream_sid);
}

void
msg_connected(struct buf *out)
{
	buf_puts(out, "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
}

void
msg_start(struct msg_line *l, json_t *parameters, struct buf *out)
{
	put_head(l, "start", out);
	buf_puts(out, "\"start\":");
	put(json_pack("{s:s, s:s, s:s, s:[s], s:O, s:{s:s, s:i, s:i}}", "streamSid", l->stream_sid,
		"accountSid", l->account_sid, "callSid", l->call_sid, "tracks", "inbound",
		"customParameters", parameters, "mediaFormat", "encoding", "audio/x-mulaw",
		"sampleRate", 8000, "channels", 1),
	    out);
	buf_puts(out, "}");
}

void
msg_media(
    struct msg_line *l, int64_t timestamp_ms, const uint8_t *pcmu, size_t len, struct buf *out)
{
	char payload[4 * ((OUT_AUDIO_MAX + 2) / 3) + 1];

	if (len > OUT_AUDIO_MAX)
		abort();
	digest_base64(pcmu, len, payload);
	put_head(l, "media", out);
	buf_printf(out,
	    "\"media\":{\"track\":\"inbound\",\"chunk\":\"%" PRIu64 "\",\"timestamp\":\"%" PRId64
	    "\",\"payload\":\"",
	    ++l->chunk, timestamp_ms);
	buf_puts(out, payload);
	buf_puts(out, "\"}}");
}

void
msg_mark(struct msg_line *l, const char *name, struct buf *out)
{
	put_head(l, "mark", out);
	buf_puts(out, "\"mark\":");
	put(json_pack("{s:s}", "name", name), out);
	buf_puts(out, "}");
}

void
msg_dtmf(struct msg_line *l, char digit, struct buf *out)
{
	put_head(l, "dtmf", out);
	buf_printf(out, "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%c\"}}", digit);
}

void
msg_stop(struct msg_line *l, struct buf *out)
{
	put_head(l, "stop", out);
	buf_printf(out, "\"stop\":{\"accountSid\":\"%s\",\"callSid\":\"%s\"}}", l->account_sid,
	    l->call_sid);
}

/* --- from the customer --- */

static int
refuse(char why[MSG_WHY_SIZE], const char *text)
{
	snprintf(why, MSG_WHY_SIZE, "%s", text);
	return MSG_INVALID;
}

/* The one text member of the one object beside event and streamSid, or NULL. */
static const char *
only_text(const json_t *whole, const char *part, const char *name)
{
	const json_t *inner = json_object_get(whole, part);

	if (json_object_size(whole) != 3 || json_object_size(inner) != 1)
		return NULL;
	return json_string_value(json_object_get(inner, name));
}

static int
read_media(const json_t *whole, struct msg *out, char why[MSG_WHY_SIZE])
{
	const char *payload = only_text(whole, "media", "payload");
	size_t room;
	int len;

	if (payload == NULL)
		return refuse(why, "media: a payload and nothing else is expected");
	room = strlen(payload) / 4 * 3 + 3;
	out->audio = mem_alloc(room);
	len = digest_unbase64(payload, out->audio, room);
	if (len <= 0)
		return refuse(why, "media: the payload is empty or no base64");
	out->len = (size_t)len;
	return 0;
}

static int
read_mark(const json_t *whole, struct msg *out, char why[MSG_WHY_SIZE])
{
	const char *name = only_text(whole, "mark", "name");

	if (name == NULL)
		return refuse(why, "mark: a name and nothing else is expected");
	if (strlen(name) > MSG_NAME_MAX)
		return refuse(why, "mark: the name is too long");
	out->name = mem_strdup(name);
	return 0;
}

static int
read_event(const json_t *whole, struct msg *out, char why[MSG_WHY_SIZE])
{
	const char *event = json_string_value(json_object_get(whole, "event"));

	if (event == NULL)
		return refuse(why, "there is no event");
	if (strcmp(event, "media") == 0) {
		out->kind = MSG_MEDIA;
		return read_media(whole, out, why);
	}
	if (strcmp(event, "mark") == 0) {
		out->kind = MSG_MARK;
		return read_mark(whole, out, why);
	}
	if (strcmp(event, "clear") != 0)
		return refuse(why, "the event is none of media, mark, clear");
	out->kind = MSG_CLEAR;
	if (json_object_size(whole) != 2)
		return refuse(why, "clear: nothing but streamSid is expected");
	return 0;
}

int
msg_read(
    const char *text, size_t len, const char *stream_sid, struct msg *out, char why[MSG_WHY_SIZE])
{
	char problem[64];
	json_t *whole = json_parse_strict(text, len, problem);
	const char *sid = json_string_value(json_object_get(whole, "streamSid"));
	int code;

	*out = (struct msg){ 0 };
	if (whole == NULL)
		return refuse(why, "the message is no JSON");
	if (sid == NULL || strcmp(sid, stream_sid) != 0)
		code = refuse(why, "streamSid is not this stream's");
	else
		code = read_event(whole, out, why);
	json_decref(whole);
	if (code != 0)
		msg_release(out);
	return code;
}

void
msg_release(struct msg *m)
{
	free(m->audio);
	free(m->name);
	*m = (struct msg){ 0 };
}
