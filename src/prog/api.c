/*
 * api.c: offhook-api, the master of the pre-forked FastCGI workers. Two pools: one for customers,
 * one for the carrier's webhooks, each on a socket of its own, so that customers who wait for
 * their dial never hold the very webhook that would end their wait. Beside them the committer, which
 * accepts the calls that workers ask for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/routes.h"
#include "auth/token.h"
#include "base/log.h"
#include "base/mem.h"
#include "config.h"
#include "domain/accept.h"
#include "domain/skill.h"
#include "http/fcgi.h"
#include "http/fetch.h"
#include "phone/number.h"
#include "prog/options.h"
#include "remote/llm.h"
#include "sys/daemon.h"
#include "sys/exchange.h"
#include "sys/signals.h"
#include "sys/spool.h"
#include "sys/supervise.h"
#include "work/commit.h"

#define PROGRAM "offhook-api"
#define BACKLOG 511
#define BODY_MAX (1u << 20)
#define DRAIN_MS 20000
/* Webhooks are short, and wait for nothing: a quarter of the workers that customers get, at least two. */
#define CARRIER_SHARE 4
#define CARRIER_WORKERS_MIN 2
/* A worker is disposable: after so many requests a new one takes its place, whatever a library
 * may have leaked. */
#define REQUESTS_MAX 1000000
/* How much longer than the database lets a statement run a worker waits for the committer: it may have to
 * connect, and the batch before is at work. */
#define ACCEPT_GRACE_MS 7000

struct api {
	struct options options;
	struct settings settings;
	struct api_env env;
	int customer_fd, carrier_fd;
	struct exchange_door door; /* of the committer */
};

/* One worker's share. */
struct worker {
	struct api *api;
	int listen_fd;
	struct db *db;
	struct asker *committer;
};

/* An agent that has nobody to think for it would apologise to everyone it calls. */
static bool
model_known(const struct settings *s, char *error, size_t size)
{
	struct llm model = { .base_url = s->openai.base_url, .api_key = s->openai.api_key };

	if (llm_configured(&model))
		return true;
	snprintf(error, size,
	    "voice.engine = openai needs openai.api_key, or a server of one's own in openai.base_url");
	return false;
}

/* What this release cannot do yet is refused here, not when the first call is answered. */
static bool
settings_served(const struct settings *s, char *error, size_t size)
{
	/* The conversations of a stream, and their engines, are offhook-voice's. */
	if (strcmp(s->voice.transport, "stream") == 0)
		return true;
	if (strcmp(s->voice.engine, "gemini") == 0) {
		snprintf(error, size,
		    "voice.engine = gemini does not talk turn by turn: set voice.transport to stream,"
		    " or voice.engine to script or openai");
		return false;
	}
	return !settings_talks(s) || model_known(s, error, size);
}

