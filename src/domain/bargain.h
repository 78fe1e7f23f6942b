/* bargain.h: how the built-in agent agrees upon a price. For domain/script.h alone. */
#ifndef DOMAIN_BARGAIN_H
#define DOMAIN_BARGAIN_H

#include "domain/script.h"

/* Says what the job is, asks for a price, asks once for less, and ends with the price that the callee
 * named or agreed to, if any. heard is turn->heard in lower case. */
void bargain_reply(
    struct arena *a, const struct script_turn *turn, const char *heard, struct script_reply *reply);

#endif
