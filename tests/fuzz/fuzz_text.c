/* Strict texts: times, numbers, phone numbers, ids, keys, base64. What is accepted reads back. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
times(const char *text)
{
	char iso[CLOCK_ISO_SIZE];
	int64_t us, again;

	if (clock_parse_iso(text, &us)) {
		clock_format_iso(us, iso);
		/* Written in whole milliseconds, cut off towards the past: also before 1970. */
		if (!clock_parse_iso(iso, &again) || again > us || us - again >= 1000)
			abort();
	}
	clock_parse_rfc2822(text, &us);
}

static void
numbers(const char *text)
{
	char written[32];
	int64_t value;
	double real;

	if (str_int64(text, INT64_MIN, INT64_MAX, &value)) {
		snprintf(written, sizeof written, "%" PRId64, value);
		if (!str_int64(written, INT64_MIN, INT64_MAX, &value))
			abort();
	}
	if (str_double(text, 0, 10, &real) && !(real >= 0 && real <= 10))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	uint8_t *bytes = mem_alloc(size + 4);
	char masked[STR_MASKED_SIZE];

	memcpy(text, data, size);
	text[size] = '\0';
	times(text);
	numbers(text);
	str_mask_phone(text, masked);
	if (str_e164(text) && strlen(text) > 16)
		abort();
	if (id_valid(text, "call_") && strpbrk(text, "/.%\r\n") != NULL)
		abort();
	id_key_valid(text);
	digest_unbase64(text, bytes, size + 4);
	free(bytes);
	free(text);
	return 0;
}