/* Fills the environment of the handlers from the settings. */
static bool
env_fill(struct api *api, char *error, size_t size)
{
	const struct settings *s = &api->settings;
	struct who_env who = api->env.who;
	struct token_rule *gateway = NULL;
	struct skill_set *skills;

	if (!settings_served(s, error, size))
		return false;
	if ((skills = skill_set_load(s->skills.dir, error, size)) == NULL)
		return false;
	if (s->server.gateway_fronted) {
		gateway = token_rule_new(
		    s->server.gateway_jwt_algorithm, s->server.gateway_jwt_key_file, error, size);
		if (gateway == NULL) {
			skill_set_free(skills);
			return false;
		}
	}
	token_rule_free((struct token_rule *)who.gateway);
	skill_set_free((struct skill_set *)api->env.skills);
	who.gateway = gateway;
	api->env = (struct api_env){
		.who = who,
		.version = PACKAGE_VERSION,
		.public_url = s->server.public_url,
		.sql_dir = s->database.schema_dir,
		.data_dir = s->server.data_dir,
		.queue_enabled = s->queue.enabled,
		.sync_wait_ms = s->calls.sync_wait_ms,
		.accept_wait_ms = (int)s->database.statement_timeout_ms + ACCEPT_GRACE_MS,
		.default_cap = s->calls.default_max_concurrent,
		.cap_ceiling = s->calls.max_concurrent_ceiling,
		.credits_per_call = s->calls.credits_per_call,
		.price_cents = s->calls.charge_cents,
		.max_talk_s = s->calls.max_duration_seconds,
		.machine = api->env.machine,
		.talks = settings_talks(s),
		.backend = { s->providers.call_backend_url, s->providers.call_backend_key,
		    s->webhooks.ca_file[0] != '\0' ? s->webhooks.ca_file : NULL },
		.skills = skills,
		.anywhere = s->webhooks.allow_private_networks,
		.voice_stream = strcmp(s->voice.transport, "stream") == 0,
		.carrier_token = s->twilio.auth_token,
		.carrier = { .api_url = s->twilio.api_url,
		    .account_sid = s->twilio.account_sid,
		    .auth_token = s->twilio.auth_token,
		    .from = s->twilio.phone_number },
		.store = { s->s3.endpoint, s->s3.region, s->s3.bucket, s->s3.prefix,
		    s->s3.access_key, s->s3.secret_key, s->s3.key_template, NULL },
		.carrier_set = s->twilio.account_sid[0] != '\0' && s->twilio.auth_token[0] != '\0',
	};
	return true;
}

/* SIGHUP: the new settings if they are right, the old ones otherwise. */
static bool
read_again(struct api *api)
{
	struct api next = *api;
	enum log_level level;
	char error[512];

	memset(&next.settings, 0, sizeof next.settings);
	if (!settings_read(api->options.config, &next.settings, error, sizeof error) ||
	    !env_fill(&next, error, sizeof error)) {
		settings_clear(&next.settings);
		log_error("the settings were not reloaded: %s", error);
		return false;
	}
	settings_clear(&api->settings);
	*api = next;
	if (log_level_parse(api->settings.server.log_level, &level))
		log_set_level(level);
	return true;
}

static bool
reload(void *arg)
{
	bool done;

	daemon_reloading();
	done = read_again(arg);
	if (done)
		log_info("the settings were reloaded");
	daemon_ready();
	return done;
}

static void
handle(const struct req *req, struct resp *resp, void *arg)
{
	struct worker *w = arg;
	struct ask ask = { .req = req,
		.resp = resp,
		.db = w->db,
		.committer = w->committer,
		.env = &w->api->env };

	gate_run(route_tables, &ask);
}

/* Between two requests: a worker that is to stop or to see new settings ends. */
static void
look_at_signals(void *arg)
{
	(void)arg;
	if (signal_stop || signal_reload)
		fcgi_stop();
}

static int
work(void *arg)
{
	struct worker *w = arg;
	const struct settings *s = &w->api->settings;
	struct db_options options = { PROGRAM, (int)s->database.statement_timeout_ms, 0 };
	struct fcgi_server server = { w->listen_fd, BODY_MAX, REQUESTS_MAX, handle, look_at_signals,
		w };
	int status;

	signals_unblock(); /* the server lets them in between requests alone */
	if (w->api->env.backend.url[0] != '\0')
		fetch_init();
	w->db = db_new(s->database.url, &options);
	w->committer = asker_new(w->api->door.outside, ACCEPT_MESSAGE_MAX);
	asker_open(w->committer); /* it ends after those that it knows of */
	status = fcgi_serve(&server);
	asker_free(w->committer);
	db_free(w->db);
	return status == 0 ? 0 : 1;
}

/* The committer stays while settings change: workers of before and after ask it. */
static int
commit(void *arg)
{
	struct api *api = arg;
	struct exchange *x = exchange_new(api->door.inside, ACCEPT_MESSAGE_MAX);

	for (;;) {
		const struct settings *s = &api->settings;
		struct db_options options = { PROGRAM, (int)s->database.statement_timeout_ms, 0 };
		struct db *db = db_new(s->database.url, &options);

		commit_serve(x, db);
		db_free(db);
		if (!signal_reload)
			break;
		signal_reload = 0;
		(void)read_again(api);
	}
	exchange_free(x);
	return 0;
}

