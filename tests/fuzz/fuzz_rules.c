/*
 * "ERRAND\0SLOTS\0WORDS": what a model is told before a call is text, whole and bounded, whatever the errand is;
 * its tools are JSON; and what the callee says is looked at for machines.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "voice/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rules_case c = { .language = size % 2 == 0 ? "en" : "ru", .kind = "other" };
	char *text = mem_zalloc(size + 3, 1);
	struct arena *a = arena_new();
	const char *told, *words;
	json_t *tools;

	memcpy(text, data, size);
	c.brief = text;
	c.slots = c.brief + strlen(c.brief) + 1;
	words = c.slots + strlen(c.slots) + 1;
	if (str_utf8(c.brief, strlen(c.brief)) && str_utf8(c.slots, strlen(c.slots))) {
		told = rules_instructions(a, &c);
		if (!str_utf8(told, strlen(told)) || strlen(told) < 100)
			abort();
	}
	tools = rules_tools(&c);
	if (json_array_size(tools) != 3)
		abort();
	json_decref(tools);
	if (str_utf8(words, strlen(words))) {
		(void)rules_voicemail(a, words);
		(void)rules_screening(a, words);
	}
	arena_free(a);
	free(text);
	return 0;
}
