/*
 * skills.c: what the product can be asked for by name: list the skills, show a manifest, run one. A
 * run becomes a call like any other (api/place.h); the rules of skills are in domain/skill.h.
 */
#include <stdlib.h>
#include <string.h>

#include "api/place.h"
#include "api/routes.h"
#include "base/str.h"
#include "domain/booking.h"
#include "domain/skill.h"

#define RUN_ROUTE "POST /skills/{skill_id}/run"

static enum rc list(struct ask *);
static enum rc manifest(struct ask *);
static enum rc run(struct ask *);

/* The slots are the skill's; of the body it is only asked that it is an object. */
static const struct field run_fields[] = {
	{ .name = NULL },
};

static const struct route_answer list_answers[] = {
	{ 200, "Successful Response", "[]SkillSummary" },
	{ 0 },
};
static const struct route_answer manifest_answers[] = {
	{ 200, "The manifest: its slots as a JSON Schema, what to ask for, what comes of it.",
	    "SkillManifest" },
	{ 404, "No such skill.", "Error" },
	{ 0 },
};
static const struct route_answer run_answers[] = {
	{ 201, "Dialed: the queue is off, and the carrier has taken the call.",
	    "SkillRunResponse" },
	{ 202,
	    "Call queued. The drainer dials it later; poll status_url. Also when the queue is off and"
	    " the dial has not been confirmed in time.",
	    "SkillRunResponse" },
	{ 400, "A bad Idempotency-Key.", "Error" },
	{ 402, "Out of credits.", "Error" },
	PLACE_BARRED,
	{ 404, "No such skill.", "Error" },
	{ 409, "Concurrency cap reached (queue off), or a conflict on the Idempotency-Key.",
	    "Error" },
	{ 422,
	    "Validation Error: the body is no JSON object; or its slots are not right: error_code is missing_slots or"
	    " invalid_slots, and nothing was dialed or charged.",
	    "HTTPValidationError|SlotsError" },
	{ 502, "The dial failed; the reservation was released.", "Error" },
	{ 503, "Maintenance, or the database is away.", "Error" },
	{ 0 },
};

const struct route skill_routes[] = {
	{ "GET", "/skills", list, .flags = ROUTE_PUBLIC, .tag = "skills",
	    .operation = "list_registered_skills_skills_get",
	    .summary = "List registered AI-agent skills", .answers = list_answers },
	{ "GET", "/skills/{skill_id}/manifest", manifest, .flags = ROUTE_PUBLIC, .tag = "skills",
	    .operation = "get_skill_manifest_skills__skill_id__manifest_get",
	    .summary = "Get the input schema + capability manifest for a skill",
	    .answers = manifest_answers },
	{ "POST", "/skills/{skill_id}/run", run, .body = run_fields, .body_schema = "SkillRunBody",
	    .headers = place_headers, .tag = "skills",
	    .operation = "run_skill_skills__skill_id__run_post",
	    .summary = "Run a skill — translates structured input into a voice call",
	    .answers = run_answers },
	{ .method = NULL },
};

static const struct shape summary_shape[] = {
	{ "skill_id", SHAPE_TEXT, .title = "Skill Id" },
	{ "title", SHAPE_TEXT, .title = "Title" },
	{ "description", SHAPE_TEXT, .title = "Description" },
	{ "manifest_url", SHAPE_TEXT, .title = "Manifest Url" },
	{ "run_url", SHAPE_TEXT, .title = "Run Url" },
	{ .name = NULL },
};

/* Whatever the file holds. */
static const struct shape manifest_shape[] = {
	{ .name = NULL },
};

static const struct shape run_shape[] = {
	{ "skill_run_id", SHAPE_TEXT, .title = "Skill Run Id",
	    .help =
		"Stable id of this run. Format: `srun_{call_id}`. On idempotent replay this value is"
		" byte-identical to the first response." },
	{ "call_id", SHAPE_TEXT, .title = "Call Id" },
	{ "call_sid", SHAPE_TEXT, .nullable = true, .title = "Call Sid" },
	{ "owner_pod", SHAPE_TEXT, .nullable = true, .title = "Owner Pod" },
	{ "status", SHAPE_TEXT, .title = "Status" },
	{ "credits_reserved", SHAPE_INT, .title = "Credits Reserved" },
	{ "status_url", SHAPE_TEXT, .title = "Status Url" },
	{ "answer_url", SHAPE_TEXT, .title = "Answer Url" },
	{ "recording_url", SHAPE_TEXT, .title = "Recording Url" },
	{ "replayed", SHAPE_BOOL, .optional = true, .absent = "false", .title = "Replayed" },
	{ "expected_next_steps", SHAPE_ARRAY, .items = "string", .title = "Expected Next Steps" },
	{ .name = NULL },
};

