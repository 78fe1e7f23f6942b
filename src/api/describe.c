/*
 * describe.c: see describe.h. The wording is the published contract's wherever that is true of us,
 * because its clients know it; tests/api/test_contract.py names every sentence that is not kept.
 */
#include "api/describe.h"

#include <stddef.h>
#include <string.h>

struct text {
	const char *name; /* NULL ends a table */
	const char *says;
};

static const char api_text[] =
    "Start, follow, answer and cancel AI voice calls.\n\n"
    "**Keys.** Send the key as `X-API-Key: KEY` or `Authorization: Bearer KEY`. A key above a"
    " workspace names the workspace that it acts in by the header `X-Workspace-Id` or by"
    " `?workspace_id=`. Behind a gateway `X-Gateway-Context` holds the gateway's signed token"
    " instead. What belongs to another customer answers like what does not exist.\n\n"
    "**Errors** are `{\"detail\": …}`: a sentence; for 422 an array that names each wrong field;"
    " for refusals that a program acts upon an object with `error_code` and `message`. Every"
    " answer carries `X-Request-Id`, the client's own if it sent a sane one.\n\n"
    "**Times** are UTC, ISO 8601 with `Z` and milliseconds. **Numbers** to call are E.164.\n\n"
    "**Limits.** A key that asks more often than it may gets 429 with `Retry-After`; a body is at"
    " most 1 MiB. Against toll fraud some numbers may not be called, and calls to countries that are new"
    " to a workspace are few a day: 403 or 429 with an `error_code`.";

static const struct text tags[] = {
	{ "calls", "Start, list, follow, answer and cancel calls." },
	{ "skills", "Calls by purpose: structured input instead of a brief." },
	{ "bookings", "What calls have booked." },
	{ "tasks",
	    "Calls by the list, after a delay, or at a time. Wrong input is 400 with a sentence that"
	    " names the field; times have whole seconds." },
	{ "jobs",
	    "What is done with a call after it has ended: it is transcribed, read by a language model, and"
	    " its summary is mailed. A job goes `queued` → `transcribing` → `analyzing` → `publishing` →"
	    " `completed`; the workspace's filters make it `skipped`, from where it can be requeued, and"
	    " what cannot be done `failed`." },
	{ "config",
	    "The settings of the tree: platform, partner, organization, workspace. The nearest level that"
	    " sets a value decides." },
	{ "dnc", "Numbers that must not be called: a workspace's own list, and the platform's." },
	{ "campaigns",
	    "Tasks of many calls: from a list or a CSV file, with retries and calling hours, to be paused"
	    " and resumed. A campaign's id is its task's; what `queue-bulk-calls` starts is one, too."
	    " Cancelled as any task." },
	{ "jobs", "What is done with a call after it has ended." },
	{ "users", "The customer's own profile, limits and webhook." },
	{ "providers", "Negotiation: who is asked what a job costs, and what they say." },
	{ "health", "For probes and Prometheus." },
	{ NULL, NULL },
};

