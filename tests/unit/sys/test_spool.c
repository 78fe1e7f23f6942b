/*
 * test_spool.c: an entry is there whole or not at all, of twins one is new, every bound holds, and each
 * system call may fail: the linker leads them through here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "sys/spool.h"

#define CHILDREN 32

/* ---- system calls that fail when they are told to ---- */

static struct {
	const char *call; /* NULL: none */
	int after;        /* so many go well before */
	int error;
	bool happened;
} fault;

static bool
fails(const char *call)
{
	if (fault.call == NULL || strcmp(fault.call, call) != 0 || fault.after-- != 0)
		return false;
	errno = fault.error;
	fault.happened = true;
	return true;
}

static void
arm(const char *call, int after, int error)
{
	fault.call = call;
	fault.after = after;
	fault.error = error;
	fault.happened = false;
}

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_read(int fd, void *bytes, size_t len);
ssize_t __wrap_read(int fd, void *bytes, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __wrap_fchmod(int fd, mode_t mode);
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);

int
__wrap_openat(int dir, const char *name, int flags, mode_t mode)
{
	return fails("openat") ? -1 : __real_openat(dir, name, flags, mode);
}

/* A byte at a time, so that every write is a short one. */
ssize_t
__wrap_write(int fd, const void *bytes, size_t len)
{
	return fd > 2 && fails("write") ? -1 : __real_write(fd, bytes, fd > 2 && len > 1 ? 1 : len);
}

ssize_t
__wrap_read(int fd, void *bytes, size_t len)
{
	return fails("read") ? -1 : __real_read(fd, bytes, len > 7 ? 7 : len);
}

int
__wrap_fsync(int fd)
{
	return fails("fsync") ? -1 : __real_fsync(fd);
}

int
__wrap_fchmod(int fd, mode_t mode)
{
	return fails("fchmod") ? -1 : __real_fchmod(fd, mode);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	return fails("fstat") ? -1 : __real_fstat(fd, st);
}

int
__wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return fails("linkat") ? -1 : __real_linkat(from_dir, from, to_dir, to, flags);
}

int
__wrap_unlinkat(int dir, const char *name, int flags)
{
	return fails("unlinkat") ? -1 : __real_unlinkat(dir, name, flags);
}

int
__wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails("renameat") ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int
__wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	return fails("mkdirat") ? -1 : __real_mkdirat(dir, name, mode);
}

DIR *
__wrap_fdopendir(int fd)
{
	return fails("fdopendir") ? NULL : __real_fdopendir(fd);
}

struct dirent *
__wrap_readdir(DIR *dir)
{
	return fails("readdir") ? NULL : __real_readdir(dir);
}

/* ---- a folder for each test ---- */

static char folder[64];
static int dir;

static int
open_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/offhook-test-spool-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	dir = spool_open(folder);
	return dir < 0 ? -1 : 0;
}

static void
empty(int of)
{
	DIR *names = fdopendir(of);
	struct dirent *one;

	while ((one = readdir(names)) != NULL) {
		if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0)
			continue;
		if (unlinkat(of, one->d_name, 0) != 0) {
			empty(openat(of, one->d_name, O_RDONLY | O_DIRECTORY, 0));
			unlinkat(of, one->d_name, AT_REMOVEDIR);
		}
	}
	closedir(names);
}

static int
remove_folder(void **state)
{
	(void)state;
	arm(NULL, 0, 0);
	empty(openat(dir, ".", O_RDONLY | O_DIRECTORY, 0));
	close(dir);
	return rmdir(folder);
}

static int
files(void)
{
	DIR *names = opendir(folder);
	int count = -2; /* . and .. */

	while (readdir(names) != NULL)
		count++;
	closedir(names);
	return count;
}

static void
make_file(const char *name, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0640);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static void
put_well(const char *name, const char *text, bool fresh)
{
	bool got = !fresh;

	assert_int_equal(spool_put(dir, name, text, strlen(text), &got), RC_OK);
	assert_int_equal(got, fresh);
}

