/*
 * log.c: a line is put together on the stack and leaves in one write(2), so that the lines of
 * several processes do not mix and nothing is allocated when memory is short.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LINE_SIZE 2048
#define SUBJECT_SIZE 64
static const char ellipsis[] = "…\n"; /* ends a line that was cut */

static const struct {
	const char *name;
	int priority; /* of syslog(3), which the journal reads */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static const char *program_name;
static enum log_level threshold = LOG_LEVEL_INFO;
static char subject[SUBJECT_SIZE];
static bool to_journal;

/* JOURNAL_STREAM says which device and inode the journal's stream has: the variable alone is also
 * inherited by those whose standard error goes elsewhere (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char mine[64];
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, mine) == 0;
}

void
log_open(const char *program, enum log_level level)
{
	program_name = program;
	threshold = level;
	to_journal = stderr_is_journal();
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_level_parse(const char *s, enum log_level *out)
{
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(s, levels[i].name) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void
log_about(const char *about)
{
	size_t len = about == NULL ? 0 : strnlen(about, sizeof(subject) - 1);

	if (len > 0)
		memcpy(subject, about, len);
	subject[len] = '\0';
}

/* A line under construction; once something did not fit, nothing more is added. */
struct line {
	char text[LINE_SIZE];
	size_t len;
	bool cut;
};

static void
line_add(struct line *l, const char *bytes, size_t len)
{
	if (l->cut || len > sizeof(l->text) - sizeof(ellipsis) - l->len) {
		l->cut = true;
		return;
	}
	memcpy(l->text + l->len, bytes, len);
	l->len += len;
}

/* Text from anywhere: what could move a cursor or is no text at all is shown as \xNN. */
static void
line_escape(struct line *l, const char *s)
{
	size_t len = strlen(s), size;
	uint32_t code;
	char hex[5];

	for (; len > 0 && !l->cut; s += size, len -= size) {
		size = str_utf8_next(s, len, &code);
		if (size > 0 && code >= 0x20 && code != 0x7f && (code < 0x80 || code > 0x9f)) {
			line_add(l, s, size);
			continue;
		}
		size = 1;
		snprintf(hex, sizeof(hex), "\\x%02x", (unsigned)(unsigned char)*s);
		line_add(l, hex, 4);
	}
}

static void
line_begin(struct line *l, enum log_level level)
{
	char head[128], now[CLOCK_ISO_SIZE];
	const char *name = program_name != NULL ? program_name : program_invocation_short_name;

	if (to_journal) {
		snprintf(head, sizeof(head), "<%d>", levels[level].priority);
	} else {
		clock_format_iso(clock_wall_us(), now);
		snprintf(head, sizeof(head), "%s %s %.48s[%ld] ", now, levels[level].name, name,
		    (long)getpid());
	}
	line_add(l, head, strlen(head));
	if (subject[0] != '\0') {
		line_escape(l, subject);
		line_add(l, ": ", 2);
	}
}

static void
line_write(struct line *l)
{
	const char *end = l->cut ? ellipsis : "\n";
	size_t len = strlen(end);

	memcpy(l->text + l->len, end, len);
	l->len += len;
	/* There is nobody to tell when standard error is gone. */
	while (write(STDERR_FILENO, l->text, l->len) < 0 && errno == EINTR)
		;
}

static void __attribute__((format(printf, 2, 0)))
log_line(enum log_level level, const char *fmt, va_list ap)
{
	int saved = errno;
	struct line line = { .len = 0, .cut = false };
	/* As long as a line: what the format cuts off here would not fit there either. */
	char text[LINE_SIZE];

	if (level > threshold)
		return;
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		snprintf(text, sizeof(text), "(a line that could not be formatted)");
	line_begin(&line, level);
	line_escape(&line, text);
	line_write(&line);
	errno = saved;
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_WARNING, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}

void
log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
	exit(1);
}
