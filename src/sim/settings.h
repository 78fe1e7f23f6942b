/*
 * settings.h: what the command line says. Read once at start, never changed after.
 */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct settings {
	char *listen_host; /* 127.0.0.1 */
	uint16_t listen_port;
	const char *account_sid;
	const char *auth_token;
	const char *api_key; /* NULL: only the account's own credentials */
	const char *api_secret;
	const char *from;       /* comma list of numbers that may call; NULL: any */
	const char *ledger;     /* NULL: none is kept */
	const char *ca_file;    /* NULL: the system's */
	const char *pid_file;   /* NULL: none */
	const char *recordings; /* where the folder of this run is made */
	double cps;             /* 0: no limit */
	int ring_ms;
	int talk_ms;
	int latency_ms;
	int tape_ms;       /* of the sound of each media stream that is kept */
	char base_url[64]; /* http://127.0.0.1:PORT, known once the socket is bound */
};

/* Reads options and environment. Ends the program with one sentence when something is wrong,
 * and after --help and --version. */
void settings_read(int argc, char **argv);
void settings_set_port(uint16_t port);
const struct settings *settings(void);
/* Frees what was copied: at the end of the program. */
void settings_close(void);

/* True when the account itself or an API key of it shows this name and secret. */
bool settings_credentials_ok(const char *user, const char *password);
/* True when number may be a From. */
bool settings_from_ok(const char *number);

#endif
