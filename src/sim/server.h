/* server.h: the HTTP side of the simulator. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

/* Binds, and answers from then on; ends the program when that is impossible. */
void server_open(void);
/* Answers what is under way, then stops. Media must be closed in between: see server.c. */
void server_release(void);
void server_close(void);

#endif
