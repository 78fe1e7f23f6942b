/*
 * holder.h: which process a leader is, told apart over hosts, boots and containers, and whether
 * an older one can still be alive.
 */
#ifndef WORK_HOLDER_H
#define WORK_HOLDER_H

#include <stdbool.h>

#include "domain/pacer.h"

/* This process. */
void holder_self(struct pacer_holder *self);
/* Whether the other is known to be dead: same machine, and its process is gone or another's, or
 * the machine has booted since. This very process counts as dead: it knows what it has sent.
 * false: nobody can say. */
bool holder_dead(const struct pacer_holder *self, const struct pacer_holder *other);

#endif
