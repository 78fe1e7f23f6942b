/*
 * test_serve.c: the life of the process that holds the streams, over a real PostgreSQL with our schema and a real
 * socket, as nginx speaks to it: what clients are told in it and at its end. Each client is a process, which ends the
 * server at last. In a database of its own beside the one of OFFHOOK_TEST_DATABASE_URL; skipped when that is unset.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "stream/serve.h"
#include "sys/signals.h"
#include "unit/database.h"
#include "unit/stream/events.h"

#define CALL "call_01m8ag254n90fbmptcfhdy3bs"
#define NO_CALL CALL "0"
#define LONG_MS 20000 /* never waited out where all is well */

static const struct db_options options = { .program = "test_serve" };
static const char *url;
static struct sockaddr_un address;
static struct stream_env env;
static char call_id[ID_SIZE]; /* of the test's own call */
static int calls;             /* so far */
static int64_t served_us;     /* how long the last server lived */

static int
make_database(void **state)
{
	struct db *db;

	(void)state;
	url = database_create("offhook_serve");
	db = db_new(url, &options);
	events_schema(db);
	db_free(db);
	return 0;
}

static int
drop_database(void **state)
{
	(void)state;
	database_drop();
	return 0;
}

static int
open_door(void **state)
{
	struct db *db = db_new(url, &options);

	(void)state;
	snprintf(call_id, sizeof call_id, CALL "%c", 'a' + calls++);
	events_call(db, call_id);
	db_free(db);
	signals_init();
	address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "offhook-test-serve-%d",
	    (int)getpid());
	env = (struct stream_env){ url, 5000, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), 10,
		15, 1800 };
	assert_int_equal(bind(env.listen_fd, (struct sockaddr *)&address, sizeof address), 0);
	return listen(env.listen_fd, 16);
}

static int
close_door(void **state)
{
	(void)state;
	signal_stop = signal_reload = 0;
	return close(env.listen_fd);
}

/* ---- a client, in a process of its own ---- */

static void
check(bool right, const char *what)
{
	if (right)
		return;
	print_error("the client: %s\n", what);
	kill(getppid(), SIGTERM);
	_exit(1);
}

static int
ask(const char *about, int after, const char *request)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char head[256];

	check(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "not connected");
	snprintf(head, sizeof head, "GET /_events/%s?after=%d&request=%s HTTP/1.0\r\n\r\n", about,
	    after, request);
	check(write(fd, head, strlen(head)) == (ssize_t)strlen(head), "not asked");
	return fd;
}

/* Reads on until that has come, which may be in what was read before, or to the end when it is NULL. */
static const char *
hear(int fd, const char *until)
{
	static char text[65536];
	static size_t len;
	int64_t end = clock_boot_us() + LONG_MS * INT64_C(1000);

	while (until == NULL || strstr(text, until) == NULL) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		ssize_t n;

		check(clock_boot_us() < end, "what was to come has not");
		if (poll(&ready, 1, 100) <= 0)
			continue;
		n = read(fd, text + len, sizeof text - len - 1);
		if (n <= 0) {
			check(until == NULL, "the stream was closed");
			break;
		}
		len += (size_t)n;
		text[len] = '\0';
	}
	return text;
}

/* Serves one client until he ends us by that signal, unless his life has done so. */
static int
serve(bool (*life)(void), int number)
{
	pid_t pid = fork();
	int status, result;

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (life())
			kill(getppid(), number);
		_exit(0);
	}
	served_us = -clock_boot_us();
	result = stream_serve(&env);
	served_us += clock_boot_us();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	return result;
}

/* ---- the lives ---- */

static bool
hears_it_all(void)
{
	struct db *db = db_new(url, &options);
	int fd = ask(call_id, 0, "r1");

	(void)hear(fd, "id: 1\n");
	events_add(db, call_id, 1, "speech", "{\"text\": \"hello\"}");
	check(strstr(hear(fd, "id: 2\n"), "hello") != NULL, "no text");
	db_free(db);
	(void)hear(fd, ": ");
	kill(getppid(), SIGTERM);
	check(strstr(hear(fd, NULL), "retry: ") != NULL, "not told to come back");
	return false;
}

/* The number in the order of all events is one that nobody reads any more: the look at the table finds it. */
static bool
hears_what_the_news_missed(void)
{
	struct db *db = db_new(url, &options);
	int fd = ask(call_id, 0, "");
	char sql[512];

	(void)hear(fd, "id: 1\n");
	snprintf(sql, sizeof sql,
	    "UPDATE calls SET event_count = 2 WHERE call_id = '%s';"
	    "INSERT INTO call_events (call_id, event_id, workspace_id, event_type, data, seq)"
	    " VALUES ('%s', 2, 'ws1', 'speech', '{}', -1)",
	    call_id, call_id);
	database_script(db, sql);
	(void)hear(fd, "id: 2\n");
	db_free(db);
	return true;
}

