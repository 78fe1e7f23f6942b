/*
 * twiml.c: TwiML by expat, checked against the tables below while it is read. Document types and
 * with them entity declarations are refused, depth and size are bounded.
 */
#include "sim/twiml.h"

#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/weburl.h"

#define DEPTH_MAX 12
#define TEXT_MAX (64 * 1024)
#define SAY_CHARS_MAX 4096

/* --- the schema --- */

enum attr_kind {
	ATTR_TEXT,
	ATTR_URL,     /* absolute or relative, or empty */
	ATTR_FULLURL, /* absolute http or https */
	ATTR_WSS,
	ATTR_NUMBER, /* from min to max */
	ATTR_AUTO,   /* a number, or "auto" */
	ATTR_WORD,   /* one of words */
	ATTR_WORDS,  /* some of words, separated by spaces */
	ATTR_DIGITS,
	ATTR_KEY, /* one key, or empty */
	ATTR_KEYS /* any keys */
};

struct attr_rule {
	const char *name;
	enum attr_kind kind;
	long min, max;
	const char *words;
};

struct verb_rule {
	const char *name;
	enum twiml_verb verb;
	const struct attr_rule *attrs;
	const char *inside; /* the names that may be nested in it */
	bool text;
	bool url; /* its text is a URL */
};

#define METHOD "GET POST"
#define YESNO "true false"
#define RECORDING_EVENTS "in-progress completed absent"
#define SSML "break emphasis lang p phoneme prosody s say-as sub w"

static const struct attr_rule no_attrs[] = { { 0 } };

static const struct attr_rule say_attrs[] = {
	{ .name = "voice" },
	{ .name = "language" },
	{ .name = "loop", .kind = ATTR_NUMBER, .min = 0, .max = 1000 },
	{ 0 },
};

static const struct attr_rule play_attrs[] = {
	{ .name = "loop", .kind = ATTR_NUMBER, .min = 0, .max = 1000 },
	{ .name = "digits", .kind = ATTR_DIGITS },
	{ 0 },
};

static const struct attr_rule pause_attrs[] = {
	{ .name = "length", .kind = ATTR_NUMBER, .min = 1, .max = 86400 },
	{ 0 },
};

static const struct attr_rule reject_attrs[] = {
	{ .name = "reason", .kind = ATTR_WORD, .words = "rejected busy" },
	{ 0 },
};

static const struct attr_rule redirect_attrs[] = {
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ 0 },
};

static const struct attr_rule gather_attrs[] = {
	{ .name = "input", .kind = ATTR_WORDS, .words = "dtmf speech" },
	{ .name = "action", .kind = ATTR_URL },
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "actionOnEmptyResult", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "timeout", .kind = ATTR_NUMBER, .min = 1, .max = 600 },
	{ .name = "numDigits", .kind = ATTR_NUMBER, .min = 1, .max = 1000 },
	{ .name = "finishOnKey", .kind = ATTR_KEY },
	{ .name = "speechTimeout", .kind = ATTR_AUTO, .min = 1, .max = 600 },
	{ .name = "speechModel" },
	{ .name = "language" },
	{ .name = "hints" },
	{ .name = "profanityFilter", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "enhanced", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "partialResultCallback", .kind = ATTR_URL },
	{ .name = "partialResultCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "bargeIn", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "maxSpeechTime", .kind = ATTR_NUMBER, .min = 1, .max = 600 },
	{ .name = "debug", .kind = ATTR_WORD, .words = YESNO },
	{ 0 },
};

static const struct attr_rule record_attrs[] = {
	{ .name = "action", .kind = ATTR_URL },
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "timeout", .kind = ATTR_NUMBER, .min = 0, .max = 600 },
	{ .name = "finishOnKey", .kind = ATTR_KEYS },
	{ .name = "maxLength", .kind = ATTR_NUMBER, .min = 2, .max = 86400 },
	{ .name = "playBeep", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "trim", .kind = ATTR_WORD, .words = "trim-silence do-not-trim" },
	{ .name = "recordingStatusCallback", .kind = ATTR_URL },
	{ .name = "recordingStatusCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "recordingStatusCallbackEvent", .kind = ATTR_WORDS, .words = RECORDING_EVENTS },
	{ .name = "transcribe", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "transcribeCallback", .kind = ATTR_URL },
	{ .name = "recordingConfigurationId" },
	{ 0 },
};

