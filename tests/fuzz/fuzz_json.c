/* Bodies: whatever comes, it is refused or one document, and what was accepted reads back alike. */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[64];
	json_t *one = json_parse_kept((const char *)data, size, why), *two;
	char *text;

	if (one == NULL)
		return 0;
	text = json_dumps(one, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
	if (text != NULL) {
		two = json_loads(text, JSON_DECODE_ANY, NULL);
		if (two == NULL || !json_equal(one, two))
			abort();
		json_decref(two);
	}
	free(text);
	json_decref(one);
	return 0;
}
