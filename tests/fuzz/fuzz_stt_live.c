/* A stream of Deepgram's messages, one a line: whatever comes, no utterance is empty, too long, or ends
 * before it begins. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/stt_live.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct stt_live *s)
{
	if (s->text.len == 0 || s->text.len > STT_LIVE_TEXT_MAX || buf_failed(&s->text) ||
	    s->start_ms < 0 || s->end_ms < s->start_ms)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size, *line;
	enum stt_live_said said;
	struct stt_live s;

	stt_live_init(&s);
	while (at < end) {
		line = memchr(at, '\n', (size_t)(end - at));
		if (line == NULL)
			line = end;
		if (stt_live_read(&s, at, (size_t)(line - at), &said) == RC_OK &&
		    said == STT_LIVE_UTTERANCE)
			check(&s);
		at = line + (line < end);
	}
	if (stt_live_rest(&s))
		check(&s);
	stt_live_free(&s);
	return 0;
}
