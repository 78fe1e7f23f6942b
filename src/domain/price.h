/*
 * price.h: prices in decimals: as text, as a whole number of cents, and as people say them. Never as
 * a floating-point number.
 */
#ifndef DOMAIN_PRICE_H
#define DOMAIN_PRICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define PRICE_CENTS_MAX 999999999999 /* 9,999,999,999.99 */
#define PRICE_SIZE 24

/* "150", "150.5" or "150.00" and nothing else; false for anything that is no such price. */
bool price_read(const char *text, int64_t *cents);
/* 15000 as "150.00". Returns out. */
const char *price_text(int64_t cents, char out[PRICE_SIZE]);

/* A price that was named, and the sentence that names it. */
struct price_named {
	int64_t cents;
	const char *sentence; /* in the arena */
};

/*
 * The price that somebody names who was asked for one, in English: "135", "$1,250.50", "135 dollars
 * and 50 cents", "one hundred and thirty-five dollars". The last one when there are several. False
 * when there is none for certain: hours, dates, numbers of phones and houses, rates (an hour),
 * ranges, discounts and what is ruled out ("not 150") are no prices of a job.
 */
bool price_find(struct arena *a, const char *said, struct price_named *named);

#endif
