/* rest_calls.h: the account and its calls over REST. */
#ifndef SIM_REST_CALLS_H
#define SIM_REST_CALLS_H

#include "sim/ask.h"

extern const struct route rest_calls_routes[];

#endif
