/* patience.c: see patience.h. */
#include "voice/patience.h"

#define S_US 1000000LL
#define PROMPT_US (8 * S_US)
#define SILENT_US (25 * S_US)
#define HOLDING_US (12 * S_US)
#define LONGEST_LOOK_US (S_US / 2) /* a process that stood still is not the callee's silence */

static enum patience_news
in_silence(struct patience *p, const struct patience_state *state)
{
	int64_t since = p->quiet_us - p->told_us;

	if (!state->waits && p->quiet_us >= SILENT_US)
		return PATIENCE_SILENT;
	if (since < (state->waits ? HOLDING_US : PROMPT_US))
		return PATIENCE_NONE;
	p->told_us = p->quiet_us;
	return state->waits ? PATIENCE_HOLDING : PATIENCE_PROMPT;
}

enum patience_news
patience_look(struct patience *p, const struct patience_state *state, int64_t now)
{
	int64_t passed = p->looked_us == 0 ? 0 : now - p->looked_us;

	p->looked_us = now;
	if (state->music) {
		p->quiet_us = p->told_us = 0;
		if (p->music_us == 0) {
			p->music_us = now;
			return PATIENCE_MUSIC;
		}
		return now - p->music_us >= p->most_music_us ? PATIENCE_HELD : PATIENCE_NONE;
	}
	p->music_us = 0;
	if (state->callee_talks) {
		p->quiet_us = p->told_us = 0;
		return PATIENCE_NONE;
	}
	if (!state->agent_talks)
		p->quiet_us += passed > LONGEST_LOOK_US ? LONGEST_LOOK_US : passed;
	return in_silence(p, state);
}
