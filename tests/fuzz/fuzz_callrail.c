/* A page of calls, and the place of a recording, as CallRail answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "remote/callrail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_page(const struct callrail_page *page)
{
	if (page->count < 0 || page->count + page->odd > CALLRAIL_PAGE_CALLS)
		abort();
	for (int i = 0; i < page->count; i++) {
		const struct callrail_call *call = &page->calls[i];

		if (!callrail_id(call->id) || call->duration_s < -1 ||
		    (call->company_id != NULL && !callrail_id(call->company_id)))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct callrail there = { "https://api.callrail.example", NULL, false };
	struct callrail_ask ask = { { "ACC1", "0123456789" }, NULL, 0, 0, 1 };
	struct fetch_result result = { .end = FETCH_ANSWERED, .status = 200 };
	struct callrail_recording recording;
	struct arena *a = arena_new();
	struct callrail_page page;
	enum rc rc;

	if (size > 0 && data[0] % 4 == 0) {
		result.status = 400 + data[0];
		data++;
		size--;
	}
	buf_init(&result.body, size + 1);
	buf_add(&result.body, data, size);
	rc = callrail_list_read(&result, a, &ask, &page);
	if ((rc == RC_OK) != (page.error == NULL))
		abort();
	check_page(&page);
	if (page.error != NULL && strstr(page.error, ask.account.key) != NULL)
		abort();
	rc = callrail_recording_read(&there, &result, a, &ask.account, &recording);
	if ((rc == RC_OK) != (recording.url != NULL))
		abort();
	buf_free(&result.body);
	arena_free(a);
	return 0;
}
