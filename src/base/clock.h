/*
 * clock.h: the two clocks. Durations and deadlines come from CLOCK_BOOTTIME (it goes on while
 * the host sleeps and nobody sets it); wall time is only for reading and writing dates. Instants
 * of record come from the database, not from here.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_boot_us(void);
int64_t clock_wall_us(void);

/* The later and the earlier of two instants, the longer and the shorter of two durations. */
static inline int64_t
clock_later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}
static inline int64_t
clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void clock_sleep_ms(int64_t ms);
/* A uniformly random duration in [ms/2, ms]: every retry waits with it. */
int64_t clock_jitter_ms(int64_t ms);

/* ISO 8601 with Z or an offset, seconds with or without a fraction: to microseconds since 1970. */
bool clock_parse_iso(const char *s, int64_t *us);
/* 2026-11-20T22:51:05.123Z */
#define CLOCK_ISO_SIZE 32
void clock_format_iso(int64_t us, char out[CLOCK_ISO_SIZE]);
/* RFC 2822, "Tue, 31 Aug 2010 20:36:28 +0000", to seconds since 1970. */
bool clock_parse_rfc2822(const char *s, int64_t *seconds);
void clock_format_rfc2822(int64_t seconds, char out[CLOCK_ISO_SIZE]);

#endif
