/*
 * rt_gemini.c: see rt_gemini.h. A message with nothing but sound is read where it stands, any other by way
 * of a tree. Source: Google's reference of the Live API; what the models do otherwise stands beside the
 * line that minds it.
 */
#include "remote/rt_gemini.h"

#include <string.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/scan.h"
#include "base/str.h"

#define ID_MAX 256
#define HANDLE_MAX 4096
#define MIME_OUT "audio/pcm;rate=24000"
#define GO_AWAY_MAX_MS 3600000

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

/* The models of the 2.5 family stand still until a tool has answered unless told otherwise; 3.8 never
 * does, and 3.1 cannot do otherwise and knows no such field. */
static bool
must_be_told_not_to_wait(const char *model)
{
	return str_starts(model, "gemini-2.5-");
}

static json_t *
function_list(const struct rt_gemini_setup *setup)
{
	json_t *list = json_array(), *tool, *made;
	size_t i;

	json_array_foreach(setup->tools, i, tool)
	{
		made = json_pack("{s:O, s:O, s:O}", "name", json_object_get(tool, "name"),
		    "description", json_object_get(tool, "description"), "parametersJsonSchema",
		    json_object_get(tool, "parameters"));
		if (must_be_told_not_to_wait(setup->model))
			json_object_set_new(made, "behavior", json_string("NON_BLOCKING"));
		json_array_append_new(list, made);
	}
	return list;
}

static json_t *
generation_config(const char *voice)
{
	json_t *config = json_pack("{s:[s]}", "responseModalities", "AUDIO");

	if (voice != NULL && voice[0] != '\0')
		json_object_set_new(config, "speechConfig",
		    json_pack(
			"{s:{s:{s:s}}}", "voiceConfig", "prebuiltVoiceConfig", "voiceName", voice));
	return config;
}

static json_t *
activity_detection(void)
{
	return json_pack("{s:s, s:s, s:i, s:i}", "startOfSpeechSensitivity",
	    "START_SENSITIVITY_HIGH", "endOfSpeechSensitivity", "END_SENSITIVITY_HIGH",
	    "prefixPaddingMs", 100, "silenceDurationMs", 600);
}

void
rt_gemini_begin(struct buf *out, const struct rt_gemini_setup *setup)
{
	json_t *made = json_pack(
	    "{s:s+, s:o, s:{s:[{s:s}]}, s:{s:o, s:s}, s:{}, s:{}, s:{s:{}}, s:{}}", "model",
	    "models/", setup->model, "generationConfig", generation_config(setup->voice),
	    "systemInstruction", "parts", "text", setup->instructions, "realtimeInputConfig",
	    "automaticActivityDetection", activity_detection(), "activityHandling",
	    "START_OF_ACTIVITY_INTERRUPTS", "inputAudioTranscription", "outputAudioTranscription",
	    "contextWindowCompression", "slidingWindow", "sessionResumption");

	if (setup->handle != NULL)
		json_object_set_new(json_object_get(made, "sessionResumption"), "handle",
		    json_string(setup->handle));
	if (json_array_size(setup->tools) > 0)
		json_object_set_new(made, "tools",
		    json_pack("[{s:o}]", "functionDeclarations", function_list(setup)));
	add_message(out, json_pack("{s:o}", "setup", made));
}

void
rt_gemini_sound(struct buf *out, const void *pcm, size_t len)
{
	char *room;

	buf_puts(out,
	    "{\"realtimeInput\":{\"audio\":{\"mimeType\":\"audio/pcm;rate=16000\",\"data\":\"");
	room = buf_room(out, 4 * ((len + 2) / 3));
	if (room != NULL)
		digest_base64(pcm, len, room);
	buf_puts(out, "\"}}}");
}

void
rt_gemini_text(struct buf *out, const char *text)
{
	/* clientContent would do with some models only; this does with all. */
	add_message(out, json_pack("{s:{s:s}}", "realtimeInput", "text", text));
}

void
rt_gemini_result(struct buf *out, const char *call_id, const char *name, const json_t *result)
{
	add_message(out,
	    json_pack("{s:{s:[{s:s, s:s, s:o}]}}", "toolResponse", "functionResponses", "id",
		call_id, "name", name, "response", json_deep_copy(result)));
}

/* ---- what we are told: nothing but sound ---- */

