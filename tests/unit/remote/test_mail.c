/*
 * test_mail.c: mails handed to a small server of our own on the loopback, which follows a script and
 * writes down what it was told: how each way to end is sorted, that nothing is sent that should not be,
 * and that what libcurl would pass on without a look is refused before.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "remote/mail.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT "Subject: x\r\n\r\n.dot\r\nend\r\n"
#define PASSWORD "s3cret-w0rd"
#define TO "somebody@example.com"

/* ---- a server ---- */

/* Its replies; NULL: the one that lets the mail pass. "" hangs up, "…" stays silent. */
struct script {
	const char *greeting, *ehlo, *starttls, *auth, *mail, *rcpt, *data, *body;
};

static struct {
	struct script script;
	char seen[8192]; /* what it was told, all connections */
	size_t len;
	int fd, connections;
	int closed; /* of these */
	char url[64];
	pthread_t thread;
} server;

static bool
say(int fd, const char *reply)
{
	char byte;

	if (strcmp(reply, "…") == 0) {
		while (recv(fd, &byte, 1, 0) > 0)
			;
		return false;
	}
	return reply[0] != '\0' &&
	    send(fd, reply, strlen(reply), MSG_NOSIGNAL) == (ssize_t)strlen(reply) &&
	    send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2;
}

/* A line (or the text up to its final dot) of the client, in seen; NULL when it has gone. */
static const char *
hear(int fd, const char *end)
{
	size_t from = server.len, length = strlen(end);

	while (
	    server.len < sizeof server.seen - 1 && recv(fd, server.seen + server.len, 1, 0) == 1) {
		server.seen[++server.len] = '\0';
		if (server.len - from >= length &&
		    memcmp(server.seen + server.len - length, end, length) == 0)
			return server.seen + from;
	}
	return NULL;
}

static const char * or (const char *reply, const char *otherwise)
{
	return reply != NULL ? reply : otherwise;
}

static const char *
reply_to(const struct script *s, const char *line)
{
	if (strncmp(line, "EHLO", 4) == 0)
		return or (s->ehlo, "250 here");
	if (strncmp(line, "HELO", 4) == 0)
		return or (s->ehlo, "250 here");
	if (strncmp(line, "STARTTLS", 8) == 0)
		return or (s->starttls, "502 no");
	if (strncmp(line, "AUTH PLAIN", 10) == 0)
		return "334 ";
	if (strncmp(line, "MAIL", 4) == 0)
		return or (s->mail, "250 ok");
	if (strncmp(line, "RCPT", 4) == 0)
		return or (s->rcpt, "250 ok");
	if (strncmp(line, "DATA", 4) == 0)
		return or (s->data, "354 go on");
	if (strncmp(line, "NOOP", 4) == 0)
		return "250 ok";
	if (strncmp(line, "QUIT", 4) == 0)
		return "";
	return or (s->auth, "235 welcome"); /* the words of a login */
}

static void
talk(int fd)
{
	const char *line;

	if (!say(fd, or (server.script.greeting, "220 here")))
		return;
	while ((line = hear(fd, "\r\n")) != NULL) {
		bool data = strncmp(line, "DATA", 4) == 0;

		if (!say(fd, reply_to(&server.script, line)))
			return;
		if (!data || server.script.data != NULL)
			continue;
		if (hear(fd, "\r\n.\r\n") == NULL || !say(fd, or (server.script.body, "250 taken")))
			return;
	}
}

