/* brake.c: see brake.h. */
#include "work/brake.h"

#include "base/clock.h"

#define FAILURES 5
#define FIRST_US 1000000
#define LONGEST_US 60000000

int
brake_room(const struct brake *b, int64_t now_us, int active, int room)
{
	if (b->pause_us > 0)
		return active == 0 && now_us >= b->until_us ? 1 : 0;
	return room > active ? room - active : 0;
}

void
brake_answered(struct brake *b)
{
	*b = (struct brake){ 0 };
}

/* A few per cent longer, so that those of several hosts do not ask together. */
static int64_t
spread(int64_t us)
{
	return us + clock_jitter_ms(us / 10000) * 1000;
}

bool
brake_failed(struct brake *b, int64_t now_us, int64_t started_us, int64_t pause_s)
{
	bool first = b->pause_us == 0;

	b->failures++;
	if (b->failures < FAILURES)
		return false;
	/* Those that were under way when it went on say nothing new. */
	if (!first && started_us < b->since_us)
		return false;
	b->pause_us = first ? FIRST_US : b->pause_us * 2;
	if (b->pause_us > LONGEST_US)
		b->pause_us = LONGEST_US;
	b->since_us = now_us;
	b->until_us = now_us + spread(b->pause_us);
	if (now_us + pause_s * 1000000 > b->until_us)
		b->until_us = now_us + pause_s * 1000000;
	return first;
}
