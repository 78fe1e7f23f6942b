/*
 * providers.c: negotiation jobs, their providers, and the calls to these. The rules are in
 * domain/negotiation.h. A body with prices is checked here but for these, and goes to the database as
 * it came: there they are read exactly.
 */
#include <stdlib.h>
#include <string.h>

#include "api/place.h"
#include "api/routes.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/negotiation.h"
#include "domain/skill.h"
#include "http/reach.h"
#include "phone/number.h"

#define START_ROUTE "POST /api/start-calls/{job_id}"
#define START_JOB_ROUTE "POST /start-job/{job_id}"
#define SKILL "negotiation"
#define DEFAULT_REGION "US"
#define LIST_MAX 10000
#define REMOTE_ID_MAX 128
#define TRANSCRIPT_MAX 262144

static enum rc create(struct ask *);
static enum rc show(struct ask *);
static enum rc all(struct ask *);
static enum rc providers(struct ask *);
static enum rc status(struct ask *);
static enum rc start(struct ask *);
static enum rc start_job(struct ask *);
static enum rc report(struct ask *);

/* ---- what is taken ---- */

#define PROVIDER_FIELDS                                                                             \
	{ "name", FIELD_TEXT, .required = true, .min = 1, .max = 200, .title = "Name",              \
		.example = "\"Mike's Plumbing Services\"" },                                        \
	    { "phone", FIELD_TEXT, .required = true, .min = 1, .max = 64, .title = "Phone",         \
		    .example = "\"(408) 555-1234\"",                                                \
		    .help =                                                                         \
			"E.164, or the national form of the workspace's calling.default_region." }, \
	{                                                                                           \
		"estimated_price", FIELD_NUMBER, .nullable = true, .title = "Estimated Price",      \
						 .example = "150.0",                                \
						 .help = "0 to 9999999999.99, two decimals."        \
	}

static const struct field provider_fields[] = {
	PROVIDER_FIELDS,
	{ .name = NULL },
};

static const struct field sent_provider_fields[] = {
	{ "id", FIELD_INT, .required = true, .min = 1, .max = INT64_MAX, .title = "Id",
	    .help = "Its id at the sender, who is told of it by PATCH {update_url}/{id}." },
	PROVIDER_FIELDS,
	{ .name = NULL },
};

#define JOB_FIELDS                                                                                 \
	{ "description", FIELD_TEXT, .required = true, .min = 1,                                   \
		.max = NEGOTIATION_DESCRIPTION_MAX, .title = "Description",                        \
		.example = "\"A kitchen sink that leaks is to be repaired.\"" },                   \
	    { "location", FIELD_TEXT, .nullable = true, .min = 1, .max = NEGOTIATION_LOCATION_MAX, \
		    .title = "Location", .example = "\"San Jose, CA\"" },                          \
	{                                                                                          \
		"max_price", FIELD_NUMBER, .nullable = true, .title = "Max Price",                 \
					   .example = "180.0",                                     \
					   .help = "No price above it is agreed to."               \
	}

static const struct field job_fields[] = {
	JOB_FIELDS,
	{ "providers", FIELD_LIST, .nullable = true, .max = NEGOTIATION_PROVIDERS_MAX,
	    .title = "Providers", .items = "ProviderBody",
	    .example = "[{\"name\": \"Mike's Plumbing Services\", \"phone\": \"(408) 555-1234\","
		       " \"estimated_price\": 150.0}]",
	    .help = "Who is to be called. A job without providers may exist." },
	{ .name = NULL },
};

static const struct field sent_job_fields[] = {
	JOB_FIELDS,
	{ .name = NULL },
};

