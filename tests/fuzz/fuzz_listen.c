/* What nginx asks of a door of offhook-voice: nothing but a sane id and one of two rates comes through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "voice/listeners.h"
#include "voice/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct listener_request r;
	char *head = mem_zalloc(1, size + 1);

	memcpy(head, data, size);
	if (listener_request_read(head, &r) &&
	    (!id_valid(r.call_id, "call_") || (r.rate != WAV_RATE && r.rate != WAV_RATE_BROWSER) ||
		strlen(r.request_id) > LISTENERS_REQUEST_ID_MAX ||
		strpbrk(r.request_id, "\r\n :") != NULL))
		abort();
	free(head);
	return 0;
}
