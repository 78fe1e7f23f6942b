/*
 * rt_openai.c: see rt_openai.h. Sound comes many times a second, so that one kind of message is read
 * where it stands; everything else by way of a tree. Source: OpenAI's API reference, "Realtime".
 */
#include "remote/rt_openai.h"

#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/scan.h"
#include "base/str.h"

#define AUDIO_DELTA "response.output_audio.delta"
#define ID_MAX 128
/* The model that writes down what the callee says. */
#define TRANSCRIBER "gpt-4o-mini-transcribe"

/* ---- what we say ---- */

static int
add_bytes(const char *bytes, size_t len, void *out)
{
	buf_add(out, bytes, len);
	return 0;
}

/* Appends a message; the reference is taken over. */
static void
add_message(struct buf *out, json_t *message)
{
	if (message == NULL || json_dump_callback(message, add_bytes, out, JSON_COMPACT) != 0)
		out->failed = true; /* a text that is no UTF-8 */
	json_decref(message);
}

/* Where the words end and the answer begins is left to the server; its defaults have changed before. */
static json_t *
turn_detection(bool open)
{
	return json_pack("{s:s, s:f, s:i, s:i, s:b, s:b}", "type", "server_vad", "threshold", 0.5,
	    "prefix_padding_ms", 300, "silence_duration_ms", 500, "create_response", (int)open,
	    "interrupt_response", (int)open);
}

static json_t *
transcription(const char *language)
{
	size_t main_part = strcspn(language, "-");
	json_t *made = json_pack("{s:s}", "model", TRANSCRIBER);

	if (strcmp(language, "auto") != 0 && main_part > 0)
		json_object_set_new(made, "language", json_stringn(language, main_part));
	return made;
}

static json_t *
tool_list(json_t *tools)
{
	json_t *list = json_array(), *tool, *made;
	size_t i;

	json_array_foreach(tools, i, tool)
	{
		made = json_copy(tool);
		json_object_set_new(made, "type", json_string("function"));
		json_array_append_new(list, made);
	}
	return list;
}

static json_t *
input(const char *language, bool open)
{
	return json_pack("{s:{s:s}, s:o, s:o}", "format", "type", "audio/pcmu", "transcription",
	    transcription(language), "turn_detection", turn_detection(open));
}

void
rt_openai_update(struct buf *out, const struct rt_openai_session *session)
{
	json_t *output = json_pack("{s:{s:s}}", "format", "type", "audio/pcmu");

	if (session->voice != NULL && session->voice[0] != '\0')
		json_object_set_new(output, "voice", json_string(session->voice));
	add_message(out,
	    json_pack("{s:s, s:{s:s, s:[s], s:s, s:{s:o, s:o}, s:o, s:s}}", "type",
		"session.update", "session", "type", "realtime", "output_modalities", "audio",
		"instructions", session->instructions, "audio", "input",
		input(session->language, session->open), "output", output, "tools",
		tool_list(session->tools), "tool_choice", "auto"));
}

/* The input as a whole: what stands beside the turns is not left to how deep the server merges. */
void
rt_openai_open(struct buf *out, const char *language)
{
	add_message(out,
	    json_pack("{s:s, s:{s:s, s:{s:o, s:{s:{s:s}}}}}", "type", "session.update", "session",
		"type", "realtime", "audio", "input", input(language, true), "output", "format",
		"type", "audio/pcmu"));
}

void
rt_openai_append(struct buf *out, const char *base64, size_t len)
{
	buf_puts(out, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"");
	buf_add(out, base64, len);
	buf_puts(out, "\"}");
}

void
rt_openai_truncate(struct buf *out, const char *item, int64_t heard_ms)
{
	add_message(out,
	    json_pack("{s:s, s:s, s:i, s:I}", "type", "conversation.item.truncate", "item_id", item,
		"content_index", 0, "audio_end_ms", (json_int_t)heard_ms));
}

void
rt_openai_say(struct buf *out, enum rt_openai_role role, const char *text)
{
	static const char *const roles[] = { "system", "user", "assistant" };

	add_message(out,
	    json_pack("{s:s, s:{s:s, s:s, s:[{s:s, s:s}]}}", "type", "conversation.item.create",
		"item", "type", "message", "role", roles[role], "content", "type",
		role == RT_OPENAI_ASSISTANT ? "output_text" : "input_text", "text", text));
}

