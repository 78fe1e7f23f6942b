/* ledger.c: the file of lines of JSON. */
#include "sim/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int fd = -1;

void
ledger_open(const char *path)
{
	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		log_fatal("ledger %s: %s", path, strerror(errno));
}

void
ledger_append(const json_t *line)
{
	char *text;
	size_t len;

	if (fd < 0)
		return;
	text = json_dumps(line, JSON_COMPACT);
	if (text == NULL)
		abort();
	/* The closing zero becomes the end of the line. */
	len = strlen(text);
	text[len] = '\n';
	if (write(fd, text, len + 1) != (ssize_t)(len + 1))
		log_error("a line of the ledger is lost: %s", strerror(errno));
	free(text);
}

void
ledger_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}
