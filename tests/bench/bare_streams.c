/*
 * bare_streams.c: the limit beside offhook-events: takes its place behind the same nginx, without a
 * database, a history or a rule. A line "CALL TEXT" on standard input is a frame for that call's stream,
 * written at once.
 *
 *   bare_streams SOCKET
 */
#include <err.h>
#include <search.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CALLS_MAX 65536
#define BEGINS "GET /_events/"
#define HEAD                                                                              \
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" \
	"id: 1\nevent: status_change\ndata: {}\n\n"

static int set, door;

static void
add(int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) != 0)
		err(1, "epoll");
}

/* A request, or the end of a stream. */
static void
serve(int fd)
{
	char text[4096], *call = text + strlen(BEGINS);
	ssize_t n = read(fd, text, sizeof text - 1);
	ENTRY entry;

	if (n <= 0) {
		close(fd);
		return;
	}
	text[n] = '\0';
	if (strncmp(text, BEGINS, strlen(BEGINS)) != 0)
		errx(1, "not a request: %.60s", text);
	call[strcspn(call, "?")] = '\0';
	entry = (ENTRY){ strdup(call), (void *)(intptr_t)fd };
	if (hsearch(entry, ENTER) == NULL || write(fd, HEAD, strlen(HEAD)) < 0)
		err(1, "stream");
}

static void
send_frame(char *line)
{
	char *text = strchr(line, ' '), frame[1024];
	ENTRY entry = { line, NULL }, *found;
	int len;

	*text++ = '\0';
	len = snprintf(frame, sizeof frame, "id: 2\nevent: transcript\ndata: %s\n", text);
	found = hsearch(entry, FIND);
	if (found != NULL && write((int)(intptr_t)found->data, frame, (size_t)len) != len)
		err(1, "frame");
}

int
main(int argc, char **argv)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct epoll_event events[256];
	struct rlimit files;
	char *line = NULL;
	size_t size = 0;

	if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path)
		errx(2, "usage: bare_streams SOCKET");
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	strcpy(address.sun_path, argv[1]);
	unlink(argv[1]);
	umask(0117);
	hcreate(CALLS_MAX * 2);
	door = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&address, sizeof address) != 0 || listen(door, 4096) != 0)
		err(1, "%s", argv[1]);
	set = epoll_create1(0);
	add(door);
	add(STDIN_FILENO);
	setvbuf(stdin, NULL, _IONBF, 0); /* what epoll does not see must not wait in a buffer */
	for (;;) {
		int n = epoll_wait(set, events, 256, -1);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == door) {
				add(accept(door, NULL, NULL));
			} else if (fd == STDIN_FILENO) {
				if (getline(&line, &size, stdin) <= 0)
					return 0;
				send_frame(line);
			} else {
				serve(fd);
			}
		}
	}
}
