/*
 * worker.c: a whole worker of offhook-api under AFL++, run by "./dev fuzz worker": the loop that accepts, libfcgi, the
 * gate, the handlers, PostgreSQL and the committer are the program's own, because this is prog/api.c with another
 * main(). A case is a request as text: a line "METHOD /path?query", lines "Name: value", an empty line, the body. It is
 * framed as nginx frames one, with the key of OFFHOOK_TEST_KEY where it names none, and sent to the worker's socket.
 */
#define main api_main
#include "prog/api.c"
#undef main

#include <pthread.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/buf.h"

#define CASE_MAX 16384
#define LOOPS 5000 /* of one process, before AFL forks the next */
#define DATABASE_MS 5000

__AFL_FUZZ_INIT();

static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_len;

/* ---- FastCGI, as nginx speaks it ---- */

static void
record(struct buf *b, int type, const char *content, size_t len)
{
	const char head[8] = { 1, (char)type, 0, 1, (char)(len >> 8), (char)len, 0, 0 };

	buf_add(b, head, sizeof head);
	buf_add(b, content, len);
}

/* Content of any length, and the empty record that ends its stream. */
static void
stream(struct buf *b, int type, const char *content, size_t len)
{
	for (size_t part; len > 0; content += part, len -= part) {
		part = len < 32768 ? len : 32768;
		record(b, type, content, part);
	}
	record(b, type, "", 0);
}

static void
length(struct buf *b, size_t n)
{
	const char text[4] = { (char)(n >> 24 | 128), (char)(n >> 16), (char)(n >> 8), (char)n };

	buf_add(b, text, sizeof text);
}

static void
param(struct buf *b, const char *name, const char *value, size_t len)
{
	length(b, strlen(name));
	length(b, len);
	buf_puts(b, name);
	buf_add(b, value, len);
}

/* "X-Api-Key" as "HTTP_X_API_KEY"; false for what nginx would not pass on as one. */
static bool
header_name(const char *name, size_t len, char out[128])
{
	size_t n = 0;

	if (len == 0 || len > 100)
		return false;
	if (len != strlen("content-type") || strncasecmp(name, "content-type", len) != 0)
		n = (size_t)sprintf(out, "HTTP_");
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!(c == '-' || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
			return false;
		out[n++] = c == '-' ? '_' : c;
	}
	out[n] = '\0';
	return true;
}

/* The next line, and what comes after it. */
static const char *
line(const char **at, const char *end, size_t *len)
{
	const char *begin = *at, *stop = memchr(begin, '\n', (size_t)(end - begin));

	*len = (size_t)((stop != NULL ? stop : end) - begin);
	*at = stop != NULL ? stop + 1 : end;
	return begin;
}

static void
first_line(struct buf *params, const char *text, size_t len)
{
	const char *path = memchr(text, ' ', len), *query;
	size_t method_len = path != NULL ? (size_t)(path - text) : len;
	size_t path_len = path != NULL ? len - method_len - 1 : 0;

	path = path != NULL ? path + 1 : "";
	query = memchr(path, '?', path_len);
	param(params, "REQUEST_METHOD", text, method_len);
	param(params, "REQUEST_URI", path, path_len);
	param(params, "DOCUMENT_URI", path, query != NULL ? (size_t)(query - path) : path_len);
	param(params, "QUERY_STRING", query != NULL ? query + 1 : "",
	    query != NULL ? path_len - (size_t)(query - path) - 1 : 0);
}

