/*
 * serve.c: see serve.h. One loop of libwebsockets: the socket that nginx connects to, the carrier's sockets,
 * what the threads of database and speech have done, and a tick.
 */
#include "voice/serve.h"

#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/signals.h"
#include "voice/carrier.h"
#include "voice/desk.h"
#include "voice/door.h"
#include "voice/ears.h"
#include "voice/link.h"
#include "voice/listeners.h"
#include "voice/speech.h"

#define TICK_US 20000
/* Between two looks at the sockets: all of them are looked at each time, so with many it is cheaper to let some
 * frames come together. */
#define PAUSE_A_SOCKET_US 5
#define PAUSE_MAX_US 1000
#define HEADER_MAX 8192
#define HEADER_POOL 256 /* handshakes at once */
#define HANDSHAKE_S 10
#define OTHER_FILES \
	100 /* beside the listeners, and the conversations, each of which has up to three */
#define ACCEPT_AT_ONCE 64
#define LEAVE_S 60          /* after the longest talk: what is left is dropped */
#define FAREWELL_US 2000000 /* for handshakes that are under way */

static const struct engine_kind *const kinds[] = { &engine_script, &engine_openai, &engine_gemini };

struct server {
	const struct voice_env *env;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct sockets *sockets;
	struct desk *desk;
	struct speech *speech;
	struct listeners *listeners;
	struct lws *door, *listen_door, *desk_file;
	int listen_fd; /* of the door to listeners, or -1 */
	lws_sorted_usec_list_t tick;
	int64_t leaving_since; /* 0: not leaving */
};

const struct engine_kind *
voice_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

/* ---- files that are not the carrier's ---- */

/* The next connection, or -1. */
static int
accept_one(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		log_warning("no more connections can be taken: %s", strerror(errno));
	return fd;
}

static void
accept_some(struct server *s)
{
	int fd;

	for (int i = 0; i < ACCEPT_AT_ONCE && (fd = accept_one(s->env->listen_fd)) >= 0; i++)
		(void)sockets_adopt(s->sockets, s->vhost, fd);
}

static void
accept_listeners(struct server *s)
{
	int fd;

	for (int i = 0; i < ACCEPT_AT_ONCE && (fd = accept_one(s->listen_fd)) >= 0; i++)
		listeners_adopt(s->listeners, s->vhost, fd);
}

static void
take_answers(struct server *s)
{
	struct desk_answer *answer, *next;

	for (answer = desk_take(s->desk); answer != NULL; answer = next) {
		next = answer->next;
		sockets_answer(s->sockets, answer, clock_boot_us());
		desk_answer_free(answer);
	}
}

/* The two doors, the desk and the speaker. */
static int
on_file(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	const struct lws_protocols *protocol = lws_get_protocol(wsi);
	struct server *s;

	(void)user;
	(void)in;
	(void)len;
	if (protocol == NULL)
		return 0; /* not yet a file of ours */
	s = protocol->user;
	if (reason == LWS_CALLBACK_RAW_CLOSE_FILE && wsi == s->door)
		s->door = NULL;
	if (reason != LWS_CALLBACK_RAW_RX_FILE)
		return 0;
	if (wsi == s->door)
		accept_some(s);
	else if (wsi == s->listen_door)
		accept_listeners(s);
	else if (wsi == s->desk_file)
		take_answers(s);
	else
		speech_deliver(s->speech);
	return 0;
}

/* The library closes the descriptor. */
static struct lws *
adopt_file(struct server *s, int fd)
{
	lws_sock_file_fd_type file = { .filefd = fd };
	struct lws *wsi = lws_adopt_descriptor_vhost(
	    s->vhost, LWS_ADOPT_RAW_FILE_DESC, file, "file", NULL);

	if (wsi == NULL)
		log_fatal("the loop cannot watch a descriptor");
	return wsi;
}

/* ---- time ---- */

