/*
 * spool.c: see spool.h. An entry is written under a passing name, synced, and linked to its own: link(2)
 * replaces nothing, so that one of all twins makes it. The passing name counts as an entry, which makes
 * the bounds hold without a lock.
 */
#include "sys/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "sys/crash.h"

#define OWNER_DIGITS 16
#define PART_PREFIX ".new-" /* and the owner's digits, -, random ones */
#define PART_SIZE 48
#define ASIDE "bad"
#define SUBJECT_MAX 4096
#define LIST_MAX (2 * SPOOL_ENTRIES_MAX)

int
spool_open(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
spool_name(char out[SPOOL_NAME_SIZE], const char *owner, const char *subject)
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	char hex[2 * DIGEST_SHA256_SIZE + 1];
	struct buf whole;

	digest_sha256(owner, strlen(owner), hash);
	digest_hex(hash, OWNER_DIGITS / 2, out);
	buf_init(&whole, SUBJECT_MAX);
	buf_printf(&whole, "%s\n%s", owner, subject);
	if (buf_failed(&whole))
		abort(); /* its owner bounds both */
	digest_sha256(whole.data, whole.len, hash);
	digest_hex(hash, sizeof hash, hex);
	snprintf(out + OWNER_DIGITS, SPOOL_NAME_SIZE - OWNER_DIGITS, "-%s", hex);
	buf_free(&whole);
}

/* ---- the names in the folder ---- */

static const char digits[] = "0123456789abcdef";

/* Sixteen digits, -, and rest more. */
static bool
is_pair(const char *name, size_t rest)
{
	return strspn(name, digits) == OWNER_DIGITS && name[OWNER_DIGITS] == '-' &&
	    strspn(name + OWNER_DIGITS + 1, digits) == rest &&
	    name[OWNER_DIGITS + 1 + rest] == '\0';
}

static bool
is_entry(const char *name)
{
	return is_pair(name, 2 * (size_t)DIGEST_SHA256_SIZE);
}

static bool
is_part(const char *name)
{
	return str_starts(name, PART_PREFIX) &&
	    is_pair(name + sizeof PART_PREFIX - 1, OWNER_DIGITS);
}

/* Calls see(arg, name) for each name until it says false. False with errno when the folder cannot be read. */
static bool
walk(int dir, bool (*see)(void *arg, const char *name), void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;
	DIR *names = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *one;

	if (names == NULL) {
		error = errno;
		if (fd >= 0)
			close(fd);
		errno = error;
		return false;
	}
	errno = 0;
	while ((one = readdir(names)) != NULL && see(arg, one->d_name))
		errno = 0;
	error = one == NULL ? errno : 0;
	closedir(names);
	errno = error;
	return error == 0;
}

/* ---- putting ---- */

struct census {
	const char *owner; /* a name that begins with the owner's digits */
	int all, owners;
};

static bool
count_name(void *arg, const char *name)
{
	struct census *c = arg;
	bool part = is_part(name);

	if (!part && !is_entry(name))
		return true;
	if (part)
		name += sizeof PART_PREFIX - 1;
	c->all++;
	c->owners += memcmp(name, c->owner, OWNER_DIGITS) == 0;
	return true;
}

static enum rc
failed(const char *doing)
{
	log_error("the spool cannot be %s: %s", doing, strerror(errno));
	return RC_LATER;
}

/* Whether there is room, the passing name of the entry included. */
static enum rc
look_for_room(int dir, const char *name)
{
	struct census c = { .owner = name };

	if (!walk(dir, count_name, &c))
		return failed("read");
	if (c.all > SPOOL_ENTRIES_MAX) {
		log_error("the spool is full: %d entries wait", SPOOL_ENTRIES_MAX);
		return RC_LATER;
	}
	if (c.owners > SPOOL_OWNER_MAX) {
		log_warning("the spool has no more room for one key: %d of its entries wait",
		    SPOOL_OWNER_MAX);
		return RC_LATER;
	}
	return RC_OK;
}

static bool
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Makes a name durable, ours or a twin's: his may still be about to. */
static enum rc
sync_folder(int dir)
{
	return fsync(dir) == 0 ? RC_OK : failed("synced");
}

/* Makes the passing file an entry. */
static enum rc
publish(int dir, const char *part, const char *name, bool *fresh)
{
	*fresh = linkat(dir, part, dir, name, 0) == 0;
	if (!*fresh && errno != EEXIST)
		return failed("linked");
	crash_point("spool.linked");
	return sync_folder(dir);
}

static enum rc
fill(int dir, int fd, const char *name, const void *bytes, size_t len)
{
	enum rc rc = look_for_room(dir, name);

	if (rc != RC_OK)
		return rc;
	if (!write_all(fd, bytes, len))
		return failed("written");
	crash_point("spool.written");
	if (fchmod(fd, 0640) != 0 || fsync(fd) != 0)
		return failed("synced");
	crash_point("spool.synced");
	return RC_OK;
}

