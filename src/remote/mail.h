/*
 * mail.h: handing a mail to the mail server of the operator (SMTP, RFC 5321). The mail is whole and
 * stays the same at each try (remote/letter.h). No database, no policy.
 */
#ifndef REMOTE_MAIL_H
#define REMOTE_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "http/fetch.h"

/* The account. Texts are borrowed from the settings. */
struct mailer {
	const char *url;                 /* smtp://HOST[:PORT] or smtps://HOST[:PORT] */
	const char *username, *password; /* username "": no login */
	const char *from;                /* a bare address: the sender, and where bounces go */
	const char *tls;                 /* opportunistic, required or none */
	const char *hello;               /* the name that we greet with (mail_hello()) */
	const char *ca_file;             /* or NULL */
};

/* The name that we greet with and that ids of mails end in: the host of server.public_url; an address
 * as SMTP writes it, [192.0.2.1]. In the arena. */
const char *mail_hello(struct arena *a, const char *public_url);

/* Whether a password would leave this host in clear text. */
bool mail_exposes_password(const struct mailer *m);

/* One mail to one recipient. Texts are borrowed until the exchange has ended. */
struct mail_message {
	const char *to;   /* a bare address */
	const char *text; /* as letter_render() made it */
	size_t len;
};

/* Makes the request, in the arena. What may not be sent at all is told by mail_read(). */
void mail_request(const struct mailer *m, struct arena *a, const struct mail_message *message,
    struct fetch *fetch);

struct mail_answer {
	bool unknown;  /* RC_LATER: the server may have the mail, and may deliver it */
	bool away;     /* RC_LATER: so it would be with any other mail */
	bool settings; /* RC_INVALID: so it would be with any other mail, until they are changed */
	long status;   /* what the server said last, or 0 */
	const char *error; /* for the operator, without addresses and passwords; NULL: sent */
};

/* RC_OK: the server has taken the mail. RC_LATER: not, or nobody knows; the same bytes may be handed over
 * again. RC_INVALID: asking again is useless (the recipient, the mail, the login, TLS). error is in the
 * arena. */
enum rc mail_read(
    const struct fetch_result *result, struct arena *a, struct mail_answer *answer) MUST_CHECK;

/* Greets, starts TLS and logs in as for a mail, and sends none: as mail_read(). */
enum rc mail_probe(const struct mailer *m, struct arena *a, struct mail_answer *answer) MUST_CHECK;

#endif
