/*
 * patience.h: how long a talk may stand still: silence on both sides, music of somebody who has put us on
 * hold, an answer of our own client that does not come. Pure.
 */
#ifndef VOICE_PATIENCE_H
#define VOICE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

enum patience_news {
	PATIENCE_NONE,
	PATIENCE_PROMPT,  /* both are silent: the agent is to say something */
	PATIENCE_HOLDING, /* the callee still waits for our client: say so */
	PATIENCE_MUSIC,   /* the callee has put us on hold */
	PATIENCE_SILENT,  /* the callee has been silent for too long: the end */
	PATIENCE_HELD     /* the music has lasted for too long: the end */
};

/* All zero at the beginning but the first. */
struct patience {
	int64_t most_music_us; /* so much music is the end */
	int64_t looked_us;
	int64_t quiet_us; /* of the callee's silence while the agent was silent too */
	int64_t told_us;  /* of quiet_us, when there was news last */
	int64_t music_us; /* since when; 0: there is none */
};

struct patience_state {
	bool agent_talks, callee_talks;
	bool waits; /* our client has been asked something */
	bool music;
};

/* What has come of it since the last look; at most one thing. */
enum patience_news patience_look(
    struct patience *p, const struct patience_state *state, int64_t now);

#endif
