/* What nginx asks of offhook-events: nothing but a sane id and number comes through. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "stream/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request r;

	if (!request_parse((const char *)data, size, &r))
		return 0;
	if (!id_valid(r.call_id, "call_") || r.after < 0 || r.after > INT32_MAX ||
	    strlen(r.request_id) > REQUEST_ID_MAX || strpbrk(r.request_id, "\r\n :") != NULL)
		abort();
	return 0;
}
