/* dnc.c: the do-not-call lists of a workspace and of the platform. The rules are in domain/dnc.h. */
#include <string.h>

#include "api/routes.h"
#include "base/str.h"
#include "domain/dnc.h"

static enum rc put(struct ask *);
static enum rc drop(struct ask *);
static enum rc show(struct ask *);
static enum rc list(struct ask *);

#define SCOPE                                                                                        \
	{                                                                                            \
		"scope", FIELD_CHOICE,                                                               \
		    .choices = "workspace|platform", .absent = "\"workspace\"", .title = "Scope",    \
		    .help =                                                                          \
			"Which list: this workspace's own, or the platform's, which holds for every" \
			" workspace and is kept by the platform's admins."                           \
	}

static const struct field put_fields[] = {
	SCOPE,
	{ "reason", FIELD_TEXT, .min = 1, .max = 200, .title = "Reason",
	    .example = "\"asked us to\"", .help = "For whoever reads the list later." },
	{ .name = NULL },
};
static const struct field drop_fields[] = {
	SCOPE,
	{ .name = NULL },
};
static const struct field list_fields[] = {
	SCOPE,
	{ "limit", FIELD_INT, .min = 1, .max = 1000, .absent = "100", .title = "Limit" },
	{ "cursor", FIELD_TEXT, .max = 64, .title = "Cursor",
	    .help = "next_cursor of the page before." },
	{ .name = NULL },
};

