/*
 * wire.c: sockets by libwebsockets, with its own poll loop. Others leave letters for the thread;
 * what lines have to tell the calls is told after the line lock has been given back.
 */
#include "sim/wire.h"

#include <assert.h>
#include <errno.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "sim/form.h"
#include "sim/media.h"
#include "sim/settings.h"
#include "sim/talk.h"
#include "sim/timer.h"
#include "sim/weburl.h"

#define PULSE_US 5000 /* of the timer: the grid on which frames are due */
#define CATCH_UP 10   /* frames that are made at once after a pause of the whole program */
#define CONNECT_S 10
#define VOICE_RETRY_MS 100

static_assert(LINE_OUT_ROOM >= LWS_PRE, "libwebsockets wants more room before a message");

enum letter_kind { LETTER_CONNECT, LETTER_HANG_UP, LETTER_VOICE };

/* Something for the thread to do. */
struct letter {
	TAILQ_ENTRY(letter) link;
	enum letter_kind kind;
	char stream_sid[SID_SIZE];
	size_t number; /* of a voice */
	void *bytes;
	size_t len;
};

/* A socket, from the attempt to connect to its end. */
struct wire {
	TAILQ_ENTRY(wire) link;
	struct line *line;
	struct lws *lws; /* NULL before and after libwebsockets knows it */
	char stream_sid[SID_SIZE];
	char host[256], path[WEBURL_MAX], address[256];
	int port;
	char signature[FORM_SIGNATURE_SIZE];
	int close_code; /* that the customer gave */
	bool binary;    /* the message under way */
	bool open;      /* messages may be written */
	bool over;
};

static TAILQ_HEAD(wires, wire) wires = TAILQ_HEAD_INITIALIZER(wires);  /* the thread's */
static TAILQ_HEAD(, letter) letters = TAILQ_HEAD_INITIALIZER(letters); /* the post lock's */
static int letter_count;
static bool closed = true; /* the post lock's */
static pthread_mutex_t post_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;
static struct lws_context *context;
static struct lws_vhost *vhost;
static int pulse_fd = -1;
static bool some_gone; /* among the wires; the thread's */

static int on_stream(struct lws *, enum lws_callback_reasons, void *, void *, size_t);
static int on_pulse(struct lws *, enum lws_callback_reasons, void *, void *, size_t);

static const struct lws_protocols protocols[] = {
	{ "stream", on_stream, 0, 16 * 1024, 0, NULL, 0 },
	{ "pulse", on_pulse, 0, 0, 0, NULL, 0 },
	{ NULL, NULL, 0, 0, 0, NULL, 0 },
};

/* --- letters --- */

static bool
leave(const struct letter *letter)
{
	struct letter *kept;
	bool room;

	pthread_mutex_lock(&post_lock);
	room = !closed && letter_count < WIRE_LETTERS_MAX;
	if (room) {
		kept = mem_alloc(sizeof(*kept));
		*kept = *letter;
		TAILQ_INSERT_TAIL(&letters, kept, link);
		letter_count++;
		lws_cancel_service(context);
	}
	pthread_mutex_unlock(&post_lock);
	return room;
}

bool
wire_connect(const struct line_order *order)
{
	struct letter letter = { .kind = LETTER_CONNECT };
	struct line_news unheard;

	memcpy(letter.stream_sid, order->stream_sid, sizeof(letter.stream_sid));
	line_lock();
	line_new(order);
	line_unlock();
	if (leave(&letter))
		return true;
	line_lock();
	line_over(line_get(order->stream_sid), 0, "", 0);
	line_news(line_get(order->stream_sid), &unheard);
	line_unlock();
	return false;
}

void
wire_hang_up(const char *stream_sid)
{
	struct letter letter = { .kind = LETTER_HANG_UP };

	memcpy(letter.stream_sid, stream_sid, sizeof(letter.stream_sid));
	leave(&letter);
}

/* --- voices: in the media thread, then here --- */

struct order {
	struct media_job job;
	char stream_sid[SID_SIZE];
	size_t number;
};

static void
voice_ready(struct media_job *job)
{
	struct order *o = job->owner;
	struct letter letter = { .kind = LETTER_VOICE, .number = o->number };
	struct stat st;

	memcpy(letter.stream_sid, o->stream_sid, sizeof(letter.stream_sid));
	if (job->fd >= 0 && fstat(job->fd, &st) == 0 && st.st_size > 0) {
		letter.len = (size_t)st.st_size;
		letter.bytes = mmap(NULL, letter.len, PROT_READ, MAP_PRIVATE, job->fd, 0);
		if (letter.bytes == MAP_FAILED)
			letter.bytes = NULL;
	}
	if (job->fd >= 0)
		close(job->fd);
	if (!leave(&letter) && letter.bytes != NULL)
		munmap(letter.bytes, letter.len);
	sound_free(&o->job.sound);
	free(o);
}

