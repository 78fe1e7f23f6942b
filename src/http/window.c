/* window.c: see window.h. */
#include "http/window.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"

#define UNACKNOWLEDGED_MS 1000

enum window_state
window_at(const struct windows *all, const struct window *w, int64_t now)
{
	if (w->not_after_us > 0 && (now > w->not_after_us || w->not_after_us < all->barred_until))
		return WINDOW_PAST;
	return now < w->not_before_us ? WINDOW_AHEAD : WINDOW_OPEN;
}

void
window_use(struct windows *all, const struct window *w)
{
	all->left_until = w->not_after_us;
	all->left_gap = w->gap_us;
}

void
window_look(struct windows *all)
{
	int64_t now = clock_boot_us();

	if (all->left_until > 0 && now > all->left_until) {
		log_warning("a request may have left %lld ms after its window",
		    (long long)(now - all->left_until) / 1000);
		all->barred_until = now + all->left_gap;
	}
	all->left_until = 0;
}

void
window_bind(int fd)
{
	const unsigned wait_ms = UNACKNOWLEDGED_MS;

	if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &wait_ms, sizeof wait_ms) != 0)
		log_warning("a request cannot be bound to its window: %s", strerror(errno));
}

void
window_drop(int fd)
{
	const struct linger drop = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &drop, sizeof drop) != 0)
		log_warning("a socket cannot be dropped: %s", strerror(errno));
}
