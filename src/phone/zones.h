/*
 * zones.h: the time zones that a number may lie in, by its first digits. The table is libphonenumber's;
 * its C++ library leaves it out, so the build takes it from the same release's Python package
 * (zone_table.py). One zone may still be a guess: mobiles roam, numbers are carried along.
 */
#ifndef PHONE_ZONES_H
#define PHONE_ZONES_H

struct phone_zone {
	const char *prefix; /* digits, without the plus */
	const char *zones;  /* names of the tz database as an array literal: "{Europe/Paris}" */
};

/* Sorted by prefix. Made by zone_table.py. */
extern const struct phone_zone phone_zone_table[];
extern const int phone_zone_count;

/* The zones of an E.164 number as an array literal, or NULL when nobody knows any. */
const char *phone_zones(const char *e164);

#endif