static const struct attr_rule dial_attrs[] = {
	{ .name = "action", .kind = ATTR_URL },
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "timeout", .kind = ATTR_NUMBER, .min = 0, .max = 600 },
	{ .name = "timeLimit", .kind = ATTR_NUMBER, .min = 1, .max = 86400 },
	{ .name = "callerId" },
	{ .name = "answerOnBridge", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "hangupOnStar", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "record",
	    .kind = ATTR_WORD,
	    .words = "true false do-not-record record-from-answer record-from-ringing "
		     "record-from-answer-dual record-from-ringing-dual" },
	{ .name = "recordingTrack", .kind = ATTR_WORD, .words = "inbound outbound both" },
	{ .name = "recordingStatusCallback", .kind = ATTR_URL },
	{ .name = "recordingStatusCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "recordingStatusCallbackEvent", .kind = ATTR_WORDS, .words = RECORDING_EVENTS },
	{ .name = "trim", .kind = ATTR_WORD, .words = "trim-silence do-not-trim" },
	{ .name = "ringTone" },
	{ .name = "callReason" },
	{ .name = "sequential", .kind = ATTR_WORD, .words = YESNO },
	{ .name = "referUrl", .kind = ATTR_URL },
	{ .name = "referMethod", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "recordingConfigurationId" },
	{ .name = "events" },
	{ 0 },
};

static const struct attr_rule number_attrs[] = {
	{ .name = "sendDigits", .kind = ATTR_DIGITS },
	{ .name = "url", .kind = ATTR_URL },
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "statusCallback", .kind = ATTR_URL },
	{ .name = "statusCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ .name = "statusCallbackEvent",
	    .kind = ATTR_WORDS,
	    .words = "initiated ringing answered completed" },
	{ .name = "byoc" },
	{ .name = "machineDetection", .kind = ATTR_WORD, .words = "Enable DetectMessageEnd" },
	{ .name = "machineDetectionTimeout", .kind = ATTR_NUMBER, .min = 3, .max = 60 },
	{ .name = "machineDetectionSpeechThreshold",
	    .kind = ATTR_NUMBER,
	    .min = 1000,
	    .max = 6000 },
	{ .name = "machineDetectionSpeechEndThreshold",
	    .kind = ATTR_NUMBER,
	    .min = 500,
	    .max = 5000 },
	{ .name = "machineDetectionSilenceTimeout",
	    .kind = ATTR_NUMBER,
	    .min = 2000,
	    .max = 10000 },
	{ .name = "amdStatusCallback", .kind = ATTR_URL },
	{ .name = "amdStatusCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ 0 },
};

static const struct attr_rule connect_attrs[] = {
	{ .name = "action", .kind = ATTR_URL },
	{ .name = "method", .kind = ATTR_WORD, .words = METHOD },
	{ 0 },
};

static const struct attr_rule stream_attrs[] = {
	{ .name = "url", .kind = ATTR_WSS },
	{ .name = "name" },
	{ .name = "track", .kind = ATTR_WORD, .words = "inbound_track outbound_track both_tracks" },
	{ .name = "statusCallback", .kind = ATTR_FULLURL },
	{ .name = "statusCallbackMethod", .kind = ATTR_WORD, .words = METHOD },
	{ 0 },
};

static const struct attr_rule parameter_attrs[] = {
	{ .name = "name" },
	{ .name = "value" },
	{ 0 },
};

