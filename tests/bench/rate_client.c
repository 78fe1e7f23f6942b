/*
 * rate_client.c: an open-loop client: so many requests a second over kept TLS connections, whether
 * the answers come or not. A request's latency counts from the instant at which it was due, so a
 * server that stalls is charged for all who wait.
 *
 *   rate_client PORT CA_FILE RATE SECONDS CONNECTIONS REQUESTS_FILE
 *
 * A line of REQUESTS_FILE is PATH, KEY and BODY separated by tabs; without a body it is a GET.
 * Prints {"requests", "failed", "p50_us", "p99_us", "max_us"}.
 */
#include <arpa/inet.h>
#include <err.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MAX 65536

struct client {
	pthread_t thread;
	SSL *ssl;
	int index;
	long count, failed;
	int64_t *latencies;
};

static SSL_CTX *tls;
static char **requests;
static int request_count, port, clients;
static double rate, seconds;
static int64_t began;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
sleep_until(int64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		continue;
}

static SSL *
open_connection(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL *ssl = SSL_new(tls);

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "connect");
	SSL_set_fd(ssl, fd);
	SSL_set1_host(ssl, "localhost");
	SSL_set_tlsext_host_name(ssl, "localhost");
	if (SSL_connect(ssl) != 1)
		errx(1, "TLS: %s", ERR_error_string(ERR_get_error(), NULL));
	return ssl;
}

/* Whether the whole reply stands in text. */
static int
complete(const char *text, size_t len)
{
	const char *head = strstr(text, "\r\n\r\n"), *length;

	if (head == NULL)
		return 0;
	length = strcasestr(text, "\r\nContent-Length:");
	if (length != NULL && length < head)
		return len >= (size_t)(head + 4 - text) + strtoul(length + 17, NULL, 10);
	return len >= 5 && strcmp(text + len - 5, "0\r\n\r\n") == 0;
}

/* One request; whether it was answered with 2xx. */
static int
ask(SSL *ssl, const char *request)
{
	char reply[REPLY_MAX];
	size_t len = 0;

	if (SSL_write(ssl, request, (int)strlen(request)) <= 0)
		return 0;
	do {
		int n = SSL_read(ssl, reply + len, (int)(sizeof reply - 1 - len));

		if (n <= 0)
			return 0;
		len += (size_t)n;
		reply[len] = '\0';
	} while (!complete(reply, len));
	return strncmp(reply, "HTTP/1.1 2", 10) == 0;
}

static void *
run(void *arg)
{
	struct client *c = arg;

	for (long i = c->index; (double)i < rate * seconds; i += clients) {
		int64_t due = began + (int64_t)((double)i * 1e9 / rate);

		sleep_until(due);
		if (!ask(c->ssl, requests[i % request_count])) {
			c->failed++;
			c->ssl = open_connection();
		}
		c->latencies[c->count++] = now_ns() - due;
	}
	return NULL;
}

static void
read_requests(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *at, *where, *key, *body, *text;
	size_t size = 0;

	if (f == NULL)
		err(1, "%s", path);
	while (getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		at = line;
		where = strsep(&at, "\t");
		key = strsep(&at, "\t");
		body = at != NULL ? at : line + strlen(line);
		if (key == NULL ||
		    asprintf(&text,
			"%s %s HTTP/1.1\r\nHost: localhost:%d\r\nX-API-Key: %s\r\n"
			"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			*body != '\0' ? "POST" : "GET", where, port, key, strlen(body), body) < 0)
			errx(1, "%s: PATH, KEY and BODY are wanted", path);
		requests = realloc(requests, (size_t)(request_count + 1) * sizeof *requests);
		if (requests == NULL)
			err(1, "memory");
		requests[request_count++] = text;
	}
	fclose(f);
	free(line);
	if (request_count == 0)
		errx(1, "%s is empty", path);
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
report(struct client *all, int64_t *latencies)
{
	long count = 0, failed = 0;

	for (int i = 0; i < clients; i++) {
		memcpy(
		    latencies + count, all[i].latencies, (size_t)all[i].count * sizeof *latencies);
		count += all[i].count;
		failed += all[i].failed;
	}
	qsort(latencies, (size_t)count, sizeof *latencies, by_size);
	printf("{\"requests\": %ld, \"failed\": %ld, \"p50_us\": %.0f, \"p99_us\": %.0f, "
	       "\"max_us\": %.0f}\n",
	    count, failed, (double)latencies[count / 2] / 1e3,
	    (double)latencies[count * 99 / 100] / 1e3, (double)latencies[count - 1] / 1e3);
}

int
main(int argc, char **argv)
{
	struct client *all;
	size_t room;

	if (argc != 7)
		errx(2, "usage: rate_client PORT CA_FILE RATE SECONDS CONNECTIONS REQUESTS_FILE");
	port = atoi(argv[1]);
	rate = atof(argv[3]);
	seconds = atof(argv[4]);
	clients = atoi(argv[5]);
	read_requests(argv[6]);
	if (clients < 1 || rate * seconds < clients)
		errx(2, "there must be at least one request for each connection");
	signal(SIGPIPE, SIG_IGN);
	tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(tls, argv[2], NULL) != 1)
		errx(1, "%s: no certificates", argv[2]);
	room = (size_t)(rate * seconds) + 1;
	all = calloc((size_t)clients, sizeof *all);
	for (int i = 0; i < clients; i++) {
		all[i].index = i;
		all[i].latencies = calloc(room / (size_t)clients + 2, sizeof(int64_t));
		all[i].ssl = open_connection();
	}
	began = now_ns() + 100000000;
	for (int i = 0; i < clients; i++)
		if (pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
			errx(1, "no thread");
	for (int i = 0; i < clients; i++)
		pthread_join(all[i].thread, NULL);
	report(all, calloc(room, sizeof(int64_t)));
	return 0;
}
