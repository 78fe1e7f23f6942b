/*
 * log.h: one line an event on standard error, in the form that journald reads (<6>text when
 * stderr is the journal, a time and a level otherwise). Text from outside is escaped; no key, no
 * full number, no brief, no transcript and no signature is ever given to these functions.
 * errno is left alone.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* program is kept, not copied. */
void log_open(const char *program, enum log_level level);
void log_set_level(enum log_level level);
bool log_level_parse(const char *s, enum log_level *out);

/* What the next lines of this process are about, e.g. a request id or a call id: printed in
 * front of each. NULL or "" ends it. Copied, at most 63 characters. */
void log_about(const char *subject);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Logs the sentence and ends the program with status 1: for faults at start. */
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
