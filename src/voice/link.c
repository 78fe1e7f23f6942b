/*
 * link.c: see link.h. A link that is closed lets go of its connection at once; what is left of that
 * belongs to libwebsockets alone, and is ended by the first event that finds nobody behind it.
 */
#include "voice/link.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "voice/lookup.h"

#define PROTOCOL "offhook-link"
#define CONNECT_MS 8000
#define LOOK_MS 5
#define CLOSE_S 3
#define BACKLOG_MAX (256u << 10)
#define SOUND_AGE_MS 1000
/* No model says so much in so long: 16 MiB in 4 s are four minutes of the largest sound a second. */
#define FLOOD_BYTES (16u << 20)
#define FLOOD_US 4000000
#define KEEP_SIZE (64u << 10) /* of the memory for a message, between two of them */

struct links {
	struct lws_context *context;
	struct lws_vhost *vhost;
};

struct alarm {
	lws_sorted_usec_list_t timer; /* first: its callback gets this pointer */
	struct links *links;
	void (*ring)(void *arg);
	void *arg;
};

struct link {
	struct links *links;
	const struct link_told *told;
	void *arg;
	char *url; /* taken apart; the next three are parts of it */
	const char *scheme, *host, *path;
	int port;
	char *header, *header_value;
	struct alarm *alarm;
	struct lookup *lookup;
	int address; /* the one that is tried */
	int64_t deadline_us;
	struct lws *wsi; /* NULL: there is no connection, or not any more */
	bool open;
	bool telling; /* one of told is running … */
	bool closed;  /* … and has closed the link */
	bool jammed;  /* words did not fit */
	struct backlog out;
	struct buf in;
	int64_t flood_from_us;
	size_t flood_bytes;
	struct link_end end;
};

/* ---- alarms ---- */

static void
on_timer(lws_sorted_usec_list_t *timer)
{
	struct alarm *a = (struct alarm *)(void *)timer;

	a->ring(a->arg);
}

struct alarm *
alarm_new(struct links *l, void (*ring)(void *arg), void *arg)
{
	struct alarm *a = mem_zalloc(1, sizeof *a);

	a->links = l;
	a->ring = ring;
	a->arg = arg;
	return a;
}

void
alarm_set(struct alarm *a, int64_t ms)
{
	if (ms == 0)
		lws_sul_cancel(&a->timer);
	else
		lws_sul_schedule(a->links->context, 0, &a->timer, on_timer, ms * LWS_US_PER_MS);
}

void
alarm_free(struct alarm *a)
{
	if (a != NULL)
		lws_sul_cancel(&a->timer);
	free(a);
}

/* ---- telling ---- */

static void
release(struct link *l)
{
	alarm_free(l->alarm);
	lookup_free(l->lookup);
	backlog_free(&l->out);
	buf_free(&l->in);
	free(l->url);
	free(l->header);
	if (l->header_value != NULL)
		explicit_bzero(l->header_value, strlen(l->header_value));
	free(l->header_value);
	free(l);
}

/* After one of told has run: false when the link is gone. */
static bool
survived(struct link *l)
{
	l->telling = false;
	if (!l->closed)
		return true;
	release(l);
	return false;
}

/* Lets go of the connection, which then ends by itself. */
static void
let_go(struct link *l)
{
	struct lws *wsi = l->wsi;

	l->wsi = NULL;
	if (wsi == NULL)
		return;
	lws_set_opaque_user_data(wsi, NULL);
	if (!l->open) {
		lws_set_timeout(wsi, PENDING_TIMEOUT_AWAITING_CONNECT_RESPONSE, LWS_TO_KILL_ASYNC);
		return;
	}
	lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_S);
	lws_callback_on_writable(wsi);
}

static void
tell_end(struct link *l)
{
	let_go(l);
	alarm_set(l->alarm, 0);
	l->telling = true;
	l->told->ended(l->arg, &l->end);
	(void)survived(l);
}

/* Appends what a stranger has written, as far as it can be printed. */
static void
add_foreign(struct link_end *end, const char *text, size_t len)
{
	size_t at = strlen(end->error), i;

	for (i = 0; i < len && at + 1 < sizeof end->error; i++)
		end->error[at++] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	end->error[at] = '\0';
}

/* ---- connecting ---- */

static const lws_retry_bo_t liveliness = { .secs_since_valid_ping = 10,
	.secs_since_valid_hangup = 15 };

/* False when nothing has come of it, with the reason in the link's end. */
static bool
connect_to(struct link *l, const char *address)
{
	struct lws_client_connect_info info = { .context = l->links->context,
		.vhost = l->links->vhost,
		.address = address,
		.port = l->port,
		.path = l->path,
		.host = l->host,
		.ssl_connection = strcmp(l->scheme, "wss") == 0 ? LCCSCF_USE_SSL : 0,
		.alpn = "http/1.1",
		.local_protocol_name = PROTOCOL,
		.opaque_user_data = l,
		.retry_and_idle_policy = &liveliness };

	l->telling = true; /* what fails in there is told when it has returned */
	l->wsi = lws_client_connect_via_info(&info);
	l->telling = false;
	return l->wsi != NULL;
}

