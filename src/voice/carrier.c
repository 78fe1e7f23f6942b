/*
 * carrier.c: see carrier.h. A socket: handshake (signature, call id), "connected", "start" (account, sid and a
 * token that the database takes once), sound until "stop" or until the session is over.
 */
#include "voice/carrier.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "voice/frames.h"
#include "voice/handshake.h"
#include "voice/socket.h"

#define OUT_MAX 8192      /* bytes of one message to the carrier */
#define START_US 10000000 /* from the connection to "start" */
#define BEGIN_US 8000000  /* for the database to take the token */
#define END_US 5000000    /* for the database to take the end in */
#define CLOSE_S 3         /* for the other side to take the close */
#define GONE_US 3000000   /* longer than a session needs to be quiet */
#define WRITES_AT_ONCE 16
#define UNUSED_MAX 50 /* messages that make no sense: more, and the socket is closed */

/* ---- states ---- */

void
socket_turn_to(struct socket *s, enum socket_state state)
{
	s->state = state;
	s->since = clock_boot_us();
}

/* The records have the end of the talk. */
static void
on_over(void *arg)
{
	struct socket *s = arg;
	size_t dropped = play_dropped(session_play(s->session));

	if (dropped > 0)
		log_warning("%zu ms of the agent's sound were dropped: it came too late, or was too"
			    " much at once",
		    dropped / 8);
	log_info("the conversation is over");
	socket_turn_to(s, REPORTING);
}

/* ---- closing ---- */

void
socket_close_soon(struct socket *s, int code)
{
	if (s->state >= CLOSING)
		return;
	socket_turn_to(s, CLOSING);
	s->close_code = code;
	lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_S);
	lws_callback_on_writable(s->wsi);
}

void
socket_refuse(struct socket *s, const char *why)
{
	log_warning("a media stream was refused: %s", why);
	socket_close_soon(s, LWS_CLOSE_STATUS_POLICY_VIOLATION);
}

/* ---- messages ---- */

static void
on_start(struct socket *s, const struct frame *f)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	char text[2 * DIGEST_SHA256_SIZE + 3] = "\\x";
	const struct sockets_env *env = s->all->env;
	const char *values[VOICE_VALUES_MAX] = { s->call_id, f->call_sid, text, env->host,
		env->door };

	if (f->token == NULL || strcmp(f->account_sid, env->account_sid) != 0) {
		socket_refuse(s, "its start names another account, or no token");
		return;
	}
	snprintf(s->stream_sid, sizeof s->stream_sid, "%s", f->stream_sid);
	snprintf(s->call_sid, sizeof s->call_sid, "%s", f->call_sid);
	digest_sha256(f->token, strlen(f->token), hash);
	digest_hex(hash, sizeof hash, text + 2);
	socket_turn_to(s, ASKING);
	if (!desk_put(env->desk, VOICE_BEGIN, s->number, values))
		socket_close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
}

static void
on_sound(struct socket *s, const struct frame *f, int64_t now)
{
	uint8_t pcmu[FRAME_SOUND_MAX + 2];
	int len = digest_unbase64_n(f->base64, f->base64_len, pcmu, sizeof pcmu);

	if (len > 0)
		session_hear(s->session, f->base64, f->base64_len, pcmu, (size_t)len, now);
}

/* A message of a stream that talks. */
static void
on_live(struct socket *s, const struct frame *f, int64_t now)
{
	switch (f->kind) {
	case FRAME_SOUND:
		on_sound(s, f, now);
		break;
	case FRAME_KEY:
		session_key(s->session, f->key, now);
		break;
	case FRAME_MARK:
		session_marked(s->session, f->mark, now);
		break;
	case FRAME_STOP:
		session_stopped(s->session, now);
		break;
	default:
		s->unused++;
	}
}

static void
on_message(struct socket *s, int64_t now)
{
	struct frame f;

	if (!frame_read(s->in.data, s->in.len, &f)) {
		socket_refuse(s, "it sends what the carrier does not");
		return;
	}
	if (s->state == CONNECTING && f.kind == FRAME_START)
		on_start(s, &f);
	else if (s->state == CONNECTING && f.kind != FRAME_CONNECTED && f.kind != FRAME_OTHER)
		socket_refuse(s, "it begins without a start");
	else if (s->state == LIVE && f.stream_sid[0] != '\0' &&
	    strcmp(f.stream_sid, s->stream_sid) != 0)
		socket_refuse(s, "it has become another stream");
	else if (s->state == LIVE)
		on_live(s, &f, now);
	else if (f.kind == FRAME_STOP)
		socket_close_soon(s, LWS_CLOSE_STATUS_NORMAL);
	if (s->unused > UNUSED_MAX)
		socket_refuse(s, "it sends too much that makes no sense");
	frame_free(&f);
}