static void *
serve(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		__atomic_add_fetch(&server.connections, 1, __ATOMIC_SEQ_CST);
		talk(fd);
		close(fd);
		__atomic_add_fetch(&server.closed, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static int
start_server(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	log_open("test_mail", LOG_LEVEL_ERROR);
	fetch_init();
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server.fd < 0 || bind(server.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    listen(server.fd, 16) != 0 ||
	    getsockname(server.fd, (struct sockaddr *)&address, &len) != 0)
		return -1;
	snprintf(server.url, sizeof server.url, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
	return pthread_create(&server.thread, NULL, serve, NULL);
}

static int
stop_server(void **state)
{
	(void)state;
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	return 0;
}

/* Waits until the server has heard all that was said to it; how many connections there were. */
static int
settle(void)
{
	int64_t end = clock_boot_us() + 10000000;

	while (__atomic_load_n(&server.closed, __ATOMIC_SEQ_CST) <
	    __atomic_load_n(&server.connections, __ATOMIC_SEQ_CST)) {
		assert_true(clock_boot_us() < end);
		clock_sleep_ms(1);
	}
	return server.connections;
}

static void
follow(const struct script *script)
{
	settle();
	server.script = *script;
	server.seen[0] = '\0';
	server.len = 0;
	server.connections = server.closed = 0;
}

/* ---- a client ---- */

static struct mailer
mailer_of(const char *username, const char *tls)
{
	return (struct mailer){ .url = server.url,
		.username = username,
		.password = PASSWORD,
		.from = "offhook@example.org",
		.tls = tls,
		.hello = "offhook.example.org" };
}

static enum rc
send_text(const struct mailer *m, struct arena *a, const char *to, const char *text, size_t len,
    struct mail_answer *answer)
{
	struct mail_message message = { .to = to, .text = text, .len = len };
	struct fetch_result result;
	struct fetch f;
	enum rc rc;

	mail_request(m, a, &message, &f);
	assert_true(f.connect_ms > 0 && f.total_ms > 0 && f.max_reply > 0);
	f.total_ms = 1000; /* what is silent shall not take two minutes here */
	fetch_wait(&f, &result);
	rc = mail_read(&result, a, answer);
	fetch_result_free(&result);
	if (answer->error != NULL) {
		assert_null(strstr(answer->error, PASSWORD));
		assert_null(strstr(answer->error, "@"));
	}
	return rc;
}

static void
a_mail_passes(void **state)
{
	struct mailer m = mailer_of("", "opportunistic");
	struct arena *a = arena_new();
	struct mail_answer answer;

	(void)state;
	follow(&(struct script){ 0 });
	assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_OK);
	assert_null(answer.error);
	assert_false(answer.unknown);
	assert_int_equal(settle(), 1);
	assert_string_equal(server.seen,
	    "EHLO offhook.example.org\r\n"
	    "MAIL FROM:<offhook@example.org>\r\n"
	    "RCPT TO:<somebody@example.com>\r\n"
	    "DATA\r\n"
	    "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n"
	    "QUIT\r\n");
	arena_free(a);
}

/* The rows of RFC 5321 and of libcurl; what a server says beyond its code is never repeated. */
static void
sorts_each_end(void **state)
{
	static const struct {
		const char *name;
		struct script script;
		enum rc rc;
		long status;
		bool unknown;
		const char *error;
	} cases[] = {
		{ "421 greeting", { .greeting = "421 a@b away" }, RC_LATER, 421, false,
		    "The mail server is not ready: it answered 421" },
		{ "554 greeting", { .greeting = "554 a@b no" }, RC_LATER, 554, false,
		    "The mail server is not ready: it answered 554" },
		{ "hangs up", { .greeting = "" }, RC_LATER, 0, false, NULL },
		{ "silent greeting", { .greeting = "…" }, RC_LATER, 0, false, NULL },
		{ "EHLO refused", { .ehlo = "502 a@b" }, RC_LATER, 502, false,
		    "The mail server is not ready: it answered 502" },
		{ "MAIL 450", { .mail = "450 a@b" }, RC_LATER, 450, false,
		    "The mail server does not take the mail: MAIL was answered 450" },
		{ "MAIL 530", { .mail = "530 a@b" }, RC_INVALID, 530, false,
		    "The mail server wants a login or TLS first (530): see smtp.username and "
		    "smtp.tls" },
		{ "MAIL 553", { .mail = "553 a@b" }, RC_INVALID, 553, false,
		    "The mail server does not take the mail: MAIL was answered 553" },
		{ "MAIL lost", { .mail = "" }, RC_LATER, 0, false, NULL },
		{ "RCPT 421", { .rcpt = "421 a@b" }, RC_LATER, 421, false,
		    "The mail server does not take the mail: RCPT was answered 421" },
		{ "RCPT 450", { .rcpt = "450 a@b" }, RC_LATER, 450, false,
		    "The mail server does not take the mail: RCPT was answered 450" },
		{ "RCPT 550", { .rcpt = "550 a@b" }, RC_INVALID, 550, false,
		    "The mail server does not take the mail: RCPT was answered 550" },
		{ "RCPT 552", { .rcpt = "552 a@b" }, RC_LATER, 552, false,
		    "The mail server does not take the mail: RCPT was answered 552" },
		{ "RCPT silent", { .rcpt = "…" }, RC_LATER, 0, false, NULL },
		{ "DATA 451", { .data = "451 a@b" }, RC_LATER, 451, false,
		    "The mail server does not take the mail: DATA was answered 451" },
		{ "DATA 554", { .data = "554 a@b" }, RC_INVALID, 554, false,
		    "The mail server does not take the mail: DATA was answered 554" },
		{ "text 451", { .body = "451 a@b" }, RC_LATER, 451, false,
		    "The mail server does not take the mail: the text was answered 451" },
		{ "text 552", { .body = "552 a@b" }, RC_INVALID, 552, false,
		    "The mail server does not take the mail: the text was answered 552" },
		{ "text 554", { .body = "554 a@b" }, RC_INVALID, 554, false,
		    "The mail server does not take the mail: the text was answered 554" },
		{ "text lost", { .body = "" }, RC_LATER, 0, true, NULL },
		{ "text silent", { .body = "…" }, RC_LATER, 0, true, NULL },
	};
	struct mailer m = mailer_of("", "opportunistic");
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mail_answer answer;

		print_message("  %s\n", cases[i].name);
		follow(&cases[i].script);
		assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), cases[i].rc);
		assert_int_equal(answer.status, cases[i].status);
		assert_int_equal(answer.unknown, cases[i].unknown);
		assert_non_null(answer.error);
		/* Only what says nothing of this mail holds up the others. */
		assert_int_equal(answer.away,
		    cases[i].error == NULL || strstr(cases[i].error, "not ready") != NULL);
		assert_int_equal(answer.settings, cases[i].status == 530);
		if (cases[i].error != NULL)
			assert_string_equal(answer.error, cases[i].error);
		else
			assert_non_null(strstr(answer.error,
			    cases[i].unknown ? "may have the mail" : "could not be asked"));
		assert_int_equal(settle(), 1);
	}
	arena_free(a);
}

