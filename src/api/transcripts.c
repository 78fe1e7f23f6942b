/*
 * transcripts.c: the merged transcript of a call, for its owner. The merger makes it
 * (work/merge.c); the rules are in domain/merge.h.
 */
#include "api/routes.h"
#include "domain/merge.h"

static enum rc get(struct ask *);
static enum rc rebuild(struct ask *);

static const struct route_answer get_answers[] = {
	{ 200, "The merged transcript.", "MergedTranscript" },
	{ 202, "Merger has not run yet. Retry once the stream emits transcript_ready.",
	    "MergerPending" },
	{ 404, "No such call, another customer's, or one that nobody answered.", "Error" },
	{ 500, "It could not be merged; the answer says why. Build it again.", "Error" },
	{ 0 },
};

static const struct route_answer rebuild_answers[] = {
	{ 202, "It is being built again, from the beginning; transcript_ready tells when.",
	    "MergerPending" },
	{ 404, "No such call, another customer's, or one that nobody answered.", "Error" },
	{ 0 },
};

const struct route transcript_routes[] = {
	{ "GET", "/calls/{call_id}/transcript-merged", get, .tag = "calls",
	    .operation = "get_transcript_merged_calls__call_id__transcript_merged_get",
	    .summary = "Get the merged time-aligned transcript built post-call",
	    .answers = get_answers },
	{ "POST", "/calls/{call_id}/transcript-merged/rebuild", rebuild, .tag = "calls",
	    .operation = "rebuild_transcript_calls__call_id__transcript_merged_rebuild_post",
	    .summary = "Build the merged transcript again", .answers = rebuild_answers },
	{ .method = NULL },
};

/* What domain/transcript.c writes, and the version before it. */
static const struct shape transcript_shape[] = {
	{ "version", SHAPE_INT, .title = "Version" },
	{ "duration_ms", SHAPE_INT, .title = "Duration Ms" },
	{ "calibration_delta_ms", SHAPE_INT, .nullable = true, .title = "Calibration Delta Ms" },
	{ "timing_estimated", SHAPE_BOOL, .title = "Timing Estimated" },
	{ "turns", SHAPE_ARRAY, .items = "object", .title = "Turns" },
	{ "estimated_because", SHAPE_TEXT, .optional = true, .title = "Estimated Because" },
	{ .name = NULL },
};

static const struct shape pending_shape[] = {
	{ "status", SHAPE_TEXT, .title = "Status", .example = "\"merger_pending\"" },
	{ .name = NULL },
};

const struct named_schema transcript_schemas[] = {
	{ "MergerPending", pending_shape, NULL, "The transcript is being made; ask again." },
	{ "MergedTranscript", transcript_shape, NULL,
	    "Both sides on one timeline that begins when the call is answered. A turn is {speaker,"
	    " start_ms, end_ms, text, source, words?, overlap_with_next?}. version counts how often"
	    " it was built; calibration_delta_ms is where in the call the recording begins, null when"
	    " the times are estimated." },
	{ .name = NULL },
};

static void
answer_pending(struct ask *ask)
{
	resp_json(ask->resp, 202, json_pack("{s:s}", "status", "merger_pending"));
	resp_header(ask->resp, "Retry-After", "3");
}

static void
answer_never(struct ask *ask)
{
	resp_detail(ask->resp, 404, "There is no transcript: nobody answered this call");
}

static enum rc
get(struct ask *ask)
{
	enum merge_stand stand;
	struct rows *rows;
	enum rc rc = merge_find(ask->db, &ask->who, ask_path(ask, "call_id"), &stand, &rows);

	if (rc != RC_OK)
		return rc;
	switch (stand) {
	case MERGE_PENDING:
		answer_pending(ask);
		break;
	case MERGE_DONE:
		resp_json_text(ask->resp, 200, rows_text(rows, 0, MERGE_RESULT));
		break;
	case MERGE_FAILED:
		resp_detail(ask->resp, 500,
		    "The transcript could not be merged: %s POST"
		    " /calls/{call_id}/transcript-merged/rebuild tries it again.",
		    rows_text(rows, 0, MERGE_REASON));
		break;
	case MERGE_NEVER:
		answer_never(ask);
		break;
	}
	rows_free(rows);
	return RC_OK;
}

static enum rc
rebuild(struct ask *ask)
{
	enum merge_stand stand;
	enum rc rc = merge_rebuild(ask->db, &ask->who, ask_path(ask, "call_id"), &stand);

	if (rc != RC_OK)
		return rc;
	if (stand == MERGE_NEVER)
		answer_never(ask);
	else
		answer_pending(ask);
	return RC_OK;
}
