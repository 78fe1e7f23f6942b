/*
 * number.h: phone numbers as people write them, to E.164, by libphonenumber. A number that is E.164
 * already is never refused: the library's knowledge of the world is as old as its package.
 */
#ifndef PHONE_NUMBER_H
#define PHONE_NUMBER_H

#include <stdbool.h>

#define PHONE_NUMBER_SIZE 17 /* + and 15 digits, and the zero */
#define PHONE_TEXT_MAX 64    /* bytes of what somebody wrote */

#ifdef __cplusplus
extern "C" {
#endif

/* Loads what the library knows (some milliseconds, once): before a fork, so that children share it. */
void phone_init(void);

/* Whether there is such a region ("US"): two capital letters that a national number can be read by. */
bool phone_region(const char *region);

/*
 * Reads a number in national or international form; region is where a national one is at home. NULL with
 * the number in out, or a sentence why it can be none: letters and extensions are refused, and a
 * length that no number there has. Whether it is in service nobody knows.
 */
const char *phone_read(const char *text, const char *region, char out[PHONE_NUMBER_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
