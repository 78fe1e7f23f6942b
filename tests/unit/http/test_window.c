/* test_window.c: when a last byte may leave, what one that may have left late bars, and what the kernel is told of a
 * socket, by what the other end of a real connection sees. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/window.h"

static const struct window none;

static void
without_a_window_it_is_always_open(void **state)
{
	const struct windows barred = { .barred_until = INT64_MAX };

	(void)state;
	assert_int_equal(window_at(&barred, &none, 0), WINDOW_OPEN);
	assert_int_equal(window_at(&barred, &none, INT64_MAX), WINDOW_OPEN);
}

static void
both_its_ends_belong_to_it(void **state)
{
	const struct window w = { .not_before_us = 1000, .not_after_us = 2000 };
	const struct windows all = { 0 };

	(void)state;
	assert_int_equal(window_at(&all, &w, 999), WINDOW_AHEAD);
	assert_int_equal(window_at(&all, &w, 1000), WINDOW_OPEN);
	assert_int_equal(window_at(&all, &w, 2000), WINDOW_OPEN);
	assert_int_equal(window_at(&all, &w, 2001), WINDOW_PAST);
}

static void
what_left_in_time_bars_nothing(void **state)
{
	const struct window w = {
		.not_before_us = 1, .not_after_us = clock_boot_us() + 10000000, .gap_us = 10000000
	};
	struct windows all = { 0 };

	(void)state;
	window_use(&all, &w);
	window_look(&all);
	assert_int_equal(window_at(&all, &w, clock_boot_us()), WINDOW_OPEN);
}

static void
what_may_have_left_late_bars_a_gap_from_then_once(void **state)
{
	int64_t now = clock_boot_us();
	const struct window late = {
		.not_before_us = 1, .not_after_us = now - 1000, .gap_us = 500000
	};
	const struct window within = { .not_before_us = 1, .not_after_us = now + 400000 };
	const struct window after = { .not_before_us = 1, .not_after_us = now + 10000000 };
	struct windows all = { 0 };

	(void)state;
	window_use(&all, &late);
	window_look(&all);
	assert_int_equal(window_at(&all, &within, now), WINDOW_PAST);
	assert_int_equal(window_at(&all, &after, now), WINDOW_OPEN);
	assert_in_range(all.barred_until, now + 500000, now + 5500000);
	now = all.barred_until;
	window_look(&all);
	assert_int_equal(all.barred_until, now);
}

/* A connection over the loopback: ours, and the other end. */
static void
connect_pair(int *ours, int *theirs)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &size), 0);
	*ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*ours, (struct sockaddr *)&at, sizeof at), 0);
	*theirs = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(*theirs >= 0);
	(void)close(listener);
}

static void
a_bound_connection_waits_a_second_for_the_peer(void **state)
{
	unsigned ms = 0;
	socklen_t size = sizeof ms;
	int ours, theirs;

	(void)state;
	connect_pair(&ours, &theirs);
	window_bind(ours);
	assert_int_equal(getsockopt(ours, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, &size), 0);
	assert_int_equal(ms, 1000);
	(void)close(ours);
	(void)close(theirs);
}

static void
what_is_dropped_resets_the_connection(void **state)
{
	int ours, theirs;
	char byte;

	(void)state;
	connect_pair(&ours, &theirs);
	window_drop(ours);
	(void)close(ours);
	assert_int_equal(recv(theirs, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	(void)close(theirs);
}

static void
a_socket_that_is_none_is_no_harm(void **state)
{
	(void)state;
	window_bind(-1);
	window_drop(-1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_window_it_is_always_open),
		cmocka_unit_test(both_its_ends_belong_to_it),
		cmocka_unit_test(what_left_in_time_bars_nothing),
		cmocka_unit_test(what_may_have_left_late_bars_a_gap_from_then_once),
		cmocka_unit_test(a_bound_connection_waits_a_second_for_the_peer),
		cmocka_unit_test(what_is_dropped_resets_the_connection),
		cmocka_unit_test(a_socket_that_is_none_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