static void
assert_holds(const char *name, const char *text)
{
	char bytes[SPOOL_ENTRY_MAX];
	size_t len;

	assert_int_equal(spool_take(dir, name, bytes, &len), RC_OK);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
}

/* ---- names ---- */

static void
names_are_digits_whatever_they_stand_for(void **state)
{
	static const char *const subjects[] = { "", "../../etc/passwd", "a/b\n\x01", "a/c" };
	char name[SPOOL_NAME_SIZE], twin[SPOOL_NAME_SIZE], other[SPOOL_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
		spool_name(name, "owner", subjects[i]);
		spool_name(twin, "owner", subjects[i]);
		spool_name(other, "owner2", subjects[i]);
		assert_int_equal(strlen(name), SPOOL_NAME_SIZE - 1);
		assert_int_equal(strspn(name, "0123456789abcdef-"), strlen(name));
		assert_string_equal(name, twin);
		assert_string_not_equal(name, other);
		assert_memory_not_equal(name, other, 16);
	}
	spool_name(name, "a", "b/c");
	spool_name(other, "a", "b/d");
	assert_memory_equal(name, other, 17);
	assert_string_not_equal(name, other);
	/* printf 'owner' | sha256sum; printf 'owner\nt/c' | sha256sum */
	spool_name(name, "owner", "t/c");
	assert_string_equal(name,
	    "4c1029697ee35871"
	    "-7446ed1bb307ecbd60d8659133578b00c3f603a46bbdbb51c92f5a9bf62000cf");
}

/* ---- putting ---- */

static void
an_entry_is_whole_and_alone(void **state)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;
	mode_t mask = umask(0077);

	(void)state;
	spool_name(name, "owner", "one");
	put_well(name, "hello", true);
	umask(mask);
	assert_holds(name, "hello");
	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_nlink, 1);
	put_well(name, "a twin", false);
	assert_holds(name, "hello");
	assert_int_equal(files(), 1);
}

static void
what_is_too_large_is_refused(void **state)
{
	char name[SPOOL_NAME_SIZE], bytes[SPOOL_ENTRY_MAX + 1], got[SPOOL_ENTRY_MAX];
	bool fresh = true;
	size_t len;

	(void)state;
	memset(bytes, 'x', sizeof bytes);
	spool_name(name, "owner", "large");
	assert_int_equal(spool_put(dir, name, bytes, sizeof bytes, &fresh), RC_LATER);
	assert_false(fresh);
	assert_int_equal(files(), 0);
	assert_int_equal(spool_put(dir, name, bytes, SPOOL_ENTRY_MAX, &fresh), RC_OK);
	assert_true(fresh);
	assert_int_equal(spool_take(dir, name, got, &len), RC_OK);
	assert_int_equal(len, SPOOL_ENTRY_MAX);
}

/* The exit status of a child: whether its put was new. */
static int
put_in_a_child(const char *name, int gate)
{
	bool fresh;
	char byte;

	(void)!__real_read(gate, &byte, 1); /* an end of file, for all at once */
	if (spool_put(dir, name, "twin", 4, &fresh) != RC_OK)
		return 2;
	return fresh ? 1 : 0;
}

static void
of_many_twins_one_is_new(void **state)
{
	char name[SPOOL_NAME_SIZE];

	(void)state;
	for (int round = 0; round < 10; round++) {
		int gate[2], fresh = 0;
		char subject[16];

		snprintf(subject, sizeof subject, "%d", round);
		spool_name(name, "owner", subject);
		assert_int_equal(pipe(gate), 0);
		for (int i = 0; i < CHILDREN; i++) {
			if (fork() == 0) {
				close(gate[1]);
				_exit(put_in_a_child(name, gate[0]));
			}
		}
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < CHILDREN; i++) {
			int status;

			assert_true(wait(&status) > 0);
			assert_true(WIFEXITED(status));
			assert_true(WEXITSTATUS(status) < 2);
			fresh += WEXITSTATUS(status);
		}
		assert_int_equal(fresh, 1);
		assert_int_equal(files(), round + 1);
	}
}