static const struct verb_rule verbs[] = {
	{ "Response", TWIML_RESPONSE, no_attrs,
	    "Say Play Pause Gather Hangup Redirect Reject Record Dial Connect Start Stop", false,
	    false },
	{ "Say", TWIML_SAY, say_attrs, SSML, true, false },
	{ "Play", TWIML_PLAY, play_attrs, "", true, true },
	{ "Pause", TWIML_PAUSE, pause_attrs, "", false, false },
	{ "Gather", TWIML_GATHER, gather_attrs, "Say Play Pause", false, false },
	{ "Hangup", TWIML_HANGUP, no_attrs, "", false, false },
	{ "Redirect", TWIML_REDIRECT, redirect_attrs, "", true, true },
	{ "Reject", TWIML_REJECT, reject_attrs, "", false, false },
	{ "Record", TWIML_RECORD, record_attrs, "", false, false },
	{ "Dial", TWIML_DIAL, dial_attrs, "Number", true, false },
	{ "Number", TWIML_NUMBER, number_attrs, "", true, false },
	{ "Connect", TWIML_CONNECT, connect_attrs, "Stream", false, false },
	{ "Start", TWIML_START, connect_attrs, "Stream", false, false },
	{ "Stop", TWIML_STOP, no_attrs, "Stream", false, false },
	{ "Stream", TWIML_STREAM, stream_attrs, "Parameter", false, false },
	{ "Parameter", TWIML_PARAMETER, parameter_attrs, "", false, false },
};

/* --- single values --- */

/* True when word is one of the words of list, which are separated by single spaces. */
static bool
listed(const char *list, const char *word, size_t len)
{
	const char *p = list;
	size_t n;

	for (; p != NULL && *p != '\0'; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		if (n == len && strncmp(p, word, n) == 0)
			return true;
	}
	return false;
}

static bool
all_listed(const char *list, const char *value)
{
	size_t n;

	if (*value == '\0')
		return false;
	for (; *value != '\0'; value += n + (value[n] == ' ')) {
		n = strcspn(value, " ");
		if (!listed(list, value, n))
			return false;
	}
	return true;
}

static bool
only(const char *value, const char *alphabet)
{
	return value[strspn(value, alphabet)] == '\0';
}

static bool
url_like(const char *value)
{
	char *joined = weburl_join("http://document.example/", value);

	free(joined);
	return value[0] == '\0' || joined != NULL;
}

static bool
value_ok(const struct attr_rule *rule, const char *value)
{
	int64_t n;

	switch (rule->kind) {
	case ATTR_URL:
		return url_like(value);
	case ATTR_FULLURL:
		return weburl_absolute(value);
	case ATTR_WSS:
		return str_starts(value, "wss://") && value[6] != '\0' && value[6] != '/' &&
		    strpbrk(value, "?#@ \t\r\n") == NULL;
	case ATTR_AUTO:
		if (strcmp(value, "auto") == 0)
			return true;
		return str_int64(value, rule->min, rule->max, &n);
	case ATTR_NUMBER:
		return str_int64(value, rule->min, rule->max, &n);
	case ATTR_WORD:
		return listed(rule->words, value, strlen(value));
	case ATTR_WORDS:
		return all_listed(rule->words, value);
	case ATTR_DIGITS:
		return value[0] != '\0' && only(value, "0123456789ABCD#*wW");
	case ATTR_KEY:
		return strlen(value) <= 1 && only(value, "0123456789#*");
	case ATTR_KEYS:
		return only(value, "0123456789#*");
	case ATTR_TEXT:
		break;
	}
	return true;
}

/* --- reading --- */

struct twiml {
	struct arena *arena;
	struct twiml_node *root;
};

struct reader {
	XML_Parser parser;
	struct twiml *doc;
	struct level {
		const struct verb_rule *rule;
		struct twiml_node *node;
		struct twiml_node **end; /* where the next child goes */
	} level[DEPTH_MAX];
	int depth; /* levels in use */
	int ssml;  /* open SSML elements inside a Say */
	struct buf text;
	int code;
	char *problem;
};