static const struct route_answer put_answers[] = {
	{ 200, "The number is on the list.", "DoNotCallEntry" },
	{ 400, "No number in E.164 format.", "Error" },
	{ 403, "The platform's list is its admins'.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer drop_answers[] = {
	{ 200, "The number is off the list.", "DoNotCallRemoved" },
	{ 400, "No number in E.164 format.", "Error" },
	{ 403, "The platform's list is its admins'.", "Error" },
	{ 404, "The number is not on this list.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};
static const struct route_answer show_answers[] = {
	{ 200, "Whether the number may be called, and which lists say no.", "DoNotCallAnswer" },
	{ 400, "No number in E.164 format.", "Error" },
	{ 0 },
};
static const struct route_answer list_answers[] = {
	{ 200, "The numbers of one list, in order.", "DoNotCallPage" },
	{ 403, "The platform's list is its admins'.", "Error" },
	{ 422, "Validation Error", "HTTPValidationError" },
	{ 0 },
};

const struct route dnc_routes[] = {
	{ "GET", "/api/v1/dnc", list, .query = list_fields, .tag = "dnc", .operation = "dnc_list",
	    .summary = "The numbers that must not be called", .answers = list_answers },
	{ "PUT", "/api/v1/dnc/{number}", put, .query = put_fields, .tag = "dnc",
	    .operation = "dnc_put", .summary = "Never call this number again",
	    .answers = put_answers },
	{ "DELETE", "/api/v1/dnc/{number}", drop, .query = drop_fields, .tag = "dnc",
	    .operation = "dnc_delete", .summary = "Let this number be called again",
	    .answers = drop_answers },
	{ "GET", "/api/v1/dnc/{number}", show, .tag = "dnc", .operation = "dnc_get",
	    .summary = "Whether a number may be called", .answers = show_answers },
	{ .method = NULL },
};

static const struct shape entry_shape[] = {
	{ "scope", SHAPE_CHOICE, .choices = "workspace|platform", .title = "Scope" },
	{ "number", SHAPE_TEXT, .title = "Number" },
	{ "reason", SHAPE_TEXT, .nullable = true, .title = "Reason" },
	{ "created_at", SHAPE_TIME, .title = "Created At" },
	{ .name = NULL },
};
static const struct shape removed_shape[] = {
	{ "number", SHAPE_TEXT, .title = "Number" },
	{ "removed", SHAPE_BOOL, .title = "Removed" },
	{ .name = NULL },
};
static const struct shape answer_shape[] = {
	{ "number", SHAPE_TEXT, .title = "Number" },
	{ "listed", SHAPE_BOOL, .title = "Listed" },
	{ "lists", SHAPE_ARRAY, .items = "object", .title = "Lists",
	    .help = "Objects as of DoNotCallEntry." },
	{ .name = NULL },
};
static const struct shape page_shape[] = {
	{ "numbers", SHAPE_ARRAY, .items = "object", .title = "Numbers",
	    .help = "Objects as of DoNotCallEntry." },
	{ "next_cursor", SHAPE_TEXT, .nullable = true, .title = "Next Cursor" },
	{ .name = NULL },
};

const struct named_schema dnc_schemas[] = {
	{ "DoNotCallEntry", entry_shape, NULL, "A number on one do-not-call list." },
	{ "DoNotCallRemoved", removed_shape, NULL, NULL },
	{ "DoNotCallAnswer", answer_shape, NULL, NULL },
	{ "DoNotCallPage", page_shape, NULL, NULL },
	{ .name = NULL },
};

static struct dnc_wish
wish_of(const struct ask *ask)
{
	const char *scope = input_text(&ask->query, "scope");

	return (struct dnc_wish){ &ask->who, strcmp(scope, "platform") == 0 };
}

/* The number of the path; NULL with a 400 when it is none. */
static const char *
number_of(struct ask *ask)
{
	const char *number = ask_path(ask, "number");

	if (str_e164(number))
		return number;
	resp_detail(ask->resp, 400, NOT_E164);
	return NULL;
}

static enum rc
put(struct ask *ask)
{
	struct dnc_wish wish = wish_of(ask);
	const char *number = number_of(ask);
	struct rows *rows;
	enum rc rc;

	if (number == NULL)
		return RC_INVALID;
	rc = dnc_add(ask->db, &wish, number, input_text(&ask->query, "reason"), &rows);
	if (rc != RC_OK)
		return rc;
	resp_json(ask->resp, 200, ask_row(entry_shape, rows, 0, DNC_FIRST_COLUMN));
	rows_free(rows);
	return RC_OK;
}

static enum rc
drop(struct ask *ask)
{
	struct dnc_wish wish = wish_of(ask);
	const char *number = number_of(ask);
	enum rc rc;

	if (number == NULL)
		return RC_INVALID;
	rc = dnc_remove(ask->db, &wish, number);
	if (rc == RC_NOT_FOUND)
		resp_detail(ask->resp, 404, "The number is not on this do-not-call list");
	if (rc == RC_OK)
		resp_json(ask->resp, 200, json_pack("{s:s, s:b}", "number", number, "removed", 1));
	return rc;
}

static enum rc
show(struct ask *ask)
{
	const char *number = number_of(ask);
	struct rows *rows;
	json_t *lists;
	enum rc rc;

	if (number == NULL)
		return RC_INVALID;
	rc = dnc_find(ask->db, &ask->who, number, &rows);
	if (rc != RC_OK)
		return rc;
	lists = ask_rows(entry_shape, rows, DNC_FIRST_COLUMN);
	rows_free(rows);
	resp_json(ask->resp, 200,
	    json_pack("{s:s, s:b, s:o}", "number", number, "listed", json_array_size(lists) > 0,
		"lists", lists));
	return RC_OK;
}

static enum rc
list(struct ask *ask)
{
	struct dnc_wish wish = wish_of(ask);
	int64_t limit = input_int(&ask->query, "limit");
	const char *last = NULL;
	struct rows *rows;
	enum rc rc = dnc_page(ask->db, &wish, input_text(&ask->query, "cursor"), limit, &rows);

	if (rc != RC_OK)
		return rc;
	if (rows_count(rows) == limit)
		last = rows_text(rows, (int)limit - 1, DNC_FIRST_COLUMN + 1);
	resp_json(ask->resp, 200,
	    json_pack("{s:o, s:s?}", "numbers", ask_rows(entry_shape, rows, DNC_FIRST_COLUMN),
		"next_cursor", last));
	rows_free(rows);
	return RC_OK;
}