static const struct field start_job_fields[] = {
	{ "job", FIELD_OBJECT, .required = true, .title = "Job",
	    .example = "{\"description\": \"A kitchen sink that leaks is to be repaired.\"}",
	    .help = "description, location and max_price, as POST /api/jobs has them." },
	{ "providers", FIELD_LIST, .required = true, .min = 1, .max = NEGOTIATION_PROVIDERS_MAX,
	    .title = "Providers", .items = "SentProvider",
	    .example = "[{\"id\": 1, \"name\": \"Mike's Plumbing Services\","
		       " \"phone\": \"(408) 555-1234\", \"estimated_price\": 150.0}]" },
	{ "update_url", FIELD_TEXT, .required = true, .min = 1, .max = REACH_URL_MAX - 32,
	    .format = "uri", .title = "Update Url",
	    .example = "\"https://offhook.example.com/api/providers/"
		       "550e8400-e29b-41d4-a716-446655440000\"",
	    .help = "What comes of each call is sent by PATCH to this and /{id} of its provider." },
	{ .name = NULL },
};

static const struct field report_fields[] = {
	{ "call_status", FIELD_CHOICE, .nullable = true, .title = "Call Status",
	    .choices = "pending|in_progress|completed|failed", .example = "\"completed\"" },
	{ "negotiated_price", FIELD_NUMBER, .title = "Negotiated Price", .nullable = true,
	    .example = "135.0" },
	{ "call_transcript", FIELD_TEXT, .title = "Call Transcript", .nullable = true,
	    .max = TRANSCRIPT_MAX, .example = "\"Agent: Hello.\\nProvider: Yes?\"",
	    .help = "The whole of it so far." },
	{ .name = NULL },
};

static const struct field all_fields[] = {
	{ "limit", FIELD_INT, .min = 1, .max = LIST_MAX, .absent = "10000", .title = "Limit",
	    .example = "100" },
	{ "after", FIELD_INT, .max = INT64_MAX, .absent = "0", .title = "After", .example = "7",
	    .help = "The id behind which to go on." },
	{ .name = NULL },
};

/* ---- what is answered ---- */

#define WRONG_INPUT                                                           \
	{                                                                     \
		400, "Wrong input: a sentence that names the field.", "Error" \
	}
#define NO_JOB                                                      \
	{                                                           \
		404, "No such job, or another customer's.", "Error" \
	}

static const struct route_answer create_answers[] = {
	{ 201, "The job was made. Nobody is called before it is started.", "Job" },
	WRONG_INPUT,
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Successful Response", "Job" },
	NO_JOB,
	{ 0 },
};
static const struct route_answer all_answers[] = {
	{ 200, "Successful Response", "[]ProviderSummary" },
	WRONG_INPUT,
	{ 0 },
};
static const struct route_answer providers_answers[] = {
	{ 200, "Successful Response", "[]Provider" },
	NO_JOB,
	{ 0 },
};
static const struct route_answer status_answers[] = {
	{ 200, "Successful Response", "[]ProviderStatus" },
	NO_JOB,
	{ 0 },
};
static const struct route_answer start_answers[] = {
	{ 200, "Successful Response", "StartCallsResponse" },
	WRONG_INPUT,
	{ 402, "Not enough credits: nobody is called.", "Error" },
	PLACE_BARRED,
	{ 404, "No such job, or it has no providers.", "Error" },
	{ 409, "A conflict on the Idempotency-Key.", "Error" },
	{ 503,
	    "The external call backend did not take the job; or maintenance; or the database is"
	    " away.",
	    "Error" },
	{ 0 },
};
static const struct route_answer report_answers[] = {
	{ 200, "Taken.", "ProviderStatus" },
	WRONG_INPUT,
	{ 404, "No such provider, or another customer's.", "Error" },
	{ 409, "The call to this provider is our own: nobody reports on it.", "Error" },
	{ 0 },
};