void
rt_openai_result(struct buf *out, const char *call_id, const json_t *result)
{
	char *output = json_dumps(result, JSON_COMPACT);

	add_message(out,
	    json_pack("{s:s, s:{s:s, s:s, s:s}}", "type", "conversation.item.create", "item",
		"type", "function_call_output", "call_id", call_id, "output",
		output == NULL ? "{}" : output));
	free(output);
}

void
rt_openai_respond(struct buf *out)
{
	buf_puts(out, "{\"type\":\"response.create\",\"event_id\":\"" RT_OPENAI_RESPOND_ID "\"}");
}

/* ---- what we are told: sound ---- */

/* Ends a text of the message where it ends; NULL when it is not of these characters, or too long. */
static const char *
end_id(char *message, const struct scan_member *m)
{
	size_t i;

	if (m->value == NULL || m->len == 0 || m->len > ID_MAX)
		return NULL;
	for (i = 0; i < m->len; i++) {
		if (m->value[i] <= ' ' || m->value[i] > '~')
			return NULL;
	}
	message[m->value + m->len - message] = '\0';
	return m->value;
}

/* The three texts of a delta. False: it is something else, or not written as we know it; the tree will
 * tell. */
static bool
find_delta(const char *message, size_t len, struct scan_member *item, struct scan_member *delta)
{
	struct scan s;
	struct scan_member m, type = { 0 }, *kept;

	scan_enter(&s, message, len);
	while (scan_next(&s, &m)) {
		if (m.kind == SCAN_OBJECT || m.kind == SCAN_ARRAY)
			return false;
		kept = scan_is(&m, "type")   ? &type
		    : scan_is(&m, "item_id") ? item
		    : scan_is(&m, "delta")   ? delta
					     : NULL;
		if (kept == NULL)
			continue;
		if (kept->name != NULL || m.kind != SCAN_TEXT || !m.plain)
			return false;
		*kept = m;
		if (type.name != NULL && !scan_says(&type, AUDIO_DELTA))
			return false;
	}
	return scan_whole(&s) && type.name != NULL && item->name != NULL && delta->name != NULL;
}

static bool
read_delta(char *message, size_t len, struct rt_openai_event *event)
{
	struct scan_member item = { 0 }, delta = { 0 };

	if (!find_delta(message, len, &item, &delta) || !digest_is_base64(delta.value, delta.len))
		return false;
	event->item = end_id(message, &item);
	if (event->item == NULL)
		return false;
	event->kind = RT_OPENAI_AUDIO;
	event->text = delta.value;
	event->text_len = delta.len;
	return true;
}

/* ---- what we are told: everything else ---- */

/* An id of the server's. */
static bool
read_id(json_t *object, const char *name, const char **id)
{
	*id = json_string_value(json_object_get(object, name));
	return *id != NULL && (*id)[0] != '\0' && strlen(*id) <= ID_MAX;
}

static bool
read_text(json_t *object, const char *name, struct rt_openai_event *event)
{
	json_t *text = json_object_get(object, name);

	event->text = json_string_value(text);
	event->text_len = json_string_length(text);
	return event->text != NULL;
}

static bool
is_pcmu(json_t *audio, const char *direction)
{
	const char *type = json_string_value(
	    json_object_get(json_object_get(json_object_get(audio, direction), "format"), "type"));

	return type != NULL && strcmp(type, "audio/pcmu") == 0;
}

/* Both are true where they are not named. */
static bool
is_open(json_t *audio)
{
	json_t *turns = json_object_get(json_object_get(audio, "input"), "turn_detection");

	return json_is_object(turns) && !json_is_false(json_object_get(turns, "create_response")) &&
	    !json_is_false(json_object_get(turns, "interrupt_response"));
}

static bool
read_session(json_t *tree, struct rt_openai_event *event)
{
	json_t *session = json_object_get(tree, "session"), *audio;

	audio = json_object_get(session, "audio");
	event->pcmu = is_pcmu(audio, "input") && is_pcmu(audio, "output");
	event->open = is_open(audio);
	return json_is_object(session);
}

static bool
read_nothing(json_t *tree, struct rt_openai_event *event)
{
	(void)tree;
	(void)event;
	return true;
}

static bool
read_delta_text(json_t *tree, struct rt_openai_event *event)
{
	return read_id(tree, "item_id", &event->item) && read_text(tree, "delta", event);
}

static bool
read_transcript(json_t *tree, struct rt_openai_event *event)
{
	return read_id(tree, "item_id", &event->item) && read_text(tree, "transcript", event);
}

