/* door.c: see door.h. A name is made by chance, so that no door is ever taken for an older one. */
#include "voice/door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/daemon.h"

#define BACKLOG 64
#define SUFFIX ".sock"
#define YOUNG_S 60 /* a door that is being opened is younger */

static void
path_of(struct sockaddr_un *address, const char *dir, const char *name)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof address->sun_path, "%.*s/%.*s" SUFFIX, DOOR_DIR_MAX, dir,
	    DOOR_NAME_SIZE - 1, name);
}

static bool
is_ours(const char *file)
{
	return strlen(file) == DOOR_NAME_SIZE - 1 + strlen(SUFFIX) &&
	    strspn(file, "0123456789abcdef") == DOOR_NAME_SIZE - 1 && str_ends(file, SUFFIX);
}

/* Whether nobody is behind a door that stands there. */
static bool
is_dead(const struct sockaddr_un *address)
{
	struct stat st;
	bool refused;
	int fd;

	if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode) ||
	    time(NULL) - st.st_mtime < YOUNG_S)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	refused = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
	    errno == ECONNREFUSED;
	close(fd);
	return refused;
}

static void
sweep(const char *dir)
{
	DIR *folder = opendir(dir);
	struct sockaddr_un address = { 0 };
	const struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!is_ours(entry->d_name))
			continue;
		path_of(&address, dir, entry->d_name);
		if (is_dead(&address))
			(void)unlink(address.sun_path);
	}
	if (folder != NULL)
		closedir(folder);
}

int
door_open(const char *dir, char name[DOOR_NAME_SIZE])
{
	uint8_t random[(DOOR_NAME_SIZE - 1) / 2];
	struct sockaddr_un address = { 0 };
	int fd;

	sweep(dir);
	digest_random(random, sizeof random);
	digest_hex(random, sizeof random, name);
	path_of(&address, dir, name);
	fd = daemon_listen(address.sun_path, BACKLOG);
	if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		log_warning("%s: cannot be made not to block", address.sun_path);
	return fd;
}

void
door_remove(const char *dir, const char *name)
{
	struct sockaddr_un address = { 0 };

	path_of(&address, dir, name);
	(void)unlink(address.sun_path);
}
