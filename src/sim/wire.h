/*
 * wire.h: the thread of the media streams: one libwebsockets context with all their sockets, and
 * one timer for all their frames.
 */
#ifndef SIM_WIRE_H
#define SIM_WIRE_H

#include <stdbool.h>

#include "sim/line.h"

/* Starts the thread; ends the program when that is impossible. */
void wire_start(void);
/* Ends it: the sockets are closed without a word. Nothing is connected any more. */
void wire_stop(void);

/* Connects a new stream; its end is told by talk_stream_over(). Never waits. False, and nothing
 * happens, when WIRE_LETTERS_MAX other things wait for the thread or the program is ending. The
 * world lock is held, and below. */
#define WIRE_LETTERS_MAX 20000
bool wire_connect(const struct line_order *order);
/* The call goes on without its stream, or not at all: "stop", and the socket is closed. What
 * comes of it is not told. */
void wire_hang_up(const char *stream_sid);

#endif