static const struct text operations[] = {
	{ "start_call_calls_post",
	    "Reserve credits, persist task+call, then dial OR queue.\n\n"
	    "Two modes, gated by the setting `queue.enabled`:\n\n"
	    "* **Flag off (default)** — synchronous direct dial. Returns `201` with"
	    " `StartCallResponse`: the freshly-created call in status `dialing` + the Twilio"
	    " call_sid. When the dial is not confirmed within `calls.sync_wait_ms`, or the carrier's"
	    " answer was lost, the call goes on by itself: `202` with `QueuedCallResponse` and the"
	    " status as it stands.\n"
	    "* **Flag on** — the call is enqueued (status `queued`, credits reserved) and the single"
	    " drainer dials it later at the global CPS rate. Returns `202` with"
	    " `QueuedCallResponse`; clients poll `GET /calls/{call_id}` until the status leaves"
	    " `queued`. There is NO 409 in this path — the queue is unlimited; the drainer enforces"
	    " the per-customer cap at dial time.\n\n"
	    "The call's transcript / outcome is fetched later via `GET /calls/{id}` in both modes.\n\n"
	    "Errors (shared by both modes unless noted):\n\n"
	    "* 402 — out of credits.\n"
	    "* 409 — per-customer concurrency cap reached (synchronous mode ONLY; cancel an active"
	    " call or raise the cap via PUT /users/me/limits).\n"
	    "* 400 — bad phone / empty brief.\n"
	    "* 502 — Twilio dial failed (synchronous mode; after we released the reservation).\n"
	    "* 503 — service in admin-set maintenance window. Active calls keep running; only NEW"
	    " calls are gated. Body carries the message + optional resume_at so clients can show a"
	    " useful banner.\n\n"
	    "With an `Idempotency-Key` a repeated request does not dial twice: for 24 hours the same"
	    " key with the same body answers the first status and body again, with the header"
	    " `Idempotent-Replayed: true`. `409 idempotency_conflict` — same key, different body;"
	    " `409 idempotency_in_progress` — still running; `409 idempotency_state_unknown` —"
	    " interrupted, verify via `GET /calls?since=...` before retrying with a NEW key;"
	    " `400 idempotency_key_too_long` — key > 255 chars." },
	{ "list_calls_calls_get",
	    "The newest first, at most `limit`. For the page after it pass the last `call_id` as"
	    " `before`. The heavy fields come with the single call only." },
	{ "get_call_calls__call_id__get",
	    "The call with its transcript so far. 404 for both \"no such call\" and \"another"
	    " customer's\"." },
	{ "submit_answer_calls__call_id__answer_post",
	    "Customer's webhook responded asynchronously — fulfil the pending question.\n\n"
	    "Auth: must be the same customer that owns the call (via X-API-Key). Cross-customer"
	    " answer attempts are rejected with 404 to avoid leaking existence.\n\n"
	    "Idempotency: if the ask_user already timed out / call ended / no ask_user was pending,"
	    " we return `delivered=false` (200) so a customer retry doesn't 5xx them. The answer is"
	    " silently dropped.\n\n"
	    "Race: the question is stored before it is told to anyone, so an answer can never come"
	    " too early." },
	{ "stream_call_events_calls__call_id__events_get",
	    "SSE stream of realtime events for a call.\n\n"
	    "Auth: must own the call (via X-API-Key). Cross-customer attempts return 404 to avoid"
	    " leaking call existence.\n\n"
	    "Resume: if the client supplies the standard `Last-Event-ID` HTTP header, the stream"
	    " backfills events with `event_id > last` from the durable `call_events` table BEFORE"
	    " attaching to the live tail. Avoids gaps after a reconnect. `?after_event_id=` does the"
	    " same, and wins, for the gateways that strip the header.\n\n"
	    "Stream lifecycle:\n\n"
	    "1. Auth + ownership check.\n"
	    "2. Stream cap check, by host.\n"
	    "3. Backfill events (full history, or from `Last-Event-ID`).\n"
	    "4. Live-tail with 15s heartbeats; close 5s after `outcome` or at the 30-min cap,"
	    " whichever first. A stream opened after `outcome` gives the history and stays until"
	    " `recording_ready` and `transcript_ready` have come or are known not to come, at most 5"
	    " minutes.\n\n"
	    "With `Accept: application/json` the same events come as one JSON array, for clients"
	    " that poll." },
	{ "listen_calls__call_id__listen_get",
	    "The sound of a call that talks over a media stream, as it is heard: a WAV file without an"
	    " end (16 bits, the callee left and the agent right) that is about a quarter of a"
	    " second late and ends with the conversation.\n\n"
	    "Auth: an admin's key, or a `ticket` from POST to the same path, which an audio element can"
	    " have in its URL. The setting `voice.live_listening` must be true for the call's workspace"
	    " at that moment. Who begins to listen stands in the call's events (`supervisor`, decision"
	    " `live_listening`); nothing of what is heard is stored.\n\n"
	    "At most four listen to a call at once. Who is slow misses what is older than two seconds." },
	{ "listen_ticket_calls__call_id__listen_post",
	    "Auth and refusals as of GET. The URL is good for one request within a minute, also without"
	    " a key, so it is to be handed to the browser that asked and to nobody else." },
	{ "get_recording_calls__call_id__recording_get",
	    "Admin-only proxy for the Twilio recording (internal QA tool).\n\n"
	    "Prefers the object store: when it has the recording, its bytes are streamed through"
	    " nginx as a normal 200. Then comes the local spool, then Twilio, which is asked by"
	    " CallSid when nothing is known here yet. If Twilio has it, we stream it back AND"
	    " lazy-persist for next time. If Twilio also has nothing (still processing), we return"
	    " `202 {\"status\":\"recording_pending\"}` so callers poll instead of giving up with"
	    " 404.\n\n"
	    "Twilio stores the mp3 behind Basic auth (Account SID + Auth Token). The browser cannot"
	    " supply those creds without exposing them in JS, so we stream the file through this"
	    " endpoint authenticated by an admin API key.\n\n"
	    "**Admin-only.** This endpoint exists for internal testing / bot-quality review — only"
	    " admin keys (or the `BOOTSTRAP_ADMIN_API_KEY` env-var escape hatch) can fetch a"
	    " recording. Non-admin keys — including the call owner — see a stealth 404. They do not"
	    " learn whether a recording exists at all. Customers do NOT have a documented way to"
	    " download their own mp3 via this endpoint — by design.\n\n"
	    "Auth: accepts `?api_key=...` query (HTML5 `<audio>` tag), `X-API-Key` header (direct"
	    " API), or `X-Gateway-Context` header (gateway-fronted path).\n\n"
	    "Query params:\n\n"
	    "* `?api_key=...` — alternative to the `X-API-Key` header (needed for `<audio>` tag in"
	    " browsers).\n"
	    "* `?download=true` — emit `Content-Disposition: attachment` so browsers / curl save the"
	    " file as `call_{id}.mp3`. Without it the disposition is `inline` (HTML5 `<audio>` plays"
	    " in-page).\n\n"
	    "`Range` is honoured.\n\n"
	    "Status codes:\n\n"
	    "* 200 — streaming the mp3 (audio/mpeg).\n"
	    "* 202 — recording is still processing; retry shortly.\n"
	    "* 401 — missing / invalid API key.\n"
	    "* 404 — non-admin key (stealth), call doesn't exist, or the call has no `call_sid`"
	    " (never dialed).\n"
	    "* 500 — Twilio credentials are not configured server-side." },
	{ "get_transcript_merged_calls__call_id__transcript_merged_get",
	    "Return the merged transcript built after the call ended.\n\n"
	    "The merged transcript fuses two sources into a single timeline:\n\n"
	    "* **Hostess (inbound)** — already captured live during the call. No audio of the hostess"
	    " is persisted — consistent with US 2-party-consent posture.\n"
	    "* **Bot (outbound)** — bot-only mp3 from Twilio (the call was dialed with"
	    " `RecordingTrack=\"outbound\"`) → sent to Deepgram batch for word-level timing →"
	    " calibrated against the bot's known send timestamps so both sides share one"
	    " timeline.\n\n"
	    "Auth: owner of the call only. Same posture as `GET /calls/{call_id}` (which already"
	    " returns `transcript_full` to owners). Cross-customer requests return 404.\n\n"
	    "Status codes:\n\n"
	    "* 200 — merged transcript JSON: `{\"version\", \"duration_ms\","
	    " \"calibration_delta_ms\", \"turns\": [{\"speaker\", \"start_ms\", \"end_ms\", \"text\","
	    " \"source\", \"words\"?, \"overlap_with_next\"?}]}`.\n"
	    "* 202 — merger pending. Retry once SSE emits `transcript_ready`.\n"
	    "* 401 — missing / invalid API key.\n"
	    "* 404 — call not found / not owned." },
	{ "cancel_call_calls__call_id__cancel_post",
	    "Mark the call as CANCELLED and release credit reservation.\n\n"
	    "A call that waits is never dialed after this. One that is being dialed or talks is hung"
	    " up at the carrier, which is asked until it says that the call is over.\n\n"
	    "Returns `cancelled=False` for unknown / not-yours / already-final calls — never 404, so"
	    " an idempotent retry is safe." },
	{ "list_registered_skills_skills_get",
	    "Public — no auth.\n\n"
	    "The list is short and deterministic; agents fetch it once at boot to discover what they"
	    " can call." },
	{ "get_skill_manifest_skills__skill_id__manifest_get",
	    "Public — describes the skill's input contract and phase-level capabilities.\n\n"
	    "Manifest is **fully public**: it cannot consult the API key store, so it cannot return"
	    " per-customer flags. Customer-specific channel validation (e.g. webhook configured?)"
	    " happens only on `POST /skills/{skill_id}/run`." },
	{ "run_skill_skills__skill_id__run_post",
	    "Stripe-style idempotent.\n\n"
	    "Without `Idempotency-Key` header: a single invocation — no replay tracking.\n\n"
	    "With `Idempotency-Key` header: claims the slot BEFORE running so two concurrent retries"
	    " cannot both dial Twilio.\n\n"
	    "Idempotency error codes:\n\n"
	    "* `409 idempotency_conflict` — same key, different body.\n"
	    "* `409 idempotency_in_progress` — still running, lock fresh.\n"
	    "* `409 idempotency_state_unknown` — running with stale lock (worker may have crashed"
	    " after dialing — agent must verify via `GET /calls?since=...` before retrying with a NEW"
	    " key).\n"
	    "* `400 idempotency_key_too_long` — key > 255 chars." },
	{ "list_bookings_v1_booking_bookings_get",
	    "Return bookings owned by the caller (matched by `X-API-Key`).\n\n"
	    "* `status` (optional) — narrow to one `BookingStatus` value. Invalid values return `400`"
	    " with the allow-list in the message so callers can recover programmatically.\n"
	    "* `limit` — bound between 1 and 100. Defaults to 20 to keep the MCP `list_bookings` tool"
	    " response small enough to fit in a single LLM context window." },
	{ "get_booking_v1_booking_bookings__booking_id__get",
	    "Single-booking lookup, scoped to caller's customer_id.\n\n"
	    "Returns 404 for both \"no such booking\" and \"booking belongs to a different customer\""
	    " — the response shape is intentionally identical so existence cannot be inferred from"
	    " the status code or body." },
	{ "me_users_me_get",
	    "Self-view. Identity, quota and what was used of it this month, whether the key is an"
	    " admin's, and the current maintenance state: null, or `active`, `message` and"
	    " `resume_at`." },
	{ "set_webhook_users_me_webhook_put",
	    "Configure the endpoint our platform POSTs to when the agent calls `ask_user` mid-call."
	    " Only HTTPS is accepted — in-flight webhook payloads include the booking context + HMAC"
	    " header, which we refuse to transmit over plaintext.\n\n"
	    "Secrets rotate by default: rotating as-you-configure is the safer default. For 24 hours"
	    " the older secret signs as well, so that a receiver can change over." },
	{ "clear_webhook_users_me_webhook_delete",
	    "Remove the webhook configuration. Callers that read `ask_user_webhook_url` get null back"
	    " either way." },
	{ "process",
	    "Triggers asynchronous processing for a completed call. The endpoint is idempotent and will"
	    " not re-process calls that are already completed.\n\n"
	    "`enqueued` is true: the call was enqueued, `status` is `queued`. It is false: the call was"
	    " already queued or in progress (`already_queued_or_in_progress`), or completed"
	    " (`already_completed`). Of any number of requests at once for one call, one is told true."
	    " A call that has failed or was skipped is enqueued again; one that nobody knows is, too, and"
	    " fails with `call not found`.\n\n"
	    "While the database is away a request is kept on the host that took it, and enters the queue"
	    " when the database is back: the answer is `queued`, for a twin"
	    " `already_queued_or_in_progress`. The key is verified then; what nobody's key sent, or for a"
	    " tenant that is not the key's, is dropped. Where it cannot be kept: 500"
	    " `call queue not initialized`." },
	{ "config_get",
	    "`scope` is `workspace`, `organization`, `partner` or `platform` (whose id is `default`). A key"
	    " sees its own level and those below it; the platform's settings are for its admins.\n\n"
	    "Without `effective` the answer is what the level itself sets. With it, it is what holds"
	    " there, and `sources` names the level that each value comes from. Of a secret only the last"
	    " four characters are shown." },
	{ "config_patch",
	    "A JSON merge patch (RFC 7396): what it does not name stays, `null` removes a setting, or"
	    " every setting of a section, so that the level above decides again. `email.recipients` and"
	    " `summary.schema` are one value each and are replaced as a whole.\n\n"
	    "All of it happens or nothing: a path that is no setting, or a value that it cannot have, is"
	    " `400` with a sentence that names it. It holds for work that begins after the answer." },
	{ "create_post_call_job",
	    "Takes in one call that was made elsewhere. At least one of `recording_url` and `transcript` is"
	    " needed; where there is a transcript the recording is not fetched, and an empty transcript"
	    " beside a recording counts as none.\n\n"
	    "```json\n"
	    "{\"external_id\": \"crm-17\", \"duration_seconds\": 184,\n"
	    " \"transcript\": \"Agent: Good morning.\\nCaller: A table for two, please.\\nAgent: At eight?\"}\n"
	    "```\n\n"
	    "A line names who speaks by up to 40 characters before a colon and a space, the first of them a"
	    " letter; the role of any other line is `unknown`. An array is sorted by `seq` and numbered from 1.\n\n"
	    "The same `external_id` again answers the job that is there, unchanged, with `200`: so a request"
	    " whose answer was lost can simply be sent again.\n\n"
	    "A call that is shorter than `processing.filters.min_duration_seconds` is skipped; one whose"
	    " duration is unknown is not. A transcript of at most two items, or without a word, is completed at"
	    " once with `result.empty`." },
	{ "list_post_call_jobs",
	    "Of the key's workspace, or of all that a key above a workspace reaches; `workspace_id` is one of"
	    " these, else `403`. Filters that stand together must all hold. `next_cursor` leads to the next"
	    " page; jobs that come meanwhile move nothing.\n\n"
	    "```bash\n"
	    "# Get all skipped jobs for a workspace\n"
	    "curl \"https://localhost:8443/api/v1/jobs?status=skipped&workspace_id=xxx\" \\\n"
	    "  -H \"Authorization: Bearer $KEY\"\n"
	    "```" },
	{ "get_post_call_job",
	    "The job, what was said in the call, and each change of its status with the reason. A job of a"
	    " workspace that the key does not reach is `403`." },
	{ "get_post_call_job_logs",
	    "Oldest first: the changes of status, and each try that went wrong with the time of the next one."
	    " No transcript, no address and no number stands there." },
	{ "requeue_post_call_job",
	    "Requeues a job that was skipped. It is re-validated against the *current* filters: when these"
	    " still do not let it through it is skipped again, so lower the threshold first (`PATCH"
	    " /api/v1/config/{scope}/{id}`). Of two requests at once one wins; the other gets `400`.\n\n"
	    "```bash\n"
	    "curl -X PATCH \"https://localhost:8443/api/v1/jobs/12345/status\" \\\n"
	    "  -H \"Authorization: Bearer $KEY\" \\\n"
	    "  -H \"Content-Type: application/json\" \\\n"
	    "  -d '{\"status\": \"queued\"}'\n"
	    "```\n\n"
	    "`source_metadata` tells of it: `requeue_count`, `last_requeued_at`, `last_requeued_by` (the scope of"
	    " the key), `previous_skipped_reason` and `previous_skipped_at`.\n\n"
	    "Common reasons: `skip_all_on_ingest` (the workspace skips all that its CRM brings), `rate_limit`"
	    " (`max_calls_per_workspace` or `max_total_calls` were exceeded), `no_recording` (nothing to hear and"
	    " nothing to read), `duration_below_minimum:{actual}<{min}`.\n\n"
	    "A job that has failed is requeued by `POST /api/v1/process`, or with many others by `POST"
	    " /api/v1/jobs/requeue`." },
	{ "requeue_post_call_jobs",
	    "All skipped, or all failed, jobs that the filters of the list let through: within the key's reach,"
	    " the newest `limit` of them. Without `\"dry_run\": false` nothing is changed and the answer says"
	    " which jobs it would be.\n\n"
	    "```json\n"
	    "{\"status\": \"skipped\", \"skipped_reason\": \"duration_below_minimum\", \"dry_run\": false}\n"
	    "```\n\n"
	    "It happens in one transaction. While `more` is true, ask again; jobs that somebody else is"
	    " requeueing at the moment are left to them. A field that is no filter is `400`, so that a misspelt"
	    " one does not let more through. What was made of a job stays: a requeued one goes on where"
	    " something is missing." },
	{ "task_health",
	    "`healthy` when there are carrier credentials and a scheduler that was seen within the last"
	    " 10 s; else `unhealthy`, with 503. How the carrier answered last is told, and does not"
	    " count." },
	{ "queue_single_call",
	    "The call waits in the queue, whatever `queue.enabled` says; with `delay_seconds` it is"
	    " scheduled first. `estimated_completion` is `created_at`, the delay and a minute.\n\n"
	    "Of `call_metadata` three fields are read: `message` is what the agent is to say or do (without"
	    " one it says hello and asks for a message), `language` is its language (`en-US`), and"
	    " `priority` is `low`, `normal` or `high`. What else stands there, or has another form, is"
	    " given back with the call and its task and otherwise left alone.\n\n"
	    "With an `Idempotency-Key` a repeated request does not call twice." },
	{ "queue_bulk_calls",
	    "All calls are accepted, or none. Each different number is called once, in the order of the"
	    " list, `delay_between_calls` seconds apart and at most `max_concurrent_calls` at a time."
	    " `total_calls` counts the different numbers, `estimated_duration_minutes` is"
	    " `total_calls` times the delay, rounded up. 402 when the credits do not cover all." },
	{ "schedule_call",
	    "`schedule_time` with `Z` or an offset wins over `timezone`; without one it is the reading of"
	    " a clock there. A reading that no clock shows, because it is set forward over it, is"
	    " moved forward by as much; of one that a clock shows twice the first is meant; `note` says"
	    " so. A time that has passed is 400." },
	{ "task_status",
	    "Read from the task's calls, also for the `task_id` of any other call.\n\n"
	    "* `PENDING` — no call has begun.\n"
	    "* `PROGRESS` — some have, and not all have ended. `progress` is the share of numbers that"
	    " have; of a single call 50 while it is created and 75 while it talks.\n"
	    "* `SUCCESS` — all have ended, and at least one completed.\n"
	    "* `FAILURE` — none did; `error` says why.\n"
	    "* `REVOKED` — it was cancelled." },
	{ "cancel_task",
	    "What was not dialed never will be, what is being dialed or talks is hung up. A task that has"
	    " ended, also by being cancelled, is 404." },
	{ "active_tasks", "Also the tasks of calls that were started by other routes." },
	{ "set_limits_users_me_limits_put",
	    "Update the per-customer concurrent-call cap.\n\n"
	    "Default is 1 (per manager spec — \"one call at a time per customer\"). Customers that"
	    " need parallel dialing raise it themselves; we cap at `calls.max_concurrent_ceiling` to"
	    " keep a misconfigured account from saturating our pipeline.\n\n"
	    "The cap is the customer's, whichever of its keys set it, and is read back on every"
	    " `POST /calls` to enforce the gate." },
	{ NULL, NULL },
};

static const char *
find(const struct text *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table->says;
	return NULL;
}

const char *
describe_operation(const char *operation)
{
	return find(operations, operation);
}

const char *
describe_tag(const char *tag)
{
	return find(tags, tag);
}

const char *
describe_api(void)
{
	return api_text;
}