const struct route provider_routes[] = {
	{ "POST", "/api/jobs", create, .flags = ROUTE_PLAIN, .body = job_fields,
	    .body_schema = "JobBody", .tag = "providers", .operation = "create_job",
	    .summary = "Create a negotiation job", .answers = create_answers },
	{ "GET", "/api/jobs/{job_id}", show, .flags = ROUTE_PLAIN, .tag = "providers",
	    .operation = "get_job", .summary = "Get a negotiation job", .answers = show_answers },
	{ "GET", "/api/providers", all, .flags = ROUTE_PLAIN, .query = all_fields,
	    .tag = "providers", .operation = "list_providers", .summary = "List All Providers",
	    .answers = all_answers },
	{ "GET", "/api/providers/{job_id}", providers, .flags = ROUTE_PLAIN, .tag = "providers",
	    .operation = "get_providers_by_job", .summary = "Get Providers by Job",
	    .answers = providers_answers },
	{ "GET", "/api/providers/{job_id}/status", status, .flags = ROUTE_PLAIN, .tag = "providers",
	    .operation = "get_provider_status", .summary = "Get Provider Status",
	    .answers = status_answers },
	{ "POST", "/api/start-calls/{job_id}", start, .flags = ROUTE_PLAIN,
	    .headers = place_headers, .tag = "providers", .operation = "start_calls",
	    .summary = "Start Calls", .answers = start_answers },
	{ "PATCH", "/api/providers/{job_id}/{provider_id}", report,
	    .flags = ROUTE_PLAIN | ROUTE_BACKEND, .body = report_fields,
	    .body_schema = "ProviderReport", .tag = "providers", .operation = "report_provider",
	    .summary = "Report on the call to a provider", .answers = report_answers },
	{ "POST", "/start-job/{job_id}", start_job, .flags = ROUTE_PLAIN, .body = start_job_fields,
	    .body_schema = "StartJobBody", .headers = place_headers, .tag = "providers",
	    .operation = "start_job", .summary = "Place the calls of somebody else's job",
	    .answers = start_answers },
	{ .method = NULL },
};

/* The objects that the database makes (sql/functions/16_negotiations.sql). */
#define SUMMARY_SHAPE                                                                    \
	{ "id", SHAPE_INT, .title = "Id" }, { "job_id", SHAPE_TEXT, .title = "Job Id" }, \
	    { "name", SHAPE_TEXT, .title = "Name" },                                     \
	{                                                                                \
		"phone", SHAPE_TEXT, .title = "Phone", .help = "As it was given."        \
	}
#define PROVIDER_SHAPE                                                                           \
	SUMMARY_SHAPE,                                                                           \
	    { "estimated_price", SHAPE_REAL, .nullable = true, .title = "Estimated Price" },     \
	    { "negotiated_price", SHAPE_REAL, .nullable = true, .title = "Negotiated Price",     \
		    .help =                                                                      \
			"What the provider named or agreed to, and nothing that nobody said." }, \
	{                                                                                        \
		"call_status", SHAPE_CHOICE,                                                     \
		    .title = "Call Status", .choices = "pending|in_progress|completed|failed",   \
		    .help = "failed after anything but a completed conversation."                \
	}

static const struct shape summary_shape[] = { SUMMARY_SHAPE, { .name = NULL } };
static const struct shape provider_shape[] = { PROVIDER_SHAPE, { .name = NULL } };
static const struct shape status_shape[] = {
	PROVIDER_SHAPE,
	{ "call_transcript", SHAPE_TEXT, .nullable = true, .title = "Call Transcript",
	    .help = "Lines of Agent: and Provider:, growing while the call goes on." },
	{ .name = NULL },
};
static const struct shape job_shape[] = {
	{ "job_id", SHAPE_TEXT, .title = "Job Id" },
	{ "description", SHAPE_TEXT, .title = "Description" },
	{ "location", SHAPE_TEXT, .nullable = true, .title = "Location" },
	{ "max_price", SHAPE_REAL, .nullable = true, .title = "Max Price" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ "providers", SHAPE_ARRAY, .items = "object", .title = "Providers",
	    .help = "As of Provider, and call_id and price_evidence (the sentence that names the"
		    " price)." },
	{ .name = NULL },
};
static const struct shape start_shape[] = {
	{ "status", SHAPE_CHOICE, .choices = "started", .title = "Status" },
	{ "message", SHAPE_TEXT, .title = "Message" },
	{ "provider_count", SHAPE_INT, .title = "Provider Count",
	    .help = "How many are called now; those who were called before are not." },
	{ .name = NULL },
};