/* Has the next line of the callee made, if there is one. The line lock is held. */
static void
order_voice(struct line *l)
{
	const char *text, *language;
	int number = line_wants(l, &text, &language);
	struct order *o;

	if (number < 0)
		return;
	o = mem_zalloc(1, sizeof(*o));
	o->number = (size_t)number;
	memcpy(o->stream_sid, line_sid(l), sizeof(o->stream_sid));
	o->job = (struct media_job){
		.format = SOUND_VOICE, .ready = voice_ready, .owner = o, .fd = -1
	};
	sound_add_words(&o->job.sound, text, language);
	if (!sound_empty(&o->job.sound) && media_request(&o->job))
		return;
	line_voice(l, (size_t)number, NULL, 0);
	sound_free(&o->job.sound);
	free(o);
}

/* --- connecting --- */

/* Takes wss://host:port/path apart. False when it is no such thing. */
static bool
take_apart(const char *url, struct wire *w)
{
	const char *at = url + strlen("wss://"), *end = at + strcspn(at, "/"), *colon;
	size_t host_len;

	colon = memchr(at, ':', (size_t)(end - at));
	host_len = (size_t)((colon == NULL ? end : colon) - at);
	if (host_len == 0 || host_len >= sizeof(w->host) || strlen(end) >= sizeof(w->path) ||
	    (size_t)(end - at) >= sizeof(w->address))
		return false;
	w->port = 443;
	if (colon != NULL) {
		char digits[8];
		int64_t port;

		snprintf(digits, sizeof(digits), "%.*s", (int)(end - colon - 1), colon + 1);
		if (!str_int64(digits, 1, 65535, &port))
			return false;
		w->port = (int)port;
	}
	snprintf(w->host, sizeof(w->host), "%.*s", (int)host_len, at);
	snprintf(w->address, sizeof(w->address), "%.*s", (int)(end - at), at);
	snprintf(w->path, sizeof(w->path), "%s", *end == '\0' ? "/" : end);
	return true;
}

/* The line's end, once. The wire itself is freed when nothing of libwebsockets knows it. */
static void
end_wire(struct wire *w, int code, const char *why)
{
	if (w->over)
		return;
	w->over = some_gone = true;
	w->open = false;
	line_lock();
	line_over(w->line, code, why, w->close_code);
	line_unlock();
}

static void
connect_line(const char *stream_sid)
{
	struct lws_client_connect_info info = { .context = context };
	struct wire *w = mem_zalloc(1, sizeof(*w));
	const char *url;
	bool ok;

	memcpy(w->stream_sid, stream_sid, sizeof(w->stream_sid));
	line_lock();
	w->line = line_get(stream_sid);
	line_set_wire(w->line, w);
	url = line_url(w->line);
	line_unlock();
	TAILQ_INSERT_TAIL(&wires, w, link);
	ok = take_apart(url, w);
	if (!ok) {
		end_wire(w, 31920, "the address cannot be understood");
		return;
	}
	form_sign(settings()->auth_token, url, NULL, w->signature);
	info.vhost = vhost;
	info.address = w->host;
	info.port = w->port;
	info.path = w->path;
	info.host = w->address;
	info.ssl_connection = LCCSCF_USE_SSL;
	info.local_protocol_name = protocols[0].name;
	info.userdata = w;
	info.ietf_version_or_minus_one = -1;
	if (lws_client_connect_via_info(&info) == NULL)
		end_wire(w, 31902, "the server cannot be reached");
}

static void
hang_up(const char *stream_sid)
{
	struct line *l;
	struct wire *w;

	line_lock();
	l = line_get(stream_sid);
	w = l == NULL ? NULL : line_wire(l);
	if (w != NULL)
		line_stop(l, timer_now_us());
	line_unlock();
	if (w == NULL)
		return;
	if (w->open)
		lws_callback_on_writable(w->lws);
}

static void
deliver(struct letter *letter)
{
	struct line *l;

	switch (letter->kind) {
	case LETTER_CONNECT:
		connect_line(letter->stream_sid);
		break;
	case LETTER_HANG_UP:
		hang_up(letter->stream_sid);
		break;
	case LETTER_VOICE:
		line_lock();
		l = line_get(letter->stream_sid);
		if (l != NULL)
			line_voice(l, letter->number, letter->bytes, letter->len);
		else if (letter->bytes != NULL)
			munmap(letter->bytes, letter->len);
		line_unlock();
		break;
	}
}

static struct letter *
next_letter(void)
{
	struct letter *letter;

	pthread_mutex_lock(&post_lock);
	letter = TAILQ_FIRST(&letters);
	if (letter != NULL) {
		TAILQ_REMOVE(&letters, letter, link);
		letter_count--;
	}
	pthread_mutex_unlock(&post_lock);
	return letter;
}

