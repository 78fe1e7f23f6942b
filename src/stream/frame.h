/* frame.h: what goes over a stream, as Server-Sent Events have it. */
#ifndef STREAM_FRAME_H
#define STREAM_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "domain/event.h"

/* Appends one event: id, type, and the same body that polling gives. */
void frame_event(const struct call_event *event, struct buf *out);
/* Appends how long the client is to wait before it connects anew. */
void frame_retry(int64_t ms, struct buf *out);

/* A comment: keeps whatever lies between us and the client from thinking the stream dead. */
#define FRAME_HEARTBEAT ": heartbeat\n\n"

#endif