const struct named_schema provider_schemas[] = {
	{ "JobBody", NULL, job_fields, NULL },
	{ "ProviderBody", NULL, provider_fields, NULL },
	{ "Job", job_shape, NULL, NULL },
	{ "ProviderSummary", summary_shape, NULL, NULL },
	{ "Provider", provider_shape, NULL, NULL },
	{ "ProviderStatus", status_shape, NULL, NULL },
	{ "StartCallsResponse", start_shape, NULL, NULL },
	{ "ProviderReport", NULL, report_fields, NULL },
	{ "StartJobBody", NULL, start_job_fields, NULL },
	{ "SentProvider", NULL, sent_provider_fields, NULL },
	{ .name = NULL },
};

/* ---- jobs ---- */

static enum rc
refuse(struct ask *ask, const char *says)
{
	resp_detail(ask->resp, 400, "%s", says);
	return RC_INVALID;
}

/* The sentences of errors in an object that stands in another. */
static const char *
says_in(struct ask *ask, const char *where, const struct input *in)
{
	return arena_printf(ask->req->arena, "%s.%s", where, valid_says(ask->req->arena, in));
}

/* The number that a provider gave, in E.164, in number; or a 400 that names it. *region is asked for
 * when the first national number comes. */
static enum rc
read_number(struct ask *ask, const char *where, const char *phone, const char **region,
    char number[PHONE_NUMBER_SIZE])
{
	struct arena *a = ask->req->arena;
	const char *why;
	enum rc rc;

	if (phone[0] != '+' && *region == NULL) {
		rc = negotiation_region(ask->db, a, &ask->who, region);
		if (rc != RC_OK)
			return rc;
		if (*region == NULL || !phone_region(*region))
			*region = DEFAULT_REGION;
	}
	why = phone_read(phone, *region != NULL ? *region : DEFAULT_REGION, number);
	if (why == NULL)
		return RC_OK;
	return refuse(
	    ask, arena_printf(a, "%s.phone is not a phone number: %s (%s)", where, phone, why));
}

/* Reads the providers of a body by a table. phones gets their numbers as the text of an array. */
static enum rc
read_providers(
    struct ask *ask, const struct field *fields, const struct input *body, const char **phones)
{
	struct arena *a = ask->req->arena;
	const char *region = NULL;
	char number[PHONE_NUMBER_SIZE];
	enum rc rc = RC_OK;
	struct buf list;
	json_t *item;
	size_t i;

	buf_init(&list, NEGOTIATION_PROVIDERS_MAX * (PHONE_NUMBER_SIZE + 1));
	json_array_foreach(input_json(body, "providers"), i, item)
	{
		const char *where = arena_printf(a, "providers[%zu]", i);
		struct input in;

		if (valid_object(a, fields, item, &in) != RC_OK)
			rc = refuse(ask, says_in(ask, where, &in));
		else
			rc = read_number(ask, where, input_text(&in, "phone"), &region, number);
		if (rc != RC_OK)
			break;
		buf_printf(&list, "%s%s", i > 0 ? "," : "", number);
	}
	*phones = arena_printf(a, "{%s}", list.data);
	buf_free(&list);
	return rc;
}

static enum rc
read_job(struct ask *ask, const struct input *in)
{
	if (str_blank(input_text(in, "description")))
		return refuse(ask, "description must not be blank");
	return RC_OK;
}

static enum rc
create(struct ask *ask)
{
	struct arena *a = ask->req->arena;
	const char *phones, *job_id, *fault, *body;
	enum rc rc = read_job(ask, &ask->body);

	if (rc == RC_OK)
		rc = read_providers(ask, provider_fields, &ask->body, &phones);
	if (rc != RC_OK)
		return rc;
	rc = negotiation_create(ask->db, a, &ask->who, ask->req->body, phones, &job_id, &fault);
	if (rc != RC_OK)
		return rc;
	if (fault != NULL)
		return refuse(ask, fault);
	rc = negotiation_show(ask->db, a, &ask->who, job_id, &body);
	if (rc == RC_OK)
		resp_json_text(ask->resp, 201, body);
	return rc;
}

/* The answer to whatever names a job that is not there. */
static enum rc
answer_no_job(struct ask *ask)
{
	resp_detail(ask->resp, 404, "Job not found: %s", ask_path(ask, "job_id"));
	return RC_OK;
}

