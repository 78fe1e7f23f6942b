/* smtp.c: see smtp.h. A server that speaks out of turn is SMTP_BROKEN: what its reply is to, nobody knows. */
#include "http/smtp.h"

#include <string.h>

#include "base/str.h"

#define LINE_MAX_BYTES 998 /* without CRLF (RFC 5322, 2.1.1) */

/* ---- what may be sent ---- */

/* A bare CR or LF is a line's end to some servers and none to others: a dot behind it could end the mail
 * for one of them and begin another (SMTP smuggling). */
static bool
is_lines(const char *text, size_t len)
{
	size_t line = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n') {
			line = 0;
			i++;
		} else if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0' ||
		    ++line > LINE_MAX_BYTES) {
			return false;
		}
	}
	return line == 0;
}

const char *
smtp_unfit(const char *from, const char *to, const char *text, size_t len)
{
	if (!str_mail_address(from))
		return "the sender's address is none";
	if (!str_mail_address(to))
		return "the recipient's address is none";
	if (text == NULL || len == 0 || !is_lines(text, len))
		return "the mail does not consist of lines that end in CRLF";
	return NULL;
}

/* ---- what is said ---- */

/* The text with each dot that begins a line doubled, and the dot that ends it. */
static const char *
stuffed(struct arena *a, const char *text, size_t len)
{
	char *out = arena_alloc(a, 2 * len + 4), *to = out;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '.' && (i == 0 || text[i - 1] == '\n'))
			*to++ = '.';
		*to++ = text[i];
	}
	memcpy(to, ".\r\n", 3);
	return out;
}

void
smtp_init(
    struct smtp *s, struct arena *a, const char *from, const char *to, const char *text, size_t len)
{
	*s = (struct smtp){ .step = SMTP_MAIL,
		.out = { [SMTP_MAIL] = arena_printf(a, "MAIL FROM:<%s>\r\n", from),
		    [SMTP_RCPT] = arena_printf(a, "RCPT TO:<%s>\r\n", to),
		    [SMTP_DATA] = "DATA\r\n",
		    [SMTP_TEXT] = stuffed(a, text, len) } };
}

size_t
smtp_next(const struct smtp *s, const char **bytes)
{
	if (smtp_over(s))
		return 0;
	*bytes = s->out[s->step] + s->said;
	return strlen(*bytes);
}

void
smtp_said(struct smtp *s, size_t n)
{
	s->said += n;
	s->whole = s->whole || (s->step == SMTP_TEXT && s->out[SMTP_TEXT][s->said] == '\0');
}

/* ---- what is heard ---- */

/* A whole reply: the next step, or the end. */
static void
take_reply(struct smtp *s)
{
	bool good = s->step == SMTP_DATA ? s->code == 354 : s->code >= 200 && s->code < 300;

	if (good) {
		s->step++;
		s->said = 0;
	} else if (s->code >= 400 && s->code < 600) {
		s->refused = s->step;
		s->step = SMTP_REFUSED;
	} else {
		s->step = SMTP_BROKEN;
	}
}

/* The end of a line: "250-more" or "250 last", also bare "250". */
static bool
take_line(struct smtp *s)
{
	const char *r = s->reply;

	if (strspn(r, "0123456789") != 3 || (r[3] != '\0' && r[3] != ' ' && r[3] != '-'))
		return false;
	s->code = (r[0] - '0') * 100 + (r[1] - '0') * 10 + (r[2] - '0');
	if (r[3] != '-')
		take_reply(s);
	return true;
}

void
smtp_hear(struct smtp *s, const char *bytes, size_t n)
{
	const char *rest;

	for (size_t i = 0; i < n && !smtp_over(s); i++) {
		if (++s->heard > SMTP_HEARD_MAX || smtp_next(s, &rest) > 0) {
			s->step = SMTP_BROKEN;
		} else if (bytes[i] != '\n') {
			if (bytes[i] != '\r' && s->line < sizeof s->reply - 1)
				s->reply[s->line++] = bytes[i];
		} else {
			if (!take_line(s))
				s->step = SMTP_BROKEN;
			s->line = 0;
			memset(s->reply, 0, sizeof s->reply);
		}
	}
}
