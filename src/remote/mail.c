/*
 * mail.c: see mail.h. Source: RFC 5321, and what libcurl makes of each reply (http/fetch.h).
 *
 * The whole exchange is bounded by TOTAL_MS, well below the ten minutes that RFC 5321 would wait for the
 * last reply: who waits here holds up others, and a mail whose fate is unknown keeps its id when it is
 * sent again.
 */
#include "remote/mail.h"

#include <string.h>

#include "base/str.h"

#define CONNECT_MS 10000
#define TOTAL_MS 120000
#define PROBE_MS 20000
#define REPLY_MAX 65536

/* The host of a URL; *len says how long it is. */
static const char *
host_of(const char *url, size_t *len)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	*len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	return host;
}

const char *
mail_hello(struct arena *a, const char *public_url)
{
	size_t len;
	const char *host = host_of(public_url, &len);

	if (host[0] == '[')
		return arena_printf(a, "[IPv6:%.*s]", (int)len - 2, host + 1);
	if (strspn(host, "0123456789.") >= len)
		return arena_printf(a, "[%.*s]", (int)len, host);
	return arena_strndup(a, host, len);
}

/* ---- the request ---- */

static bool
has_login(const struct mailer *m)
{
	return m->username[0] != '\0';
}

static bool
is_loopback(const struct mailer *m)
{
	size_t len;
	const char *host = host_of(m->url, &len);

	return str_loopback(host, len);
}

/* A password does not leave this host in clear text unless somebody has said "none". */
static enum fetch_tls
tls_of(const struct mailer *m)
{
	if (strcmp(m->tls, "none") == 0)
		return FETCH_TLS_NONE;
	if (strcmp(m->tls, "required") == 0 || (has_login(m) && !is_loopback(m)))
		return FETCH_TLS_MUST;
	return FETCH_TLS_TRY;
}

bool
mail_exposes_password(const struct mailer *m)
{
	return has_login(m) && tls_of(m) == FETCH_TLS_NONE && !is_loopback(m) &&
	    !str_starts(m->url, "smtps://");
}

/* An exchange with the server; to NULL: a probe. */
static void
make_request(const struct mailer *m, struct arena *a, const char *to, struct fetch *fetch)
{
	struct fetch_mail *mail = arena_alloc(a, sizeof *mail);

	*mail = (struct fetch_mail){ .from = m->from, .to = to, .tls = tls_of(m) };
	*fetch = (struct fetch){ .mail = mail,
		.url = arena_printf(a, "%s/%s", m->url, m->hello),
		.user = has_login(m) ? m->username : NULL,
		.password = has_login(m) ? m->password : NULL,
		.connect_ms = CONNECT_MS,
		.total_ms = to != NULL ? TOTAL_MS : PROBE_MS,
		.ca_file = m->ca_file,
		.max_reply = REPLY_MAX,
		.to_fd = -1 };
}

void
mail_request(const struct mailer *m, struct arena *a, const struct mail_message *message,
    struct fetch *fetch)
{
	make_request(m, a, message->to, fetch);
	fetch->body = message->text;
	fetch->body_len = message->len;
}

/* ---- the answer ---- */

/* The server has said no, or not now. */
static enum rc
read_refusal(const struct fetch_result *result, struct arena *a, struct mail_answer *answer)
{
	enum fetch_stage stage = result->stage;
	/* At the greeting also 554, "no mail here", comes from a host that may be under repair; and 552 to
	 * RCPT means a full mailbox (RFC 5321, 4.5.3.1.10). */
	bool later = result->status < 500 || stage == FETCH_AT_GREETING ||
	    (stage == FETCH_AT_ENVELOPE && result->status == 552);

	answer->away = later && stage <= FETCH_AT_LOGIN;
	answer->settings = !later && (stage == FETCH_AT_LOGIN || result->status == 530);
	if (stage == FETCH_AT_LOGIN)
		answer->error = arena_printf(a,
		    "The mail server refuses this login (%ld): see smtp.username and smtp.password",
		    result->status);
	else if (stage == FETCH_AT_ENVELOPE && result->status == 530)
		answer->error =
		    "The mail server wants a login or TLS first (530): see smtp.username "
		    "and smtp.tls";
	else if (stage != FETCH_AT_GREETING)
		answer->error = arena_printf(
		    a, "The mail server does not take the mail: %s", result->error);
	else
		answer->error = arena_printf(
		    a, "The mail server is not ready: it answered %ld", result->status);
	return later ? RC_LATER : RC_INVALID;
}

enum rc
mail_read(const struct fetch_result *result, struct arena *a, struct mail_answer *answer)
{
	*answer = (struct mail_answer){ .status = result->status };
	if (result->end == FETCH_ANSWERED && result->status >= 400)
		return read_refusal(result, a, answer);
	if (result->end == FETCH_ANSWERED)
		return RC_OK;
	answer->settings = result->fault == FETCH_NO_TLS || result->fault == FETCH_NO_LOGIN;
	answer->away = !answer->settings && result->fault != FETCH_UNFIT;
	if (result->end == FETCH_UNKNOWN) {
		answer->unknown = true;
		answer->error = arena_printf(
		    a, "The mail server may have the mail, but did not say so: %s", result->error);
		return RC_LATER;
	}
	switch (result->fault) {
	case FETCH_NO_TLS:
		answer->error =
		    "The mail server offers no TLS, which smtp.tls or the login demands";
		return RC_INVALID;
	case FETCH_NO_LOGIN:
		answer->error =
		    "The mail server offers no login that is known here: see smtp.username";
		return RC_INVALID;
	case FETCH_UNFIT:
		answer->error = arena_printf(a, "The mail cannot be sent: %s", result->error);
		return RC_INVALID;
	default:
		answer->error = arena_printf(
		    a, "The mail server could not be asked: %s", result->error);
		return RC_LATER;
	}
}

enum rc
mail_probe(const struct mailer *m, struct arena *a, struct mail_answer *answer)
{
	struct fetch_result result;
	struct fetch f;
	enum rc rc;

	make_request(m, a, NULL, &f);
	fetch_wait(&f, &result);
	rc = mail_read(&result, a, answer);
	fetch_result_free(&result);
	return rc;
}