/* Answers a text of the database about a job. */
static enum rc
answer_body(struct ask *ask, enum rc rc, const char *body)
{
	if (rc == RC_NOT_FOUND)
		return answer_no_job(ask);
	if (rc == RC_OK)
		resp_json_text(ask->resp, 200, body);
	return rc;
}

static enum rc
show(struct ask *ask)
{
	const char *body;
	enum rc rc = negotiation_show(
	    ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), &body);

	return answer_body(ask, rc, body);
}

static enum rc
all(struct ask *ask)
{
	const char *body;
	enum rc rc = negotiation_all(ask->db, ask->req->arena, &ask->who,
	    input_int(&ask->query, "after"), input_int(&ask->query, "limit"), &body);

	if (rc == RC_OK)
		resp_json_text(ask->resp, 200, body);
	return rc;
}

static enum rc
providers(struct ask *ask)
{
	const char *body;
	enum rc rc = negotiation_providers(
	    ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), false, &body);

	return answer_body(ask, rc, body);
}

static enum rc
status(struct ask *ask)
{
	const char *body;
	enum rc rc = negotiation_providers(
	    ask->db, ask->req->arena, &ask->who, ask_path(ask, "job_id"), true, &body);

	return answer_body(ask, rc, body);
}

/* ---- starting, by ourselves ---- */

/* One call of a start: the run of a skill. NULL when the skill does not take it. */
static json_t *
wish_of(struct ask *ask, const struct skill *skill, const struct negotiation_plan *plan,
    const struct negotiation_callee *callee)
{
	struct skill_input in;
	char call_id[ID_SIZE];
	json_t *slots = json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", skill->phone_slot, callee->phone,
	    "job", plan->description, "location", plan->location, "estimated_price",
	    callee->estimated_price, "max_price", plan->max_price);
	bool right = skill_read(skill, ask->req->arena, slots, &in);

	json_decref(slots);
	if (!right)
		return NULL;
	id_make(call_id, "call_");
	return json_pack("{s:s, s:s, s:s, s:O}", "id", callee->id, "call_id", call_id, "brief",
	    skill_brief(skill, ask->req->arena, &in, NULL), "slots", in.slots);
}

/* All of them as JSON text; NULL when the skill is not as it must be. */
static const char *
wishes_of(struct ask *ask, const struct negotiation_plan *plan)
{
	const struct skill *skill = skill_find(ask->env->skills, SKILL);
	json_t *wishes = json_array();
	const char *copy = NULL;
	char *text;

	if (skill != NULL && skill->phone_slot != NULL && strcmp(skill->kind, SKILL) == 0) {
		for (int i = 0; i < plan->count; i++)
			(void)json_array_append_new(
			    wishes, wish_of(ask, skill, plan, &plan->callees[i]));
		text = json_dumps(wishes, JSON_COMPACT);
		if (json_array_size(wishes) == (size_t)plan->count && text != NULL)
			copy = arena_strdup(ask->req->arena, text);
		free(text);
	}
	json_decref(wishes);
	if (copy == NULL)
		log_error("the skill " SKILL " is missing, or does not take a job's slots");
	return copy;
}

static enum rc
answer_no_providers(struct ask *ask)
{
	resp_detail(ask->resp, 404, "No providers found for job: %s", ask_path(ask, "job_id"));
	return RC_OK;
}

static enum rc
start_here(struct ask *ask, const char *job_id, const char *route)
{
	struct negotiation_plan plan;
	const char *wishes;
	struct place p;
	enum rc rc;

	place_init(&p, ask);
	if ((rc = place_key(ask, &p, route)) != RC_OK)
		return rc;
	p.wish.language = "auto";
	rc = negotiation_plan(ask->db, ask->req->arena, &ask->who, job_id, &plan);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && plan.job == NEGOTIATION_UNKNOWN))
		return answer_no_job(ask);
	if (rc != RC_OK)
		return rc;
	if (plan.job == NEGOTIATION_EMPTY)
		return answer_no_providers(ask);
	if ((wishes = wishes_of(ask, &plan)) == NULL)
		return RC_BROKEN;
	rc = negotiation_start(
	    ask->db, ask->req->arena, &ask->who, job_id, wishes, &p.wish, &p.acceptance);
	return rc == RC_OK ? place_answer(ask, &p) : rc;
}

