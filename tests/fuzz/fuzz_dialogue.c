/* A dialogue file: whatever is in it, it is refused with a sentence, or each of its turns has something to say
 * for any words. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "voice/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
text_or_none(const char *text)
{
	return text == NULL ? "" : text;
}

static void
check_turns(const struct dialogue *d)
{
	static const char *const words[] = { "", "yes", "No, we are CLOSED.", "\xd0\x94\xd0\xb0" };
	const struct dialogue_turn *turn;
	struct arena *a = arena_new();

	/* What is filled in by itself is as it was. */
	if (strcmp(dialogue_fill(a, dialogue_opening(d), "{brief}", "{brief}"),
		dialogue_opening(d)) != 0)
		abort();
	for (int i = 0; i <= 101; i++) {
		turn = dialogue_turn(d, a, i, words[i % 4]);
		if (turn == NULL)
			continue;
		if (i < 1 || i > 100 || turn->say == NULL)
			abort();
		(void)dialogue_fill(a, text_or_none(turn->answered), "{answer}", turn->say);
	}
	arena_free(a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int file = -1;
	char path[64], error[200] = "";
	struct dialogue *d;

	if (file < 0)
		file = memfd_create("dialogue", MFD_CLOEXEC);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	if (file < 0 || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
		abort();
	d = dialogue_load(path, error, sizeof error);
	if ((d == NULL) != (error[0] != '\0'))
		abort();
	if (d != NULL)
		check_turns(d);
	dialogue_free(d);
	return 0;
}