static void
a_server_that_is_not_there_is_asked_later(void **state)
{
	struct mailer m = mailer_of("", "opportunistic");
	struct arena *a = arena_new();
	struct mail_answer answer;

	(void)state;
	m.url = "smtp://127.0.0.1:1";
	assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_LATER);
	assert_false(answer.unknown);
	arena_free(a);
}

static void
what_is_no_mail_is_refused_before(void **state)
{
	static const char *const addresses[] = { "", "a", "a@", "@b.example", "a@b.example\r\nDATA",
		"a@b.example\nRCPT TO:<x@y.example>", "a@b.example\r", "a b@c.example",
		"<a@b.example>", "a@b.example>", "a@b.example> SIZE=1", "a@b.example\x7f",
		"a@b.example\x01", "\xc3\xa4@b.example", "a@b\xc3\xa4.example", "a@b@c.example",
		"a\t@b.example", "\"a b\"@c.example", "a@[127.0.0.1]", "a@b.example,c@d.example" };
	static const struct {
		const char *text;
		size_t len;
	} texts[] = {
#define T(s) { s, sizeof(s) - 1 }
		T(""),
		T("a"),
		T("a\n"),
		T("a\r"),
		T("a\rb\r\n"),
		T("a\r\n.\nMAIL\r\n"),
		T("a\n\r\n"),
		T("a\r\r\n"),
		T("a\0b\r\n"),
		T("a\r\nb"),
#undef T
	};
	struct mailer m = mailer_of("", "none");
	struct arena *a = arena_new();
	struct mail_answer answer;
	char line[1002];

	(void)state;
	follow(&(struct script){ 0 });
	for (size_t i = 0; i < COUNT(addresses); i++) {
		assert_int_equal(
		    send_text(&m, a, addresses[i], TEXT, strlen(TEXT), &answer), RC_INVALID);
		assert_string_equal(
		    answer.error, "The mail cannot be sent: the recipient's address is none");
		assert_false(answer.away || answer.settings);
		m.from = addresses[i];
		assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_INVALID);
		assert_string_equal(
		    answer.error, "The mail cannot be sent: the sender's address is none");
		m.from = "offhook@example.org";
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(
		    send_text(&m, a, TO, texts[i].text, texts[i].len, &answer), RC_INVALID);
		assert_non_null(strstr(answer.error, "lines that end in CRLF"));
	}
	memset(line, 'x', 1001);
	memcpy(line + 999, "\r\n", 2);
	assert_int_equal(send_text(&m, a, TO, line, 1001, &answer), RC_INVALID);
	assert_int_equal(settle(), 0);
	assert_int_equal(send_text(&m, a, TO, line + 1, 1000, &answer), RC_OK);
	assert_int_equal(settle(), 1);
	arena_free(a);
}

