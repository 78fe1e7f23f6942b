/* party.c: the callee's manners. */
#include "sim/party.h"

#include <string.h>

#include "sim/tone.h"

#define BEEP_MS 500
#define GREETING_MS 300  /* a machine takes so long to begin */
#define KEY_MS 200       /* from one key to the next */
#define OVERLAP_MS 100   /* heard so shortly before: the agent still speaks */
#define LEAVE_MS 3000    /* nothing left to say, and nothing is said */
#define GIVE_UP_MS 30000 /* the same in the middle of the conversation */

void
party_init(struct party *p, struct callee *callee, bool greeted)
{
	*p = (struct party){ .callee = callee,
		.agent_first_ms = -1,
		.agent_last_ms = -1,
		.now_ms = -ULAW_FRAME_MS,
		.machine = callee->outcome == OUTCOME_VOICEMAIL };
	while (p->line_count < CALLEE_LINES_MAX && callee->lines[p->line_count] != NULL)
		p->line_count++;
	if (p->machine && greeted)
		p->state = PARTY_SILENT;
}

static void
enter(struct party *p, enum party_state state)
{
	p->state = state;
	p->since_ms = p->now_ms;
}

/* From here on it listens for the agent's answer. */
static void
listen(struct party *p)
{
	enter(p, PARTY_LISTENS);
	p->heard = p->agent_last_ms >= 0 && p->now_ms - p->agent_last_ms < OVERLAP_MS;
	if (p->heard)
		p->agent_first_ms = p->now_ms;
}

/* --- taking turns --- */

static size_t
line_number(const struct party *p, const char *words)
{
	size_t i = 0;

	while (i < p->line_count && p->callee->lines[i] != words)
		i++;
	return i;
}

/* Speaks this line as soon as its voice is there. */
static void
open_mouth(struct party *p, size_t line, bool interrupts)
{
	p->line = line;
	p->said = 0;
	p->interrupts = interrupts;
	enter(p, PARTY_BREATHES);
}

static void
take_turn(struct party *p, bool interrupts, struct party_did *did)
{
	const char *words;

	p->callee->spoken_to = p->callee->spoken_to || p->heard;
	switch (callee_hear(p->callee, true, true, &words)) {
	case HEARD_SPEECH:
		open_mouth(p, line_number(p, words), interrupts);
		break;
	case HEARD_DIGITS:
		p->keys = words;
		did->began = "digits";
		did->text = words;
		enter(p, PARTY_PRESSES);
		break;
	case HEARD_NOTHING:
		listen(p);
		break;
	case HEARD_HANGUP:
		did->hangs_up = true;
		enter(p, PARTY_GONE);
		break;
	}
}

static bool
has_line(const struct party *p)
{
	return p->callee->lines[p->callee->turn] != NULL;
}

static bool
holds_now(const struct party *p)
{
	return p->callee->hold_ms > 0 && !p->held && p->callee->turn >= p->callee->hold_turn;
}

static void
hold(struct party *p, struct party_did *did)
{
	p->held = true;
	did->began = "music";
	enter(p, PARTY_HOLDS);
}

/* Whether a callee who leaves in the end has waited long enough for another word. */
static bool
gives_up(const struct party *p)
{
	int64_t limit_ms = has_line(p) ? GIVE_UP_MS : LEAVE_MS;

	return p->callee->leaves && !p->heard && p->now_ms - p->since_ms >= limit_ms;
}

static void
listening(struct party *p, struct party_did *did)
{
	const struct callee *c = p->callee;
	int64_t quiet_ms = p->now_ms - p->agent_last_ms;

	if (holds_now(p)) {
		hold(p, did);
	} else if (p->back) {
		p->back = false;
		take_turn(p, false, did);
	} else if (p->heard && quiet_ms >= c->silence_ms) {
		take_turn(p, false, did);
	} else if (p->heard && c->interrupt_ms > 0 && has_line(p) &&
	    p->now_ms - p->agent_first_ms >= c->interrupt_ms) {
		take_turn(p, true, did);
	} else if (c->first_ms >= 0 && c->turn == 0 && p->agent_last_ms < 0 &&
	    p->now_ms >= c->first_ms) {
		take_turn(p, false, did);
	} else if (gives_up(p)) {
		did->hangs_up = true;
		enter(p, PARTY_GONE);
	}
}

/* --- making sounds --- */

