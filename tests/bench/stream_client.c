/*
 * stream_client.c: opens event streams over TLS, one for each call, and writes down when events come.
 *
 *   stream_client PORT CA_FILE KEY THREADS
 *
 * Reads call ids from standard input, a line each, until it ends in a line ".". Says "open COUNT"
 * once each stream has brought its first event, and at the next line of input prints "N TIME" for
 * each event whose data has a member "n", in nanoseconds of CLOCK_MONOTONIC, and ends.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM 8192
#define MARK "\"n\": "

struct stream {
	SSL *ssl;
	char *call;
	size_t len;
	int opened;
	char text[ROOM]; /* what has come of a frame that is not whole */
};

struct record {
	long n;
	int64_t at;
};

static SSL_CTX *tls;
static struct stream *streams;
static int count, port, threads, closed;
static const char *key;
static struct record *records;
static size_t record_count, record_room;
static int open_count;

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
open_stream(struct stream *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char request[512];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "connect");
	s->ssl = SSL_new(tls);
	SSL_set_fd(s->ssl, fd);
	SSL_set1_host(s->ssl, "localhost");
	SSL_set_tlsext_host_name(s->ssl, "localhost");
	if (SSL_connect(s->ssl) != 1)
		errx(1, "TLS: %s", ERR_error_string(ERR_get_error(), NULL));
	snprintf(request, sizeof request,
	    "GET /calls/%s/events HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\n\r\n", s->call,
	    key);
	if (SSL_write(s->ssl, request, (int)strlen(request)) <= 0)
		errx(1, "the request could not be written");
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void *
open_share(void *arg)
{
	for (int i = (int)(intptr_t)arg; i < count; i += threads)
		open_stream(&streams[i]);
	return NULL;
}

/* One frame, or the head of the answer. */
static void
take(struct stream *s, const char *frame, int64_t at)
{
	const char *mark = strstr(frame, MARK);

	if (strncmp(frame, "HTTP/1.1 ", 9) == 0 && strncmp(frame + 9, "200", 3) != 0)
		errx(1, "not a stream: %.60s", frame);
	if (strstr(frame, "\ndata: ") != NULL && !s->opened) {
		s->opened = 1;
		open_count++;
	}
	if (mark == NULL)
		return;
	if (record_count == record_room) {
		record_room = record_room * 2 + 1024;
		records = realloc(records, record_room * sizeof *records);
		if (records == NULL)
			err(1, "memory");
	}
	records[record_count++] = (struct record){ atol(mark + strlen(MARK)), at };
}

static void
read_stream(struct stream *s)
{
	int64_t at = now_ns();
	char *end;
	int n;

	while ((n = SSL_read(s->ssl, s->text + s->len, (int)(ROOM - 1 - s->len))) > 0) {
		s->len += (size_t)n;
		s->text[s->len] = '\0';
		while ((end = strstr(s->text, "\n\n")) != NULL) {
			*end = '\0';
			take(s, s->text, at);
			s->len -= (size_t)(end + 2 - s->text);
			memmove(s->text, end + 2, s->len + 1);
		}
		if (s->len == ROOM - 1)
			errx(1, "a frame is too long");
	}
	if (SSL_get_error(s->ssl, n) != SSL_ERROR_WANT_READ) {
		closed++;
		SSL_free(s->ssl);
		s->ssl = NULL;
	}
}

static void
read_calls(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0 && strcmp(line, ".\n") != 0) {
		line[strcspn(line, "\n")] = '\0';
		streams = realloc(streams, (size_t)(count + 1) * sizeof *streams);
		if (streams == NULL)
			err(1, "memory");
		streams[count] = (struct stream){ .call = strdup(line) };
		count++;
	}
	free(line);
}

/* Reads all streams until a line comes on standard input. */
static void
follow(void)
{
	struct epoll_event events[256], e = { .events = EPOLLIN };
	int told = 0, set = epoll_create1(0);

	e.data.ptr = NULL;
	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &e) != 0)
		err(1, "epoll");
	for (int i = 0; i < count; i++) {
		e.data.ptr = &streams[i];
		if (epoll_ctl(set, EPOLL_CTL_ADD, SSL_get_fd(streams[i].ssl), &e) != 0)
			err(1, "epoll");
		read_stream(&streams[i]); /* TLS may have read it already */
	}
	for (;;) {
		int n = epoll_wait(set, events, 256, 1000);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				return;
			read_stream(events[i].data.ptr);
		}
		if (!told && open_count == count) {
			printf("open %d\n", count);
			fflush(stdout);
			told = 1;
		}
	}
}

int
main(int argc, char **argv)
{
	struct rlimit files;
	pthread_t *all;

	if (argc != 5)
		errx(2, "usage: stream_client PORT CA_FILE KEY THREADS");
	port = atoi(argv[1]);
	key = argv[3];
	threads = atoi(argv[4]);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	tls = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_load_verify_locations(tls, argv[2], NULL) != 1)
		errx(1, "%s: no certificates", argv[2]);
	setvbuf(stdin, NULL, _IONBF, 0);
	read_calls();
	all = calloc((size_t)threads, sizeof *all);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&all[i], NULL, open_share, (void *)(intptr_t)i) != 0)
			errx(1, "no thread");
	for (int i = 0; i < threads; i++)
		pthread_join(all[i], NULL);
	follow();
	for (size_t i = 0; i < record_count; i++)
		printf("%ld %lld\n", records[i].n, (long long)records[i].at);
	printf("closed %d\n", closed);
	return 0;
}