/* {error_code, message, missing_slots: [{slot_name, reason, suggested_question, type_hint}],
 * invalid: {slot: what it must be}} */
static const struct shape slots_shape[] = {
	{ "detail", SHAPE_OBJECT, .title = "Detail" },
	{ .name = NULL },
};

const struct named_schema skill_schemas[] = {
	{ "SkillSummary", summary_shape, NULL, "One row in `GET /skills`." },
	{ "SkillManifest", manifest_shape, NULL, "The file of the skill, as it was installed." },
	{ "SkillRunBody", NULL, run_fields, NULL },
	{ "SlotsError", slots_shape, NULL,
	    "detail has error_code, message, missing_slots (slot_name, reason, suggested_question,"
	    " type_hint of each) and invalid (what each slot in it must be)." },
	{ "SkillRunResponse", run_shape, NULL,
	    "Response body for `POST /skills/{skill_id}/run` (success path). The URLs are paths on"
	    " this server." },
	{ .name = NULL },
};

/* ---- what there is ---- */

static json_t *
path_of(struct ask *ask, const struct skill *skill, const char *what)
{
	return json_string(arena_printf(ask->req->arena, "/skills/%s/%s", skill->id, what));
}

static enum rc
list(struct ask *ask)
{
	json_t *all = json_array();

	for (size_t i = 0; i < skill_count(ask->env->skills); i++) {
		const struct skill *skill = skill_at(ask->env->skills, i);

		(void)json_array_append_new(all,
		    json_pack("{s:s, s:s, s:s, s:o, s:o}", "skill_id", skill->id, "title",
			skill->title, "description", skill->description, "manifest_url",
			path_of(ask, skill, "manifest"), "run_url", path_of(ask, skill, "run")));
	}
	resp_json(ask->resp, 200, all);
	return RC_OK;
}

/* The file, and what this installation adds. */
static enum rc
manifest(struct ask *ask)
{
	const struct skill *skill = skill_find(ask->env->skills, ask_path(ask, "skill_id"));
	json_t *all, *limits;

	if (skill == NULL)
		return RC_NOT_FOUND;
	all = json_copy(skill->manifest);
	limits = json_copy(json_object_get(skill->manifest, "limits"));
	(void)json_object_set_new(limits, "max_call_seconds", json_integer(ask->env->max_talk_s));
	(void)json_object_set_new(all, "limits", limits);
	(void)json_object_set_new(all, "run_url", path_of(ask, skill, "run"));
	resp_json(ask->resp, 200, all);
	return RC_OK;
}

/* ---- a run ---- */

/* 422: what is missing and what is wrong, and what to ask the client for. */
static void
answer_slots(struct ask *ask, const struct skill_input *in)
{
	bool missing = json_array_size(in->missing) > 0;

	resp_json(ask->resp, 422,
	    json_pack("{s:{s:s, s:s, s:O, s:O}}", "detail", "error_code",
		missing ? "missing_slots" : "invalid_slots", "message",
		missing
		    ? "Slots are missing: ask your client the suggested questions, then run again."
		    : "Slots are not as they must be: see invalid, then run again.",
		"missing_slots", in->missing, "invalid", in->invalid));
}

/* Slots that are wrong are told after what else would have refused the run. */
static enum rc
refuse_slots(struct ask *ask, struct place *p, const struct skill_input *in)
{
	bool refused;
	enum rc rc = place_foretell(ask, p, &refused);

	if (rc == RC_OK && !refused)
		answer_slots(ask, in);
	return rc;
}

