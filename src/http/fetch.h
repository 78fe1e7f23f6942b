/*
 * fetch.h: HTTP and mail to the outside. The only user of libcurl. Every connection is fresh and used
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
#include "http/window.h"

/* Whether STARTTLS comes before everything else; where the URL is smtps:// TLS is there already. */
enum fetch_tls {
	FETCH_TLS_NONE,
	FETCH_TLS_TRY, /* when it is offered, whoever the server is; else in clear text, login included */
	FETCH_TLS_MUST /* or nothing, by a certificate that holds */
};

/* A mail. Its bytes are the fetch's body: lines of at most 998 bytes that end in CRLF. */
struct fetch_mail {
	const char *from, *to; /* bare addresses; to NULL: a try of TLS and login, no mail */
	enum fetch_tls tls;
};

/* What a request is. Texts are borrowed until it has ended. */
struct fetch {
	/* NULL: HTTP. Else of the members below url, user, password, body, body_len, the two times,
	 * ca_file and max_reply (of all that the server says) are meant; the path of the URL is the
	 * name that we greet with. */
	const struct fetch_mail *mail;
	const char *method; /* "GET", "HEAD", "POST" or "PATCH" */
	const char *url;
	const char *user, *password; /* HTTP Basic, or the login; or NULL */
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
	 * When it may leave, or zeroes. The headers may go out before, but the last byte of the body is written
	 * at not_before or later and never after not_after; when it is too late the request is abandoned
	 * unfinished, which the peer cannot act upon. Only for a request that has a body. What has left and is
	 * not acknowledged within a second, or not answered in time, does not reach the peer later either.
	 * Nothing holds a process up for certain between its last look at the clock and the write. A last byte
	 * that may have left after not_after for that reason takes the place of what comes next: nothing else of
	 * the pool whose window ends within gap_us of then is sent.
	 */
	struct window window;
};

/* How it ended, sorted by what the peer may have done. */
enum fetch_end {
	FETCH_ANSWERED, /* status is set */
	FETCH_NOT_SENT, /* the request never left whole: the peer cannot have acted */
	FETCH_UNKNOWN   /* it left, no whole answer came: the peer may have acted */
};

/* Why it was not answered, where somebody wants to know. */
enum fetch_fault {
	FETCH_OTHER,
	FETCH_REFUSED, /* nobody listens there */
	FETCH_TIMEOUT,
	FETCH_TOO_LONG, /* the reply is longer than max_reply */
	FETCH_NO_TLS,   /* a mail server offers none, and it must be */
	FETCH_NO_LOGIN, /* a mail server offers none that we know; nothing was sent without one */
	FETCH_UNFIT     /* the mail may not be sent at all: an address or its bytes */
};

/* How far a mail came; what a server refused, it refused there. */
enum fetch_stage {
	FETCH_AT_GREETING, /* the connection, the greeting, TLS */
	FETCH_AT_LOGIN,
	FETCH_AT_ENVELOPE, /* MAIL, RCPT and DATA */
	FETCH_AT_MESSAGE
};

struct fetch_result {
	enum fetch_end end;
	long status;            /* of a mail: the server's last word, 250 or what refused it */
	enum fetch_stage stage; /* of a mail */
	struct buf body;        /* of the reply; empty with to_fd */
	int64_t body_bytes;     /* how many bytes the reply's body had */
	int64_t content_length; /* as announced, or -1 */
	int64_t retry_after_s;  /* from the header, or -1 */
	char *redirect;         /* where a redirect leads, as a whole URL, unchecked; or NULL */
	char content_type[128]; /* of the reply, cut off there; "" for none */
	int64_t connect_us;     /* until the connection (TLS included) stood, 0 when it never did */
	int64_t took_us;        /* from its start to its end */
	bool missed;            /* the send window passed before the request had left */
	int64_t sent_us;        /* CLOCK_BOOTTIME when the last byte was handed over, 0 if never */
	enum fetch_fault fault;
	char error[160]; /* a sentence when it was not answered, and when a mail was refused */
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
 * signal comes. Wakes exactly at the not_before_us of what it holds. */
void fetch_pool_run(struct fetch_pool *p, int64_t until_us);
/* Works while the caller waits for something else: until fd is ready for events (of poll(2)), or until until_us;
 * whether it is ready. */
bool fetch_pool_run_beside(struct fetch_pool *p, int fd, short events, int64_t until_us);

#endif
