/*
 * callee.c: the magic numbers, the rules, and the small talk.
 *
 * Whoever has nothing left to say is silent, and after PATIENCE_TURNS turns of silence hangs up:
 * long enough for an agent that is waiting for its human, and an end for one that never stops.
 * Who asks for the client's wish, and who has just had a turn without a word (an empty line), waits as long
 * as the agent says nothing.
 */
#include "sim/callee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/map.h"
#include "sim/settings.h"

#define PATIENCE_TURNS 100
#define SILENCE_MS 700 /* by which people know that it is their turn */
#define HELLO_MS 4000  /* after which people ask who is there */
#define LANGUAGE "en"
#define RULES_MAX 100000
#define MS_MAX 600000

static const char *const small_talk[] = { "Hello, yes, how can I help you?",
	"Yes, that is fine, it is booked.", "Goodbye.", NULL };
static const char *const asks_client[] = {
	"I can do seven or nine. Please ask your client which one.", "", "Thank you, it is booked.",
	NULL
};
static const char *const greeting[] = { "You have reached the voicemail of this number. We are not "
					"available, please leave a message after the tone.",
	NULL };

static const struct magic {
	const char *digits;
	enum outcome outcome;
} magics[] = {
	{ "0001", OUTCOME_BUSY },
	{ "0002", OUTCOME_NO_ANSWER },
	{ "0003", OUTCOME_FAILED },
	{ "0004", OUTCOME_VOICEMAIL },
	{ "0006", OUTCOME_LOST_REPLY },
	{ "0007", OUTCOME_ERROR_AFTER_ACCEPT },
	{ "0008", OUTCOME_ERROR },
	{ "0009", OUTCOME_THROTTLE_ONCE },
	{ "0010", OUTCOME_SILENT },
	{ "0011", OUTCOME_DUPLICATE },
	{ "0012", OUTCOME_REFUSE },
};

/* As in rules; the order is that of enum outcome. */
static const char *const outcome_names[] = { "answer", "busy", "no-answer", "failed", "voicemail",
	"lost-reply", "error-after-accept", "error", "throttle-once", "silent", "duplicate",
	"refuse" };
#define OUTCOMES (sizeof(outcome_names) / sizeof(outcome_names[0]))

struct rule {
	char to[24];
	int outcome; /* -1: as the number's digits say */
	int ring_ms; /* -1: as usual, and so the next */
	int talk_ms, first_ms, silence_ms, interrupt_ms, hold_ms, hold_turn, hangup_ms;
	int leaves; /* -1: as usual, 0 or 1 */
	char *digits, *language;
	char **lines; /* NULL: the usual small talk */
	bool throttled;
};

static struct map rules;     /* struct rule by number */
static struct map throttled; /* the number itself, by number */

static void
rule_free(void *arg)
{
	struct rule *r = arg;

	for (size_t i = 0; r->lines != NULL && r->lines[i] != NULL; i++)
		free(r->lines[i]);
	free(r->lines);
	free(r->digits);
	free(r->language);
	free(r);
}

static void
by_digits(const char *number, struct callee *c)
{
	size_t len = strlen(number);
	const char *last = len < 4 ? "" : number + len - 4;

	if (number[0] != '+')
		return;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (strcmp(magics[i].digits, last) == 0)
			c->outcome = magics[i].outcome;
	if (strcmp(last, "0005") == 0) {
		c->patience_ms = 1000;
		c->talk_ms = 2 * c->patience_ms; /* gone before a word is out */
	}
	if (strcmp(last, "0013") == 0) {
		c->lines = asks_client;
		c->repeats = true;
		c->leaves = false;
	}
}

/* The lines of from, which end with a NULL, in the arena. */
static const char *const *
copy_lines(const char *const *from, struct arena *arena)
{
	const char **lines;
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	lines = arena_alloc(arena, (n + 1) * sizeof(lines[0]));
	for (size_t i = 0; i < n; i++)
		lines[i] = arena_strdup(arena, from[i]);
	return lines;
}

static void
set_ms(int *to, int ms)
{
	if (ms >= 0)
		*to = ms;
}

