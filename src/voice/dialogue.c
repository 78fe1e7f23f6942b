/* dialogue.c: see dialogue.h. */
#include "voice/dialogue.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "domain/words.h"

#define FILE_MAX (1u << 20)
#define TURNS_MAX 100
#define CHOICES_MAX 20
#define TEXT_MAX 4000

struct choices {
	int count;
	struct dialogue_turn list[CHOICES_MAX];
};

struct dialogue {
	json_t *document; /* owns all texts */
	const char *opening;
	int count;
	struct choices *turns;
};

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	{ "when", offsetof(struct dialogue_turn, when) },
	{ "say", offsetof(struct dialogue_turn, say) },
	{ "ask", offsetof(struct dialogue_turn, ask) },
	{ "answered", offsetof(struct dialogue_turn, answered) },
	{ "dropped", offsetof(struct dialogue_turn, dropped) },
	{ "press", offsetof(struct dialogue_turn, press) },
	{ "transfer", offsetof(struct dialogue_turn, transfer) },
	{ "end", offsetof(struct dialogue_turn, end) },
	{ "summary", offsetof(struct dialogue_turn, summary) },
};
#define FIELDS (sizeof fields / sizeof fields[0])

static json_t *
read_file(const char *path, char why[64])
{
	FILE *file = fopen(path, "re");
	struct buf text;
	char part[4096];
	size_t got;
	json_t *document;

	if (file == NULL) {
		snprintf(why, 64, "it cannot be opened");
		return NULL;
	}
	buf_init(&text, FILE_MAX);
	while ((got = fread(part, 1, sizeof part, file)) > 0)
		buf_add(&text, part, got);
	fclose(file);
	if (buf_failed(&text)) {
		snprintf(why, 64, "it is larger than 1 MiB");
		document = NULL;
	} else {
		document = json_parse_strict(text.data, text.len, why);
	}
	buf_free(&text);
	return document;
}

/* False when it is no object of these texts. */
static bool
read_choice(json_t *object, struct dialogue_turn *turn)
{
	const char *name;
	json_t *value;
	size_t i;

	if (!json_is_object(object))
		return false;
	turn->say = "";
	json_object_foreach(object, name, value)
	{
		for (i = 0; i < FIELDS && strcmp(fields[i].name, name) != 0; i++)
			;
		if (i == FIELDS || !json_is_string(value) || json_string_length(value) > TEXT_MAX)
			return false;
		*(const char **)((char *)turn + fields[i].at) = json_string_value(value);
	}
	return true;
}

static bool
read_choices(json_t *value, struct choices *choices)
{
	json_t *one;
	size_t i;

	if (!json_is_array(value)) {
		choices->count = 1;
		return read_choice(value, &choices->list[0]);
	}
	if (json_array_size(value) > CHOICES_MAX)
		return false;
	json_array_foreach(value, i, one)
	{
		if (!read_choice(one, &choices->list[choices->count++]))
			return false;
	}
	return true;
}

static bool
read_turns(struct dialogue *d)
{
	json_t *turns = json_object_get(d->document, "turns"), *one;
	size_t i;

	if (!json_is_array(turns) || json_array_size(turns) > TURNS_MAX)
		return false;
	d->turns = mem_zalloc(json_array_size(turns) + 1, sizeof *d->turns);
	json_array_foreach(turns, i, one)
	{
		if (!read_choices(one, &d->turns[d->count++]))
			return false;
	}
	return true;
}

struct dialogue *
dialogue_load(const char *path, char *error, size_t error_size)
{
	struct dialogue *d = mem_zalloc(1, sizeof *d);
	char why[64] = "";

	d->document = read_file(path, why);
	d->opening = json_string_value(json_object_get(d->document, "opening"));
	if (d->document != NULL && d->opening != NULL && strlen(d->opening) <= TEXT_MAX &&
	    read_turns(d))
		return d;
	snprintf(error, error_size, "%s is no dialogue: %s", path,
	    why[0] != '\0' ? why : "it must have an opening, and turns of the known texts");
	dialogue_free(d);
	return NULL;
}

void
dialogue_free(struct dialogue *d)
{
	if (d == NULL)
		return;
	json_decref(d->document);
	free(d->turns);
	free(d);
}

const char *
dialogue_opening(const struct dialogue *d)
{
	return d->opening;
}

const struct dialogue_turn *
dialogue_turn(const struct dialogue *d, struct arena *a, int turn, const char *words)
{
	const struct choices *choices;

	if (turn < 1 || turn > d->count)
		return NULL;
	choices = &d->turns[turn - 1];
	for (int i = 0; i < choices->count; i++) {
		const struct dialogue_turn *one = &choices->list[i];

		if (one->when == NULL || words_hold(words_lower(a, words), one->when))
			return one;
	}
	return NULL;
}

const char *
dialogue_fill(struct arena *a, const char *text, const char *name, const char *value)
{
	const char *gap;
	struct buf out;

	buf_init(&out, FILE_MAX);
	while ((gap = strstr(text, name)) != NULL) {
		buf_add(&out, text, (size_t)(gap - text));
		buf_puts(&out, value);
		text = gap + strlen(name);
	}
	buf_puts(&out, text);
	text = arena_strndup(a, out.data, out.len);
	buf_free(&out);
	return text;
}