/* The socket of the carrier's pool lies beside the customers'. */
static char *
carrier_socket(const char *socket)
{
	const char *slash = strrchr(socket, '/');
	size_t dir = slash == NULL ? 0 : (size_t)(slash - socket) + 1;
	size_t size = dir + sizeof "carrier.sock";
	char *path = mem_alloc(size);

	snprintf(path, size, "%.*scarrier.sock", (int)dir, socket);
	return path;
}

static int
open_socket(const char *name, const char *path)
{
	int fd = daemon_socket(name);

	if (fd < 0)
		fd = daemon_listen(path, BACKLOG);
	if (fd < 0)
		log_fatal("%s cannot be opened: the folder must exist and be ours", path);
	return fd;
}

/* Nothing needs the folder until the database goes away; then it is too late to make it. */
static void
look_at_spool(const struct settings *s)
{
	char path[512];

	snprintf(path, sizeof path, "%s/" SPOOL_FOLDER, s->server.data_dir);
	if (access(path, W_OK | X_OK) != 0)
		log_warning("%s cannot be written (%s): POST /api/v1/process will be refused while"
			    " the database is away",
		    path, strerror(errno));
}

static int
run(struct api *api)
{
	int customers = (int)api->settings.api.workers;
	int carriers = customers / CARRIER_SHARE > CARRIER_WORKERS_MIN ? customers / CARRIER_SHARE
								       : CARRIER_WORKERS_MIN;
	int committer = customers + carriers, count = committer + 1;
	struct child *children = mem_zalloc((size_t)count, sizeof *children);
	struct worker *workers = mem_zalloc((size_t)committer, sizeof *workers);
	struct supervisor supervisor = { children, count, DRAIN_MS, reload, NULL, api };
	int status;

	for (int i = 0; i < committer; i++) {
		bool customer = i < customers;

		workers[i] = (struct worker){ api, customer ? api->customer_fd : api->carrier_fd,
			NULL, NULL };
		children[i] = (struct child){ customer ? "worker" : "carrier worker", work,
			&workers[i], 0, 0, 0, 0 };
	}
	children[committer] = (struct child){ "committer", commit, api, 0, 0, 0, 0 };
	look_at_spool(&api->settings);
	phone_init(); /* what it loads, the workers share */
	daemon_ready();
	log_info("%d workers for customers, %d for the carrier", customers, carriers);
	status = supervise_run(&supervisor);
	daemon_stopping();
	free(children);
	free(workers);
	return status;
}

int
main(int argc, char **argv)
{
	struct api api = { 0 };
	char error[512], machine[DAEMON_MACHINE_SIZE];
	char *carrier;
	int status;

	log_open(PROGRAM, LOG_LEVEL_INFO);
	daemon_title_init(argc, argv);
	options_read(&api.options, PROGRAM, "Answers Offhook's HTTP API behind nginx.", argc, argv);
	options_settings(&api.options, &api.settings);
	if (!who_env_bootstrap(&api.env.who))
		log_fatal("OFFHOOK_BOOTSTRAP_ADMIN_API_KEY must have at least 16 characters");
	daemon_machine(machine);
	api.env.machine = machine;
	if (!env_fill(&api, error, sizeof error))
		log_fatal("%s", error);
	daemon_harden();
	carrier = carrier_socket(api.settings.api.socket);
	api.customer_fd = open_socket("api", api.settings.api.socket);
	api.carrier_fd = open_socket("carrier", carrier);
	if (!daemon_pid_file(api.options.pid_file))
		log_fatal("the pid file cannot be written");
	if (!exchange_door_open(&api.door))
		log_fatal("the committer cannot be reached");
	signals_init();
	status = run(&api);
	exchange_door_close(&api.door);
	free(carrier);
	token_rule_free((struct token_rule *)api.env.who.gateway);
	skill_set_free((struct skill_set *)api.env.skills);
	settings_clear(&api.settings);
	daemon_end();
	return status;
}