#define LOGIN_OFFERED "250-here\r\n250 AUTH PLAIN LOGIN"

/* Whether the server was told of the login, in whatever form. */
static bool
password_seen(void)
{
	settle();
	return strstr(server.seen, "AUTH") != NULL || strstr(server.seen, PASSWORD) != NULL;
}

static void
logs_in_on_the_loopback(void **state)
{
	struct mailer m = mailer_of("offhook", "opportunistic");
	struct arena *a = arena_new();
	struct mail_answer answer;

	(void)state;
	follow(&(struct script){ .ehlo = LOGIN_OFFERED });
	assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_OK);
	/* \0offhook\0s3cret-w0rd */
	assert_non_null(strstr(server.seen, "AUTH PLAIN\r\nAG9mZmhvb2sAczNjcmV0LXcwcmQ=\r\nMAIL"));
	assert_false(mail_exposes_password(&m)); /* it does not leave this host */
	arena_free(a);
}

static void
logins_that_fail(void **state)
{
	static const struct {
		struct script script;
		enum rc rc;
		const char *error;
	} cases[] = {
		{ { .ehlo = LOGIN_OFFERED, .auth = "535 a@b" }, RC_INVALID,
		    "The mail server refuses this login (535): see smtp.username and smtp.password" },
		{ { .ehlo = LOGIN_OFFERED, .auth = "454 a@b" }, RC_LATER,
		    "The mail server refuses this login (454): see smtp.username and smtp.password" },
		{ { .ehlo = "250 here" }, RC_INVALID,
		    "The mail server offers no login that is known here: see smtp.username" },
		{ { .ehlo = "250-here\r\n250 AUTH GSSAPI NTLM" }, RC_INVALID,
		    "The mail server offers no login that is known here: see smtp.username" },
	};
	struct mailer m = mailer_of("offhook@example.org", "opportunistic");
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mail_answer answer;

		follow(&cases[i].script);
		assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), cases[i].rc);
		assert_string_equal(answer.error, cases[i].error);
		assert_int_equal(answer.settings, cases[i].rc == RC_INVALID);
		assert_int_equal(answer.away, cases[i].rc == RC_LATER);
		settle();
		assert_null(strstr(server.seen, "Subject")); /* no mail without the login */
		follow(&cases[i].script);
		assert_int_equal(mail_probe(&m, a, &answer), cases[i].rc);
		assert_string_equal(answer.error, cases[i].error);
	}
	arena_free(a);
}

static void
without_tls_where_it_must_be_nothing_is_said(void **state)
{
	static const char *const offers[] = { LOGIN_OFFERED,
		"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN" };
	struct mailer m = mailer_of("offhook", "required");
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(offers); i++) {
		struct mail_answer answer;

		follow(&(struct script){ .ehlo = offers[i] });
		assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_INVALID);
		assert_true(answer.settings);
		assert_string_equal(answer.error,
		    "The mail server offers no TLS, which smtp.tls or the login demands");
		assert_false(password_seen());
		assert_null(strstr(server.seen, "MAIL"));
	}
	follow(&(struct script){ .ehlo = offers[1], .starttls = "454 not now" });
	{
		struct mail_answer answer;

		assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_LATER);
		assert_false(password_seen());
	}
	arena_free(a);
}

