/*
 * fetch.c: see fetch.h. One easy handle an exchange, all driven by one multi handle.
 *
 * The send window rests on two properties of libcurl: a POST whose body comes from a callback has
 * its headers written first and alone, and a paused callback is asked again as soon as it is
 * unpaused. So the connection (TLS included) stands and the headers are out before the instant,
 * and at the instant one write completes the request. The body is given out once: a library that
 * wanted to send it a second time would get nothing.
 */
#include "http/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/mailing.h"
#include "http/reach.h"

/* One exchange. */
struct job {
	struct job *next;
	struct fetch_pool *pool;
	struct arena *arena; /* the copied texts */
	struct fetch f;
	struct fetch_result result;
	void (*done)(struct fetch_result *result, void *arg);
	void *arg;
	CURL *easy;
	struct curl_slist *headers;
	char errors[CURL_ERROR_SIZE];
	int64_t started_us;
	size_t body_given;       /* bytes that libcurl took */
	int socket;              /* the newest that libcurl has open for it; -1: none */
	bool paused;             /* waits for not_before_us */
	bool missed;             /* came too late for the window */
	bool too_long;           /* the reply exceeds max_reply */
	bool closed;             /* an address that must not be reached was refused */
	int write_errno;         /* to_fd failed */
	struct mailing *mailing; /* NULL: it is no mail */
};

struct fetch_pool {
	CURLM *multi;
	int timer; /* a CLOCK_BOOTTIME timerfd: curl_multi_poll() alone counts whole milliseconds */
	struct job *jobs;
	int active;
	struct windows windows;    /* of requests with a send window */
	struct curl_waitfd beside; /* what the caller waits for; fd -1: nothing */
	struct curl_waitfd *waits; /* that, the timer, and the mails whose connections are ours */
	unsigned waits_size;
};

void
fetch_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		log_fatal("libcurl cannot be initialised");
}

/* ---- what libcurl calls ---- */

/* Whether the whole request was handed over, body and all. */
static bool
left_whole(const struct job *job)
{
	long header_bytes = 0;

	if (job->f.body_len > 0)
		return job->body_given == job->f.body_len;
	(void)curl_easy_getinfo(job->easy, CURLINFO_REQUEST_SIZE, &header_bytes);
	return header_bytes > 0;
}

static bool
has_window(const struct job *job)
{
	return job->f.window.not_after_us > 0;
}

/* Whose socket the window is bound to. */
static int
opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	struct job *job = arg;

	(void)purpose;
	job->socket = fd;
	return CURL_SOCKOPT_OK;
}

static int
closing(void *arg, curl_socket_t fd)
{
	struct job *job = arg;

	if (has_window(job) && job->result.sent_us > 0 && job->result.body_bytes == 0)
		window_drop(fd);
	if (job->socket == fd)
		job->socket = -1;
	return close(fd);
}

/* The next n bytes of the body; false when its file is shorter than was said. */
static bool
copy_body(const struct job *job, char *out, size_t n)
{
	if (job->f.body == NULL)
		return pread(job->f.from_fd, out, n, (off_t)job->body_given) == (ssize_t)n;
	memcpy(out, job->f.body + job->body_given, n);
	return true;
}

