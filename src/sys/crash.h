/*
 * crash.h: numbered crash points for the fault tests. In a build with --enable-crash-points, the
 * process kills itself with SIGKILL when it reaches the point that the environment variable
 * OFFHOOK_CRASH_AT names ("dial.claimed", or "dial.claimed:3" for the third time); the file
 * OFFHOOK_CRASH_ONCE, when set, is created first, and no process crashes once it exists. In any
 * other build these are nothing.
 */
#ifndef SYS_CRASH_H
#define SYS_CRASH_H

#include "config.h"

#ifdef CRASH_POINTS
void crash_point(const char *name);
#else
static inline void
crash_point(const char *name)
{
	(void)name;
}
#endif

#endif