/* What is asked of libcurl where no test can listen. */
static void
a_password_leaves_this_host_by_tls_or_by_order(void **state)
{
	static const struct {
		const char *url, *username, *tls;
		enum fetch_tls asked;
		bool exposed;
	} cases[] = {
		{ "smtp://mail.example.org:587", "", "opportunistic", FETCH_TLS_TRY, false },
		{ "smtp://mail.example.org:587", "u", "opportunistic", FETCH_TLS_MUST, false },
		{ "smtp://localhost.example.org", "u", "opportunistic", FETCH_TLS_MUST, false },
		{ "smtp://127.0.0.1.example.org", "u", "opportunistic", FETCH_TLS_MUST, false },
		{ "smtp://localhost:25", "u", "opportunistic", FETCH_TLS_TRY, false },
		{ "smtp://[::1]:25", "u", "opportunistic", FETCH_TLS_TRY, false },
		{ "smtp://127.0.0.1", "u", "opportunistic", FETCH_TLS_TRY, false },
		{ "smtp://localhost", "u", "required", FETCH_TLS_MUST, false },
		{ "smtp://mail.example.org", "", "required", FETCH_TLS_MUST, false },
		{ "smtp://mail.example.org", "u", "none", FETCH_TLS_NONE, true },
		{ "smtps://mail.example.org", "u", "none", FETCH_TLS_NONE, false },
		{ "smtp://mail.example.org", "", "none", FETCH_TLS_NONE, false },
		{ "smtp://localhost", "u", "none", FETCH_TLS_NONE, false },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mailer m = mailer_of(cases[i].username, cases[i].tls);
		struct mail_message message = { TO, TEXT, strlen(TEXT) };
		struct fetch f;

		m.url = cases[i].url;
		mail_request(&m, a, &message, &f);
		assert_int_equal(f.mail->tls, cases[i].asked);
		assert_int_equal(f.user != NULL, cases[i].username[0] != '\0');
		assert_int_equal(mail_exposes_password(&m), cases[i].exposed);
	}
	arena_free(a);
}

static void
count_end(struct fetch_result *result, void *arg)
{
	int *ends = arg;

	ends[result->end]++;
}

/* What is silent, and at which step, is nobody's business but its own. */
static void
a_silent_server_holds_up_nothing(void **state)
{
	static const struct script silent[] = { { .greeting = "…" }, { .mail = "…" },
		{ .body = "…" } };
	struct mailer m = mailer_of("", "none");
	struct mail_message message = { TO, TEXT, strlen(TEXT) };
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(silent); i++) {
		struct fetch_pool *pool = fetch_pool_new();
		int64_t longest = 0, begun = clock_boot_us();
		int ends[3] = { 0 };
		struct fetch f;

		follow(&silent[i]);
		mail_request(&m, a, &message, &f);
		f.total_ms = 1000;
		fetch_pool_start(pool, &f, count_end, ends);
		while (fetch_pool_active(pool) > 0) {
			int64_t before = clock_boot_us();

			fetch_pool_run(pool, before + 20000);
			if (clock_boot_us() - before > longest)
				longest = clock_boot_us() - before;
		}
		assert_in_range(longest, 0, 500000);
		assert_in_range(clock_boot_us() - begun, 900000, 3000000);
		assert_int_equal(ends[i == 2 ? FETCH_UNKNOWN : FETCH_NOT_SENT], 1);
		fetch_pool_free(pool);
	}
	arena_free(a);
}

static void
what_is_abandoned_is_closed(void **state)
{
	struct mailer m = mailer_of("", "none");
	struct mail_message message = { TO, TEXT, strlen(TEXT) };
	struct arena *a = arena_new();
	struct fetch_pool *pool = fetch_pool_new();
	int ends[3] = { 0 };
	struct fetch f;

	(void)state;
	follow(&(struct script){ .body = "…" });
	mail_request(&m, a, &message, &f);
	fetch_pool_start(pool, &f, count_end, ends);
	for (int64_t end = clock_boot_us() + 10000000;
	     strstr(server.seen, "\r\n.\r\n") == NULL && clock_boot_us() < end;)
		fetch_pool_run(pool, clock_boot_us() + 10000);
	fetch_pool_free(pool);
	assert_int_equal(settle(), 1); /* the server has seen the end */
	assert_int_equal(ends[0] + ends[1] + ends[2], 0);
	arena_free(a);
}

