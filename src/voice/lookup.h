/*
 * lookup.h: the addresses of a host, asked for beside the loop: the resolver may take seconds, in which no
 * call may stand still.
 */
#ifndef VOICE_LOOKUP_H
#define VOICE_LOOKUP_H

#define LOOKUP_MAX 4
#define LOOKUP_SIZE 46

enum lookup_state { LOOKUP_ASKED, LOOKUP_FOUND, LOOKUP_FAILED };

struct lookup;

/* Never NULL. */
struct lookup *lookup_new(const char *host);
/* LOOKUP_FAILED: why, for the operator, is in lookup_error(). */
enum lookup_state lookup_state(struct lookup *l);
const char *lookup_error(const struct lookup *l);
/* The i-th address that was found, as text, or NULL behind the last, of which LOOKUP_MAX are kept. */
const char *lookup_address(const struct lookup *l, int i);
/* At any time; what is still being asked for is forgotten once it is answered. */
void lookup_free(struct lookup *l);

#endif