/* The records of a case. */
static void
frame(struct buf *b, const char *text, size_t size)
{
	static const char begin[8] = { 0, 1 };
	const char *at = text, *end = text + size, *one, *colon, *key = getenv("OFFHOOK_TEST_KEY");
	char name[128], digits[32];
	struct buf params;
	bool keyed = false;
	size_t len;

	buf_init(&params, 4 * CASE_MAX);
	one = line(&at, end, &len);
	first_line(&params, one, len);
	while ((one = line(&at, end, &len)) < end && len > 0) {
		colon = memchr(one, ':', len);
		if (colon == NULL || !header_name(one, (size_t)(colon - one), name))
			continue;
		keyed = keyed || strcmp(name, "HTTP_X_API_KEY") == 0;
		colon += colon + 1 < one + len && colon[1] == ' ' ? 2 : 1;
		param(&params, name, colon, (size_t)(one + len - colon));
	}
	if (!keyed && key != NULL)
		param(&params, "HTTP_X_API_KEY", key, strlen(key));
	snprintf(digits, sizeof digits, "%td", end - at);
	param(&params, "CONTENT_LENGTH", digits, strlen(digits));
	param(&params, "REMOTE_ADDR", "127.0.0.1", strlen("127.0.0.1"));
	record(b, 1, begin, sizeof begin);
	stream(b, 4, params.data, params.len);
	stream(b, 5, at, (size_t)(end - at));
	buf_free(&params);
}

/* ---- nginx's place ---- */

/* Takes what the worker answers, so that it never waits for room. */
static void *
drain(void *arg)
{
	char trash[65536];
	int fd = (int)(intptr_t)arg;

	while (read(fd, trash, sizeof trash) > 0)
		continue;
	(void)close(fd);
	return NULL;
}

/* Sends a case. The socket's buffer is larger than any. */
static void
send_case(const char *text, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 16 * CASE_MAX;
	struct buf records;
	pthread_t thread;

	buf_init(&records, 8 * CASE_MAX);
	frame(&records, text, size < CASE_MAX ? size : CASE_MAX);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) != 0 ||
	    connect(fd, (struct sockaddr *)&address, address_len) != 0 ||
	    write(fd, records.data, records.len) != (ssize_t)records.len ||
	    pthread_create(&thread, NULL, drain, (void *)(intptr_t)fd) != 0 ||
	    pthread_detach(thread) != 0)
		abort();
	buf_free(&records);
}

/* Between two requests: the next case, or the end. */
static void
next_case(void *arg)
{
	(void)arg;
	if (__AFL_LOOP(LOOPS))
		send_case((const char *)__AFL_FUZZ_TESTCASE_BUF, (size_t)__AFL_FUZZ_TESTCASE_LEN);
	else
		fcgi_stop();
}

/* ---- the worker ---- */

static int
listen_here(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* A name that the kernel chooses, in no folder. */
	address_len = sizeof(sa_family_t);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, address_len) != 0 ||
	    listen(fd, 16) != 0)
		abort();
	address_len = sizeof address;
	if (getsockname(fd, (struct sockaddr *)&address, &address_len) != 0)
		abort();
	return fd;
}

static void
start_committer(struct api *api)
{
	pid_t parent = getpid();

	if (!exchange_door_open(&api->door))
		abort();
	if (fork() == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 || getppid() != parent)
			_exit(1);
		signals_init();
		_exit(commit(api));
	}
}

int
main(void)
{
	static struct api api;
	struct db_options options = { "offhook-fuzz", DATABASE_MS, 0 };
	struct worker w = { .api = &api };
	struct fcgi_server server = {
		.max_body = BODY_MAX, .handle = handle, .idle = next_case, .arg = &w
	};
	char error[512];

	log_open("fuzz-worker", LOG_LEVEL_ERROR);
	if (!settings_read(getenv("OFFHOOK_CONF"), &api.settings, error, sizeof error) ||
	    !env_fill(&api, error, sizeof error))
		log_fatal("%s", error);
	api.env.machine = "fuzz";
	start_committer(&api);
	phone_init();
	__AFL_INIT();
	server.listen_fd = listen_here();
	w.db = db_new(api.settings.database.url, &options);
	w.committer = asker_new(api.door.outside, ACCEPT_MESSAGE_MAX);
	next_case(NULL);
	if (fcgi_serve(&server) != 0)
		abort();
	asker_free(w.committer);
	db_free(w.db);
	return 0;
}