static void
on_receive(struct socket *s, const char *bytes, size_t len)
{
	if (s->state == CLOSING)
		return;
	if (lws_frame_is_binary(s->wsi)) {
		socket_refuse(s, "it sends binary messages");
		return;
	}
	if (lws_is_first_fragment(s->wsi))
		buf_clear(&s->in);
	buf_add(&s->in, bytes, len);
	if (buf_failed(&s->in))
		socket_refuse(s, "it sends a message that is too long");
	else if (lws_is_final_fragment(s->wsi) && lws_remaining_packet_payload(s->wsi) == 0)
		on_message(s, clock_boot_us());
}

/* The next message to the carrier in out, behind room for the library; false when there is none. */
static bool
next_message(struct socket *s, int64_t now)
{
	static const char room[LWS_PRE];
	struct play_out next;

	if (s->session == NULL)
		return false;
	play_take(session_play(s->session), now, &next);
	buf_clear(&s->out);
	buf_add(&s->out, room, sizeof room);
	if (next.kind == PLAY_SOUND)
		frame_sound(&s->out, s->stream_sid, next.sound, next.len);
	else if (next.kind == PLAY_MARK)
		frame_mark(&s->out, s->stream_sid, next.mark);
	else if (next.kind == PLAY_CLEAR)
		frame_clear(&s->out, s->stream_sid);
	return next.kind != PLAY_NOTHING;
}

/* Sends the close frame and lets the connection stand until the other side has answered it: libwebsockets' own
 * close shuts the connection at once, and what the carrier still sends may then reset it before the frame
 * has come there. */
static bool
send_close(struct socket *s)
{
	unsigned char frame[LWS_PRE + 4] = { 0 };

	if (s->close_sent)
		return true;
	s->close_sent = true;
	frame[LWS_PRE] = 0x88; /* final, close */
	frame[LWS_PRE + 1] = 2;
	frame[LWS_PRE + 2] = (unsigned char)(s->close_code >> 8);
	frame[LWS_PRE + 3] = (unsigned char)s->close_code;
	return lws_write(s->wsi, frame + LWS_PRE, 4, LWS_WRITE_RAW) >= 0;
}

/* False when the connection is to be closed. */
static bool
on_writable(struct socket *s)
{
	int64_t now = clock_boot_us();

	if (s->state == CLOSING)
		return send_close(s);
	for (int i = 0; i < WRITES_AT_ONCE; i++) {
		if (lws_partial_buffered(s->wsi) || !next_message(s, now))
			return true;
		if (lws_write(s->wsi, (unsigned char *)s->out.data + LWS_PRE, s->out.len - LWS_PRE,
			LWS_WRITE_TEXT) < 0)
			return false;
	}
	lws_callback_on_writable(s->wsi);
	return true;
}

/* What cannot be written shows again when the library asks, which then closes the connection. */
static void
on_ready(void *arg)
{
	struct socket *s = arg;

	if (s->wsi != NULL && (s->state != LIVE || !on_writable(s)))
		lws_callback_on_writable(s->wsi);
}

/* ---- the handshake ---- */

static int
answer_http(struct lws *wsi, unsigned status)
{
	if (lws_return_http_status(wsi, status, NULL) != 0 || lws_http_transaction_completed(wsi))
		return -1;
	return 0;
}

static int
on_handshake(struct sockets *all, struct lws *wsi)
{
	char call_id[ID_SIZE];

	if (handshake_read(wsi, all->env->public_url, all->env->carrier_token, call_id))
		return 0;
	log_warning("a handshake was refused: its signature or its path is wrong");
	return lws_return_http_status(wsi, HTTP_STATUS_FORBIDDEN, NULL) < 0 ? -1 : 1;
}

static struct socket *
socket_new(struct sockets *all, struct lws *wsi)
{
	struct socket *s = mem_zalloc(1, sizeof *s);

	if (!handshake_read(wsi, all->env->public_url, all->env->carrier_token, s->call_id)) {
		free(s);
		return NULL;
	}
	s->all = all;
	s->wsi = wsi;
	s->number = ++all->last_number;
	s->records = (struct records){ .desk = all->env->desk,
		.public_url = all->env->public_url,
		.call_id = s->call_id,
		.number = s->number,
		.ready = on_ready,
		.over = on_over,
		.arg = s };
	buf_init(&s->in, FRAME_MAX + 1);
	buf_init(&s->out, OUT_MAX);
	LIST_INSERT_HEAD(&all->list, s, next);
	all->count++;
	socket_turn_to(s, CONNECTING);
	return s;
}