/* The only member of an object, if it has this name and kind and nothing stands beside it. */
static bool
only_member(struct scan_member *m, const char *name, enum scan_kind kind)
{
	struct scan s;
	struct scan_member more;

	scan_enter(&s, m->value, m->len);
	return scan_next(&s, m) && m->kind == kind && (name == NULL || scan_is(m, name)) &&
	    !scan_next(&s, &more) && scan_whole(&s);
}

/* {"mimeType": …, "data": …} */
static bool
scan_blob(const struct scan_member *blob, struct rt_gemini_sound *sound)
{
	struct scan s;
	struct scan_member m, mime = { 0 }, data = { 0 }, *kept;

	scan_enter(&s, blob->value, blob->len);
	while (scan_next(&s, &m)) {
		kept = scan_is(&m, "mimeType") ? &mime : scan_is(&m, "data") ? &data : NULL;
		if (kept == NULL || kept->name != NULL || m.kind != SCAN_TEXT || !m.plain)
			return false;
		*kept = m;
	}
	*sound = (struct rt_gemini_sound){ data.value, data.len };
	return scan_whole(&s) && mime.name != NULL && data.name != NULL &&
	    scan_says(&mime, MIME_OUT) && digest_is_base64(data.value, data.len);
}

/* {"serverContent":{"modelTurn":{"parts":[{"inlineData":{…}}]}}} and nothing beside. False: something
 * else, or not written as we know it; the tree will tell. */
static bool
read_sound_alone(const char *message, size_t len, struct rt_gemini_told *told)
{
	struct scan_member m = { .value = message, .len = len };

	if (!only_member(&m, "serverContent", SCAN_OBJECT) ||
	    !only_member(&m, "modelTurn", SCAN_OBJECT) || !only_member(&m, "parts", SCAN_ARRAY) ||
	    m.len == 0 || m.value[0] != '[' || !only_member(&m, NULL, SCAN_OBJECT) ||
	    !only_member(&m, "inlineData", SCAN_OBJECT) || !scan_blob(&m, &told->sounds[0]))
		return false;
	told->sound_count = 1;
	return true;
}

/* ---- what we are told: everything else ---- */

/* False when a member is there and is not of that type. */
static bool
read_flag(json_t *object, const char *name, bool *flag)
{
	json_t *value = json_object_get(object, name);

	*flag = json_is_true(value);
	return value == NULL || json_is_boolean(value);
}

static bool
read_part(json_t *part, struct rt_gemini_told *told)
{
	json_t *blob = json_object_get(part, "inlineData");
	json_t *data = json_object_get(blob, "data");
	const char *mime = json_string_value(json_object_get(blob, "mimeType"));
	struct rt_gemini_sound *sound = &told->sounds[told->sound_count];

	if (!json_is_object(part))
		return false;
	if (blob == NULL) /* a text, a thought */
		return true;
	if (mime == NULL || strcmp(mime, MIME_OUT) != 0 || !json_is_string(data) ||
	    told->sound_count == RT_GEMINI_PARTS_MAX)
		return false;
	*sound = (struct rt_gemini_sound){ json_string_value(data), json_string_length(data) };
	told->sound_count++;
	return digest_is_base64(sound->base64, sound->len);
}

static bool
read_parts(json_t *turn, struct rt_gemini_told *told)
{
	json_t *parts = json_object_get(turn, "parts"), *part;
	size_t i;

	if (turn != NULL && !json_is_object(turn))
		return false;
	json_array_foreach(parts, i, part)
	{
		if (!read_part(part, told))
			return false;
	}
	return parts == NULL || json_is_array(parts);
}

static bool
read_transcription(json_t *content, const char *name, const char **text, bool *finished)
{
	json_t *value = json_object_get(content, name), *words = json_object_get(value, "text");

	*text = json_string_value(words);
	return (value == NULL || json_is_object(value)) &&
	    (words == NULL || json_is_string(words)) && read_flag(value, "finished", finished);
}

static bool
read_content(json_t *content, struct rt_gemini_told *told)
{
	return json_is_object(content) && read_flag(content, "interrupted", &told->interrupted) &&
	    read_flag(content, "generationComplete", &told->generation_complete) &&
	    read_flag(content, "turnComplete", &told->turn_complete) &&
	    read_parts(json_object_get(content, "modelTurn"), told) &&
	    read_transcription(
		content, "inputTranscription", &told->heard, &told->heard_finished) &&
	    read_transcription(
		content, "outputTranscription", &told->spoken, &told->spoken_finished);
}

