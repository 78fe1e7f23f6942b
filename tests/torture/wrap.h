/*
 * wrap.h: how a call is led to the judge. Each wrapped function stands in one line, which makes the function that
 * the linker calls in its place (ld's --wrap).
 *
 * A call fails as in life: with an errno that it has, or, where the failure is the peer's, by taking away the
 * connection, so that the library finds out by itself. "Partial" is what is worse than an error: a short read
 * or write, a wait that a signal ends, a statement that reached the server and whose answer is lost.
 */
#ifndef TORTURE_WRAP_H
#define TORTURE_WRAP_H

#include <errno.h>

enum verdict { GO_ON, FAIL, PARTIAL };

/* What becomes of this call of the function, whose caller's frame that is. */
enum verdict torture_judge(const char *function, void *const *frame);

#define JUDGE(function) torture_judge(function, __builtin_frame_address(0))

/* A function whose failure is a value and an errno. */
#define FAILS(type, name, parameters, arguments, value, number) \
	type __real_##name parameters;                          \
	type __wrap_##name parameters;                          \
	type __wrap_##name parameters                           \
	{                                                       \
		if (JUDGE(#name) == GO_ON)                      \
			return __real_##name arguments;         \
		errno = number;                                 \
		return value;                                   \
	}

/* One that may move fewer bytes than it was given. */
#define MOVES(name, parameters, arguments, one, number) \
	ssize_t __real_##name parameters;               \
	ssize_t __wrap_##name parameters;               \
	ssize_t __wrap_##name parameters                \
	{                                               \
		switch (JUDGE(#name)) {                 \
		case GO_ON:                             \
			return __real_##name arguments; \
		case PARTIAL:                           \
			return __real_##name one;       \
		default:                                \
			errno = number;                 \
			return -1;                      \
		}                                       \
	}

/* One that waits: it fails, or a signal ends it. */
#define WAITS(name, parameters, arguments)              \
	int __real_##name parameters;                   \
	int __wrap_##name parameters;                   \
	int __wrap_##name parameters                    \
	{                                               \
		enum verdict v = JUDGE(#name);          \
                                                        \
		if (v == GO_ON)                         \
			return __real_##name arguments; \
		errno = v == PARTIAL ? EINTR : ENOMEM;  \
		return -1;                              \
	}

/* One of libpq's: the connection goes before it, or behind it. */
#define PARTS(type, name, parameters, arguments)                   \
	type __real_##name parameters;                             \
	type __wrap_##name parameters;                             \
	type __wrap_##name parameters                              \
	{                                                          \
		enum verdict v = JUDGE(#name);                     \
		type result;                                       \
                                                                   \
		if (v == FAIL)                                     \
			(void)shutdown(PQsocket(conn), SHUT_RDWR); \
		result = __real_##name arguments;                  \
		if (v == PARTIAL)                                  \
			(void)shutdown(PQsocket(conn), SHUT_RDWR); \
		return result;                                     \
	}

#endif
