/*
 * carrier.c: see carrier.h. A socket: handshake (signature, call id), "connected", "start" (account, sid and a
 * token that the database takes once), sound until "stop" or until the session is over.
 */
#include "voice/carrier.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "voice/frames.h"
#include "voice/handshake.h"
#include "voice/records.h"
#include "voice/session.h"

#define OUT_MAX 8192      /* bytes of one message to the carrier */
#define START_US 10000000 /* from the connection to "start" */
#define BEGIN_US 8000000  /* for the database to take the token */
#define END_US 5000000    /* for the database to take the end in */
#define CLOSE_S 3         /* for the other side to take the close */
#define GONE_US 3000000   /* longer than a session needs to be quiet */
#define NEWS_US 250000    /* between two looks at the database */
#define WRITES_AT_ONCE 16
#define UNUSED_MAX 50 /* messages that make no sense: more, and the socket is closed */

enum state {
	CONNECTING, /* until "start" */
	ASKING,     /* the database is asked about the token */
	LIVE,       /* there is a session */
	REPORTING,  /* the session is over; the database takes it in */
	CLOSING,
	GONE /* the socket is; the session's ears still tell the last words */
};

struct socket {
	LIST_ENTRY(socket) next;
	struct sockets *all;
	struct lws *wsi;
	uint64_t number;
	enum state state;
	int64_t since; /* that state */
	char call_id[ID_SIZE];
	char stream_sid[40], call_sid[40];
	struct buf in, out;
	int unused;
	int close_code;
	bool close_sent;
	struct session *session;
	struct records records;
};

struct sockets {
	const struct sockets_env *env;
	LIST_HEAD(, socket) list;
	int count;
	uint64_t last_number;
	int64_t news_at;
	bool news_asked;
	bool ending; /* the loop is over: nobody lingers */
};

/* ---- states ---- */

static void
turn_to(struct socket *s, enum state state)
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
	turn_to(s, REPORTING);
}

/* ---- closing ---- */

static void
close_soon(struct socket *s, int code)
{
	if (s->state >= CLOSING)
		return;
	turn_to(s, CLOSING);
	s->close_code = code;
	lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, CLOSE_S);
	lws_callback_on_writable(s->wsi);
}

static void
refuse(struct socket *s, const char *why)
{
	log_warning("a media stream was refused: %s", why);
	close_soon(s, LWS_CLOSE_STATUS_POLICY_VIOLATION);
}

/* ---- messages ---- */

static void
on_start(struct socket *s, const struct frame *f)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	char text[2 * DIGEST_SHA256_SIZE + 3] = "\\x";
	const char *values[VOICE_VALUES_MAX] = { s->call_id, f->call_sid, text };

	if (f->token == NULL || strcmp(f->account_sid, s->all->env->account_sid) != 0) {
		refuse(s, "its start names another account, or no token");
		return;
	}
	snprintf(s->stream_sid, sizeof s->stream_sid, "%s", f->stream_sid);
	snprintf(s->call_sid, sizeof s->call_sid, "%s", f->call_sid);
	digest_sha256(f->token, strlen(f->token), hash);
	digest_hex(hash, sizeof hash, text + 2);
	turn_to(s, ASKING);
	if (!desk_put(s->all->env->desk, VOICE_BEGIN, s->number, values))
		close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
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
		refuse(s, "it sends what the carrier does not");
		return;
	}
	if (s->state == CONNECTING && f.kind == FRAME_START)
		on_start(s, &f);
	else if (s->state == CONNECTING && f.kind != FRAME_CONNECTED && f.kind != FRAME_OTHER)
		refuse(s, "it begins without a start");
	else if (s->state == LIVE && f.stream_sid[0] != '\0' &&
	    strcmp(f.stream_sid, s->stream_sid) != 0)
		refuse(s, "it has become another stream");
	else if (s->state == LIVE)
		on_live(s, &f, now);
	else if (f.kind == FRAME_STOP)
		close_soon(s, LWS_CLOSE_STATUS_NORMAL);
	if (s->unused > UNUSED_MAX)
		refuse(s, "it sends too much that makes no sense");
	frame_free(&f);
}

static void
on_receive(struct socket *s, const char *bytes, size_t len)
{
	if (s->state == CLOSING)
		return;
	if (lws_frame_is_binary(s->wsi)) {
		refuse(s, "it sends binary messages");
		return;
	}
	if (lws_is_first_fragment(s->wsi))
		buf_clear(&s->in);
	buf_add(&s->in, bytes, len);
	if (buf_failed(&s->in))
		refuse(s, "it sends a message that is too long");
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
		if (lws_send_pipe_choked(s->wsi) || !next_message(s, now))
			return true;
		if (lws_write(s->wsi, (unsigned char *)s->out.data + LWS_PRE, s->out.len - LWS_PRE,
			LWS_WRITE_TEXT) < 0)
			return false;
	}
	lws_callback_on_writable(s->wsi);
	return true;
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
		.over = on_over,
		.arg = s };
	buf_init(&s->in, FRAME_MAX + 1);
	buf_init(&s->out, OUT_MAX);
	LIST_INSERT_HEAD(&all->list, s, next);
	all->count++;
	turn_to(s, CONNECTING);
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
	if (s->state == LIVE) { /* without a stop: as good as one */
		session_stopped(s->session, clock_boot_us());
		session_tick(s->session, clock_boot_us());
	}
	s->wsi = NULL;
	turn_to(s, GONE);
	if (s->session == NULL || session_quiet(s->session) || s->all->ending)
		socket_free(s);
	log_about(NULL);
}

