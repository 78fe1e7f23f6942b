/* mailing.c: see mailing.h. */
#include "http/mailing.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"

/* ---- before ---- */

struct mailing *
mailing_new(struct arena *a, struct fetch *f)
{
	struct mailing *m = arena_alloc(a, sizeof *m);

	m->f = f;
	m->mail.tls = f->mail->tls;
	if (f->mail->to != NULL) {
		m->mail.from = arena_strdup(a, f->mail->from);
		m->mail.to = arena_strdup(a, f->mail->to);
		m->unfit = smtp_unfit(m->mail.from, m->mail.to, f->body, f->body_len);
	}
	f->mail = &m->mail;
	m->ended = m->unfit != NULL;
	return m;
}

/* A line that the server says to libcurl. */
static size_t
take_line(char *bytes, size_t size, size_t count, void *arg)
{
	struct mailing *m = arg;
	size_t len = size * count;

	m->greeted_bytes += len;
	if (m->greeted_bytes > m->f->max_reply) {
		m->too_long = true;
		return 0;
	}
	/* No other reply means that: libcurl goes on without a login where the server offers none. */
	if (len >= 3 && memcmp(bytes, "235", 3) == 0)
		m->logged_in = true;
	return len;
}

static long
use_ssl(enum fetch_tls tls)
{
	if (tls == FETCH_TLS_MUST)
		return CURLUSESSL_ALL;
	return tls == FETCH_TLS_TRY ? CURLUSESSL_TRY : CURLUSESSL_NONE;
}