static void
each_call_may_fail(void **state)
{
	static const struct {
		const char *call;
		int after, error;
		bool stays; /* the entry is there all the same, and nobody was told so */
	} cases[] = {
		{ "openat", 0, EROFS, false },
		{ "openat", 0, ENOSPC, false },
		{ "openat", 0, EMFILE, false },
		{ "openat", 1, EMFILE, false }, /* the names cannot be read */
		{ "fdopendir", 0, ENOMEM, false },
		{ "readdir", 1, EIO, false },
		{ "write", 0, ENOSPC, false },
		{ "write", 3, ENOSPC, false },
		{ "write", 2, EDQUOT, false },
		{ "fchmod", 0, EIO, false },
		{ "fsync", 0, EIO, false },
		{ "fsync", 0, ENOSPC, false },
		{ "linkat", 0, ENOSPC, false },
		{ "linkat", 0, EPERM, false },
		{ "fsync", 1, EIO, true },
	};
	char name[SPOOL_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool fresh = true, first = !cases[i].stays;

		spool_name(name, "owner", "failing");
		arm(cases[i].call, cases[i].after, cases[i].error);
		if (spool_put(dir, name, "words", 5, &fresh) != RC_LATER)
			fail_msg("case %zu went well", i);
		assert_true(fault.happened);
		arm(NULL, 0, 0);
		assert_int_equal(files(), cases[i].stays ? 1 : 0);
		put_well(name, "words", first);
		assert_holds(name, "words");
		spool_remove(dir, name);
	}
}

static void
a_signal_in_between_is_no_failure(void **state)
{
	char name[SPOOL_NAME_SIZE];

	(void)state;
	spool_name(name, "owner", "signal");
	arm("write", 2, EINTR);
	put_well(name, "words", true);
	assert_true(fault.happened);
	arm("read", 0, EINTR);
	assert_holds(name, "words");
	assert_true(fault.happened);
}

/* A twin may be told of an entry only when it is sure to stay. */
static void
a_twin_does_not_count_on_what_is_not_synced(void **state)
{
	char name[SPOOL_NAME_SIZE];
	bool fresh = true;

	(void)state;
	spool_name(name, "owner", "twin");
	put_well(name, "words", true);
	arm("fsync", 0, EIO);
	assert_int_equal(spool_put(dir, name, "words", 5, &fresh), RC_LATER);
	assert_false(fresh);
	arm(NULL, 0, 0);
	put_well(name, "words", false);
}

static void
what_cannot_be_tidied_up_is_no_failure(void **state)
{
	char name[SPOOL_NAME_SIZE];

	(void)state;
	spool_name(name, "owner", "untidy");
	arm("unlinkat", 0, EIO);
	put_well(name, "words", true);
	arm(NULL, 0, 0);
	assert_int_equal(files(), 2);
	spool_sweep(dir, -2);
	assert_int_equal(files(), 1);
	assert_holds(name, "words");
}

static void
a_disk_that_takes_no_byte(void **state)
{
	const struct rlimit none = { 0, RLIM_INFINITY };
	struct rlimit before;
	char name[SPOOL_NAME_SIZE];
	bool fresh = true;
	enum rc rc;

	(void)state;
	spool_name(name, "owner", "limit");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	rc = spool_put(dir, name, "words", 5, &fresh);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(rc, RC_LATER);
	assert_false(fresh);
	assert_int_equal(files(), 0);
}

static void
there_is_room_for_so_many(void **state)
{
	char name[SPOOL_NAME_SIZE], part[64];
	bool fresh = true;

	(void)state;
	for (int i = 0; i < SPOOL_ENTRIES_MAX - 2; i++) {
		snprintf(name, sizeof name, "%016x-%064x", i / 900, i);
		make_file(name, 0);
	}
	snprintf(part, sizeof part, ".new-%016x-%016x", 99, 1);
	make_file(part, 0);
	make_file("what is none of ours", 0);
	spool_name(name, "owner", "last");
	put_well(name, "words", true);
	spool_name(name, "owner", "one too many");
	assert_int_equal(spool_put(dir, name, "words", 5, &fresh), RC_LATER);
	assert_false(fresh);
	assert_int_equal(files(), SPOOL_ENTRIES_MAX + 1);
	unlinkat(dir, part, 0);
	put_well(name, "words", true);
	put_well(name, "words", false); /* also when it is full */
}

