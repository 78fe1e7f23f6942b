/* verdict.c: see verdict.h. */
#include "voice/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define TEXT_MAX 500 /* bytes of each text */

/* What an agent may come to; the rest is for others to say. */
static const char *const outcomes[] = { "success_booked", "success_refused", "success_no_booking",
	"failed_voicemail" };

static const char *const learnt_texts[] = { "refusal_reason", "pending", "date", "time",
	"venue_name", "details", "price", "evidence", "offer", "wanted", "countered" };

static char *
cut(const char *text)
{
	size_t len = strlen(text);
	char *copy = mem_strdup(text);

	if (len > TEXT_MAX)
		for (len = TEXT_MAX; ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	copy[len] = '\0';
	return copy;
}

static void
learn(json_t *learnt, json_t *arguments, const char *name)
{
	json_t *value = json_object_get(arguments, name);
	char *text;

	if (json_is_string(value) && !str_blank(json_string_value(value))) {
		text = cut(json_string_value(value));
		(void)json_object_set_new(learnt, name, json_string(text));
		free(text);
	}
}

void
verdict_read(json_t *arguments, struct verdict *v)
{
	const char *outcome = json_string_value(json_object_get(arguments, "outcome_type"));
	const char *summary = json_string_value(json_object_get(arguments, "summary"));
	json_t *guests = json_object_get(arguments, "guests");
	json_t *learnt = json_object();

	v->outcome = "success_no_booking";
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
		if (outcome != NULL && strcmp(outcome, outcomes[i]) == 0)
			v->outcome = outcomes[i];
	v->summary = summary == NULL || str_blank(summary)
	    ? mem_strdup("The agent ended the conversation.")
	    : cut(summary);
	for (size_t i = 0; i < sizeof learnt_texts / sizeof learnt_texts[0]; i++)
		learn(learnt, arguments, learnt_texts[i]);
	if (json_is_integer(guests) && json_integer_value(guests) > 0 &&
	    json_integer_value(guests) <= 1000)
		(void)json_object_set(learnt, "guests", guests);
	if (json_object_size(learnt) > 0)
		v->learnt = json_dumps(learnt, JSON_COMPACT);
	json_decref(learnt);
}

void
verdict_set(struct verdict *v, const char *outcome, const char *summary)
{
	verdict_clear(v);
	v->outcome = outcome;
	v->summary = mem_strdup(summary);
}

void
verdict_clear(struct verdict *v)
{
	free(v->summary);
	free(v->learnt);
	free(v->transfer_to);
	memset(v, 0, sizeof *v);
}