/* What comes after a line. */
static void
close_mouth(struct party *p)
{
	if (!p->machine)
		listen(p);
	else if (p->line + 1 < p->line_count)
		open_mouth(p, p->line + 1, false);
	else
		enter(p, PARTY_BEEPS);
}

static void
speak(struct party *p, uint8_t out[ULAW_FRAME], struct party_did *did)
{
	const struct party_voice *v = &p->voices[p->line];
	size_t left = v->len - p->said, n = left < ULAW_FRAME ? left : ULAW_FRAME;

	memcpy(out, v->bytes + p->said, n);
	p->said += n;
	if (p->said < v->len)
		return;
	did->ended = true;
	close_mouth(p);
}

static void
breathe(struct party *p, uint8_t out[ULAW_FRAME], struct party_did *did)
{
	const struct party_voice *v = &p->voices[p->line];

	if (!v->ready)
		return;
	if (v->len == 0) {
		close_mouth(p);
		return;
	}
	did->began = "speech";
	did->text = p->callee->lines[p->line];
	did->interrupts = p->interrupts;
	enter(p, PARTY_SPEAKS);
	speak(p, out, did);
}

static void
press(struct party *p, struct party_did *did)
{
	if ((p->now_ms - p->since_ms) % KEY_MS != 0)
		return;
	did->digit = *p->keys++;
	if (*p->keys != '\0')
		return;
	did->ended = true;
	listen(p);
}

static void
play_music(struct party *p, uint8_t out[ULAW_FRAME], struct party_did *did)
{
	int64_t at_ms = p->now_ms - p->since_ms;

	tone_music((uint64_t)at_ms * (ULAW_RATE / 1000), out, ULAW_FRAME);
	if (at_ms + ULAW_FRAME_MS < p->callee->hold_ms)
		return;
	did->ended = true;
	listen(p);
	p->back = has_line(p);
}

static void
beep(struct party *p, uint8_t out[ULAW_FRAME], struct party_did *did)
{
	int64_t at_ms = p->now_ms - p->since_ms - ULAW_FRAME_MS;

	if (at_ms == 0)
		did->began = "beep";
	tone_beep((uint64_t)at_ms * (ULAW_RATE / 1000), out, ULAW_FRAME);
	if (at_ms + ULAW_FRAME_MS < BEEP_MS)
		return;
	did->ended = true;
	did->beeped = true;
	enter(p, PARTY_SILENT);
}

void
party_tick(struct party *p, bool agent, uint8_t out[ULAW_FRAME], struct party_did *did)
{
	*did = (struct party_did){ 0 };
	memset(out, ULAW_SILENCE, ULAW_FRAME);
	p->now_ms += ULAW_FRAME_MS;
	if (agent) {
		if (p->agent_last_ms < 0 || p->now_ms - p->agent_last_ms >= p->callee->silence_ms ||
		    !p->heard)
			p->agent_first_ms = p->now_ms;
		p->agent_last_ms = p->now_ms + ULAW_FRAME_MS;
		p->heard = true;
	}
	if (p->machine && p->state == PARTY_LISTENS && p->now_ms >= GREETING_MS) {
		if (p->line_count > 0)
			open_mouth(p, 0, false);
		else
			enter(p, PARTY_BEEPS);
	} else if (p->state == PARTY_LISTENS && !p->machine) {
		listening(p, did);
	}
	if (p->state == PARTY_BREATHES)
		breathe(p, out, did);
	else if (p->state == PARTY_SPEAKS)
		speak(p, out, did);
	else if (p->state == PARTY_PRESSES)
		press(p, did);
	else if (p->state == PARTY_HOLDS)
		play_music(p, out, did);
	else if (p->state == PARTY_BEEPS && p->now_ms > p->since_ms)
		beep(p, out, did);
}

/* --- voices --- */

int
party_wants(struct party *p)
{
	size_t next = p->machine ? p->line + 1 : (size_t)p->callee->turn;

	if (p->state == PARTY_SILENT || p->state == PARTY_GONE)
		return -1;
	for (size_t i = 0; i < p->line_count && i <= next; i++)
		if (!p->voices[i].asked) {
			p->voices[i].asked = true;
			return (int)i;
		}
	return -1;
}

void
party_voice(struct party *p, size_t line, const uint8_t *bytes, size_t len)
{
	struct party_voice *v = &p->voices[line];

	v->bytes = bytes;
	v->len = bytes == NULL ? 0 : len;
	v->asked = v->ready = true;
}
