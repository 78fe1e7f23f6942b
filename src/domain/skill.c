/* skill.c: see skill.h. How a manifest is checked stands in manifest.c. */
#include "domain/skill.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/brief.h"
#include "domain/manifest.h"

#define SKILLS_MAX 64
#define FILE_MAX 65536
#define SUFFIX ".json"

struct skill_set {
	size_t count;
	struct skill skills[SKILLS_MAX];
};

/* ---- loading ---- */

static json_t *
read_file(const char *path, char *error, size_t error_size)
{
	FILE *f = fopen(path, "re");
	char why[64], *text;
	json_t *json;
	size_t len;

	if (f == NULL) {
		snprintf(error, error_size, "%s: cannot be read (%s)", path, strerror(errno));
		return NULL;
	}
	text = mem_alloc(FILE_MAX + 1);
	len = fread(text, 1, FILE_MAX + 1, f);
	fclose(f);
	json = len > FILE_MAX ? NULL : json_parse_strict(text, len, why);
	if (json == NULL)
		snprintf(error, error_size, "%s: %s", path,
		    len > FILE_MAX ? "is larger than 64 KiB" : why);
	free(text);
	return json;
}

static const char *
text_of(json_t *manifest, const char *name)
{
	return json_string_value(json_object_get(manifest, name));
}

static bool
load_one(struct skill *skill, const char *dir, const char *file, char *error, size_t error_size)
{
	size_t dir_len = strlen(dir), len = strlen(file) - strlen(SUFFIX);
	char *path = mem_alloc(dir_len + strlen(file) + 2), *id = mem_strdup(file);
	char fault[512];
	bool right = false;

	memcpy(path, dir, dir_len);
	path[dir_len] = '/';
	memcpy(path + dir_len + 1, file, strlen(file) + 1);
	id[len] = '\0';
	skill->manifest = read_file(path, error, error_size);
	if (skill->manifest != NULL) {
		skill->schema = manifest_check(skill->manifest, id, fault, sizeof fault);
		right = skill->schema != NULL;
		if (!right)
			snprintf(error, error_size, "%s: %s", path, fault);
	}
	free(path);
	free(id);
	if (!right)
		return false;
	skill->id = text_of(skill->manifest, "skill_id");
	skill->title = text_of(skill->manifest, "title");
	skill->description = text_of(skill->manifest, "description");
	skill->kind = text_of(skill->manifest, "kind");
	skill->phone_slot = text_of(skill->manifest, "phone_slot");
	skill->booking_slot = text_of(skill->manifest, "booking_slot");
	return true;
}

static int
is_manifest(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strlen(entry->d_name) > strlen(SUFFIX) &&
	    str_ends(entry->d_name, SUFFIX);
}

static int
by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

struct skill_set *
skill_set_load(const char *dir, char *error, size_t error_size)
{
	struct skill_set *set = mem_zalloc(1, sizeof *set);
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_manifest, by_name);
	bool right = n > 0 && n <= SKILLS_MAX;

	if (n < 0)
		snprintf(error, error_size, "%s: cannot be read (%s)", dir, strerror(errno));
	else if (!right)
		snprintf(error, error_size, "%s: holds %d skills, not 1 to %d", dir, n, SKILLS_MAX);
	for (int i = 0; right && i < n; i++)
		right = load_one(
		    &set->skills[set->count++], dir, files[i]->d_name, error, error_size);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	if (right)
		return set;
	skill_set_free(set);
	return NULL;
}

void
skill_set_free(struct skill_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++) {
		schema_free(set->skills[i].schema);
		json_decref(set->skills[i].manifest);
	}
	free(set);
}

size_t
skill_count(const struct skill_set *set)
{
	return set == NULL ? 0 : set->count;
}

const struct skill *
skill_at(const struct skill_set *set, size_t i)
{
	return &set->skills[i];
}

const struct skill *
skill_find(const struct skill_set *set, const char *id)
{
	for (size_t i = 0; i < skill_count(set); i++)
		if (strcmp(set->skills[i].id, id) == 0)
			return &set->skills[i];
	return NULL;
}

/* ---- a run ---- */

struct reading {
	const struct skill *skill;
	struct skill_input *input;
};

static void
note_fault(void *arg, const char *slot, enum schema_fault fault, const char *says)
{
	struct reading *r = arg;
	json_t *about = json_object_get(json_object_get(r->skill->manifest, "slots"), slot);

	if (fault == SCHEMA_INVALID)
		skill_refuse(r->input, slot, says);
	else
		(void)json_array_append_new(r->input->missing,
		    json_pack("{s:s, s:s, s:O, s:O}", "slot_name", slot, "reason",
			fault == SCHEMA_EMPTY ? "empty" : "required", "suggested_question",
			json_object_get(about, "suggested_question"), "type_hint",
			json_object_get(about, "type_hint")));
}

static void
release_json(void *value)
{
	json_decref(value);
}

bool
skill_read(const struct skill *skill, struct arena *a, json_t *object, struct skill_input *input)
{
	struct reading reading = { .skill = skill, .input = input };

	input->missing = json_array();
	input->invalid = json_object();
	arena_on_free(a, release_json, input->missing);
	arena_on_free(a, release_json, input->invalid);
	input->slots = schema_check(skill->schema, a, object, note_fault, &reading);
	if (input->slots != NULL)
		arena_on_free(a, release_json, input->slots);
	return input->slots != NULL;
}

void
skill_refuse(struct skill_input *input, const char *slot, const char *says)
{
	(void)json_object_set_new(input->invalid, slot, json_string(says));
	input->slots = NULL;
}

const char *
skill_slot(const struct skill_input *input, const char *name)
{
	return json_string_value(json_object_get(input->slots, name));
}

const char *
skill_brief(
    const struct skill *skill, struct arena *a, const struct skill_input *input, json_t *more)
{
	json_t *values = json_copy(input->slots);
	const char *brief;

	if (more != NULL)
		(void)json_object_update_missing(values, more);
	brief = brief_make(a, text_of(skill->manifest, "brief_template"), values);
	json_decref(values);
	return brief;
}

const char *
skill_url(const struct skill *skill, struct arena *a, const char *template, const char *call_id)
{
	json_t *values = json_pack("{s:s}", "call_id", call_id);
	const char *url = brief_make(a, text_of(skill->manifest, template), values);

	json_decref(values);
	return url;
}

json_t *
skill_next_steps(const struct skill *skill, struct arena *a, const char *call_id)
{
	json_t *values = json_pack("{s:s}", "call_id", call_id), *steps = json_array(), *step;
	size_t i;

	json_array_foreach(json_object_get(skill->manifest, "next_steps"), i, step)(void)
	    json_array_append_new(
		steps, json_string(brief_make(a, json_string_value(step), values)));
	json_decref(values);
	return steps;
}