/* The booking that a run is about. Slots are refused when there is none that it could be about. */
static enum rc
read_booking(struct ask *ask, const struct skill *skill, struct skill_input *in, struct booking *b)
{
	const char *slot = skill->booking_slot;
	enum rc rc = booking_find(ask->db, ask->req->arena, &ask->who, skill_slot(in, slot), b);

	/* A workspace out of reach is not found by the next statement either. */
	if (rc == RC_NOT_FOUND)
		skill_refuse(in, slot, "must be one of your bookings: GET /v1/booking/bookings");
	else if (rc == RC_OK && strcmp(b->status, "cancelled") == 0)
		skill_refuse(in, slot, "must be a booking that is not cancelled already");
	else if (rc == RC_OK && strcmp(b->status, "past") == 0)
		skill_refuse(in, slot, "must be a booking that is still to come");
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* The body of 201 and 202. */
static json_t *
run_body(struct ask *ask, const struct place *p, const struct call_dial *dial)
{
	const struct skill *skill = p->arg;
	struct arena *a = ask->req->arena;
	const char *call_id = p->wish.call_id;

	return json_pack("{s:s, s:s, s:s?, s:n, s:s, s:I, s:s, s:s, s:s, s:b, s:o}", "skill_run_id",
	    arena_printf(a, "srun_%s", call_id), "call_id", call_id, "call_sid", dial->call_sid,
	    "owner_pod", "status", dial->status, "credits_reserved", (json_int_t)p->wish.credits,
	    "status_url", skill_url(skill, a, "status_url_template", call_id), "answer_url",
	    skill_url(skill, a, "answer_url_template", call_id), "recording_url",
	    skill_url(skill, a, "recording_url_template", call_id), "replayed", 0,
	    "expected_next_steps", skill_next_steps(skill, a, call_id));
}

static enum rc
answer_run(struct ask *ask, const struct place *p, int status, const struct call_dial *dial)
{
	resp_json(ask->resp, status, run_body(ask, p, dial));
	return RC_OK;
}

static const char *
text_of(struct arena *a, json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	const char *copy = arena_strdup(a, text);

	free(text);
	json_decref(value);
	return copy;
}

/* What the run asks for, as a wish for a call. */
static void
fill_wish(struct ask *ask, struct place *p, const struct skill *skill, const struct skill_input *in,
    const struct booking *b)
{
	static const struct call_dial queued = { CALL_DIAL_WAITS, "queued", NULL, "" };
	struct call_wish *wish = &p->wish;
	struct arena *a = ask->req->arena;

	wish->target_phone = b != NULL ? b->target_phone : skill_slot(in, skill->phone_slot);
	wish->brief = skill_brief(skill, a, in, b != NULL ? b->values : NULL);
	wish->language = skill_slot(in, "language");
	if (b != NULL && strcmp(wish->language, "auto") == 0)
		wish->language = b->language;
	wish->kind = skill->kind;
	wish->parsed_slots = text_of(a, json_incref(in->slots));
	wish->ask_user_mode = skill_slot(in, "ask_user_mode");
	wish->machine_detection = "off";
	wish->answer = text_of(a, run_body(ask, p, &queued));
}

static enum rc
run(struct ask *ask)
{
	const struct skill *skill = skill_find(ask->env->skills, ask_path(ask, "skill_id"));
	struct skill_input in;
	const struct booking *about = NULL;
	struct booking booking;
	struct place p;
	enum rc rc;

	if (skill == NULL) {
		resp_detail(ask->resp, 404, "Not Found");
		return RC_INVALID; /* after 401 */
	}
	place_init(&p, ask);
	p.answer = answer_run;
	p.arg = skill;
	p.says_replayed = true;
	if ((rc = place_key(ask, &p, RUN_ROUTE)) != RC_OK)
		return rc;
	if (skill_read(skill, ask->req->arena, ask->body.root, &in) &&
	    skill->booking_slot != NULL) {
		if ((rc = read_booking(ask, skill, &in, &booking)) != RC_OK)
			return rc;
		about = &booking;
	}
	if (in.slots == NULL)
		return refuse_slots(ask, &p, &in);
	fill_wish(ask, &p, skill, &in, about);
	if (!str_e164(p.wish.target_phone)) {
		skill_refuse(&in,
		    skill->phone_slot != NULL ? skill->phone_slot : skill->booking_slot,
		    "must be a number in E.164 form: a plus sign, then 7 to 15 digits");
		return refuse_slots(ask, &p, &in);
	}
	return place_call(ask, &p);
}