static void
and_so_many_for_one_owner(void **state)
{
	char name[SPOOL_NAME_SIZE];
	bool fresh = true;

	(void)state;
	spool_name(name, "owner", "");
	for (int i = 0; i < SPOOL_OWNER_MAX - 1; i++) {
		snprintf(name + 16, sizeof name - 16, "-%064x", i);
		make_file(name, 0);
	}
	spool_name(name, "owner", "last");
	put_well(name, "words", true);
	spool_name(name, "owner", "one too many");
	assert_int_equal(spool_put(dir, name, "words", 5, &fresh), RC_LATER);
	spool_name(name, "another", "one too many");
	put_well(name, "words", true);
}

/* ---- taking ---- */

static void
the_oldest_comes_first(void **state)
{
	char names[3][SPOOL_NAME_SIZE];
	const int64_t ages[] = { 20, 30, 10 };
	struct spool_list list;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
			{ .tv_sec = 1000000 - ages[i], .tv_nsec = 500000 } };
		char subject[8];

		snprintf(subject, sizeof subject, "%d", i);
		spool_name(names[i], "owner", subject);
		put_well(names[i], subject, true);
		assert_int_equal(utimensat(dir, names[i], times, 0), 0);
	}
	make_file("lost+found", 0);
	make_file(".new-0000000000000000-0000000000000000", 0);
	assert_true(spool_list(dir, &list));
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[0].name, names[1]);
	assert_string_equal(list.items[1].name, names[0]);
	assert_string_equal(list.items[2].name, names[2]);
	assert_int_equal(list.items[0].at_us, INT64_C(999970000500));
	spool_list_free(&list);
	spool_remove(dir, names[1]);
	spool_remove(dir, names[1]); /* another was faster */
	assert_true(spool_list(dir, &list));
	assert_int_equal(list.count, 2);
	spool_list_free(&list);
}

static void
a_folder_that_cannot_be_read(void **state)
{
	struct spool_list list;

	(void)state;
	arm("readdir", 1, EIO);
	assert_false(spool_list(dir, &list));
	assert_int_equal(errno, EIO);
	assert_null(list.items);
	arm("openat", 0, EMFILE);
	assert_false(spool_list(dir, &list));
	arm("fdopendir", 0, ENOMEM);
	assert_false(spool_list(dir, &list));
	assert_int_equal(errno, ENOMEM);
	arm("openat", 0, EMFILE);
	spool_sweep(dir, 0);
	assert_int_equal(spool_open("/nonexistent/spool"), -1);
	assert_int_equal(spool_open("/dev/null"), -1);
}

static void
what_is_no_entry_is_not_read(void **state)
{
	char name[SPOOL_NAME_SIZE], bytes[SPOOL_ENTRY_MAX];
	size_t len;

	(void)state;
	spool_name(name, "owner", "gone");
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_NOT_FOUND);
	assert_int_equal(symlinkat("/etc/passwd", dir, name), 0);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
	spool_name(name, "owner", "pipe");
	assert_int_equal(mkfifoat(dir, name, 0600), 0);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
	spool_name(name, "owner", "folder");
	assert_int_equal(mkdirat(dir, name, 0700), 0);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
	spool_name(name, "owner", "large");
	make_file(name, SPOOL_ENTRY_MAX + 1);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
	spool_name(name, "owner", "empty");
	make_file(name, 0);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_OK);
	assert_int_equal(len, 0);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(dir, name, 12345, 12345, 0), 0);
		assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
	}
}