static bool
is_id(const char *id)
{
	return id != NULL && id[0] != '\0' && strlen(id) <= ID_MAX;
}

static bool
read_calls(json_t *value, struct rt_gemini_told *told)
{
	json_t *list = json_object_get(value, "functionCalls"), *one;
	struct rt_gemini_call *call;
	size_t i;

	if (!json_is_object(value) || json_array_size(list) > RT_GEMINI_CALLS_MAX)
		return false;
	json_array_foreach(list, i, one)
	{
		call = &told->calls[told->call_count++];
		call->id = json_string_value(json_object_get(one, "id"));
		call->name = json_string_value(json_object_get(one, "name"));
		call->arguments = json_object_get(one, "args");
		if (call->arguments == NULL) { /* of a tool that takes nothing */
			json_object_set_new(one, "args", json_object());
			call->arguments = json_object_get(one, "args");
		}
		if (!is_id(call->id) || !is_id(call->name) || !json_is_object(call->arguments))
			return false;
	}
	return true;
}

static bool
read_cancelled(json_t *value, struct rt_gemini_told *told)
{
	json_t *list = json_object_get(value, "ids"), *id;
	size_t i;

	if (!json_is_object(value) || json_array_size(list) > RT_GEMINI_CALLS_MAX)
		return false;
	json_array_foreach(list, i, id)
	{
		if (!is_id(json_string_value(id)))
			return false;
		told->cancelled[told->cancelled_count++] = json_string_value(id);
	}
	return true;
}

/* A duration as protobuf writes it: "10s", "7.5s". What cannot be read is no time at all. */
static bool
read_go_away(json_t *value, struct rt_gemini_told *told)
{
	const char *left = json_string_value(json_object_get(value, "timeLeft"));
	char number[24];
	size_t len = left == NULL ? 0 : strlen(left);
	double seconds;

	told->go_away = true;
	if (len < 2 || len >= sizeof number || left[len - 1] != 's')
		return json_is_object(value);
	memcpy(number, left, len - 1);
	number[len - 1] = '\0';
	if (str_double(number, 0, GO_AWAY_MAX_MS / 1000.0, &seconds))
		told->go_away_ms = (int64_t)(seconds * 1000);
	return json_is_object(value);
}

static bool
read_resumption(json_t *value, struct rt_gemini_told *told)
{
	const char *handle = json_string_value(json_object_get(value, "newHandle"));
	bool resumable;

	if (!json_is_object(value) || !read_flag(value, "resumable", &resumable))
		return false;
	told->resumption = true;
	if (resumable && handle != NULL && handle[0] != '\0' && strlen(handle) <= HANDLE_MAX)
		told->handle = handle;
	return true;
}

static bool
read_setup_complete(json_t *value, struct rt_gemini_told *told)
{
	told->setup_complete = true;
	return json_is_object(value);
}

static const struct {
	const char *name;
	bool (*read)(json_t *value, struct rt_gemini_told *told);
} readers[] = {
	{ "setupComplete", read_setup_complete },
	{ "serverContent", read_content },
	{ "toolCall", read_calls },
	{ "toolCallCancellation", read_cancelled },
	{ "goAway", read_go_away },
	{ "sessionResumptionUpdate", read_resumption },
};

static bool
read_tree(struct rt_gemini_told *told)
{
	json_t *value;
	size_t i;

	if (!json_is_object(told->tree))
		return false;
	for (i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		value = json_object_get(told->tree, readers[i].name);
		if (value != NULL && !readers[i].read(value, told))
			return false;
	}
	return true;
}

enum rc
rt_gemini_read(const char *message, size_t len, struct rt_gemini_told *told)
{
	char why[64];

	memset(told, 0, sizeof *told);
	if (read_sound_alone(message, len, told))
		return RC_OK;
	told->tree = json_parse_strict(message, len, why);
	if (read_tree(told))
		return RC_OK;
	rt_gemini_clear(told);
	return RC_INVALID;
}

void
rt_gemini_clear(struct rt_gemini_told *told)
{
	json_decref(told->tree);
	memset(told, 0, sizeof *told);
}
