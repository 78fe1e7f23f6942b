/*
 * life.h: how a call proceeds: it waits for a slot, rings, is answered or not, and ends. The world
 * lock is held in all of these.
 */
#ifndef SIM_LIFE_H
#define SIM_LIFE_H

#include "sim/call.h"

/* Accepts a dial: the call is queued and goes its way by itself. Takes the arena over. */
struct call *life_dial(struct arena *arena, const struct dial *dial, const struct callee *callee,
    struct arrival arrival);

/* Carries an update out on a call that has not ended. Texts of u are copied. False with a refusal
 * when the call's state forbids it. */
bool life_update(struct call *c, const struct update *u, struct refusal *why);

void life_close(void);

#endif