static void
what_cannot_be_read_now_is_read_later(void **state)
{
	static const struct {
		const char *call;
		int error;
	} cases[] = { { "openat", EMFILE }, { "openat", EIO }, { "fstat", EIO }, { "read", EIO } };
	char name[SPOOL_NAME_SIZE], bytes[SPOOL_ENTRY_MAX];
	size_t len;

	(void)state;
	spool_name(name, "owner", "later");
	put_well(name, "words", true);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		arm(cases[i].call, 0, cases[i].error);
		assert_int_equal(spool_take(dir, name, bytes, &len), RC_LATER);
		assert_holds(name, "words");
	}
	arm("openat", 0, EACCES);
	assert_int_equal(spool_take(dir, name, bytes, &len), RC_INVALID);
}

static void
so_many_are_kept_aside(void **state)
{
	char name[SPOOL_NAME_SIZE];
	struct stat st;

	(void)state;
	assert_int_equal(spool_aside_count(dir), 0);
	for (int i = 0; i < SPOOL_ASIDE_MAX + 5; i++) {
		snprintf(name, sizeof name, "%016x-%064x", 1, i);
		make_file(name, 9);
		spool_aside(dir, name);
	}
	assert_int_equal(spool_aside_count(dir), SPOOL_ASIDE_MAX);
	assert_int_equal(files(), 1);
	assert_int_equal(fstatat(dir, "bad", &st, 0), 0);
	assert_int_equal(st.st_mode & 07007, 0);
	spool_aside(dir, name); /* gone already */
}

static void
what_cannot_be_put_aside_stays(void **state)
{
	char name[SPOOL_NAME_SIZE];

	(void)state;
	spool_name(name, "owner", "stays");
	put_well(name, "words", true);
	arm("mkdirat", 0, ENOSPC);
	spool_aside(dir, name);
	arm("renameat", 0, EIO);
	spool_aside(dir, name);
	arm("unlinkat", 0, EIO);
	spool_remove(dir, name);
	assert_holds(name, "words");
}

static void
leftovers_are_swept_when_they_are_old(void **state)
{
	static const char young[] = ".new-0000000000000001-0000000000000001",
			  old[] = ".new-0000000000000001-0000000000000002";
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = clock_wall_us() / 1000000 - 301 } };
	char name[SPOOL_NAME_SIZE];

	(void)state;
	make_file(young, 1);
	make_file(old, 1);
	make_file(".hidden", 1);
	spool_name(name, "owner", "old entry");
	put_well(name, "words", true);
	assert_int_equal(utimensat(dir, old, times, 0), 0);
	assert_int_equal(utimensat(dir, ".hidden", times, 0), 0);
	assert_int_equal(utimensat(dir, name, times, 0), 0);
	spool_sweep(dir, 300);
	assert_int_equal(faccessat(dir, old, F_OK, 0), -1);
	assert_int_equal(faccessat(dir, young, F_OK, 0), 0);
	assert_int_equal(faccessat(dir, ".hidden", F_OK, 0), 0);
	assert_holds(name, "words");
}

#define SPOOL_TEST(f) cmocka_unit_test_setup_teardown(f, open_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(names_are_digits_whatever_they_stand_for),
		SPOOL_TEST(an_entry_is_whole_and_alone),
		SPOOL_TEST(what_is_too_large_is_refused),
		SPOOL_TEST(of_many_twins_one_is_new),
		SPOOL_TEST(each_call_may_fail),
		SPOOL_TEST(a_signal_in_between_is_no_failure),
		SPOOL_TEST(a_twin_does_not_count_on_what_is_not_synced),
		SPOOL_TEST(what_cannot_be_tidied_up_is_no_failure),
		SPOOL_TEST(a_disk_that_takes_no_byte),
		SPOOL_TEST(there_is_room_for_so_many),
		SPOOL_TEST(and_so_many_for_one_owner),
		SPOOL_TEST(the_oldest_comes_first),
		SPOOL_TEST(a_folder_that_cannot_be_read),
		SPOOL_TEST(what_is_no_entry_is_not_read),
		SPOOL_TEST(what_cannot_be_read_now_is_read_later),
		SPOOL_TEST(so_many_are_kept_aside),
		SPOOL_TEST(what_cannot_be_put_aside_stays),
		SPOOL_TEST(leftovers_are_swept_when_they_are_old),
	};

	log_open("test_spool", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