static bool
read_audio(json_t *tree, struct rt_openai_event *event)
{
	return read_delta_text(tree, event) && digest_is_base64(event->text, event->text_len);
}

static bool
read_response(json_t *tree, struct rt_openai_event *event)
{
	return read_id(json_object_get(tree, "response"), "id", &event->response);
}

static bool
read_done(json_t *tree, struct rt_openai_event *event)
{
	static const char *const names[] = { "completed", "cancelled", "incomplete" };
	const char *status = json_string_value(
	    json_object_get(json_object_get(tree, "response"), "status"));
	int i;

	event->status = RT_OPENAI_FAILED;
	for (i = 0; status != NULL && i < 3; i++) {
		if (strcmp(status, names[i]) == 0)
			event->status = (enum rt_openai_status)i;
	}
	return status != NULL && read_response(tree, event);
}

/* The arguments are a text of JSON, which the model has written: it may be wrong without the message
 * being so. */
static bool
read_tool(json_t *tree, struct rt_openai_event *event)
{
	json_t *text = json_object_get(tree, "arguments"), *value;
	char why[64];

	if (!read_id(tree, "call_id", &event->call_id) || !read_id(tree, "name", &event->name) ||
	    !json_is_string(text))
		return false;
	value = json_parse_strict(json_string_value(text), json_string_length(text), why);
	if (json_is_object(value))
		event->arguments = value;
	else
		json_decref(value);
	return true;
}

static bool
read_error(json_t *tree, struct rt_openai_event *event)
{
	json_t *error = json_object_get(tree, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *about = json_string_value(json_object_get(error, "event_id"));

	if (code == NULL)
		code = json_string_value(json_object_get(error, "type"));
	/* Codes alone may be repeated: a message could quote what we have sent. */
	event->code = code != NULL && strlen(code) <= 64 &&
		strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_.") == strlen(code)
	    ? code
	    : "";
	event->expired = strcmp(event->code, "session_expired") == 0;
	event->of_respond = about != NULL && strcmp(about, RT_OPENAI_RESPOND_ID) == 0;
	return json_is_object(error);
}

static const struct {
	const char *type;
	enum rt_openai_kind kind;
	bool (*read)(json_t *tree, struct rt_openai_event *event);
} readers[] = {
	{ AUDIO_DELTA, RT_OPENAI_AUDIO, read_audio },
	{ "response.output_audio_transcript.delta", RT_OPENAI_SPOKEN_PART, read_delta_text },
	{ "response.output_audio_transcript.done", RT_OPENAI_SPOKEN, read_transcript },
	{ "conversation.item.input_audio_transcription.delta", RT_OPENAI_HEARD_PART,
	    read_delta_text },
	{ "conversation.item.input_audio_transcription.completed", RT_OPENAI_HEARD,
	    read_transcript },
	{ "input_audio_buffer.speech_started", RT_OPENAI_SPEECH_STARTED, read_nothing },
	{ "input_audio_buffer.speech_stopped", RT_OPENAI_SPEECH_STOPPED, read_nothing },
	{ "response.created", RT_OPENAI_RESPONSE, read_response },
	{ "response.done", RT_OPENAI_DONE, read_done },
	{ "response.function_call_arguments.done", RT_OPENAI_TOOL, read_tool },
	{ "session.created", RT_OPENAI_CREATED, read_session },
	{ "session.updated", RT_OPENAI_UPDATED, read_session },
	{ "error", RT_OPENAI_ERROR, read_error },
};

static bool
read_tree(json_t *tree, struct rt_openai_event *event)
{
	const char *type = json_string_value(json_object_get(tree, "type"));
	size_t i;

	if (type == NULL)
		return false;
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		if (strcmp(type, readers[i].type) != 0)
			continue;
		event->kind = readers[i].kind;
		return readers[i].read(tree, event);
	}
	return true;
}

enum rc
rt_openai_read(char *message, size_t len, struct rt_openai_event *event)
{
	char why[64];

	memset(event, 0, sizeof *event);
	if (read_delta(message, len, event))
		return RC_OK;
	memset(event, 0, sizeof *event);
	event->tree = json_parse_strict(message, len, why);
	if (read_tree(event->tree, event))
		return RC_OK;
	rt_openai_clear(event);
	return RC_INVALID;
}

void
rt_openai_clear(struct rt_openai_event *event)
{
	json_decref(event->arguments);
	json_decref(event->tree);
	memset(event, 0, sizeof *event);
}