/* ---- starting, by an external backend ---- */

static enum rc
start_there(struct ask *ask, const char *job_id)
{
	struct arena *a = ask->req->arena;
	const char *update_url = arena_printf(
	    a, "%s/api/providers/%s", ask->env->public_url, job_id);
	const char *body, *why = NULL;
	struct negotiation_errand errand;
	enum rc rc = negotiation_ask(ask->db, a, &ask->who, job_id, update_url, &errand);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && errand.next == NEGOTIATION_NO_JOB))
		return answer_no_job(ask);
	if (rc != RC_OK)
		return rc;
	if (errand.next == NEGOTIATION_NO_PROVIDERS)
		return answer_no_providers(ask);
	if (errand.next == NEGOTIATION_ASK) {
		why = backend_start(a, &ask->env->backend, job_id, errand.body, errand.request);
		rc = negotiation_settle(ask->db, a, job_id, &errand, why == NULL, &body);
	} else {
		body = "{\"status\": \"started\", \"message\": \"Started calls for 0 providers\","
		       " \"provider_count\": 0}";
	}
	if (why != NULL) {
		resp_detail(ask->resp, 503, "Call backend service unavailable: %s", why);
		return RC_OK;
	}
	if (rc == RC_OK)
		resp_json_text(ask->resp, 200, body);
	return rc;
}

static enum rc
start(struct ask *ask)
{
	const char *job_id = ask_path(ask, "job_id");

	if (ask->env->backend.url != NULL && ask->env->backend.url[0] != '\0')
		return start_there(ask, job_id);
	return start_here(ask, job_id, START_ROUTE);
}

/* ---- being somebody's backend ---- */

static enum rc
start_job(struct ask *ask)
{
	struct arena *a = ask->req->arena;
	const char *phones, *job_id, *fault, *remote_id = ask_path(ask, "job_id");
	const char *url = input_text(&ask->body, "update_url");
	const char *wrong = reach_url(url, ask->env->anywhere);
	struct input job;
	enum rc rc;

	if (wrong != NULL)
		return refuse(ask, arena_printf(a, "update_url: %s", wrong));
	if (str_chars(remote_id) > REMOTE_ID_MAX)
		return refuse(ask, "job_id in the path is longer than 128 characters");
	if (valid_object(a, sent_job_fields, input_json(&ask->body, "job"), &job) != RC_OK)
		return refuse(ask, says_in(ask, "job", &job));
	rc = read_job(ask, &job);
	if (rc == RC_OK)
		rc = read_providers(ask, sent_provider_fields, &ask->body, &phones);
	if (rc != RC_OK)
		return rc;
	rc = negotiation_take_over(ask->db, a, &ask->who, remote_id, url, ask_from_backend(ask),
	    ask->req->body, phones, &job_id, &fault);
	if (rc != RC_OK)
		return rc;
	if (fault != NULL)
		return refuse(ask, fault);
	return start_here(ask, job_id, START_JOB_ROUTE);
}

/* ---- reports ---- */

static enum rc
report(struct ask *ask)
{
	const char *name = ask_path(ask, "provider_id"), *body = NULL;
	int64_t id = 0;
	enum rc rc = RC_NOT_FOUND;

	if (str_int64(name, 1, INT64_MAX, &id) || !ask->backend)
		rc = negotiation_report(ask->db, ask->req->arena, ask->backend ? NULL : &ask->who,
		    ask_path(ask, "job_id"), id, ask->req->body, &body);
	if (rc == RC_INVALID && body != NULL)
		return refuse(ask, body);
	if (rc == RC_NOT_FOUND)
		resp_detail(ask->resp, 404, "Provider not found: %s", name);
	if (rc == RC_CONFLICT)
		resp_detail(ask->resp, 409,
		    "The call to this provider is Offhook's own: nobody reports on it");
	if (rc == RC_OK)
		resp_json_text(ask->resp, 200, body);
	return rc;
}
