/* talk.h: the turns of the agent when a language model thinks for it (voice.engine = openai). */
#ifndef API_TALK_H
#define API_TALK_H

#include <stdbool.h>

#include "api/gate.h"
#include "domain/agent.h"

/* Where the carrier goes on, and where the client answers. */
struct talk_urls {
	const char *here, *next; /* this turn again, the next one */
	const char *answer;
};

/* Whether this turn is the model's. The script has the others: machines, silence, the end of a talk that
 * has gone on for too long, and negotiations, whose price is agreed to by rules. */
bool talk_wanted(const struct agent_ask *question, const struct agent_turn *turn);

/* What to answer the carrier: the reply when it is there, else that the callee holds the line. Asks no model
 * itself and waits for none. */
enum rc talk_speak(struct ask *ask, const struct agent_ask *question, const struct agent_turn *turn,
    const struct talk_urls *urls, const char **twiml) MUST_CHECK;

#endif
