/* place.c: see place.h. */
#include "api/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/accept.h"
#include "sys/crash.h"

#define IDEM_KEY_MAX 255
#define DIAL_POLL_MIN_MS 3
#define DIAL_POLL_MAX_MS 40

const struct field place_headers[] = {
	{ "Idempotency-Key", FIELD_TEXT, .nullable = true, .max = IDEM_KEY_MAX,
	    .title = "Idempotency-Key",
	    .help = "The same key with the same body does not dial twice within 24 hours." },
	{ .name = NULL },
};

void
place_init(struct place *p, const struct ask *ask)
{
	memset(p, 0, sizeof *p);
	call_wish_init(&p->wish);
	p->wish.direct = !ask->env->queue_enabled;
	p->wish.credits = ask->env->credits_per_call;
	p->wish.price_cents = ask->env->price_cents;
	p->wish.default_cap = ask->env->default_cap;
	p->past = "not_after must be in the future";
}

enum rc
place_number(struct ask *ask, const struct place *p, const char *field)
{
	if (str_e164(p->wish.target_phone))
		return RC_OK;
	resp_detail(ask->resp, 400,
	    "%s must be in E.164 form: a plus sign, then 7 to 15 digits, the first not 0", field);
	return RC_INVALID;
}

/* ---- idempotency ---- */

/* The header's value without its quotes; false with an answer when it can be no key. */
static bool
read_idempotency_key(struct ask *ask, struct call_wish *wish)
{
	const char *key = req_header(ask->req, "idempotency-key");
	size_t len;

	if (key == NULL)
		return true;
	len = strlen(key);
	if (len >= 2 && key[0] == '"' && key[len - 1] == '"') {
		key = arena_strndup(ask->req->arena, key + 1, len - 2);
		len -= 2;
	}
	if (!str_utf8(key, len)) {
		resp_error_code(
		    ask->resp, 400, "idempotency_key_invalid", "Idempotency-Key must be UTF-8.");
		return false;
	}
	if (str_chars(key) > IDEM_KEY_MAX) {
		resp_error_code(ask->resp, 400, "idempotency_key_too_long",
		    "Idempotency-Key is longer than 255 characters.");
		return false;
	}
	wish->idem_key = len > 0 ? key : NULL;
	return true;
}

/* SHA-256 over method, path and the raw body. */
static const char *
fingerprint(const struct req *req)
{
	size_t head_len = strlen(req->method) + strlen(req->path) + 2;
	char *text = arena_alloc(req->arena, head_len + req->body_len + 1);
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];

	memcpy(text, req->method, strlen(req->method));
	text[strlen(req->method)] = ' ';
	memcpy(text + strlen(req->method) + 1, req->path, strlen(req->path));
	text[head_len - 1] = '\n';
	memcpy(text + head_len, req->body, req->body_len);
	digest_sha256(text, head_len + req->body_len, hash);
	digest_hex(hash, sizeof hash, hex);
	return arena_printf(req->arena, "\\x%s", hex);
}

enum rc
place_key(struct ask *ask, struct place *p, const char *route)
{
	if (!read_idempotency_key(ask, &p->wish))
		return RC_INVALID;
	if (p->wish.idem_key != NULL) {
		p->wish.idem_route = route;
		p->wish.idem_fingerprint = fingerprint(ask->req);
	}
	return RC_OK;
}

/* The first answer once more: to the byte, but for the field that says so. */
static void
answer_again(struct ask *ask, const struct place *p)
{
	const struct call_acceptance *first = &p->acceptance;
	json_t *body = p->says_replayed ? json_loads(first->body, 0, NULL) : NULL;

	if (json_object_get(body, "replayed") != NULL) {
		(void)json_object_set_new(body, "replayed", json_true());
		resp_json(ask->resp, first->status, body);
	} else {
		json_decref(body);
		resp_json_text(ask->resp, first->status, first->body);
	}
	resp_header(ask->resp, "Idempotent-Replayed", "true");
}

/* ---- refusals ---- */

