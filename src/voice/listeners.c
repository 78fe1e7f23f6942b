/*
 * listeners.c: see listeners.h. The answer has neither a length nor chunks: it ends with the connection, and nginx
 * makes of that what the client's protocol wants. A connection is raw to libwebsockets, whose HTTP would hold on to
 * one of its few tables of headers as long as somebody listens.
 */
#include "voice/listeners.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "voice/tap.h"
#include "voice/wav.h"

#define HEAD_MAX 1024                       /* bytes of a request */
#define HEAD_US 5000000                     /* for it to come */
#define STALL_US 30000000                   /* who takes nothing for so long is dropped */
#define END_US 1000000                      /* for the last of it to leave, once the talk is over */
#define PIECE_MIN (100 * TAP_BYTES_A_MS)    /* goes out in one go */
#define SEND_BUFFER (1000 * TAP_BYTES_A_MS) /* the kernel's, so that what is late is dropped here */
#define SPARE 32 /* connections beside the listeners: those that are being refused */
#define OUT_MAX (LWS_PRE + 8 * TAP_PIECE_MAX)

struct listener {
	LIST_ENTRY(listener) next;
	struct listeners *all;
	struct lws *wsi;
	int64_t since; /* the connection, the last write, or the end of the talk */
	char head[HEAD_MAX + 1];
	size_t head_len;
	struct ear *ear; /* NULL: the request has not come, or was refused */
	struct wav *wav; /* likewise */
	struct buf out;  /* what is to be sent next, behind room for the library */
	bool answered;   /* the request has come */
	bool over;
	char call_id[ID_SIZE];
};

struct listeners {
	struct sockets *sockets;
	LIST_HEAD(, listener) list;
	int count;
};

/* ---- the request ---- */

