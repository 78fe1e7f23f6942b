/* What a worker hands to the committer: any bytes are read as a message of texts or refused, and what was
 * read means the same when it is written again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/texts.h"

#define COUNT_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *texts[COUNT_MAX];
	char *message;
	struct buf again;
	int count;

	if (size < 1)
		return 0;
	count = data[0] % COUNT_MAX;
	message = mem_alloc(size > 1 ? size - 1 : 1); /* the sanitizer sees a step beyond */
	memcpy(message, data + 1, size - 1);
	if (size - 1 >= TEXTS_HEAD)
		(void)texts_size(message, size);
	if (texts_read(message, size - 1, texts, count)) {
		for (int i = 0; i < count; i++)
			if (texts[i] != NULL &&
			    (texts[i] < message ||
				texts[i] + strlen(texts[i]) >= message + size - 1))
				abort();
		buf_init(&again, size);
		texts_write(&again, texts, count);
		if (buf_failed(&again) || again.len != size - 1 ||
		    memcmp(again.data, message, again.len) != 0 ||
		    texts_size(message, size) != size - 1)
			abort();
		buf_free(&again);
	}
	free(message);
	return 0;
}