static void
by_rule(const struct rule *r, struct arena *arena, struct callee *c)
{
	if (r->digits != NULL)
		c->digits = arena_strdup(arena, r->digits);
	if (r->language != NULL)
		c->language = arena_strdup(arena, r->language);
	if (r->lines != NULL) {
		c->lines = copy_lines((const char *const *)r->lines, arena);
		c->repeats = false;
		c->leaves = false;
		c->first_ms = -1;
	}
	if (r->leaves >= 0)
		c->leaves = r->leaves != 0;
	set_ms(&c->ring_ms, r->ring_ms);
	set_ms(&c->talk_ms, r->talk_ms);
	set_ms(&c->first_ms, r->first_ms);
	set_ms(&c->silence_ms, r->silence_ms);
	set_ms(&c->interrupt_ms, r->interrupt_ms);
	set_ms(&c->hold_ms, r->hold_ms);
	set_ms(&c->hold_turn, r->hold_turn);
	set_ms(&c->patience_ms, r->hangup_ms);
}

struct callee
callee_for(const char *number, struct arena *arena)
{
	const struct rule *rule = map_get(&rules, number);
	struct callee c = { .ring_ms = settings()->ring_ms,
		.talk_ms = settings()->talk_ms,
		.lines = small_talk,
		.leaves = true,
		.language = LANGUAGE,
		.first_ms = HELLO_MS,
		.silence_ms = SILENCE_MS };

	/* A rule that says how the call goes replaces what the digits mean. */
	if (rule != NULL && rule->outcome >= 0)
		c.outcome = (enum outcome)rule->outcome;
	else
		by_digits(number, &c);
	if (c.outcome == OUTCOME_VOICEMAIL) {
		c.lines = greeting;
		c.leaves = false;
	}
	if (rule != NULL)
		by_rule(rule, arena, &c);
	return c;
}

struct callee
callee_copy(const struct callee *c, struct arena *arena)
{
	struct callee copy = *c;

	copy.lines = copy_lines(c->lines, arena);
	copy.digits = c->digits == NULL ? NULL : arena_strdup(arena, c->digits);
	copy.language = arena_strdup(arena, c->language);
	return copy;
}

bool
callee_throttles(const char *number, const struct callee *c)
{
	struct rule *rule = map_get(&rules, number);
	char *kept;

	if (c->outcome != OUTCOME_THROTTLE_ONCE)
		return false;
	if (rule != NULL && rule->outcome == OUTCOME_THROTTLE_ONCE) {
		bool first = !rule->throttled;

		rule->throttled = true;
		return first;
	}
	if (map_get(&throttled, number) != NULL)
		return false;
	kept = mem_strdup(number);
	map_put(&throttled, kept, kept);
	return true;
}

enum heard
callee_hear(struct callee *c, bool speech, bool dtmf, const char **words)
{
	bool waits = c->turn > 0 && !c->spoken_to &&
	    (c->repeats || c->lines[c->turn - 1][0] == '\0');

	if (dtmf && c->digits != NULL) {
		*words = c->digits;
		c->digits = NULL;
		return HEARD_DIGITS;
	}
	if (speech && c->lines[c->turn] != NULL && !waits) {
		*words = c->lines[c->turn];
		c->spoken_to = false;
		if (c->lines[c->turn + 1] != NULL || !c->repeats)
			c->turn++;
		else if (++c->silent_turns > PATIENCE_TURNS)
			return HEARD_HANGUP;
		return HEARD_SPEECH;
	}
	if ((speech && c->leaves && c->lines[c->turn] == NULL) ||
	    ++c->silent_turns > PATIENCE_TURNS)
		return HEARD_HANGUP;
	return HEARD_NOTHING;
}

/* --- rules --- */

static bool
read_outcome(const json_t *value, int *out)
{
	const char *name = json_string_value(value);

	for (size_t i = 0; name != NULL && i < OUTCOMES; i++)
		if (strcmp(outcome_names[i], name) == 0) {
			*out = (int)i;
			return true;
		}
	return false;
}

