/* serve.h: the life of the process that holds the streams. */
#ifndef STREAM_SERVE_H
#define STREAM_SERVE_H

#include <stdint.h>

struct stream_env {
	const char *database_url;
	int statement_timeout_ms;
	int listen_fd;
	int max_streams;
	int64_t heartbeat_s, longest_s;
};

/* Serves until a stop or reload signal, then tells all clients to come back and ends. arg is a
 * struct stream_env; the result is the exit status. */
int stream_serve(void *arg);

#endif
