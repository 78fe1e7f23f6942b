/* An entry of the spool: one that is read is written again as a wish that is read the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "domain/job_door.h"
#include "sys/spool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	char name[SPOOL_NAME_SIZE];
	struct job_wish wish, again;
	struct buf text;

	if (size <= SPOOL_ENTRY_MAX && job_wish_read(a, (const char *)data, size, &wish)) {
		spool_name(name, job_wish_owner(a, &wish),
		    arena_printf(a, "%s/%s", wish.tenant_id, wish.call_id));
		buf_init(&text, SPOOL_ENTRY_MAX);
		if (!job_wish_write(&wish, &text) ||
		    !job_wish_read(a, text.data, text.len, &again) ||
		    strcmp(again.call_id, wish.call_id) != 0 ||
		    strcmp(again.tenant_id, wish.tenant_id) != 0 ||
		    strcmp(job_wish_owner(a, &again), job_wish_owner(a, &wish)) != 0 ||
		    again.who.is_admin != wish.who.is_admin)
			abort();
		buf_free(&text);
	}
	arena_free(a);
	return 0;
}
