/*
 * window.h: the send window of a request: the last byte of its body leaves in it, or never. What was given to the
 * kernel, and what the network holds back, is bound to it too. Instants are CLOCK_BOOTTIME microseconds.
 */
#ifndef HTTP_WINDOW_H
#define HTTP_WINDOW_H

#include <stdint.h>

struct window {
	int64_t not_before_us, not_after_us; /* 0: none */
	int64_t gap_us;                      /* see fetch.h */
};

/* The windows of one pool: what was handed over last, and whom it bars. Zeroed: nothing was. */
struct windows {
	int64_t left_until;   /* what was handed over last must have left by then; 0: it has */
	int64_t left_gap;     /* its gap_us */
	int64_t barred_until; /* a window that ends before is not used */
};

enum window_state { WINDOW_OPEN, WINDOW_AHEAD, WINDOW_PAST };

/* Whether the last byte may be handed over at now. */
enum window_state window_at(const struct windows *all, const struct window *w, int64_t now);
/* It is handed over; call before the write. */
void window_use(struct windows *all, const struct window *w);
/* The second look at the clock, as soon after the write as there can be one: what may have left late bars what
 * comes next. */
void window_look(struct windows *all);

/* What the network holds back leaves after all when it is whole again: long after its window, and perhaps after
 * somebody was told that nothing came of it. So the kernel gives a connection up that the peer has not
 * acknowledged for a second; to be called when the socket stands, before the body. */
void window_bind(int fd);
/* Closing the socket drops what it still holds, unsent or unacknowledged. */
void window_drop(int fd);

#endif