static size_t
give_body(char *out, size_t size, size_t count, void *arg)
{
	struct job *job = arg;
	size_t left = job->f.body_len - job->body_given;
	size_t n = left < size * count ? left : size * count;
	enum window_state state;
	int64_t now;

	if (n == 0)
		return 0;
	if (has_window(job) && job->socket >= 0)
		window_bind(job->socket);
	window_look(&job->pool->windows);
	now = clock_boot_us();
	state = window_at(&job->pool->windows, &job->f.window, now);
	job->missed = state == WINDOW_PAST;
	if (job->missed)
		return CURL_READFUNC_ABORT;
	job->paused = state == WINDOW_AHEAD;
	if (job->paused)
		return CURL_READFUNC_PAUSE;
	if (!copy_body(job, out, n))
		return CURL_READFUNC_ABORT;
	job->body_given += n;
	if (job->body_given == job->f.body_len) {
		job->result.sent_us = now;
		window_use(&job->pool->windows, &job->f.window);
	}
	return n;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static size_t
take_reply(char *bytes, size_t size, size_t count, void *arg)
{
	struct job *job = arg;
	size_t len = size * count;

	if (len > job->f.max_reply - (size_t)job->result.body_bytes) {
		job->too_long = true;
		return CURL_WRITEFUNC_ERROR;
	}
	if (job->f.to_fd < 0) {
		buf_add(&job->result.body, bytes, len);
	} else if (!write_all(job->f.to_fd, bytes, len)) {
		job->write_errno = errno;
		return CURL_WRITEFUNC_ERROR;
	}
	job->result.body_bytes += (int64_t)len;
	return len;
}

/* The socket to an address that DNS has given, if it may be reached. */
static curl_socket_t
open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct job *job = arg;

	(void)purpose;
	if (!reach_address(&to->addr)) {
		job->closed = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- setting up ---- */

static const char *
copied(struct arena *a, const char *s)
{
	return s != NULL ? arena_strdup(a, s) : NULL;
}

static void
copy_fetch(struct job *job, const struct fetch *f)
{
	char *body = NULL;

	if (f->body != NULL) {
		body = arena_alloc(job->arena, f->body_len + 1);
		memcpy(body, f->body, f->body_len);
	}
	job->f = *f;
	job->f.method = copied(job->arena, f->method);
	job->f.url = copied(job->arena, f->url);
	job->f.user = copied(job->arena, f->user);
	job->f.password = copied(job->arena, f->password);
	job->f.sigv4 = copied(job->arena, f->sigv4);
	job->f.ca_file = copied(job->arena, f->ca_file);
	job->f.content_type = copied(job->arena, f->content_type);
	job->f.body = body;
	job->mailing = f->mail != NULL ? mailing_new(job->arena, &job->f) : NULL;
}

/* Every option of every handle passes here: one that libcurl refuses is a broken build. */
#define SET(job, option, value)                                               \
	do {                                                                  \
		if (curl_easy_setopt((job)->easy, option, value) != CURLE_OK) \
			log_fatal("libcurl refuses " #option);                \
	} while (0)

/* The rules that hold for every exchange. */
static void
set_rules(struct job *job)
{
	SET(job, CURLOPT_PRIVATE, job);
	SET(job, CURLOPT_ERRORBUFFER, job->errors);
	SET(job, CURLOPT_NOSIGNAL, 1L);
	SET(job, CURLOPT_FRESH_CONNECT, 1L);
	SET(job, CURLOPT_FORBID_REUSE, 1L);
	SET(job, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(job, CURLOPT_FOLLOWLOCATION, 0L);
	SET(job, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(job, CURLOPT_PROXY, "");
	SET(job, CURLOPT_USERAGENT, "offhook");
	SET(job, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(job, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(job, CURLOPT_WRITEFUNCTION, take_reply);
	SET(job, CURLOPT_WRITEDATA, job);
}

/* Who we are: HTTP Basic, or the signature of an object store. */
static void
set_user(struct job *job)
{
	const struct fetch *f = &job->f;

	if (f->user == NULL)
		return;
	if (f->sigv4 == NULL)
		SET(job, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	else
		SET(job, CURLOPT_AWS_SIGV4, f->sigv4);
	SET(job, CURLOPT_USERNAME, f->user);
	SET(job, CURLOPT_PASSWORD, f->password != NULL ? f->password : "");
}

static void
add_header(struct job *job, const char *line)
{
	struct curl_slist *longer = curl_slist_append(job->headers, line);

	if (longer == NULL)
		log_fatal("libcurl: out of memory");
	job->headers = longer;
}

static bool
has_body(const struct fetch *f)
{
	return strcmp(f->method, "POST") == 0 || strcmp(f->method, "PATCH") == 0;
}

static void
set_headers(struct job *job)
{
	const struct fetch *f = &job->f;

	for (size_t i = 0; f->headers != NULL && f->headers[i] != NULL; i++)
		add_header(job, f->headers[i]);
	if (f->content_type != NULL)
		add_header(job, arena_printf(job->arena, "Content-Type: %s", f->content_type));
	/* Without "100 Continue": the peer would be asked, and the window would not be ours. */
	if (has_body(f))
		add_header(job, "Expect:");
	if (job->headers != NULL)
		SET(job, CURLOPT_HTTPHEADER, job->headers);
}

static void
set_body(struct job *job)
{
	SET(job, CURLOPT_SOCKOPTFUNCTION, opened);
	SET(job, CURLOPT_SOCKOPTDATA, job);
	SET(job, CURLOPT_CLOSESOCKETFUNCTION, closing);
	SET(job, CURLOPT_CLOSESOCKETDATA, job);
	SET(job, CURLOPT_POST, 1L);
	SET(job, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)job->f.body_len);
	if (job->f.body_len == 0)
		SET(job, CURLOPT_POSTFIELDS, "");
	SET(job, CURLOPT_READFUNCTION, give_body);
	SET(job, CURLOPT_READDATA, job);
}

/* What HTTP alone has. */
static void
set_http(struct job *job)
{
	const struct fetch *f = &job->f;

	set_user(job);
	set_headers(job);
	if (f->public_only) {
		SET(job, CURLOPT_PROTOCOLS_STR, "https");
		SET(job, CURLOPT_OPENSOCKETFUNCTION, open_public);
		SET(job, CURLOPT_OPENSOCKETDATA, job);
	}
	if (strcmp(f->method, "HEAD") == 0)
		SET(job, CURLOPT_NOBODY, 1L);
	if (has_body(f))
		set_body(job);
	if (strcmp(f->method, "PATCH") == 0)
		SET(job, CURLOPT_CUSTOMREQUEST, "PATCH");
}

static void
set_request(struct job *job)
{
	const struct fetch *f = &job->f;

	SET(job, CURLOPT_URL, f->url);
	SET(job, CURLOPT_CONNECTTIMEOUT_MS, (long)f->connect_ms);
	SET(job, CURLOPT_TIMEOUT_MS, (long)f->total_ms);
	/* A CA of our own stands beside the system's directory of CAs. Otherwise the system's bundle
	 * does alone: libcurl keeps it parsed for the pool, but only where there is no directory, and
	 * parsing it takes 25 ms for each connection, in which no other is served. */
	if (f->ca_file != NULL)
		SET(job, CURLOPT_CAINFO, f->ca_file);
	else
		SET(job, CURLOPT_CAPATH, NULL);
	if (job->mailing != NULL)
		mailing_set(job->mailing, job->easy);
	else
		set_http(job);
}

static void
job_free(struct job *job)
{
	if (job->easy != NULL) {
		(void)curl_multi_remove_handle(job->pool->multi, job->easy);
		curl_easy_cleanup(job->easy);
	}
	curl_slist_free_all(job->headers);
	fetch_result_free(&job->result);
	arena_free(job->arena);
	free(job);
}

void
fetch_pool_start(struct fetch_pool *p, const struct fetch *f,
    void (*done)(struct fetch_result *result, void *arg), void *arg)
{
	struct job *job = mem_zalloc(1, sizeof(*job));

	if (f->connect_ms <= 0 || f->total_ms <= 0)
		abort(); /* to libcurl these would mean "for ever" */
	job->pool = p;
	job->arena = arena_new();
	job->done = done;
	job->arg = arg;
	job->started_us = clock_boot_us();
	job->socket = -1;
	job->result.content_length = -1;
	job->result.retry_after_s = -1;
	buf_init(&job->result.body, f->max_reply);
	copy_fetch(job, f);
	if ((job->easy = curl_easy_init()) == NULL)
		log_fatal("libcurl: out of memory");
	if (job->mailing == NULL || !job->mailing->ended) {
		set_rules(job);
		set_request(job);
		if (curl_multi_add_handle(p->multi, job->easy) != CURLM_OK)
			log_fatal("libcurl: out of memory");
	}
	job->next = p->jobs;
	p->jobs = job;
	p->active++;
}

/* ---- how it ended ---- */

static void
read_reply_facts(struct job *job)
{
	struct fetch_result *r = &job->result;
	struct curl_header *header;
	const char *text = NULL;
	curl_off_t value = 0;

	(void)curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &r->status);
	if (curl_easy_getinfo(job->easy, CURLINFO_REDIRECT_URL, &text) == CURLE_OK && text != NULL)
		r->redirect = mem_strdup(text);
	if (curl_easy_getinfo(job->easy, CURLINFO_CONTENT_TYPE, &text) == CURLE_OK && text != NULL)
		(void)snprintf(r->content_type, sizeof(r->content_type), "%s", text);
	if (curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &value) == CURLE_OK)
		r->content_length = value;
	if (curl_easy_header(job->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK &&
	    curl_easy_getinfo(job->easy, CURLINFO_RETRY_AFTER, &value) == CURLE_OK)
		r->retry_after_s = value;
}

static void
read_times(struct job *job)
{
	struct fetch_result *r = &job->result;
	curl_off_t connected = 0, secured = 0, ready = 0;

	(void)curl_easy_getinfo(job->easy, CURLINFO_CONNECT_TIME_T, &connected);
	(void)curl_easy_getinfo(job->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	(void)curl_easy_getinfo(job->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
	r->connect_us = secured > 0 ? secured : connected;
	if (job->f.body_len == 0 && left_whole(job))
		r->sent_us = job->started_us + ready;
}

static void
explain(struct job *job, CURLcode code)
{
	char *out = job->result.error;
	size_t size = sizeof(job->result.error);

	if (job->missed)
		(void)snprintf(out, size, "the send window was missed");
	else if (job->closed)
		(void)snprintf(out, size, "the host has no address on the public Internet");
	else if (job->too_long)
		(void)snprintf(out, size, "the reply is longer than %zu bytes", job->f.max_reply);
	else if (job->write_errno != 0)
		(void)snprintf(
		    out, size, "the reply cannot be kept: %s", strerror(job->write_errno));
	else if (code == CURLE_OK)
		(void)snprintf(
		    out, size, "answered %ld before the request was sent", job->result.status);
	else
		(void)snprintf(out, size, "%.150s",
		    *job->errors != '\0' ? job->errors : curl_easy_strerror(code));
}

static enum fetch_fault
fault_of(struct job *job, CURLcode code)
{
	long number = 0;

	if (job->too_long)
		return FETCH_TOO_LONG;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return FETCH_TIMEOUT;
	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(job->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK &&
	    number == ECONNREFUSED)
		return FETCH_REFUSED;
	return FETCH_OTHER;
}

static void
conclude_mail(struct job *job, CURLcode code)
{
	struct fetch_result *r = &job->result;

	read_times(job);
	r->took_us = clock_boot_us() - job->started_us;
	mailing_conclude(job->mailing, code, r);
	if (r->end == FETCH_ANSWERED || r->error[0] != '\0')
		return;
	explain(job, code);
	if (r->fault == FETCH_OTHER)
		r->fault = fault_of(job, code);
}

static void
conclude(struct job *job, CURLcode code)
{
	struct fetch_result *r = &job->result;
	bool whole = left_whole(job);

	if (job->too_long && job->f.any_length) {
		buf_clear(&r->body);
		code = CURLE_OK;
	}
	read_times(job);
	r->took_us = clock_boot_us() - job->started_us;
	r->missed = job->missed;
	if (code == CURLE_OK)
		read_reply_facts(job);
	/* A peer that answers before it has the request did not act on it. */
	if (!whole)
		r->end = FETCH_NOT_SENT;
	else if (code == CURLE_OK && r->status >= 200)
		r->end = FETCH_ANSWERED;
	else
		r->end = FETCH_UNKNOWN;
	if (r->end != FETCH_ANSWERED) {
		explain(job, code);
		r->fault = fault_of(job, code);
		r->status = 0;
	}
}

/* ---- the end ---- */

/* Takes the job out of its pool, tells its owner, and frees it. */
static void
finish(struct job *job, CURLcode code)
{
	struct fetch_pool *p = job->pool;
	struct job **link = &p->jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	p->active--;
	if (job->mailing != NULL)
		conclude_mail(job, code);
	else
		conclude(job, code);
	job->done(&job->result, job->arg);
	job_free(job);
}

/* ---- the pool ---- */

struct fetch_pool *
fetch_pool_new(void)
{
	struct fetch_pool *p = mem_zalloc(1, sizeof(*p));

	p->multi = curl_multi_init();
	p->beside.fd = -1;
	p->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (p->multi == NULL || p->timer < 0)
		log_fatal("cannot make a pool for outgoing requests: %s", strerror(errno));
	return p;
}

void
fetch_pool_free(struct fetch_pool *p)
{
	struct job *job;

	if (p == NULL)
		return;
	while ((job = p->jobs) != NULL) {
		p->jobs = job->next;
		job_free(job);
	}
	(void)curl_multi_cleanup(p->multi);
	(void)close(p->timer);
	free(p->waits);
	free(p);
}

int
fetch_pool_active(const struct fetch_pool *p)
{
	return p->active;
}

/* Lets those go on whose instant has come. */
static void
unpause_due(struct fetch_pool *p)
{
	for (struct job *job = p->jobs; job != NULL; job = job->next) {
		if (!job->paused || clock_boot_us() < job->f.window.not_before_us)
			continue;
		job->paused = false;
		(void)curl_easy_pause(job->easy, CURLPAUSE_CONT);
	}
}

static bool
overdue(const struct job *job)
{
	return has_window(job) && job->body_given < job->f.body_len &&
	    clock_boot_us() > job->f.window.not_after_us;
}

/* Whether this mail's connection is ours now. */
static bool
has_line(const struct job *job)
{
	return job->mailing != NULL && job->mailing->ours;
}

/* When its whole time is over: libcurl minds that only until the connection is ours. */
static int64_t
mail_until(const struct job *job)
{
	return job->started_us + (int64_t)job->f.total_ms * 1000;
}

static void
mail_on(struct fetch_pool *p)
{
	for (struct job *job = p->jobs; job != NULL; job = job->next)
		if (has_line(job))
			mailing_go_on(job->mailing);
}

/* What has ended without libcurl's saying so, and how. */
static bool
ended_here(struct job *job, CURLcode *code)
{
	*code = CURLE_ABORTED_BY_CALLBACK;
	if (has_line(job) && clock_boot_us() >= mail_until(job)) {
		job->mailing->ended = true;
		job->mailing->code = CURLE_OPERATION_TIMEDOUT;
	}
	if (job->mailing != NULL) {
		*code = job->mailing->code;
		return job->mailing->ended;
	}
	job->missed = overdue(job);
	return job->missed;
}

/* Ends what has ended, whoever ended it; what libcurl says, what has missed its window while it was still
 * connecting, and mails. Whether there was any. */
static bool
reap(struct fetch_pool *p)
{
	bool any = false;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(p->multi, &left)) != NULL) {
		CURLcode code = msg->data.result;
		char *private = NULL;
		struct job *job;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		job = (struct job *)(void *)private;
		if (job->mailing != NULL && code == CURLE_OK) {
			mailing_begin(job->mailing, job->arena);
			continue;
		}
		finish(job, code);
		any = true;
	}
	mail_on(p);
	for (struct job *next, *job = p->jobs; job != NULL; job = next) {
		CURLcode code;

		next = job->next;
		if (!ended_here(job, &code))
			continue;
		finish(job, code);
		any = true;
	}
	return any;
}

/* The next instant at which something is to be done that is not libcurl's own business. */
static int64_t
next_wake(const struct fetch_pool *p, int64_t until_us)
{
	int64_t wake = until_us;

	for (const struct job *job = p->jobs; job != NULL; job = job->next) {
		if (job->paused)
			wake = clock_earlier(wake, job->f.window.not_before_us);
		else if (has_window(job) && job->body_given < job->f.body_len)
			wake = clock_earlier(wake, job->f.window.not_after_us + 1);
		else if (has_line(job))
			wake = clock_earlier(wake, mail_until(job));
	}
	return wake;
}

/* What libcurl does not wait for itself, and how many. */
static unsigned
list_waits(struct fetch_pool *p)
{
	unsigned count = 1;

	if (p->waits_size < (unsigned)p->active + 2) {
		p->waits_size = (unsigned)p->active + 2;
		p->waits = mem_realloc(p->waits, p->waits_size * sizeof *p->waits);
	}
	p->waits[0] = (struct curl_waitfd){ .fd = p->timer, .events = CURL_WAIT_POLLIN };
	if (p->beside.fd >= 0)
		p->waits[count++] = p->beside;
	for (const struct job *job = p->jobs; job != NULL; job = job->next) {
		if (has_line(job))
			p->waits[count++] = mailing_wait(job->mailing);
	}
	return count;
}

/* Waits for a socket, for the timer, or for libcurl's own timeout. False when a signal came. */
static bool
wait_for_something(struct fetch_pool *p, int64_t wake_us)
{
	const struct itimerspec at = { .it_value = { .tv_sec = wake_us / 1000000,
					   .tv_nsec = wake_us % 1000000 * 1000 } };
	int64_t start = clock_boot_us(), limit_ms;
	unsigned waits = list_waits(p);
	long curl_ms = -1;
	int ready = 0;

	if (wake_us <= start)
		return true;
	(void)timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &at, NULL);
	(void)curl_multi_timeout(p->multi, &curl_ms);
	limit_ms = (wake_us - start) / 1000 + 1;
	if (limit_ms > 60000)
		limit_ms = 60000;
	if (curl_multi_poll(p->multi, p->waits, waits, (int)limit_ms, &ready) != CURLM_OK)
		log_fatal("libcurl: its wait failed");
	if (curl_ms >= 0)
		limit_ms = clock_earlier(limit_ms, curl_ms);
	/* Nothing is ready and nothing is due: libcurl hides the EINTR, this is what it looks like. */
	return ready > 0 || clock_boot_us() - start >= limit_ms * 1000 - 1000;
}

/* Does what can be done now. Whether something has ended. */
static bool
work(struct fetch_pool *p)
{
	int running;

	unpause_due(p);
	if (curl_multi_perform(p->multi, &running) != CURLM_OK)
		log_fatal("libcurl: out of memory");
	window_look(&p->windows);
	return reap(p);
}

void
fetch_pool_run(struct fetch_pool *p, int64_t until_us)
{
	while (
	    !work(p) && clock_boot_us() < until_us && wait_for_something(p, next_wake(p, until_us)))
		;
}

bool
fetch_pool_run_beside(struct fetch_pool *p, int fd, short events, int64_t until_us)
{
	struct pollfd other = { .fd = fd, .events = events };
	int ready;

	p->beside.fd = fd;
	p->beside.events = (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
	    (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
	while ((ready = poll(&other, 1, 0)) == 0 && clock_boot_us() < until_us) {
		(void)wait_for_something(p, next_wake(p, until_us));
		(void)work(p);
	}
	p->beside.fd = -1;
	return ready > 0;
}

void
fetch_result_free(struct fetch_result *result)
{
	buf_free(&result->body);
	free(result->redirect);
}
