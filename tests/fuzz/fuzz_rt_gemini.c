/* What a model's server says: whatever comes, it is refused or whole, and its sound is base64. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "remote/rt_gemini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rt_gemini_told told;
	int i;

	if (rt_gemini_read((const char *)data, size, &told) == RC_OK) {
		for (i = 0; i < told.sound_count; i++) {
			if (!digest_is_base64(told.sounds[i].base64, told.sounds[i].len))
				abort();
		}
		for (i = 0; i < told.call_count; i++) {
			if (strlen(told.calls[i].id) == 0 || strlen(told.calls[i].name) == 0 ||
			    !json_is_object(told.calls[i].arguments))
				abort();
		}
		for (i = 0; i < told.cancelled_count; i++) {
			if (strlen(told.cancelled[i]) == 0)
				abort();
		}
		if (told.go_away_ms < 0 || (told.handle != NULL && !told.resumption))
			abort();
	}
	rt_gemini_clear(&told);
	return 0;
}
