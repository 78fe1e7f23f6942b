/* The carrier's messages: whatever comes, a frame is whole or refused, and its sound is base64. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "voice/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sound[FRAME_SOUND_MAX + 2];
	struct frame f;

	if (!frame_read((const char *)data, size, &f))
		return 0;
	if (f.kind == FRAME_SOUND &&
	    digest_unbase64_n(f.base64, f.base64_len, sound, sizeof sound) <= 0)
		abort();
	if (f.kind != FRAME_CONNECTED && f.kind != FRAME_OTHER && strlen(f.stream_sid) != 34)
		abort();
	if (f.kind == FRAME_MARK && strlen(f.mark) > FRAME_MARK_MAX)
		abort();
	frame_free(&f);
	return 0;
}
