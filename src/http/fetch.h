/*
 * fetch.h: HTTP to the outside. The only user of libcurl. Every connection is fresh and used
 * once: libcurl silently repeats a request, POST included, on a reused connection that dies
 * (doc/architecture.md), and this program places phone calls. Redirects are never followed.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* What a request is. Texts are borrowed until it has ended. */
struct fetch {
	const char *method; /* "GET", "HEAD", "POST" or "PATCH" */
	const char *url;
	const char *user, *password; /* HTTP Basic, or NULL */
	const char *sigv4;           /* or "aws:amz:REGION:s3": the request is signed by them */
	const char *body; /* of a POST or PATCH; NULL: body_len bytes of the file from_fd */
	size_t body_len;
	int from_fd;                /* stays the caller's, open until the exchange has ended */
	const char *content_type;   /* of the body; NULL: application/x-www-form-urlencoded */
	const char *const *headers; /* more of them, "Name: value", NULL at the end; or NULL */
	int connect_ms, total_ms;   /* both required */
	const char *ca_file;        /* an extra CA bundle, or NULL */
	size_t max_reply;           /* bytes; a longer one is an error, or … */
	bool any_length;            /* … is as good as none: answered, with an empty body */
	bool public_only;           /* HTTPS to the public Internet alone (http/reach.h) */
	int to_fd; /* -1, or a file that takes the reply's body instead of reply.body */
	/*
	 * A send window in CLOCK_BOOTTIME microseconds, 0 for none: the headers may go out before,
	 * but the last byte of the body is written at not_before or later and never after
	 * not_after; when it is too late the request is abandoned unfinished, which the peer cannot
	 * act upon. Only for a request that has a body.
	 */
	int64_t not_before_us, not_after_us;
};

/* How it ended, sorted by what the peer may have done. */
enum fetch_end {
	FETCH_ANSWERED, /* status is set */
	FETCH_NOT_SENT, /* the request never left whole: the peer cannot have acted */
	FETCH_UNKNOWN   /* it left, no whole answer came: the peer may have acted */
};

/* Why it was not answered, where somebody wants to know. */
enum fetch_fault { FETCH_OTHER, FETCH_REFUSED /* nobody listens there */, FETCH_TIMEOUT };

struct fetch_result {
	enum fetch_end end;
	long status;
	struct buf body;        /* of the reply; empty with to_fd */
	int64_t body_bytes;     /* how many bytes the reply's body had */
	int64_t content_length; /* as announced, or -1 */
	int64_t retry_after_s;  /* from the header, or -1 */
	int64_t connect_us;     /* until the connection (TLS included) stood, 0 when it never did */
	int64_t took_us;        /* from its start to its end */
	bool missed;            /* the send window passed before the request had left */
	int64_t sent_us;        /* CLOCK_BOOTTIME when the last byte was handed over, 0 if never */
	enum fetch_fault fault;
	char error[160]; /* a sentence when it was not answered */
};

void fetch_init(void); /* once a process, after fork */

/* Waits for the whole exchange. Never fails otherwise than in the result (init'd here, to be
 * freed with fetch_result_free()). */
void fetch_wait(const struct fetch *f, struct fetch_result *result);
void fetch_result_free(struct fetch_result *result);

/* Several at once in a caller's loop. */
struct fetch_pool;
struct fetch_pool *fetch_pool_new(void);
/* What is still under way is abandoned, without a word to its done(). */
void fetch_pool_free(struct fetch_pool *p);
/* Starts one; done(result, arg) is called from fetch_pool_run(), once, and may start another; the
 * result is freed when it returns. f is copied, its texts too. */
void fetch_pool_start(struct fetch_pool *p, const struct fetch *f,
    void (*done)(struct fetch_result *result, void *arg), void *arg);
int fetch_pool_active(const struct fetch_pool *p);
/* Works until until_us (CLOCK_BOOTTIME) at the latest, or until something has ended, or until a
 * signal comes. Wakes exactly at not_before_us of what it holds. */
void fetch_pool_run(struct fetch_pool *p, int64_t until_us);

#endif