bool
listener_request_read(const char *head, struct listener_request *r)
{
	static const char begins[] = "GET /_listen/", slow[] = "?rate=8000&request=",
			  fast[] = "?rate=48000&request=", ends[] = " HTTP/1.1\r\n";
	static const char sane[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len;

	if (!str_starts(head, begins))
		return false;
	head += strlen(begins);
	len = strcspn(head, "?");
	if (len >= sizeof r->call_id)
		return false;
	r->rate = str_starts(head + len, fast) ? WAV_RATE_BROWSER : WAV_RATE;
	if (r->rate == WAV_RATE && !str_starts(head + len, slow))
		return false;
	snprintf(r->call_id, sizeof r->call_id, "%.*s", (int)len, head);
	head += len + strlen(r->rate == WAV_RATE ? slow : fast);
	len = strspn(head, sane);
	if (len > LISTENERS_REQUEST_ID_MAX || !str_starts(head + len, ends))
		return false;
	snprintf(r->request_id, sizeof r->request_id, "%.*s", (int)len, head);
	return id_valid(r->call_id, "call_");
}

/* ---- answers ---- */

static void
answer(struct listener *l, const char *status, const char *headers, const char *request_id)
{
	buf_printf(&l->out, "HTTP/1.1 %s\r\n%sConnection: close\r\n", status, headers);
	if (request_id[0] != '\0')
		buf_printf(&l->out, "X-Request-Id: %s\r\n", request_id);
	buf_puts(&l->out, "\r\n");
	l->answered = true;
	lws_callback_on_writable(l->wsi);
}

static void
refuse(struct listener *l, const char *status, const char *code, const char *message,
    const char *request_id)
{
	l->over = true;
	answer(l, status, "Content-Type: application/json\r\n", request_id);
	buf_printf(
	    &l->out, "{\"detail\": {\"error_code\": \"%s\", \"message\": \"%s\"}}", code, message);
}

static void
begin(struct listener *l, struct tap *tap, const struct listener_request *r)
{
	l->ear = l->all->count > LISTENERS_MAX ? NULL : ear_new(tap);
	if (l->ear == NULL) {
		refuse(l, "503 Service Unavailable", "too_many_listeners",
		    "As many listen to this call, or on this host, as may.", r->request_id);
		return;
	}
	log_info("somebody listens to the call");
	answer(l, "200 OK", "Content-Type: audio/wav\r\nX-Accel-Buffering: no\r\n", r->request_id);
	l->wav = wav_new(r->rate);
	wav_head(l->wav, &l->out);
}

static void
on_head(struct listener *l, int64_t now)
{
	struct listener_request r;
	struct tap *tap;

	if (!listener_request_read(l->head, &r)) {
		refuse(l, "404 Not Found", "not_found", "Not Found", "");
		return;
	}
	memcpy(l->call_id, r.call_id, sizeof l->call_id);
	log_about(l->call_id);
	tap = sockets_tap(l->all->sockets, r.call_id, now);
	if (tap == NULL)
		refuse(l, "409 Conflict", "call_over",
		    "The call is not talked in real time any more.", r.request_id);
	else
		begin(l, tap, &r);
	log_about(NULL);
}

static void
on_bytes(struct listener *l, const char *bytes, size_t len, int64_t now)
{
	if (l->answered)
		return; /* nothing more is wanted */
	if (len > HEAD_MAX - l->head_len)
		len = HEAD_MAX - l->head_len;
	memcpy(l->head + l->head_len, bytes, len);
	l->head_len += len;
	l->head[l->head_len] = '\0';
	if (strstr(l->head, "\r\n\r\n") != NULL || l->head_len == HEAD_MAX)
		on_head(l, now);
}

/* ---- sound ---- */

static void
clear_out(struct listener *l)
{
	static const char room[LWS_PRE];

	buf_clear(&l->out);
	buf_add(&l->out, room, sizeof room);
}

static size_t
waiting(const struct listener *l)
{
	return l->ear == NULL ? 0 : ear_waiting(l->ear);
}

/* The next piece of sound into out, if there is one that is long enough. */
static void
take_piece(struct listener *l)
{
	uint8_t pcm[TAP_PIECE_MAX];

	if (waiting(l) >= PIECE_MIN || (l->over && waiting(l) > 0))
		wav_sound(l->wav, pcm, ear_take(l->ear, pcm, sizeof pcm), &l->out);
}

/* False when the connection is to be closed. */
static bool
on_writable(struct listener *l)
{
	bool sent;

	if (!l->answered || lws_partial_buffered(l->wsi))
		return true;
	if (l->out.len == LWS_PRE)
		take_piece(l);
	if (l->out.len == LWS_PRE)
		return !l->over;
	sent = lws_write(l->wsi, (uint8_t *)l->out.data + LWS_PRE, l->out.len - LWS_PRE,
		   LWS_WRITE_RAW) >= 0;
	clear_out(l);
	if (!l->over)
		l->since = clock_boot_us();
	lws_callback_on_writable(l->wsi);
	return sent;
}

/* ---- libwebsockets ---- */

static struct listener *
listener_new(struct listeners *all, struct lws *wsi)
{
	struct listener *l = mem_zalloc(1, sizeof *l);

	l->all = all;
	l->wsi = wsi;
	l->since = clock_boot_us();
	buf_init(&l->out, OUT_MAX);
	clear_out(l);
	LIST_INSERT_HEAD(&all->list, l, next);
	all->count++;
	return l;
}

static void
listener_gone(struct listener *l)
{
	if (l->ear != NULL)
		ear_free(l->ear);
	wav_free(l->wav);
	LIST_REMOVE(l, next);
	l->all->count--;
	buf_free(&l->out);
	free(l);
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct listener **place = user;

	switch (reason) {
	case LWS_CALLBACK_RAW_ADOPT:
		*place = listener_new(protocol->user, wsi);
		return 0;
	case LWS_CALLBACK_RAW_RX:
		if (*place != NULL)
			on_bytes(*place, in, len, clock_boot_us());
		return 0;
	case LWS_CALLBACK_RAW_WRITEABLE:
		return *place == NULL || !on_writable(*place) ? -1 : 0;
	case LWS_CALLBACK_RAW_CLOSE:
		if (*place != NULL)
			listener_gone(*place);
		*place = NULL;
		return 0;
	default:
		return 0;
	}
}

/* ---- from outside ---- */

struct listeners *
listeners_new(struct sockets *sockets)
{
	struct listeners *all = mem_zalloc(1, sizeof *all);

	all->sockets = sockets;
	LIST_INIT(&all->list);
	return all;
}

void
listeners_free(struct listeners *all)
{
	free(all);
}

void
listeners_protocol(struct listeners *all, struct lws_protocols *protocol)
{
	*protocol = (struct lws_protocols){ .name = LISTENERS_PROTOCOL,
		.callback = callback,
		.per_session_data_size = sizeof(struct listener *),
		.rx_buffer_size = HEAD_MAX,
		.user = all };
}

void
listeners_adopt(struct listeners *all, struct lws_vhost *vhost, int fd)
{
	const int size = SEND_BUFFER;
	lws_sock_file_fd_type file = { .sockfd = fd };

	if (all->count >= LISTENERS_MAX + SPARE) {
		log_warning("no more listeners can be taken");
		close(fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_SOCKET, file, LISTENERS_PROTOCOL, NULL) ==
	    NULL)
		log_warning("a listener could not be taken");
}

static void
listener_tick(struct listener *l, int64_t now)
{
	int64_t limit = !l->answered ? HEAD_US : l->over ? END_US : STALL_US;

	if (l->ear != NULL && !l->over && ear_over(l->ear)) {
		l->over = true;
		l->since = now;
	}
	if (now - l->since > limit)
		lws_set_timeout(l->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	else if (l->over || waiting(l) >= PIECE_MIN)
		lws_callback_on_writable(l->wsi);
}

void
listeners_tick(struct listeners *all, int64_t now)
{
	struct listener *l;

	LIST_FOREACH(l, &all->list, next)
	listener_tick(l, now);
}
