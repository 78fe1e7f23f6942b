/* Whatever stands in a letter: the mail has each header once, lines as SMTP has them, and one end; and what
 * a summary says keeps to its page. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "http/smtp.h"
#include "remote/letter_summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const headers[] = { "Date", "From", "To", "Subject", "Message-ID",
	"Auto-Submitted", "MIME-Version", "Content-Type" };

/* The headers in their order, once each, and the lines that continue them. */
static void
check_head(const char *mail)
{
	size_t next = 0;

	for (const char *line = mail; strncmp(line, "\r\n", 2) != 0;
	     line = strstr(line, "\r\n") + 2) {
		size_t len = next < 8 ? strlen(headers[next]) : 0;

		if (line[0] == ' ' || line[0] == '\t')
			continue;
		if (next == 8 || strncmp(line, headers[next], len) != 0 || line[len] != ':')
			abort();
		next++;
	}
	if (next != 8)
		abort();
}

static void
check(struct arena *a, const struct letter *letter)
{
	size_t len;
	const char *mail = letter_render(a, letter, &len), *boundary = "\r\n--=_", *at;
	int count = 0;

	if (mail == NULL)
		return;
	if (smtp_unfit(letter->from, letter->to, mail, len) != NULL || strlen(mail) != len)
		abort();
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)mail[i] >= 0x7f)
			abort();
	check_head(mail);
	for (at = mail; (at = strstr(at, boundary)) != NULL; at += strlen(boundary))
		count++;
	if (count != 3)
		abort();
}

static void
check_page(const char *html, const char *const *allowed)
{
	for (const char *at = html; (at = strchr(at, '<')) != NULL; at++) {
		size_t i = 0;

		while (allowed[i] != NULL && strncmp(at + 1, allowed[i], strlen(allowed[i])) != 0)
			i++;
		if (allowed[i] == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = { "!DOCTYPE html>", "html lang=\"en\">", "/html>",
		"head>", "/head>", "meta charset=\"utf-8\">", "title>", "/title>", "body style=\"",
		"/body>", "h2 style=\"", "/h2>", "p style=\"", "/p>", "br>", "ul style=\"", "/ul>",
		"li>", "/li>", "table style=\"", "/table>", "tr>", "/tr>", "th style=\"", "/th>",
		"td style=\"", "/td>", NULL };
	struct arena *a = arena_new();
	const char *words = arena_strndup(a, (const char *)data, size);
	struct letter letter = { .from = "a@b.example",
		.to = size % 7 == 0 ? words : "c@d.example",
		.subject = words,
		.date_s = 1795216605,
		.message_id = size % 11 == 0 ? words : "<job.1.ab@host>",
		.text = words,
		.html = words };
	char why[64];
	json_t *value = json_parse_strict((const char *)data, size, why);
	struct letter_call call = { .summary = words,
		.outcome = words,
		.sentiment = words,
		.action_items = value,
		.fields = value,
		.job_id = (int64_t)size,
		.call_id = words,
		.external_id = words,
		.duration_s = (int64_t)size,
		.created_s = (int64_t)size };

	check(a, &letter);
	letter_summary(a, &call, &letter);
	check_page(letter.html, tags);
	check(a, &letter);
	json_decref(value);
	arena_free(a);
	return 0;
}
