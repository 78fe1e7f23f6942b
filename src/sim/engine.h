/*
 * engine.h: the one thread in which calls live: timers fire and webhooks travel there.
 */
#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

/* Starts the thread. */
void engine_start(void);
/* Ends it and forgets the requests that were under way. Timers stay armed, nobody fires them. */
void engine_stop(void);

#endif