static bool
read_lines(const json_t *value, struct rule *r)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value) || n > CALLEE_LINES_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(value, i)))
			return false;
	r->lines = mem_zalloc(n + 1, sizeof(r->lines[0]));
	for (size_t i = 0; i < n; i++)
		r->lines[i] = mem_strdup(json_string_value(json_array_get(value, i)));
	return true;
}

static bool
read_digits(const json_t *value, struct rule *r)
{
	const char *s = json_string_value(value);

	if (s == NULL || s[0] == '\0' || strlen(s) > 64 || s[strspn(s, "0123456789ABCD#*")] != '\0')
		return false;
	r->digits = mem_strdup(s);
	return true;
}

static bool
read_language(const json_t *value, struct rule *r)
{
	const char *s = json_string_value(value);

	if (s == NULL || s[0] == '\0' || strlen(s) > 15 ||
	    s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
		return false;
	r->language = mem_strdup(s);
	return true;
}

static bool
read_number(const char *key, const json_t *value, struct rule *r)
{
	const struct {
		const char *key;
		int *where;
		int max;
	} numbers[] = {
		{ "ring_ms", &r->ring_ms, MS_MAX },
		{ "talk_ms", &r->talk_ms, MS_MAX },
		{ "first_ms", &r->first_ms, MS_MAX },
		{ "silence_ms", &r->silence_ms, MS_MAX },
		{ "interrupt_ms", &r->interrupt_ms, MS_MAX },
		{ "hold_ms", &r->hold_ms, MS_MAX },
		{ "hold_turn", &r->hold_turn, CALLEE_LINES_MAX },
		{ "hangup_ms", &r->hangup_ms, MS_MAX },
	};
	json_int_t n = json_integer_value(value);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(numbers[i].key, key) != 0)
			continue;
		if (!json_is_integer(value) || n < 0 || n > numbers[i].max)
			return false;
		*numbers[i].where = (int)n;
		return true;
	}
	return false;
}

static bool
read_member(const char *key, const json_t *value, struct rule *r)
{
	if (strcmp(key, "to") == 0) {
		if (!json_is_string(value) || !str_e164(json_string_value(value)))
			return false;
		snprintf(r->to, sizeof(r->to), "%s", json_string_value(value));
		return true;
	}
	if (strcmp(key, "outcome") == 0)
		return read_outcome(value, &r->outcome);
	if (strcmp(key, "say") == 0)
		return read_lines(value, r);
	if (strcmp(key, "digits") == 0)
		return read_digits(value, r);
	if (strcmp(key, "language") == 0)
		return read_language(value, r);
	if (strcmp(key, "leaves") == 0) {
		r->leaves = json_is_true(value);
		return json_is_boolean(value);
	}
	return read_number(key, value, r);
}

static struct rule *
rule_new(void)
{
	struct rule *r = mem_zalloc(1, sizeof(*r));

	r->outcome = r->ring_ms = r->talk_ms = r->first_ms = r->silence_ms = -1;
	r->interrupt_ms = r->hold_ms = r->hold_turn = r->hangup_ms = r->leaves = -1;
	return r;
}

bool
rule_add(const json_t *object, char why[128])
{
	struct rule *r, *before;
	json_t *value;
	const char *key;

	if (!json_is_object(object) || json_object_get(object, "to") == NULL) {
		snprintf(why, 128, "an object with a 'to' is needed");
		return false;
	}
	r = rule_new();
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (!read_member(key, value, r)) {
			snprintf(why, 128, "'%.40s' is unknown or has a bad value", key);
			rule_free(r);
			return false;
		}
	}
	before = map_get(&rules, r->to);
	if (before == NULL && rules.used >= RULES_MAX) {
		snprintf(why, 128, "there are too many rules");
		rule_free(r);
		return false;
	}
	map_put(&rules, r->to, r);
	if (before != NULL)
		rule_free(before);
	return true;
}

void
rules_clear(void)
{
	map_clear(&rules, rule_free);
}

void
callee_close(void)
{
	rules_clear();
	map_clear(&throttled, free);
}