/* As in fetch.c: an option that libcurl refuses is a broken build. */
#define SET(option, value)                                                \
	do {                                                              \
		if (curl_easy_setopt(m->easy, option, value) != CURLE_OK) \
			log_fatal("libcurl refuses " #option);            \
	} while (0)

void
mailing_set(struct mailing *m, CURL *easy)
{
	m->easy = easy;
	SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SET(CURLOPT_CONNECT_ONLY, 1L);
	SET(CURLOPT_FORBID_REUSE, 0L); /* it would be closed before it is ours */
	SET(CURLOPT_HEADERFUNCTION, take_line);
	SET(CURLOPT_HEADERDATA, m);
	SET(CURLOPT_USE_SSL, use_ssl(m->mail.tls));
	/* Who can pretend to be the server could as well leave out the offer of TLS. */
	if (m->mail.tls == FETCH_TLS_TRY && str_starts(m->f->url, "smtp://")) {
		SET(CURLOPT_SSL_VERIFYPEER, 0L);
		SET(CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (m->f->user == NULL)
		return;
	SET(CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN;AUTH=CRAM-MD5");
	SET(CURLOPT_USERNAME, m->f->user);
	SET(CURLOPT_PASSWORD, m->f->password);
}

/* ---- the dialogue ---- */

static bool
login_missing(const struct mailing *m)
{
	return m->f->user != NULL && !m->logged_in;
}

void
mailing_begin(struct mailing *m, struct arena *a)
{
	const struct fetch *f = m->f;

	m->ended = m->mail.to == NULL || login_missing(m);
	if (m->ended)
		return;
	if (curl_easy_getinfo(m->easy, CURLINFO_ACTIVESOCKET, &m->socket) != CURLE_OK)
		log_fatal("libcurl has made a connection without a socket");
	smtp_init(&m->smtp, a, m->mail.from, m->mail.to, f->body, f->body_len);
	m->ours = true;
}

/* One write or one read; CURLE_AGAIN: not now. */
static CURLcode
step(struct mailing *m)
{
	char heard[4096];
	const char *bytes;
	size_t n, len = smtp_next(&m->smtp, &bytes);
	CURLcode code;

	if (len > 0) {
		code = curl_easy_send(m->easy, bytes, len, &n);
		if (code == CURLE_OK)
			smtp_said(&m->smtp, n);
		return code;
	}
	code = curl_easy_recv(m->easy, heard, sizeof heard, &n);
	if (code == CURLE_OK && n == 0)
		return CURLE_RECV_ERROR;
	if (code == CURLE_OK)
		smtp_hear(&m->smtp, heard, n);
	return code;
}

void
mailing_go_on(struct mailing *m)
{
	CURLcode code = CURLE_OK;
	size_t n;

	while (code == CURLE_OK && !smtp_over(&m->smtp))
		code = step(m);
	if (code == CURLE_AGAIN)
		return;
	if (code == CURLE_OK) /* a farewell, to which no answer can change anything */
		(void)curl_easy_send(m->easy, "QUIT\r\n", 6, &n);
	m->ours = false;
	m->ended = true;
	m->code = code;
}

struct curl_waitfd
mailing_wait(const struct mailing *m)
{
	const char *bytes;

	return (struct curl_waitfd){ .fd = m->socket,
		.events = smtp_next(&m->smtp, &bytes) > 0 ? CURL_WAIT_POLLOUT : CURL_WAIT_POLLIN };
}

/* ---- how it ended ---- */

/* Whether the server refused us before the connection was ours: the code of a reply alone may be one that
 * libcurl went on from. */
static bool
turned_away(struct mailing *m, CURLcode code, struct fetch_result *r)
{
	(void)curl_easy_getinfo(m->easy, CURLINFO_RESPONSE_CODE, &r->status);
	r->stage = code == CURLE_LOGIN_DENIED ? FETCH_AT_LOGIN : FETCH_AT_GREETING;
	if (code == CURLE_USE_SSL_FAILED) /* refused for now, or never offered */
		return r->status >= 400 && r->status < 500;
	return r->status >= 400 &&
	    (code == CURLE_LOGIN_DENIED || code == CURLE_WEIRD_SERVER_REPLY ||
		code == CURLE_REMOTE_ACCESS_DENIED);
}

/* Whether the server has said whether it takes the mail. */
static bool
judged(struct mailing *m, struct fetch_result *r)
{
	static const char *const commands[] = { "MAIL", "RCPT", "DATA", "the text" };
	const struct smtp *s = &m->smtp;

	r->stage = s->whole ? FETCH_AT_MESSAGE : FETCH_AT_ENVELOPE;
	r->status = s->code;
	if (s->step == SMTP_REFUSED)
		snprintf(r->error, sizeof r->error, "%s was answered %ld", commands[s->refused],
		    s->code);
	return s->step == SMTP_TAKEN || s->step == SMTP_REFUSED;
}

static bool
answered(struct mailing *m, CURLcode code, struct fetch_result *r)
{
	if (m->unfit != NULL)
		return false;
	if (!m->ended)
		return turned_away(m, code, r);
	if (m->mail.to != NULL && !login_missing(m))
		return judged(m, r);
	if (login_missing(m))
		return false;
	r->status = 250; /* a try that was let in */
	return true;
}

static void
explain(struct mailing *m, CURLcode code, struct fetch_result *r)
{
	const char *why = NULL;

	if ((why = m->unfit) != NULL)
		r->fault = FETCH_UNFIT;
	else if (code == CURLE_USE_SSL_FAILED)
		r->fault = FETCH_NO_TLS;
	else if ((m->ended && login_missing(m)) || code == CURLE_LOGIN_DENIED) {
		r->fault = FETCH_NO_LOGIN;
		why = "it offers no login that is known here";
	} else if (m->too_long)
		why = "it says too much";
	else if (m->smtp.step == SMTP_BROKEN)
		why = "its reply cannot be understood";
	if (why != NULL)
		snprintf(r->error, sizeof r->error, "%s", why);
}

void
mailing_conclude(struct mailing *m, CURLcode code, struct fetch_result *r)
{
	if (answered(m, code, r)) {
		r->end = FETCH_ANSWERED;
		return;
	}
	r->end = m->smtp.whole ? FETCH_UNKNOWN : FETCH_NOT_SENT;
	r->status = 0;
	explain(m, code, r);
}