static void
try_next(struct link *l)
{
	const char *address;

	while ((address = lookup_address(l->lookup, l->address++)) != NULL) {
		if (connect_to(l, address))
			return;
	}
	if (l->end.error[0] == '\0')
		snprintf(l->end.error, sizeof l->end.error, "could not be connected to");
	tell_end(l);
}

static void
on_alarm(void *arg)
{
	struct link *l = arg;
	bool late = clock_boot_us() >= l->deadline_us;

	if (l->jammed) {
		snprintf(l->end.error, sizeof l->end.error, "takes no more words");
		tell_end(l);
	} else if (late) {
		snprintf(l->end.error, sizeof l->end.error, "did not answer within %d s",
		    CONNECT_MS / 1000);
		tell_end(l);
	} else if (lookup_state(l->lookup) == LOOKUP_ASKED) {
		alarm_set(l->alarm, LOOK_MS);
	} else if (lookup_state(l->lookup) == LOOKUP_FAILED) {
		snprintf(l->end.error, sizeof l->end.error, "has no address: %s",
		    lookup_error(l->lookup));
		tell_end(l);
	} else {
		alarm_set(l->alarm, (l->deadline_us - clock_boot_us()) / 1000 + 1);
		try_next(l);
	}
}

struct link *
link_open(const struct link_setup *setup, const struct link_told *told, void *arg)
{
	struct link *l = mem_zalloc(1, sizeof *l);
	const char *path;
	char *whole;

	l->links = setup->links;
	l->told = told;
	l->arg = arg;
	l->end.code = 1006;
	backlog_init(&l->out, BACKLOG_MAX, SOUND_AGE_MS);
	buf_init(&l->in, setup->message_max);
	if (setup->header != NULL) {
		l->header = mem_strdup(setup->header);
		l->header_value = mem_alloc(strlen(setup->scheme) + strlen(setup->secret) + 1);
		stpcpy(stpcpy(l->header_value, setup->scheme), setup->secret);
	}
	/* The path comes without its slash, and the text before it is cut there: hence a second one. */
	l->url = mem_alloc(2 * strlen(setup->url) + 4);
	memcpy(l->url, setup->url, strlen(setup->url) + 1);
	whole = l->url + strlen(setup->url) + 1;
	l->alarm = alarm_new(l->links, on_alarm, l);
	l->deadline_us = clock_boot_us() + CONNECT_MS * 1000;
	if (lws_parse_uri(l->url, &l->scheme, &l->host, &l->port, &path) != 0)
		l->scheme = l->host = path = "";
	whole[0] = '/';
	memcpy(whole + 1, path, strlen(path) + 1);
	l->path = whole;
	l->lookup = lookup_new(l->host);
	alarm_set(l->alarm, 1);
	return l;
}

/* ---- what the connection does ---- */

static int
on_header(struct link *l, struct lws *wsi, unsigned char **at, size_t len)
{
	if (l->header == NULL)
		return 0;
	return lws_add_http_header_by_name(wsi, (const unsigned char *)l->header,
	    (const unsigned char *)l->header_value, (int)strlen(l->header_value), at, *at + len);
}

/* While lws_client_connect_via_info() runs, it is for connect_to() to go on. */
static void
on_failure(struct link *l, struct lws *wsi, const char *text, size_t len)
{
	lws_set_opaque_user_data(wsi, NULL);
	l->end.status = (int)lws_http_client_http_response(wsi);
	l->end.error[0] = '\0';
	if (l->end.status != 0 && l->end.status != 101)
		snprintf(l->end.error, sizeof l->end.error, "answered %d", l->end.status);
	else
		add_foreign(&l->end, text == NULL ? "no connection" : text,
		    text == NULL ? strlen("no connection") : len);
	if (l->telling)
		return;
	l->wsi = NULL;
	if (l->end.status != 0)
		tell_end(l);
	else
		try_next(l);
}

static int
on_open(struct link *l, struct lws *wsi)
{
	l->wsi = wsi;
	l->open = true;
	l->end.error[0] = '\0';
	alarm_set(l->alarm, 0);
	lws_callback_on_writable(wsi);
	l->telling = true;
	l->told->opened(l->arg);
	(void)survived(l);
	return 0;
}

/* Ends the connection from our side, as soon as it can be written to (on_orphan()). Not at once: after a -1
 * to a message libwebsockets 4.1 waits for the other side's close with its buffer full, and writes what
 * comes meanwhile behind that buffer. */
static int
give_up(struct link *l, struct lws *wsi, enum lws_close_status code, const char *error)
{
	enum lws_close_status *why = lws_wsi_user(wsi);

	snprintf(l->end.error, sizeof l->end.error, "%s", error);
	*why = code;
	lws_set_opaque_user_data(wsi, NULL);
	lws_callback_on_writable(wsi);
	l->wsi = NULL;
	tell_end(l);
	return 0;
}

static bool
floods(struct link *l, size_t len)
{
	int64_t now = clock_boot_us();

	if (now - l->flood_from_us > FLOOD_US) {
		l->flood_from_us = now;
		l->flood_bytes = 0;
	}
	l->flood_bytes += len;
	return l->flood_bytes > FLOOD_BYTES;
}

