/*
 * webhook.c: see webhook.h. The body is signed and sent as it stands, the same at every try; time
 * and signature are of the try.
 */
#include "remote/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/str.h"
#include "http/reach.h"

#define PREFIX "whsec_"
#define KEY_MAX 64
#define CONNECT_MS 5000
#define TOTAL_MS 10000
#define REPLY_MAX (64u << 10)
#define BODY_MAX (1u << 20)

bool
webhook_sign(const char *secret, const char *id, int64_t now_s, const char *body,
    char out[WEBHOOK_SIGNATURE_SIZE])
{
	uint8_t key[KEY_MAX], mac[DIGEST_SHA256_SIZE];
	struct buf text;
	int len;

	if (!str_starts(secret, PREFIX) ||
	    (len = digest_unbase64(secret + sizeof PREFIX - 1, key, sizeof key)) <= 0)
		return false;
	buf_init(&text, strlen(body) + 256);
	buf_printf(&text, "%s.%" PRId64 ".", id, now_s);
	buf_puts(&text, body);
	digest_hmac_sha256(key, (size_t)len, text.data, text.len, mac);
	memcpy(out, "v1,", 4);
	digest_base64(mac, sizeof mac, out + 3);
	buf_free(&text);
	return true;
}

const char *
webhook_request(struct arena *a, const struct webhook_message *m, int64_t now_s, struct fetch *f)
{
	const char **headers = arena_alloc(a, 4 * sizeof headers[0]);
	char newer[WEBHOOK_SIGNATURE_SIZE], older[WEBHOOK_SIGNATURE_SIZE] = "";
	const char *wrong = reach_url(m->url, m->anywhere);

	if (wrong != NULL)
		return wrong;
	if (strlen(m->body) > BODY_MAX)
		return "the message is too long";
	if ((m->secret != NULL && !webhook_sign(m->secret, m->id, now_s, m->body, newer)) ||
	    (m->old_secret != NULL && !webhook_sign(m->old_secret, m->id, now_s, m->body, older)))
		return "the secret cannot sign: set the webhook anew";
	headers[0] = arena_printf(a, "webhook-id: %s", m->id);
	headers[1] = arena_printf(a, "webhook-timestamp: %" PRId64, now_s);
	if (m->secret != NULL)
		headers[2] = arena_printf(
		    a, "webhook-signature: %s%s%s", newer, older[0] != '\0' ? " " : "", older);
	*f = (struct fetch){ .method = "POST",
		.url = m->url,
		.body = m->body,
		.body_len = strlen(m->body),
		.content_type = m->content_type,
		.headers = headers,
		.connect_ms = CONNECT_MS,
		.total_ms = TOTAL_MS,
		.ca_file = m->ca_file,
		.max_reply = REPLY_MAX,
		.any_length = true,
		.public_only = !m->anywhere,
		.to_fd = -1 };
	return NULL;
}

/* The answer in a reply {"answer": "…", "mode": "voice"}; whatever else it is, is no answer. */
static void
read_answer(struct arena *a, const struct buf *body, struct webhook_answer *out)
{
	char why[64];
	json_t *root = json_parse_strict(body->data, body->len, why);
	const char *text = json_string_value(json_object_get(root, "answer"));
	const json_t *said = json_object_get(root, "mode");
	const char *mode = said == NULL || json_is_null(said) ? "voice" : json_string_value(said);
	size_t chars = text == NULL ? 0 : str_chars(text);

	if (chars >= 1 && chars <= WEBHOOK_ANSWER_MAX && mode != NULL &&
	    (strcmp(mode, "voice") == 0 || strcmp(mode, "context") == 0)) {
		out->answer = arena_strdup(a, text);
		out->mode = arena_strdup(a, mode);
	}
	json_decref(root);
}

void
webhook_read(
    struct arena *a, const struct fetch_result *result, bool question, struct webhook_answer *out)
{
	*out = (struct webhook_answer){ .status = result->status };
	if (result->end != FETCH_ANSWERED) {
		out->error = arena_strdup(a, result->error);
		return;
	}
	if (result->status < 200 || result->status > 299) {
		out->error = arena_printf(a, "answered HTTP %ld", result->status);
		out->retry_after_s = result->retry_after_s > 0 ? result->retry_after_s : 0;
		return;
	}
	if (question && result->status == 200)
		read_answer(a, &result->body, out);
}