static void
read_letters(void)
{
	struct letter *letter;

	while ((letter = next_letter()) != NULL) {
		deliver(letter);
		free(letter);
	}
}

/* --- telling the calls --- */

static void
tell_call(struct wire *w)
{
	struct line_news news;
	bool some;

	line_lock();
	some = line_news(w->line, &news);
	line_unlock();
	if (!some)
		return;
	world_lock();
	talk_stream_news(&news, w->stream_sid);
	world_unlock();
}

/* Also forgets the sockets that are gone. */
static void
tell_calls(void)
{
	struct wire *w, *next;
	bool some;

	line_lock();
	some = line_some_news();
	line_unlock();
	if (!some && !some_gone)
		return;
	some_gone = false;
	for (w = TAILQ_FIRST(&wires); w != NULL; w = next) {
		next = TAILQ_NEXT(w, link);
		tell_call(w);
		if (w->over && w->lws == NULL) {
			TAILQ_REMOVE(&wires, w, link);
			line_lock();
			line_set_wire(w->line, NULL);
			line_unlock();
			free(w);
		}
	}
}

/* --- the pulse --- */

static void
set_pulse(bool on)
{
	struct itimerspec t = { 0 };
	int64_t first_us = (timer_now_us() / PULSE_US + 1) * PULSE_US;
	static bool is_on;

	if (on == is_on)
		return;
	is_on = on;
	if (on) {
		t.it_interval.tv_nsec = PULSE_US * 1000;
		t.it_value.tv_sec = first_us / 1000000;
		t.it_value.tv_nsec = first_us % 1000000 * 1000;
	}
	if (timerfd_settime(pulse_fd, TFD_TIMER_ABSTIME, &t, NULL) != 0)
		log_error("the timer of the media streams: %s", strerror(errno));
}