static int
on_bytes(struct link *l, struct lws *wsi, const char *bytes, size_t len)
{
	if (floods(l, len))
		return give_up(l, wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, "floods us");
	buf_add(&l->in, bytes, len);
	if (buf_failed(&l->in))
		return give_up(
		    l, wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "sent a message that is too long");
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
		return 0;
	l->telling = true;
	l->told->message(l->arg, l->in.data, l->in.len);
	if (!survived(l))
		return 0;
	if (l->in.cap > KEEP_SIZE) {
		size_t max = l->in.max;

		buf_free(&l->in);
		buf_init(&l->in, max);
	}
	buf_clear(&l->in);
	return 0;
}

static int
on_writable(struct link *l, struct lws *wsi)
{
	enum backlog_kind kind;
	unsigned char *bytes;
	size_t len;
	int written;

	while (!lws_partial_buffered(wsi) &&
	    (bytes = backlog_next(&l->out, clock_boot_us(), &kind, &len)) != NULL) {
		written = lws_write(
		    wsi, bytes, len, kind == BACKLOG_BYTES ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
		if (written < 0)
			return -1;
		backlog_pop(&l->out);
	}
	if (!backlog_empty(&l->out))
		lws_callback_on_writable(wsi);
	return 0;
}

static void
on_close_frame(struct link *l, const unsigned char *frame, size_t len)
{
	if (len < 2)
		return;
	l->end.code = frame[0] << 8 | frame[1];
	snprintf(l->end.error, sizeof l->end.error, "closed with %d", l->end.code);
	if (len > 2) {
		add_foreign(&l->end, ": ", 2);
		add_foreign(&l->end, (const char *)frame + 2, len - 2);
	}
}

/* Also of a connection that never stood, and was given up by libwebsockets. */
static void
on_closed(struct link *l, struct lws *wsi)
{
	lws_set_opaque_user_data(wsi, NULL);
	if (l->telling)
		return; /* it is for connect_to() to go on */
	l->wsi = NULL;
	if (l->end.error[0] == '\0')
		snprintf(l->end.error, sizeof l->end.error, "%s",
		    l->open ? "broke off" : "did not answer");
	tell_end(l);
}

/* Nobody is behind this connection any more: it is closed, for the reason that was given, or as usual. */
static int
on_orphan(struct lws *wsi, enum lws_callback_reasons reason)
{
	const enum lws_close_status *why = lws_wsi_user(wsi);

	if (reason == LWS_CALLBACK_CLIENT_ESTABLISHED)
		return -1;
	if (reason != LWS_CALLBACK_CLIENT_WRITEABLE)
		return 0;
	lws_close_reason(wsi, *why != 0 ? *why : LWS_CLOSE_STATUS_NORMAL, NULL, 0);
	return -1;
}

static int
on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct link *l = wsi == NULL ? NULL : lws_get_opaque_user_data(wsi);

	(void)user;
	if (l == NULL)
		return wsi == NULL ? 0 : on_orphan(wsi, reason);
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return on_header(l, wsi, in, len);
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_failure(l, wsi, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		return on_open(l, wsi);
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_bytes(l, wsi, in, len);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return on_writable(l, wsi);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		on_close_frame(l, in, len);
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		on_closed(l, wsi);
		return 0;
	default:
		return 0;
	}
}

/* ---- from outside ---- */

/* A connection's own memory, all zero at first, is why it is closed. */
static const struct lws_protocols protocols[] = {
	{ .name = PROTOCOL,
	    .callback = on_event,
	    .per_session_data_size = sizeof(enum lws_close_status) },
	{ .name = NULL },
};

struct links *
links_new(struct lws_context *context, const char *ca_file)
{
	struct links *l = mem_zalloc(1, sizeof *l);
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.vhost_name = PROTOCOL,
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.client_ssl_ca_filepath = ca_file };

	/* libwebsockets would go on without. */
	if (ca_file != NULL && access(ca_file, R_OK) != 0) {
		log_error("%s cannot be read: %s", ca_file, strerror(errno));
		free(l);
		return NULL;
	}
	l->context = context;
	l->vhost = lws_create_vhost(context, &info);
	if (l->vhost != NULL)
		return l;
	log_error("connections to models cannot be prepared");
	free(l);
	return NULL;
}

void
links_free(struct links *l)
{
	free(l);
}

void
link_send(struct link *l, enum backlog_kind kind, const char *bytes, size_t len)
{
	if (!backlog_add(&l->out, kind, bytes, len, clock_boot_us())) {
		l->jammed = true;
		alarm_set(l->alarm, 1);
	}
	/* What cannot be written shows again when the library asks, which then closes the connection. */
	if (l->wsi != NULL && l->open && on_writable(l, l->wsi) < 0)
		lws_callback_on_writable(l->wsi);
}

int64_t
link_dropped(const struct link *l)
{
	return l->out.dropped;
}

void
link_close(struct link *l)
{
	if (l == NULL)
		return;
	let_go(l);
	alarm_set(l->alarm, 0);
	l->closed = true;
	if (!l->telling)
		release(l);
}
