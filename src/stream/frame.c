/* frame.c: see frame.h. */
#include "stream/frame.h"

#include <inttypes.h>

void
frame_event(const struct call_event *event, struct buf *out)
{
	buf_printf(out, "id: %" PRId64 "\nevent: %s\ndata: ", event->event_id, event->event_type);
	call_event_body(event, out);
	buf_puts(out, "\n\n");
}

void
frame_retry(int64_t ms, struct buf *out)
{
	buf_printf(out, "retry: %" PRId64 "\n\n", ms);
}
