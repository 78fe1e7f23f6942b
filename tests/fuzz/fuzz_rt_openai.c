/* What a model's server says: whatever comes, it is refused or whole, and its sound is base64. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "remote/rt_openai.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rt_openai_event e;
	char *message = malloc(size + 1);

	memcpy(message, data, size);
	message = realloc(message, size > 0 ? size : 1);
	if (rt_openai_read(message, size, &e) == RC_OK) {
		if (e.kind == RT_OPENAI_AUDIO &&
		    (!digest_is_base64(e.text, e.text_len) || strlen(e.item) == 0))
			abort();
		if ((e.kind == RT_OPENAI_HEARD || e.kind == RT_OPENAI_SPOKEN) &&
		    strlen(e.text) != e.text_len)
			abort();
		if (e.kind == RT_OPENAI_TOOL && (e.call_id == NULL || e.name == NULL))
			abort();
		if (e.kind == RT_OPENAI_ERROR && strpbrk(e.code, " \r\n\"") != NULL)
			abort();
	}
	rt_openai_clear(&e);
	free(message);
	return 0;
}
