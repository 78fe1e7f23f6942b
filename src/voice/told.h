/* told.h: what an engine tells a session, and what becomes of it; arg is the session. */
#ifndef VOICE_TOLD_H
#define VOICE_TOLD_H

#include "voice/engine.h"

extern const struct engine_told told_session;

#endif
