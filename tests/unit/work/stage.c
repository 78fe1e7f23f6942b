/* stage.c: see stage.h. */
#include "unit/work/stage.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "sys/signals.h"
#include "unit/database.h"

#define PATIENCE_US INT64_C(20000000) /* never waited out where all is well */
#define QUIET_MS 700                  /* in which one more question would have come */
#define TEXT_MAX 8192

struct stage stage;
static const struct db_options options = { .program = "stage" };
static const char *url;
static int door;

/* ---- the database ---- */

int
stage_build(void **state)
{
	(void)state;
	stage.texts = arena_new();
	url = database_create("offhook_stage");
	stage.db = db_new(url, &options);
	database_migrate(stage.db);
	database_script(stage.db, "SELECT fn.workspace_create('ws1', 'default', 'w', 1000, 1000)");
	return 0;
}

int
stage_strike(void **state)
{
	(void)state;
	db_free(stage.db);
	database_drop();
	arena_free(stage.texts);
	return 0;
}

const char *
stage_text(const char *format, ...)
{
	char text[TEXT_MAX];
	va_list values;

	va_start(values, format);
	(void)vsnprintf(text, sizeof text, format, values);
	va_end(values);
	return arena_strdup(stage.texts, text);
}

static bool
holds(struct db *db, const char *condition)
{
	static int number;
	const struct statement asked = { stage_text("holds_%d", ++number),
		stage_text("SELECT coalesce((%s), false)", condition), 0 };
	struct rows *rows;
	bool so;

	if (db_run(db, &asked, NULL, &rows) != RC_OK)
		return false;
	so = rows_bool(rows, 0, 0);
	rows_free(rows);
	return so;
}

void
stage_assert(const char *condition)
{
	if (!holds(stage.db, condition))
		fail_msg("not so: %s", condition);
}

/* ---- the carrier, in a process of its own ---- */

struct question {
	int fd;
	const struct reply *reply;
};

struct carrier_life {
	const struct play *play;
	struct question open[STAGE_AT_ONCE_MAX];
	int open_count, asked, step;
	bool used[STAGE_REPLIES_MAX];
};

/* What is not right ends both. */
static void
check(bool right, const char *what)
{
	if (right)
		return;
	print_error("the carrier: %.400s\n", what);
	kill(getppid(), SIGTERM);
	_exit(1);
}

/* The text of a question, or NULL when the other side goes without one. */
static const char *
read_question(int fd)
{
	static char text[TEXT_MAX];
	const char *end, *length;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof text - 1 && (n = read(fd, text + len, sizeof text - 1 - len)) > 0) {
		text[len += (size_t)n] = '\0';
		if ((end = strstr(text, "\r\n\r\n")) == NULL)
			continue;
		length = strcasestr(text, "\r\nContent-Length: ");
		if (length == NULL || text + len >= end + 4 + strtoul(length + 18, NULL, 10))
			return text;
	}
	return NULL;
}

static const struct reply *
reply_to(struct carrier_life *c, const char *text)
{
	const struct reply *again = NULL;

	for (int i = 0; i < STAGE_REPLIES_MAX && c->play->replies[i].asked != NULL; i++) {
		if (strstr(text, c->play->replies[i].asked) == NULL)
			continue;
		again = &c->play->replies[i];
		if (!c->used[i])
			break;
	}
	if (again != NULL)
		c->used[again - c->play->replies] = true;
	return again;
}

/* Somebody has connected. */
static void
take_question(struct carrier_life *c)
{
	int fd = accept(door, NULL, NULL);
	const char *text = read_question(fd);
	const struct reply *reply;

	if (text == NULL) {
		close(fd);
		return;
	}
	reply = reply_to(c, text);
	check(reply != NULL, text);
	check(strstr(text, "\r\nAuthorization: Basic ") != NULL, "nobody said who asks");
	c->open[c->open_count++] = (struct question){ fd, reply };
	if (c->asked++ == 0 && c->play->at_first) {
		kill(getppid(), c->play->number);
		clock_sleep_ms(QUIET_MS); /* before it is answered */
	}
}

static void
answer(const struct question *q)
{
	static int calls;
	const char *body = q->reply->body;
	char text[TEXT_MAX];

	if (body == NULL)
		body = stage_text("{\"sid\": \"CA%016d%016d\"}", (int)getpid(), ++calls);
	snprintf(text, sizeof text,
	    "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", q->reply->status,
	    strlen(body), body);
	if (q->reply->status != 0)
		(void)!write(q->fd, text, strlen(text));
	close(q->fd);
}

/* Whether the last step has come. */
static bool
go_on(struct carrier_life *c, struct db *db)
{
	const struct step *s = &c->play->steps[c->step];

	if (c->asked < s->asked || !holds(db, s->when))
		return false;
	if (s->then != NULL)
		database_script(db, s->then);
	c->step++;
	return c->step == STAGE_STEPS_MAX || c->play->steps[c->step].when == NULL;
}

static void
carrier(const struct play *play)
{
	struct carrier_life c = { .play = play };
	struct db *db = db_new(url, &options);
	int64_t end = clock_boot_us() + PATIENCE_US;
	struct pollfd ready = { .fd = door, .events = POLLIN };
	bool answering = play->held == 0 && play->silent_until == 0;

	do {
		check(clock_boot_us() < end,
		    stage_text("%d questions, and never: %s", c.asked, play->steps[c.step].when));
		if (c.open_count < STAGE_AT_ONCE_MAX && poll(&ready, 1, 10) == 1)
			take_question(&c);
		if (!answering && play->held > 0 && c.open_count >= play->held) {
			answering = c.open_count == play->held && poll(&ready, 1, QUIET_MS) == 0;
			check(answering, "more questions at once than may be");
		}
		if (play->silent_until > 0 && c.step >= play->silent_until)
			answering = true;
		while (answering && c.open_count > 0)
			answer(&c.open[--c.open_count]);
	} while (!go_on(&c, db));
	check(play->at_most == 0 || c.asked <= play->at_most, "too many questions");
	if (!play->at_first)
		kill(getppid(), play->number == 0 ? SIGTERM : play->number);
	_exit(0);
}

int
stage_open(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;

	(void)state;
	signals_init();
	door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(door, STAGE_AT_ONCE_MAX), 0);
	assert_int_equal(getsockname(door, (struct sockaddr *)&address, &len), 0);
	stage.env = (struct work_env){
		.database_url = url, .statement_timeout_ms = 5000, .cps = 50, .default_cap = 1000
	};
	stage.env.carrier = (struct carrier){ .api_url = stage_text(
						  "http://127.0.0.1:%d", ntohs(address.sin_port)),
		.account_sid = STAGE_ACCOUNT,
		.auth_token = "f3d1c0ffee5eed0123456789abcdef42",
		.from = STAGE_FROM,
		.public_url = "https://dialer.example.net",
		.timeout_ms = 10000,
		.max_talk_s = 900,
		.ring_s = 55 };
	return 0;
}

int
stage_close(void **state)
{
	(void)state;
	return close(door);
}

void
stage_play(int (*part)(void *), const struct play *play)
{
	int status;
	pid_t pid;

	signal_stop = signal_reload = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		carrier(play);
	}
	assert_int_equal(part(&stage.env), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