static bool
asks_for_a_call_that_is_none(void)
{
	const char *text = hear(ask(NO_CALL, 0, ""), NULL);

	check(strstr(text, "id: ") == NULL && strstr(text, "retry: ") != NULL, "something else");
	return true;
}

/* Takes nothing, and is not waited for. */
static bool
takes_nothing(void)
{
	struct db *db = db_new(url, &options);
	int fd = ask(call_id, 0, "");
	char data[4096];

	(void)hear(fd, "id: 1\n");
	memset(data, ' ', sizeof data);
	data[0] = '{';
	data[sizeof data - 2] = '}';
	data[sizeof data - 1] = '\0';
	for (int i = 0; i < 10; i++)
		events_add(db, call_id, 20, "speech", data);
	clock_sleep_ms(1000);
	db_free(db);
	kill(getppid(), SIGTERM);
	clock_sleep_ms(6000);
	return false;
}

/* Another who has all there is: nothing comes but what is new. */
static bool
asks_for_what_is_behind(void)
{
	struct db *db = db_new(url, &options);
	int fd = ask(call_id, 1, "");

	(void)hear(fd, ": ");
	events_add(db, call_id, 1, "speech", "{}");
	check(strstr(hear(fd, "id: 2\n"), "id: 1\n") == NULL, "the history again");
	db_free(db);
	return true;
}

static bool
does_nothing(void)
{
	return true;
}

/* ---- the tests ---- */

static void
a_client_hears_what_was_what_is_and_the_end(void **state)
{
	(void)state;
	env.heartbeat_s = 1;
	assert_int_equal(serve(hears_it_all, SIGTERM), 0);
}

static void
who_has_the_history_hears_what_is_new(void **state)
{
	(void)state;
	env.heartbeat_s = 1;
	assert_int_equal(serve(asks_for_what_is_behind, SIGTERM), 0);
}

static void
an_event_that_the_news_missed_is_found(void **state)
{
	(void)state;
	env.heartbeat_s = 1;
	assert_int_equal(serve(hears_what_the_news_missed, SIGHUP), 0);
}

static void
no_call_has_no_events_and_ends_with_its_time(void **state)
{
	(void)state;
	env.longest_s = 1;
	assert_int_equal(serve(asks_for_a_call_that_is_none, SIGTERM), 0);
}

static void
who_takes_nothing_does_not_hold_up_the_end(void **state)
{
	(void)state;
	assert_int_equal(serve(takes_nothing, SIGTERM), 0);
	assert_true(served_us < 5000000);
}

static void
a_socket_that_is_none_is_the_end(void **state)
{
	int fd = env.listen_fd;

	(void)state;
	env.listen_fd = -1;
	assert_int_equal(stream_serve(&env), 1);
	env.listen_fd = fd;
}

/* libevent has a warning for what cannot be watched; we live on. */
static void
what_cannot_be_watched_is_warned_of(void **state)
{
	int fd = env.listen_fd;

	(void)state;
	env.listen_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(serve(does_nothing, SIGTERM), 0);
	close(env.listen_fd);
	env.listen_fd = fd;
}

static void
as_many_files_as_the_streams_need_may_be_open(void **state)
{
	struct rlimit files, now;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	now = (struct rlimit){ 200, files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	assert_int_equal(serve(does_nothing, SIGTERM), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur >= 310);
	env.max_streams = files.rlim_max > 1000000 ? 1000000 : (int)files.rlim_max;
	assert_int_equal(serve(does_nothing, SIGTERM), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
	assert_true(now.rlim_cur >= (files.rlim_max > 1000300 ? 1000300 : files.rlim_max));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_door, close_door)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_client_hears_what_was_what_is_and_the_end),
		CASE(who_has_the_history_hears_what_is_new),
		CASE(an_event_that_the_news_missed_is_found),
		CASE(no_call_has_no_events_and_ends_with_its_time),
		CASE(who_takes_nothing_does_not_hold_up_the_end),
		CASE(a_socket_that_is_none_is_the_end),
		CASE(what_cannot_be_watched_is_warned_of),
		CASE(as_many_files_as_the_streams_need_may_be_open),
	};

	log_open("test_serve", LOG_LEVEL_ERROR);
	(void)setenv(
	    "EVENT_SHOW_METHOD", "1", 1); /* libevent has something to say that is no warning */
	if (database_server() == NULL)
		return 77;
	alarm(120); /* whatever goes wrong, the test ends */
	return cmocka_run_group_tests(tests, make_database, drop_database);
}
