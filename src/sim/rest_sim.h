/* rest_sim.h: what tests ask the simulator: what really happened, and rules for callees. */
#ifndef SIM_REST_SIM_H
#define SIM_REST_SIM_H

#include "sim/ask.h"

extern const struct route rest_sim_routes[];

#endif
