/*
 * settings.h: every setting of every program, one field a key of offhook.conf(5). The table in
 * settings.c reads, checks, prints and documents them; tests/check-settings holds the manual and
 * the sample against it.
 */
#ifndef PROG_SETTINGS_H
#define PROG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/conf.h"

/* Texts are never NULL once settings_read() has succeeded; "" is "not set". */
struct settings {
	struct {
		char *public_url;
		bool gateway_fronted;
		char *gateway_jwt_algorithm;
		char *gateway_jwt_key_file; /* set whenever gateway_fronted is */
		char *log_level;            /* a word that log_level_parse() takes */
		char *data_dir;
	} server;
	struct {
		char *url;
		char *schema_dir; /* never "": replaced by where sql/ was installed */
		int64_t statement_timeout_ms;
	} database;
	struct {
		int64_t workers; /* never 0: that has been replaced by a number for this host */
		int64_t requests_per_second;
		char *socket;
	} api;
	struct {
		bool enabled;
		double cps;
	} queue;
	struct {
		int64_t default_max_concurrent; /* at most max_concurrent_ceiling */
		int64_t max_concurrent_ceiling;
		int64_t credits_per_call;
		int64_t charge_cents;
		int64_t sync_wait_ms;
		int64_t max_duration_seconds;
		int64_t retention_days; /* 0: calls are kept for ever */
	} calls;
	struct {
		char *dir; /* never "": replaced by where the manifests were installed */
	} skills;
	struct {
		char *account_sid, *auth_token, *phone_number;
		char *api_url;
		int64_t timeout_ms;
	} twilio;
	struct {
		char *transport, *engine;
		char *script;  /* a dialogue file, or "" */
		int64_t loops; /* never 0: that has been replaced by a number for this host */
		int64_t max_calls;
		int64_t hold_seconds;
		char *socket, *listen_dir;
	} voice;
	struct {
		char *api_key, *url, *model;
	} gemini;
	struct {
		char *api_key, *base_url, *model;
		double prompt_price, completion_price;
		int64_t context_tokens;
		char *realtime_url, *realtime_model;
	} openai;
	struct {
		char *api_key, *base_url, *live_url;
	} deepgram;
	struct {
		char *base_url;
	} callrail;
	struct {
		char *endpoint; /* "": there is no store; set: so are the bucket and the keys */
		char *region;   /* never "" */
		char *bucket, *prefix;
		char *access_key, *secret_key;
		char *key_template;
	} s3;
	struct {
		char *url, *username, *password, *from, *tls;
	} smtp;
	struct {
		char *ca_file;
		bool allow_private_networks;
	} webhooks;
	struct {
		char *call_backend_url, *call_backend_key;
	} providers;
	struct {
		int64_t max_streams;
		int64_t max_seconds;
		int64_t heartbeat_seconds;
		char *socket;
	} events;
};

#define SETTINGS_DEFAULT_PATH OFFHOOK_SYSCONFDIR "/offhook.conf"

/* Ends with a row whose name is NULL. */
extern const struct conf_key settings_keys[];

/*
 * Fills settings (all zero before) from the defaults, the file and the environment. path NULL:
 * SETTINGS_DEFAULT_PATH, which need not exist; a path that was named must. Returns false with a
 * sentence for the operator in error; settings is empty then.
 */
bool settings_read(const char *path, struct settings *settings, char *error, size_t error_size);
void settings_clear(struct settings *settings);

/* Whether a language model thinks for the agent, turn by turn. */
bool settings_talks(const struct settings *settings);

#endif