static void refuse(struct reader *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
refuse(struct reader *r, int code, const char *fmt, ...)
{
	va_list ap;

	if (r->code != 0)
		return;
	r->code = code;
	va_start(ap, fmt);
	vsnprintf(r->problem, TWIML_PROBLEM_SIZE, fmt, ap);
	va_end(ap);
	XML_StopParser(r->parser, XML_FALSE);
}

static const struct verb_rule *
verb_named(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static void
read_attrs(
    struct reader *r, const struct verb_rule *rule, struct twiml_node *node, const char **attrs)
{
	const struct attr_rule *a;

	for (; attrs[0] != NULL; attrs += 2) {
		for (a = rule->attrs; a->name != NULL && strcmp(a->name, attrs[0]) != 0; a++)
			continue;
		if (a->name == NULL) {
			refuse(r, 12200, "<%s> has no attribute '%.40s'", rule->name, attrs[0]);
			return;
		}
		if (!value_ok(a, attrs[1])) {
			bool url = a->kind == ATTR_URL || a->kind == ATTR_FULLURL;

			refuse(r, url ? 11100 : 12200, "<%s %s>: bad value '%.60s'", rule->name,
			    a->name, attrs[1]);
			return;
		}
		struct twiml_attr *kept = arena_alloc(r->doc->arena, sizeof(*kept));

		kept->name = a->name;
		kept->value = arena_strdup(r->doc->arena, attrs[1]);
		kept->next = node->attrs;
		node->attrs = kept;
	}
}

/* True when an element of this name may stand where the reader is. */
static bool
fits(const struct reader *r, const char *name)
{
	if (r->depth == 0)
		return strcmp(name, "Response") == 0;
	return listed(r->level[r->depth - 1].rule->inside, name, strlen(name));
}

static void XMLCALL
on_start(void *arg, const char *name, const char **attrs)
{
	struct reader *r = arg;
	const struct verb_rule *rule = verb_named(name);
	struct twiml_node *node;

	if (r->code != 0)
		return;
	if (r->ssml > 0 || (rule == NULL && r->depth > 0 && fits(r, name))) {
		if (!listed(SSML, name, strlen(name)) || ++r->ssml > DEPTH_MAX)
			refuse(r, 12200, "<%.40s> is not allowed inside <Say>", name);
		return;
	}
	if (rule == NULL || !fits(r, name) || r->depth == DEPTH_MAX) {
		refuse(r, 12200, "<%.40s> is not allowed %s%s%s", name,
		    r->depth == 0 ? "as the root" : "inside <",
		    r->depth == 0 ? "" : r->level[r->depth - 1].rule->name,
		    r->depth == 0 ? "" : ">");
		return;
	}
	node = arena_alloc(r->doc->arena, sizeof(*node));
	node->verb = rule->verb;
	node->text = "";
	read_attrs(r, rule, node, attrs);
	if (r->depth == 0) {
		r->doc->root = node;
	} else {
		struct level *above = &r->level[r->depth - 1];

		*above->end = node;
		above->end = &node->next;
	}
	r->level[r->depth++] = (struct level){ rule, node, &node->child };
	if (rule->text)
		buf_clear(&r->text);
}

static const char *
trimmed(struct arena *arena, const struct buf *text)
{
	const char *s = text->data + strspn(text->data, " \t\r\n");
	size_t len = strlen(s);

	while (len > 0 && strchr(" \t\r\n", s[len - 1]) != NULL)
		len--;
	return arena_strndup(arena, s, len);
}

/* What can only be judged once an element is complete. */
static void
check_whole(struct reader *r, const struct verb_rule *rule, const struct twiml_node *n)
{
	if (rule->url && n->text[0] != '\0' && !url_like(n->text))
		refuse(r, 11100, "<%s>: bad URL '%.60s'", rule->name, n->text);
	else if (n->verb == TWIML_SAY && str_chars(n->text) > SAY_CHARS_MAX)
		refuse(r, 13521, "<Say>: more than %d characters", SAY_CHARS_MAX);
	else if (n->verb == TWIML_PLAY &&
	    (n->text[0] == '\0') == (twiml_text(n, "digits", NULL) == NULL))
		refuse(r, 12200, "<Play>: either a URL or digits are needed");
	else if (n->verb == TWIML_PLAY && n->text[0] == '\0' &&
	    r->level[r->depth - 2].node->verb == TWIML_GATHER)
		refuse(r, 12200, "<Play digits> is not allowed inside <Gather>");
	else if (n->verb == TWIML_GATHER && twiml_is(n, "speechTimeout", "auto") &&
	    strcmp(twiml_text(n, "speechModel", "default"), "default") == 0)
		refuse(r, 13335, "<Gather>: speechTimeout auto needs a speechModel");
	else if (n->verb == TWIML_NUMBER && !str_e164(n->text))
		refuse(r, 13224, "<Number>: not a phone number");
	else if (n->verb == TWIML_DIAL && n->child == NULL && !str_e164(n->text))
		refuse(r, 13223, "<Dial>: not a phone number");
	else if ((n->verb == TWIML_CONNECT || n->verb == TWIML_START || n->verb == TWIML_STOP) &&
	    n->child == NULL)
		refuse(r, 12200, "<%s> is empty", rule->name);
	else if (n->verb == TWIML_STREAM && twiml_text(n, "url", NULL) == NULL &&
	    r->level[r->depth - 2].node->verb != TWIML_STOP)
		refuse(r, 12200, "<Stream>: url is missing");
	else if (n->verb == TWIML_STREAM && !twiml_is(n, "track", "inbound_track") &&
	    twiml_text(n, "track", NULL) != NULL &&
	    r->level[r->depth - 2].node->verb == TWIML_CONNECT)
		refuse(r, 31941, "<Stream>: only inbound_track inside <Connect>");
	else if (n->verb == TWIML_PARAMETER && twiml_text(n, "name", "")[0] == '\0')
		refuse(r, 12200, "<Parameter>: name is missing");
	else if (n->verb == TWIML_PARAMETER &&
	    strlen(twiml_text(n, "name", "")) + strlen(twiml_text(n, "value", "")) >= 500)
		refuse(r, 12200, "<Parameter>: name and value have 500 characters or more");
}

static void XMLCALL
on_end(void *arg, const char *name)
{
	struct reader *r = arg;
	struct level *level;

	(void)name;
	if (r->code != 0)
		return;
	if (r->ssml > 0) {
		r->ssml--;
		return;
	}
	level = &r->level[r->depth - 1];
	if (level->rule->text)
		level->node->text = trimmed(r->doc->arena, &r->text);
	check_whole(r, level->rule, level->node);
	r->depth--;
}

static void XMLCALL
on_text(void *arg, const char *text, int len)
{
	struct reader *r = arg;

	if (r->code != 0 || r->depth == 0)
		return;
	if (r->level[r->depth - 1].rule->text) {
		buf_add(&r->text, text, (size_t)len);
		return;
	}
	for (int i = 0; i < len; i++)
		if (strchr(" \t\r\n", text[i]) == NULL) {
			refuse(r, 12200, "words directly inside <%s>",
			    r->level[r->depth - 1].rule->name);
			return;
		}
}

static void XMLCALL
on_doctype(void *arg, const char *name, const char *system, const char *public, int subset)
{
	(void)name, (void)system, (void)public, (void)subset;
	refuse(arg, 12100, "a document type or entity declaration is not allowed");
}

struct twiml *
twiml_parse(const char *bytes, size_t len, int *code, char problem[TWIML_PROBLEM_SIZE])
{
	struct reader r = { .problem = problem };

	r.doc = mem_zalloc(1, sizeof(*r.doc));
	r.doc->arena = arena_new();
	buf_init(&r.text, TEXT_MAX);
	r.parser = XML_ParserCreate(NULL);
	if (r.parser == NULL)
		abort();
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	if (XML_Parse(r.parser, bytes, (int)len, XML_TRUE) != XML_STATUS_OK)
		refuse(&r, 12100, "line %lu: %s", XML_GetCurrentLineNumber(r.parser),
		    XML_ErrorString(XML_GetErrorCode(r.parser)));
	XML_ParserFree(r.parser);
	buf_free(&r.text);
	*code = r.code;
	if (r.code == 0)
		return r.doc;
	twiml_free(r.doc);
	return NULL;
}

void
twiml_free(struct twiml *doc)
{
	if (doc == NULL)
		return;
	arena_free(doc->arena);
	free(doc);
}

const struct twiml_node *
twiml_first(const struct twiml *doc)
{
	return doc->root->child;
}

const char *
twiml_text(const struct twiml_node *n, const char *name, const char *absent)
{
	for (const struct twiml_attr *a = n->attrs; a != NULL; a = a->next)
		if (strcmp(a->name, name) == 0)
			return a->value;
	return absent;
}

int
twiml_number(const struct twiml_node *n, const char *name, int absent)
{
	const char *text = twiml_text(n, name, NULL);
	int64_t value;

	if (text == NULL || !str_int64(text, 0, INT32_MAX, &value))
		return absent;
	return (int)value;
}

bool
twiml_is(const struct twiml_node *n, const char *name, const char *value)
{
	return strcmp(twiml_text(n, name, ""), value) == 0;
}
