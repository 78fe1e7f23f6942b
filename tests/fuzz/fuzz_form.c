/* The carrier's form bodies and its signature over them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/signature.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str_pair pairs[128];
	char *text = mem_alloc(size + 1);
	int count;

	memcpy(text, data, size);
	text[size] = '\0';
	count = str_form(text, pairs, 128);
	if (count > 128)
		abort();
	if (count >= 0 &&
	    signature_right("token", "https://localhost:8443", "/twilio/status/x", pairs, count,
		"AAAAAAAAAAAAAAAAAAAAAAAAAAA="))
		abort();
	free(text);
	return 0;
}