enum rc
spool_put(int dir, const char *name, const void *bytes, size_t len, bool *fresh)
{
	uint8_t random[OWNER_DIGITS / 2];
	char part[PART_SIZE], hex[OWNER_DIGITS + 1];
	enum rc rc;
	int fd;

	*fresh = false;
	if (len > SPOOL_ENTRY_MAX)
		return RC_LATER;
	if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return sync_folder(dir);
	digest_random(random, sizeof random);
	digest_hex(random, sizeof random, hex);
	snprintf(part, sizeof part, PART_PREFIX "%.*s-%s", OWNER_DIGITS, name, hex);
	fd = openat(dir, part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return failed("written");
	crash_point("spool.made");
	rc = fill(dir, fd, name, bytes, len);
	if (rc == RC_OK)
		rc = publish(dir, part, name, fresh);
	crash_point("spool.put");
	unlinkat(dir, part, 0);
	close(fd);
	return rc;
}

/* ---- taking ---- */

struct listing {
	int dir;
	struct spool_list *list;
	int room;
};

static bool
list_name(void *arg, const char *name)
{
	struct listing *l = arg;
	struct spool_item *item;
	struct stat st;

	if (!is_entry(name) || fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return true;
	if (l->list->count == l->room) {
		l->room = l->room == 0 ? 64 : l->room * 2;
		l->list->items = mem_realloc(
		    l->list->items, (size_t)l->room * sizeof *l->list->items);
	}
	item = &l->list->items[l->list->count++];
	memcpy(item->name, name, SPOOL_NAME_SIZE);
	item->at_us = st.st_mtim.tv_sec * INT64_C(1000000) + st.st_mtim.tv_nsec / 1000;
	return l->list->count < LIST_MAX;
}

static int
by_age(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return strcmp(x->name, y->name);
}

bool
spool_list(int dir, struct spool_list *list)
{
	struct listing l = { .dir = dir, .list = list };

	*list = (struct spool_list){ 0 };
	if (!walk(dir, list_name, &l)) {
		int error = errno;

		spool_list_free(list);
		errno = error;
		return false;
	}
	if (list->count > 0)
		qsort(list->items, (size_t)list->count, sizeof *list->items, by_age);
	return true;
}

void
spool_list_free(struct spool_list *list)
{
	free(list->items);
	*list = (struct spool_list){ 0 };
}

/* Reads a file that is no larger than an entry may be. */
static enum rc
read_entry(int fd, char bytes[SPOOL_ENTRY_MAX], size_t *len)
{
	ssize_t n;

	*len = 0;
	while (*len < SPOOL_ENTRY_MAX) {
		n = read(fd, bytes + *len, SPOOL_ENTRY_MAX - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed("read");
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return RC_OK;
}

enum rc
spool_take(int dir, const char *name, char bytes[SPOOL_ENTRY_MAX], size_t *len)
{
	/* A pipe must not be waited for. */
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum rc rc = RC_INVALID;
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return RC_NOT_FOUND;
	if (fd < 0 && (errno == ELOOP || errno == EACCES || errno == ENXIO))
		return RC_INVALID;
	if (fd < 0)
		return failed("read");
	if (fstat(fd, &st) != 0)
		rc = failed("read");
	else if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_size <= SPOOL_ENTRY_MAX)
		rc = read_entry(fd, bytes, len);
	close(fd);
	return rc;
}

void
spool_remove(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		log_error("an entry of the spool cannot be removed: %s", strerror(errno));
}

/* ---- what is no entry ---- */

static bool
count_aside(void *arg, const char *name)
{
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		(*(int *)arg)++;
	return true;
}

int
spool_aside_count(int dir)
{
	int bad = openat(dir, ASIDE, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), count = 0;

	if (bad < 0)
		return 0;
	(void)walk(bad, count_aside, &count);
	close(bad);
	return count;
}

void
spool_aside(int dir, const char *name)
{
	char to[sizeof ASIDE + SPOOL_NAME_SIZE];

	if (spool_aside_count(dir) >= SPOOL_ASIDE_MAX) {
		spool_remove(dir, name);
		return;
	}
	if (mkdirat(dir, ASIDE, 0750) != 0 && errno != EEXIST)
		(void)failed("tidied");
	snprintf(to, sizeof to, ASIDE "/%s", name);
	if (renameat(dir, name, dir, to) != 0 && errno != ENOENT)
		(void)failed("tidied");
}

struct sweep {
	int dir;
	int64_t before_s;
};

static bool
sweep_name(void *arg, const char *name)
{
	const struct sweep *s = arg;
	struct stat st;

	if (is_part(name) && fstatat(s->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtim.tv_sec < s->before_s)
		spool_remove(s->dir, name);
	return true;
}

void
spool_sweep(int dir, int64_t age_s)
{
	struct sweep s = { dir, clock_wall_us() / 1000000 - age_s };

	if (!walk(dir, sweep_name, &s))
		(void)failed("read");
}