static void
leave(struct server *s, int64_t now)
{
	if (s->leaving_since != 0)
		return;
	s->leaving_since = now;
	accept_some(s); /* those who have come already */
	log_info("%d conversations are finished; new ones go elsewhere", sockets_count(s->sockets));
	if (s->door != NULL)
		lws_set_timeout(s->door, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void
on_tick(lws_sorted_usec_list_t *sul)
{
	struct server *s = lws_container_of(sul, struct server, tick);
	int64_t now = clock_boot_us();

	if (signal_stop || signal_reload)
		leave(s, now);
	sockets_tick(s->sockets, now);
	listeners_tick(s->listeners, now);
	lws_sul_schedule(s->context, 0, &s->tick, on_tick, TICK_US);
}

static bool
is_done(const struct server *s)
{
	int64_t waited = clock_boot_us() - s->leaving_since;

	if (s->leaving_since == 0 || waited < FAREWELL_US)
		return false;
	return (sockets_count(s->sockets) == 0 && desk_idle(s->desk)) ||
	    waited > (s->env->max_talk_s + LEAVE_S) * 1000000;
}

/* ---- the life ---- */

/* As many files as the conversations need, as far as we may. */
static void
raise_limit(int files_wanted)
{
	struct rlimit files;
	rlim_t wanted = (rlim_t)files_wanted;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		log_warning("the limit of open files cannot be raised");
}

static void
on_library_log(int level, const char *line)
{
	size_t len = strcspn(line, "\n");

	(void)level;
	log_debug("libwebsockets: %.*s", (int)len, line);
}

static void
open_context(struct server *s, const struct lws_protocols *protocols, int files)
{
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		    LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_IPV6,
		.fd_limit_per_thread = (unsigned)files,
		.max_http_header_data = HEADER_MAX,
		.max_http_header_pool = HEADER_POOL,
		.timeout_secs = HANDSHAKE_S };

	lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
	s->context = lws_create_context(&info);
	if (s->context == NULL)
		log_fatal("no event loop can be made");
	info.vhost_name = "carrier";
	s->vhost = lws_create_vhost(s->context, &info);
	if (s->vhost == NULL)
		log_fatal("the loop cannot serve");
}

/* Waits until so much has passed since the last look. */
static void
pause_since(int64_t looked_at, int64_t pause_us)
{
	int64_t left_us = pause_us - (clock_boot_us() - looked_at);
	struct timespec left = { .tv_nsec = (long)left_us * 1000 };

	if (left_us > 0)
		(void)nanosleep(&left, NULL);
}

static int
run(struct server *s)
{
	int64_t looked_at = 0, pause_us;
	int status = 0;

	lws_sul_schedule(s->context, 0, &s->tick, on_tick, TICK_US);
	while (!is_done(s) && status == 0) {
		pause_us = (int64_t)sockets_count(s->sockets) * PAUSE_A_SOCKET_US;
		pause_since(looked_at, pause_us < PAUSE_MAX_US ? pause_us : PAUSE_MAX_US);
		looked_at = clock_boot_us();
		if (lws_service(s->context, 0) < 0) {
			log_error("the event loop failed");
			status = 1;
		}
	}
	lws_sul_cancel(&s->tick);
	return status;
}

/* What the conversations are made of, but for what begins with them. */
static struct sockets_env
sockets_setup(const struct voice_env *env, const struct engine_env *engines)
{
	return (struct sockets_env){ .public_url = env->public_url,
		.carrier_token = env->carrier_token,
		.account_sid = env->account_sid,
		.max_talk_s = env->max_talk_s,
		.hold_s = env->hold_s,
		.most = env->max_calls,
		.kind = voice_kind(env->engine),
		.engine = engines };
}

/* Opens the door to listeners, where there is to be one. */
static void
open_listen_door(struct server *s, struct sockets_env *sockets, char name[DOOR_NAME_SIZE])
{
	s->listen_fd = s->env->listen_dir == NULL ? -1 : door_open(s->env->listen_dir, name);
	if (s->listen_fd < 0)
		return;
	sockets->host = s->env->host;
	sockets->door = name;
}

/* All that the loop is to be woken by. */
static void
watch(struct server *s)
{
	s->door = adopt_file(s, s->env->listen_fd);
	if (s->listen_fd >= 0)
		s->listen_door = adopt_file(s, s->listen_fd);
	s->desk_file = adopt_file(s, dup(desk_fd(s->desk)));
	(void)adopt_file(s, dup(speech_fd(s->speech)));
}

static void
end(struct server *s, struct links *links, const char *door)
{
	if (s->listen_fd >= 0)
		door_remove(s->env->listen_dir, door);
	sockets_end(s->sockets);
	lws_context_destroy(s->context);
	links_free(links);
	listeners_free(s->listeners);
	sockets_free(s->sockets);
	desk_free(s->desk);
	speech_free(s->speech);
}

int
voice_serve(void *arg)
{
	const struct voice_env *env = arg;
	struct server s = { .env = env };
	struct engine_env engines = {
		.dialogue = env->dialogue, .openai = env->openai, .gemini = env->gemini
	};
	struct ears_setup ears = { .url = env->deepgram.url, .api_key = env->deepgram.api_key };
	struct sockets_env sockets = sockets_setup(env, &engines);
	struct lws_protocols protocols[4] = { { 0 } };
	char door[DOOR_NAME_SIZE];
	int files = 3 * env->max_calls + LISTENERS_MAX + OTHER_FILES, status;

	raise_limit(files);
	engines.speech = s.speech = speech_new();
	sockets.desk = s.desk = desk_new(env->database_url, env->statement_timeout_ms);
	signals_unblock(); /* of this thread alone; the library knows no mask, the tick looks at flags */
	open_listen_door(&s, &sockets, door);
	s.sockets = sockets_new(&sockets);
	s.listeners = listeners_new(s.sockets);
	sockets_protocol(s.sockets, &protocols[0]);
	listeners_protocol(s.listeners, &protocols[1]);
	protocols[2] = (struct lws_protocols){ .name = "file", .callback = on_file, .user = &s };
	open_context(&s, protocols, files);
	engines.links = ears.links = links_new(s.context, env->ca_file);
	if (engines.links == NULL)
		log_fatal("the loop cannot call out");
	if (env->deepgram.api_key[0] != '\0')
		sockets.ears = &ears;
	watch(&s);
	status = run(&s);
	end(&s, engines.links, door);
	return status;
}