/* ---- libwebsockets ---- */

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct sockets *all = protocol == NULL ? NULL : protocol->user;
	struct socket **place = user, *s;

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
		refuse(s, "no start has come in time");
	else if (s->state == ASKING && waited > BEGIN_US)
		close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
	else if (s->state == REPORTING && waited > END_US)
		close_soon(s, LWS_CLOSE_STATUS_NORMAL);
	else if (s->state == LIVE)
		session_tick(s->session, now);
	if (s->session != NULL && s->state < CLOSING && play_ready(session_play(s->session), now))
		lws_callback_on_writable(s->wsi);
}

/* Asks what is new of all calls that talk. */
static void
ask_news(struct sockets *all, int64_t now)
{
	const char *values[VOICE_VALUES_MAX] = { NULL };
	const struct socket *s;
	struct buf list;

	if (all->news_asked || now < all->news_at)
		return;
	buf_init(&list, (size_t)all->env->most * ID_SIZE + 3);
	LIST_FOREACH(s, &all->list, next)
	{
		if (s->state == LIVE)
			buf_printf(&list, "%c%s", list.len == 0 ? '{' : ',', s->call_id);
	}
	buf_puts(&list, "}");
	values[0] = list.data;
	if (list.len > 1)
		all->news_asked = desk_put(all->env->desk, VOICE_NEWS, 0, values);
	all->news_at = now + NEWS_US;
	buf_free(&list);
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
	ask_news(all, now);
}

static void
take_begin(struct socket *s, const struct rows *rows, int64_t now)
{
	const struct sockets_env *env = s->all->env;
	json_t *numbers;
	char why[64];
	const char *text;

	if (s->state != ASKING)
		return;
	if (rows == NULL) {
		close_soon(s, LWS_CLOSE_STATUS_UNEXPECTED_CONDITION);
		return;
	}
	if (rows_count(rows) == 0) {
		refuse(s, "its token is not good for it");
		return;
	}
	text = rows_text(rows, 0, VOICE_BEGIN_TRANSFER_NUMBERS);
	numbers = json_parse_strict(text, strlen(text), why);
	s->session = session_new(&(struct session_setup){ .ops = &records_ops,
				     .arg = &s->records,
				     .kind = env->kind,
				     .env = env->engine,
				     .ears = env->ears,
				     .call_id = s->call_id,
				     .brief = rows_text(rows, 0, VOICE_BEGIN_BRIEF),
				     .language = rows_text(rows, 0, VOICE_BEGIN_LANGUAGE),
				     .call_kind = rows_text(rows, 0, VOICE_BEGIN_KIND),
				     .slots = rows_text(rows, 0, VOICE_BEGIN_SLOTS),
				     .learnt = rows_text(rows, 0, VOICE_BEGIN_LEARNT),
				     .answered_by = rows_text(rows, 0, VOICE_BEGIN_ANSWERED_BY),
				     .voicemail = rows_text(rows, 0, VOICE_BEGIN_VOICEMAIL),
				     .transfer_numbers = numbers,
				     .since_us = rows_int(rows, 0, VOICE_BEGIN_SINCE_MS) * 1000,
				     .max_talk_s = env->max_talk_s },
	    now);
	json_decref(numbers);
	turn_to(s, LIVE);
	log_info("a conversation begins");
}

static void
take_news(struct sockets *all, const struct rows *rows, int64_t now)
{
	struct socket *s;

	all->news_asked = false;
	for (int i = 0; rows != NULL && i < rows_count(rows); i++) {
		const char *call_id = rows_text(rows, i, VOICE_NEWS_CALL);
		const char *text = rows_text(rows, i, VOICE_NEWS_QUESTIONS);
		json_t *questions = text == NULL ? NULL : json_loads(text, 0, NULL);

		LIST_FOREACH(s, &all->list, next)
		{
			if (s->state != LIVE || strcmp(s->call_id, call_id) != 0)
				continue;
			log_about(call_id);
			if (rows_bool(rows, i, VOICE_NEWS_OVER))
				session_stopped(s->session, now);
			session_news(
			    s->session, rows_text(rows, i, VOICE_NEWS_ANSWERED_BY), questions, now);
		}
		json_decref(questions);
	}
	log_about(NULL);
}

void
sockets_answer(struct sockets *all, const struct desk_answer *answer, int64_t now)
{
	struct socket *s;

	if (answer->act == VOICE_NEWS) {
		take_news(all, answer->rows, now);
		return;
	}
	LIST_FOREACH(s, &all->list, next)
	{
		if (s->number != answer->who)
			continue;
		log_about(s->call_id);
		if (answer->act == VOICE_BEGIN)
			take_begin(s, answer->rows, now);
		else if (s->state == REPORTING)
			close_soon(s, LWS_CLOSE_STATUS_NORMAL);
		log_about(NULL);
		return;
	}
}

int
sockets_count(const struct sockets *all)
{
	return all->count;
}