static void
a_probe_sends_no_mail(void **state)
{
	struct mailer m = mailer_of("offhook", "opportunistic");
	struct arena *a = arena_new();
	struct mail_answer answer;

	(void)state;
	follow(&(struct script){ .ehlo = LOGIN_OFFERED });
	assert_int_equal(mail_probe(&m, a, &answer), RC_OK);
	assert_null(answer.error);
	settle();
	assert_non_null(strstr(server.seen, "AUTH PLAIN"));
	assert_null(strstr(server.seen, "MAIL"));
	assert_null(strstr(server.seen, "VRFY"));
	follow(&(struct script){ .greeting = "554 no" });
	assert_int_equal(mail_probe(&m, a, &answer), RC_LATER);
	assert_string_equal(answer.error, "The mail server is not ready: it answered 554");
	arena_free(a);
}

static void
a_server_that_talks_for_ever_is_left(void **state)
{
	static char much[80000];
	struct mailer m = mailer_of("", "none");
	struct arena *a = arena_new();
	struct mail_answer answer;
	size_t at = 0;

	(void)state;
	while (at + 64 < sizeof much)
		at += (size_t)snprintf(much + at, 64, "250-word word word word word\r\n");
	snprintf(much + at, 64, "250 end");
	follow(&(struct script){ .ehlo = much });
	assert_int_equal(send_text(&m, a, TO, TEXT, strlen(TEXT), &answer), RC_LATER);
	assert_non_null(strstr(answer.error, "could not be asked"));
	arena_free(a);
}

static void
greets_by_the_public_name(void **state)
{
	static const char *const cases[][2] = {
		{ "https://offhook.example.org", "offhook.example.org" },
		{ "https://offhook.example.org:8443/base", "offhook.example.org" },
		{ "http://localhost:8443", "localhost" },
		{ "https://192.0.2.7:8443", "[192.0.2.7]" },
		{ "https://[2001:db8::7]:8443", "[IPv6:2001:db8::7]" },
	};
	struct arena *a = arena_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(mail_hello(a, cases[i][0]), cases[i][1]);
	arena_free(a);
}

/* What is refused before it is sent ends in its pool like all others. */
static void
mails_share_a_pool(void **state)
{
	struct mailer m = mailer_of("", "none");
	struct mail_message good = { TO, TEXT, strlen(TEXT) }, bad = { "a\nb@c.example", TEXT, 1 };
	struct arena *a = arena_new();
	struct fetch_pool *pool = fetch_pool_new();
	int ends[3] = { 0 };
	struct fetch f;

	(void)state;
	follow(&(struct script){ 0 });
	mail_request(&m, a, &good, &f);
	fetch_pool_start(pool, &f, count_end, ends);
	mail_request(&m, a, &bad, &f);
	fetch_pool_start(pool, &f, count_end, ends);
	mail_request(&m, a, &good, &f);
	fetch_pool_start(pool, &f, count_end, ends);
	arena_free(a); /* all was copied */
	for (int64_t end = clock_boot_us() + 10000000;
	     fetch_pool_active(pool) > 0 && clock_boot_us() < end;)
		fetch_pool_run(pool, end);
	assert_int_equal(ends[FETCH_ANSWERED], 2);
	assert_int_equal(ends[FETCH_NOT_SENT], 1);
	fetch_pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mail_passes),
		cmocka_unit_test(sorts_each_end),
		cmocka_unit_test(a_server_that_is_not_there_is_asked_later),
		cmocka_unit_test(what_is_no_mail_is_refused_before),
		cmocka_unit_test(logs_in_on_the_loopback),
		cmocka_unit_test(logins_that_fail),
		cmocka_unit_test(without_tls_where_it_must_be_nothing_is_said),
		cmocka_unit_test(a_password_leaves_this_host_by_tls_or_by_order),
		cmocka_unit_test(a_silent_server_holds_up_nothing),
		cmocka_unit_test(what_is_abandoned_is_closed),
		cmocka_unit_test(a_probe_sends_no_mail),
		cmocka_unit_test(a_server_that_talks_for_ever_is_left),
		cmocka_unit_test(greets_by_the_public_name),
		cmocka_unit_test(mails_share_a_pool),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