static void
socket_free(struct socket *s)
{
	if (s->session != NULL)
		session_free(s->session);
	LIST_REMOVE(s, next);
	s->all->count--;
	buf_free(&s->in);
	buf_free(&s->out);
	free(s);
}

static void
socket_gone(struct socket *s)
{
	log_about(s->call_id);
	s->wsi = NULL;
	if (s->state == LIVE) { /* without a stop: as good as one */
		session_stopped(s->session, clock_boot_us());
		session_tick(s->session, clock_boot_us());
	}
	socket_turn_to(s, GONE);
	if (s->session == NULL || session_quiet(s->session) || s->all->ending)
		socket_free(s);
	log_about(NULL);
}

/* ---- libwebsockets ---- */

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct socket **place = user, *s;
	struct sockets *all;

	if (protocol == NULL)
		return 0; /* not yet a connection of ours */
	all = protocol->user;
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return answer_http(wsi, HTTP_STATUS_NOT_FOUND);
	case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
		return on_handshake(all, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		*place = socket_new(all, wsi);
		return *place == NULL ? -1 : 0;
	case LWS_CALLBACK_RECEIVE:
		if ((s = *place) == NULL)
			return 0; /* it is being closed; never -1 here: see give_up() in link.c */
		log_about(s->call_id);
		on_receive(s, in, len);
		log_about(NULL);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return *place != NULL && (*place)->close_sent; /* else it is answered */
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return *place == NULL || !on_writable(*place) ? -1 : 0;
	case LWS_CALLBACK_CLOSED:
		if (*place != NULL)
			socket_gone(*place);
		*place = NULL;
		return 0;
	default:
		return 0;
	}
}

/* ---- from outside ---- */

struct sockets *
sockets_new(const struct sockets_env *env)
{
	struct sockets *all = mem_zalloc(1, sizeof *all);

	all->env = env;
	LIST_INIT(&all->list);
	return all;
}

void
sockets_end(struct sockets *all)
{
	struct socket *s, *next;

	all->ending = true;
	for (s = LIST_FIRST(&all->list); s != NULL; s = next) {
		next = LIST_NEXT(s, next);
		if (s->state == GONE)
			socket_free(s);
	}
}

void
sockets_free(struct sockets *all)
{
	free(all);
}

void
sockets_protocol(struct sockets *all, struct lws_protocols *protocol)
{
	*protocol = (struct lws_protocols){ .name = "media",
		.callback = callback,
		.per_session_data_size = sizeof(struct socket *),
		.rx_buffer_size = 4096,
		.user = all };
}

bool
sockets_adopt(struct sockets *all, struct lws_vhost *vhost, int fd)
{
	if (all->count >= all->env->most) {
		log_warning("no more media streams can be taken");
		close(fd);
		return false;
	}
	return lws_adopt_socket_vhost(vhost, fd) != NULL; /* which closes it if not */
}

static void
socket_tick(struct socket *s, int64_t now)
{
	int64_t waited = now - s->since;

	if (s->state == CONNECTING && waited > START_US)
		socket_refuse(s, "no start has come in time");
	else if (s->state == ASKING && waited > BEGIN_US)
		socket_close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
	else if (s->state == REPORTING && waited > END_US)
		socket_close_soon(s, LWS_CLOSE_STATUS_NORMAL);
	else if (s->state == LIVE)
		session_tick(s->session, now);
	if (s->session != NULL && s->state < CLOSING && play_ready(session_play(s->session), now))
		lws_callback_on_writable(s->wsi);
}

void
sockets_tick(struct sockets *all, int64_t now)
{
	struct socket *s, *next;

	for (s = LIST_FIRST(&all->list); s != NULL; s = next) {
		next = LIST_NEXT(s, next);
		log_about(s->call_id);
		if (s->state != GONE)
			socket_tick(s, now);
		else if (session_quiet(s->session) || now - s->since > GONE_US)
			socket_free(s);
	}
	log_about(NULL);
	sockets_ask(all, now);
}

struct tap *
sockets_tap(struct sockets *all, const char *call_id, int64_t now)
{
	struct socket *s;

	LIST_FOREACH(s, &all->list, next)
	{
		if (s->state == LIVE && strcmp(s->call_id, call_id) == 0)
			return session_tap(s->session, now);
	}
	return NULL;
}

int
sockets_count(const struct sockets *all)
{
	return all->count;
}
