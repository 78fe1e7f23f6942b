/* What is spoken stays text: no words can open or close an element. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/twiml.h"
#include "domain/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *words = arena_strndup(a, (const char *)data, size);
	struct script_turn turn = { .turn = size % 9,
		.heard = words,
		.brief = words,
		.language = "en",
		.silent_turns = 0 };
	struct script_reply reply = script_reply(a, &turn);
	const char *text = twiml_end(a, reply.words, reply.language);
	int opened = 0, closed = 0;

	for (const char *p = text; *p != '\0'; p++) {
		opened += *p == '<';
		closed += *p == '>';
	}
	/* the declaration, Response twice, Hangup, and Say twice when there are words */
	if (opened != closed || (opened != 4 && opened != 6))
		abort();
	arena_free(a);
	return 0;
}