/* The answer to a wish that was not accepted. */
static enum rc
answer_refusal(struct ask *ask, const struct place *p)
{
	const struct call_acceptance *acceptance = &p->acceptance;

	switch (acceptance->refusal) {
	case CALL_ACCEPTED:
		break;
	case CALL_REPLAY:
		answer_again(ask, p);
		break;
	case CALL_PAST:
		resp_detail(ask->resp, 400, "%s", p->past);
		break;
	case CALL_KEY_CONFLICT:
		resp_error_code(ask->resp, 409, "idempotency_conflict",
		    "This Idempotency-Key was used with another request.");
		break;
	case CALL_KEY_RUNNING:
		resp_error_code(ask->resp, 409, "idempotency_in_progress",
		    "The first request with this Idempotency-Key is still running.");
		break;
	case CALL_KEY_UNKNOWN:
		resp_error_code(ask->resp, 409, "idempotency_state_unknown",
		    "The first request with this Idempotency-Key was interrupted. Look with"
		    " GET /calls?since= whether the call exists before you try again with a new key.");
		break;
	case CALL_MAINTENANCE:
		resp_json_text(ask->resp, 503, acceptance->body);
		resp_header(ask->resp, "Retry-After", "60");
		break;
	case CALL_BARRED:
		log_warning("workspace %s: a call was refused: %s", acceptance->workspace_id,
		    acceptance->body);
		resp_json_text(ask->resp, acceptance->status, acceptance->body);
		if (acceptance->status == 429)
			resp_header(ask->resp, "Retry-After", "3600");
		break;
	case CALL_NO_CREDIT:
		return RC_NO_CREDIT;
	case CALL_AT_CAP:
		resp_detail(ask->resp, 409,
		    "Concurrency cap reached: cancel an active call or raise the cap by"
		    " PUT /users/me/limits");
		break;
	}
	return RC_OK;
}

enum rc
place_answer(struct ask *ask, const struct place *p)
{
	if (p->acceptance.refusal != CALL_ACCEPTED)
		return answer_refusal(ask, p);
	resp_json_text(ask->resp, p->acceptance.status, p->acceptance.body);
	return RC_OK;
}

enum rc
place_foretell(struct ask *ask, struct place *p, bool *refused)
{
	enum rc rc = call_foretell(ask->db, ask->req->arena, &ask->who, &p->wish, &p->acceptance);

	*refused = rc != RC_OK || p->acceptance.refusal != CALL_ACCEPTED;
	if (rc == RC_OK && *refused)
		rc = answer_refusal(ask, p);
	return rc;
}

/* ---- calls that are accepted ---- */

/* Waits until the scheduler has dialed, or the patience is over. */
static enum rc
wait_for_dial(struct ask *ask, const struct place *p, struct call_dial *dial)
{
	int64_t patience = clock_boot_us() + ask->env->sync_wait_ms * 1000;
	int64_t pause = DIAL_POLL_MIN_MS;
	enum rc rc;

	for (;;) {
		rc = call_dial_state(ask->db, ask->req->arena, p->wish.call_id, dial);
		if (rc != RC_OK || dial->state != CALL_DIAL_WAITS || clock_boot_us() >= patience)
			return rc;
		clock_sleep_ms(pause);
		pause = pause * 3 / 2 + 1 > DIAL_POLL_MAX_MS ? DIAL_POLL_MAX_MS : pause * 3 / 2 + 1;
	}
}

/* The queue is off: the call is dialed at the head of the queue while its client waits. */
static enum rc
answer_direct(struct ask *ask, const struct place *p)
{
	struct call_dial dial = { CALL_DIAL_WAITS, "queued", NULL, "" };
	enum rc rc = wait_for_dial(ask, p, &dial);

	crash_point("place.dialed");
	/* The call is accepted whatever happens now: the answer must say so. */
	if (rc != RC_OK)
		dial.state = CALL_DIAL_WAITS;
	if (dial.state == CALL_DIALED && p->answer(ask, p, 201, &dial) != RC_OK)
		dial.state = CALL_DIAL_WAITS;
	if (dial.state == CALL_DIAL_FAILED)
		resp_detail(ask->resp, 502, "%s", dial.reason);
	else if (dial.state != CALL_DIALED && (rc = p->answer(ask, p, 202, &dial)) != RC_OK)
		return rc;
	if (p->wish.idem_key == NULL)
		return RC_OK;
	rc = call_answer_store(
	    ask->db, p->acceptance.workspace_id, &p->wish, ask->resp->status, ask->resp->body.data);
	if (rc != RC_OK)
		log_warning("an answer could not be kept under its idempotency key");
	crash_point("place.stored");
	return RC_OK;
}

enum rc
place_call(struct ask *ask, struct place *p)
{
	enum rc rc;

	log_about(p->wish.call_id);
	crash_point("place.asked");
	rc = call_accept(ask->committer, ask->env->accept_wait_ms, ask->req->arena, &ask->who,
	    &p->wish, &p->acceptance);
	if (rc != RC_OK)
		return rc;
	if (p->acceptance.refusal != CALL_ACCEPTED)
		return answer_refusal(ask, p);
	crash_point("place.accepted");
	return p->wish.direct ? answer_direct(ask, p) : place_answer(ask, p);
}

enum rc
place_task(struct ask *ask, struct place *p, const struct task_wish *task)
{
	enum rc rc;

	log_about(p->wish.task_id);
	crash_point("place.asked");
	rc = task_accept(ask->db, ask->req->arena, &ask->who, &p->wish, task, &p->acceptance);
	if (rc != RC_OK)
		return rc;
	if (p->acceptance.refusal == CALL_ACCEPTED)
		crash_point("place.accepted");
	return place_answer(ask, p);
}
