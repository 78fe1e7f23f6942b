/*
 * test_daemon.c: pid file, hardening, title, and what systemd hears.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "sys/daemon.h"

static char folder[64];
static char pid_path[96];

static int
make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/offhook-test-daemon-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(pid_path, sizeof(pid_path), "%s/test.pid", folder);
	return 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static int
files_in_folder(void)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* The content of a file, zeros shown as '|'. */
static const char *
content(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len, i;

	assert_true(fd >= 0);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(len >= 0);
	for (i = 0; i < len; i++) {
		if (text[i] == '\0')
			text[i] = '|';
	}
	text[len] = '\0';
	return text;
}

/* Runs check() in a child; its result must be 0. */
static void
in_child(int (*check)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int
end_in_child(void)
{
	daemon_end();
	return access(pid_path, F_OK) == 0 ? 0 : 1;
}

static void
pid_files_come_and_go(void **state)
{
	char expected[32];

	(void)state;
	assert_true(daemon_pid_file(NULL));
	daemon_end();
	assert_true(daemon_pid_file(pid_path));
	snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
	assert_string_equal(content(pid_path), expected);
	assert_int_equal(files_in_folder(), 1);
	/* A stale one of a daemon that crashed is replaced. */
	assert_true(daemon_pid_file(pid_path));
	in_child(end_in_child);
	daemon_end();
	assert_int_equal(files_in_folder(), 0);
	daemon_end();
}

static void
pid_files_that_cannot_be_written(void **state)
{
	char long_path[8192];

	(void)state;
	assert_false(daemon_pid_file("/no/such/folder/test.pid"));
	assert_false(daemon_pid_file(folder));
	memset(long_path, 'x', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_false(daemon_pid_file(long_path));
	assert_int_equal(files_in_folder(), 0);
	daemon_end();
}

static int
check_hardening(void)
{
	struct rlimit core;
	int wrong = 0;

	daemon_harden();
	wrong += umask(0) == 0027 ? 0 : 1;
	wrong += prctl(PR_GET_DUMPABLE) == 0 ? 0 : 2;
	wrong += getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 ? 0 : 4;
	return wrong;
}

static void
hardening(void **state)
{
	(void)state;
	in_child(check_hardening);
}

static bool title_is_ours; /* false under valgrind: there the process is valgrind's own */
static char *search_path;  /* of the environment that the title is written over */

static void
titles(void **state)
{
	char name[32], before[32] = "";
	FILE *in;

	(void)state;
	snprintf(before, sizeof(before), "%s", content("/proc/self/comm"));
	setenv("OFFHOOK_TEST_AFTER", "set", 1);
	daemon_title("offhook-api", "worker 3");
	assert_string_equal(content("/proc/self/comm"), before);
	assert_string_equal(getenv("PATH"), search_path);
	assert_string_equal(getenv("OFFHOOK_TEST_AFTER"), "set");
	if (!title_is_ours)
		return;
	in = fopen("/proc/self/cmdline", "re");
	assert_non_null(in);
	assert_int_equal(
	    fread(name, 1, sizeof("offhook-api: worker 3"), in), sizeof("offhook-api: worker 3"));
	fclose(in);
	assert_string_equal(name, "offhook-api: worker 3");
	/* A shorter one leaves nothing of the longer. */
	daemon_title("offhook-api", "x");
	assert_null(strstr(content("/proc/self/cmdline"), "worker"));
}

static void
titles_of_any_length(void **state)
{
	char role[20000];

	(void)state;
	memset(role, 'r', sizeof(role));
	role[sizeof(role) - 1] = '\0';
	daemon_title("offhook-api", role);
	assert_string_equal(getenv("PATH"), search_path);
	daemon_title("", "");
	daemon_title("offhook-api", "worker 3");
}

#ifdef HAVE_SYSTEMD
static int notified;

static void
assert_heard(const char *expected)
{
	char text[256];
	ssize_t len = recv(notified, text, sizeof(text) - 1, MSG_DONTWAIT);

	assert_true(len > 0);
	text[len] = '\0';
	assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
}

static void
systemd_is_told(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
	notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(notified >= 0);
	assert_int_equal(bind(notified, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	daemon_ready();
	assert_heard("READY=1");
	daemon_reloading();
	assert_heard("RELOADING=1\nMONOTONIC_USEC=");
	daemon_stopping();
	assert_heard("STOPPING=1");
	unsetenv("NOTIFY_SOCKET");
	close(notified);
	unlink(address.sun_path);
}

/* Descriptors 3 to 5 as systemd passes them: one that listens, one that does not, one that is no
 * socket. */
static int
check_sockets(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listening, idle, wrong = 0;
	char pid[32];

	for (listening = 3; listening < 6; listening++)
		close(listening);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/listen", folder);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	idle = socket(AF_UNIX, SOCK_STREAM, 0);
	if (listening != 3 || idle != 4 || open("/dev/null", O_RDONLY) != 5)
		return 64;
	if (bind(3, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(3, 5) != 0)
		return 65;
	unlink(address.sun_path);
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "api:idle:file", 1);
	wrong += daemon_socket("api") == 3 ? 0 : 1;
	wrong += daemon_socket("api") == 3 ? 0 : 2;
	wrong += daemon_socket("idle") == -1 ? 0 : 4;
	wrong += daemon_socket("file") == -1 ? 0 : 8;
	wrong += daemon_socket("other") == -1 ? 0 : 16;
	setenv("LISTEN_PID", "1", 1);
	wrong += daemon_socket("api") == -1 ? 0 : 32;
	return wrong;
}

static void
sockets_are_taken_by_name(void **state)
{
	(void)state;
	in_child(check_sockets);
}
#endif

static void
nobody_to_tell_is_no_fault(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("LISTEN_FDS");
	daemon_ready();
	daemon_reloading();
	daemon_stopping();
	assert_int_equal(daemon_socket("api"), -1);
}

static void
the_socket_is_for_the_group_only(void **state)
{
	struct stat st;
	char path[96], too_long[200];
	int fd, again;

	(void)state;
	snprintf(path, sizeof(path), "%s/sock", folder);
	fd = daemon_listen(path, 1);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	again = daemon_listen(path, 1); /* a stale one is replaced */
	assert_true(again >= 0);
	close(fd);
	close(again);
	unlink(path);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(daemon_listen(too_long, 1), -1);
	assert_int_equal(daemon_listen("/nonexistent/socket", 1), -1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pid_files_come_and_go),
		cmocka_unit_test(pid_files_that_cannot_be_written),
		cmocka_unit_test(hardening),
		cmocka_unit_test(titles),
		cmocka_unit_test(titles_of_any_length),
#ifdef HAVE_SYSTEMD
		cmocka_unit_test(systemd_is_told),
		cmocka_unit_test(sockets_are_taken_by_name),
#endif
		cmocka_unit_test(nobody_to_tell_is_no_fault),
		cmocka_unit_test(the_socket_is_for_the_group_only),
	};
	int failed;

	search_path = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
	log_open("test_daemon", LOG_LEVEL_ERROR);
	title_is_ours = strncmp(content("/proc/self/comm"), program_invocation_short_name, 11) == 0;
	daemon_title("offhook-api", "before it is possible: does nothing");
	daemon_title_init(argc, argv);
	daemon_title_init(argc, argv);
	failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
	free(search_path);
	return failed;
}