/* Makes the frames that are due. True when the socket has something to do. */
static bool
tick(struct wire *w, int64_t now_us)
{
	bool late, finished, due = false;

	line_lock();
	for (int i = 0; i < CATCH_UP && line_due_us(w->line) <= now_us; i++) {
		line_tick(w->line);
		due = true;
	}
	if (due)
		order_voice(w->line);
	finished = line_finished(w->line, now_us, &late);
	line_unlock();
	if (late)
		lws_set_timeout(w->lws, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	return due || finished;
}

static void
beat(void)
{
	int64_t now_us = timer_now_us();
	bool some = false;
	struct wire *w;

	TAILQ_FOREACH(w, &wires, link)
	{
		if (!w->open)
			continue;
		some = true;
		if (tick(w, now_us))
			lws_callback_on_writable(w->lws);
	}
	set_pulse(some);
}

static int
on_pulse(struct lws *lws, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	uint64_t beats;

	(void)lws, (void)user, (void)in, (void)len;
	if (reason == LWS_CALLBACK_RAW_RX_FILE && read(pulse_fd, &beats, sizeof(beats)) > 0)
		beat();
	return 0;
}

/* --- libwebsockets's callbacks --- */

static int
code_of(const char *why)
{
	static const struct {
		const char *part;
		int code;
	} codes[] = {
		{ "tls", 31910 },
		{ "ssl", 31910 },
		{ "certificate", 31910 },
		{ "timed out", 31901 },
		{ "timeout", 31901 },
		{ "waiting", 31901 },
		{ "connect", 31902 },
		{ "dns", 31902 },
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcasestr(why, codes[i].part) != NULL)
			return codes[i].code;
	return 31920;
}

static int
add_headers(struct wire *w, unsigned char **at, size_t len)
{
	unsigned char *end = *at + len;

	if (lws_add_http_header_by_name(w->lws, (const unsigned char *)"X-Twilio-Signature:",
		(const unsigned char *)w->signature, (int)strlen(w->signature), at, end) != 0 ||
	    lws_add_http_header_by_name(w->lws, (const unsigned char *)"User-Agent:",
		(const unsigned char *)"Twilio.TmeWs/1.0", 16, at, end) != 0)
		return -1;
	return 0;
}

/* Sends what waits, as far as the socket takes it. -1 closes it. */
static int
write_some(struct wire *w)
{
	int64_t now_us = timer_now_us();
	bool late, finished;
	uint8_t *bytes;
	size_t len;
	int n = 0;

	line_lock();
	while ((bytes = line_next(w->line, &len)) != NULL && !lws_send_pipe_choked(w->lws)) {
		n = lws_write(w->lws, bytes, len, LWS_WRITE_TEXT);
		if (n < (int)len)
			break;
		line_sent(w->line, now_us);
	}
	finished = line_finished(w->line, now_us, &late);
	line_unlock();
	if (n < 0)
		return -1;
	if (finished) {
		lws_close_reason(w->lws, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		return -1;
	}
	if (bytes != NULL)
		lws_callback_on_writable(w->lws);
	return 0;
}

static void
opened(struct wire *w)
{
	w->open = true;
	line_lock();
	line_open(w->line, timer_now_us());
	order_voice(w->line);
	line_unlock();
	set_pulse(true);
	lws_callback_on_writable(w->lws);
}

static void
received(struct wire *w, const void *bytes, size_t len)
{
	bool first = lws_is_first_fragment(w->lws);
	bool last = lws_is_final_fragment(w->lws);

	if (first)
		w->binary = lws_frame_is_binary(w->lws);
	line_lock();
	line_received(w->line, bytes, len, first, last, w->binary, timer_now_us());
	line_unlock();
	lws_callback_on_writable(w->lws);
}

static void
closed_now(struct wire *w)
{
	int code = w->close_code;
	bool fine = code == LWS_CLOSE_STATUS_NORMAL || code == LWS_CLOSE_STATUS_GOINGAWAY ||
	    code == LWS_CLOSE_STATUS_NO_STATUS;

	end_wire(w, fine ? 0 : 31921, fine ? "" : "the server closed the socket with a fault");
}

static void
failed(struct wire *w, const char *in, size_t len)
{
	char why[100];

	snprintf(why, sizeof(why), "%.*s", in == NULL ? 14 : (int)len,
	    in == NULL ? "no connection" : in);
	end_wire(w, code_of(why), why);
}

static int
on_stream(struct lws *lws, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct wire *w = user;

	switch (reason) {
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		read_letters();
		break;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		w->lws = lws;
		return add_headers(w, in, len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		failed(w, in, len);
		break;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		opened(w);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		received(w, in, len);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return write_some(w);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		w->close_code = LWS_CLOSE_STATUS_NO_STATUS;
		if (len >= 2)
			w->close_code = ((uint8_t *)in)[0] << 8 | ((uint8_t *)in)[1];
		break;
	case LWS_CALLBACK_CLIENT_CLOSED:
		closed_now(w);
		break;
	case LWS_CALLBACK_WSI_DESTROY:
		if (w != NULL) {
			w->lws = NULL;
			some_gone = true;
		}
		break;
	default:
		break;
	}
	return 0;
}

/* --- the thread --- */

static void *
run(void *arg)
{
	bool stop = false;

	(void)arg;
	while (!stop) {
		lws_service(context, 0);
		tell_calls();
		pthread_mutex_lock(&post_lock);
		stop = closed;
		pthread_mutex_unlock(&post_lock);
	}
	return NULL;
}

static void
log_line(int level, const char *text)
{
	int len = (int)strcspn(text, "\n");

	if (level == LLL_ERR)
		log_error("%.*s", len, text);
	else
		log_warning("%.*s", len, text);
}

static void
make_context(void)
{
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.connect_timeout_secs = CONNECT_S,
		.timeout_secs = CONNECT_S,
		.vhost_name = "carrier" };

	lws_set_log_level(LLL_ERR | LLL_WARN, log_line);
	context = lws_create_context(&info);
	if (context == NULL)
		log_fatal("libwebsockets does not start");
	if (settings()->ca_file != NULL) {
		info.client_ssl_ca_filepath = settings()->ca_file;
		info.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
	}
	vhost = lws_create_vhost(context, &info);
	if (vhost == NULL)
		log_fatal("media streams: are the certificates in --ca-file readable?");
}

static void
make_pulse(void)
{
	lws_sock_file_fd_type fd;

	pulse_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	fd.filefd = pulse_fd;
	if (pulse_fd < 0 ||
	    lws_adopt_descriptor_vhost(
		vhost, LWS_ADOPT_RAW_FILE_DESC, fd, protocols[1].name, NULL) == NULL)
		log_fatal("no timer for media streams: %s", strerror(errno));
}

void
wire_start(void)
{
	int error;

	make_context();
	make_pulse();
	closed = false;
	error = pthread_create(&thread, NULL, run, NULL);
	if (error != 0)
		log_fatal("no thread for media streams: %s", strerror(error));
}

void
wire_stop(void)
{
	struct letter *letter;
	struct wire *w;

	pthread_mutex_lock(&post_lock);
	closed = true;
	lws_cancel_service(context);
	pthread_mutex_unlock(&post_lock);
	pthread_join(thread, NULL);
	lws_context_destroy(context);
	while ((letter = next_letter()) != NULL) {
		if (letter->bytes != NULL)
			munmap(letter->bytes, letter->len);
		free(letter);
	}
	while ((w = TAILQ_FIRST(&wires)) != NULL) {
		TAILQ_REMOVE(&wires, w, link);
		end_wire(w, 0, "");
		free(w);
	}
}
