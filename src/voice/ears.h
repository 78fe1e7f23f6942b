/*
 * ears.h: a second pair of ears for one conversation: what the callee says, by Deepgram's live API
 * beside the model. It helps the records and nothing else: when it fails the call goes on.
 */
#ifndef VOICE_EARS_H
#define VOICE_EARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ears;
struct links; /* voice/link.h */

struct ears_setup {
	struct links *links;
	const char *url, *api_key; /* of the live API; copied */
	const char *language;      /* BCP-47, or "auto" */
};

/* All may call ears_free(); nothing is told from within ears_begin(). */
struct ears_told {
	/* Somebody said this; the times are on the clock of ears_hear(). The text is gone afterwards. */
	void (*heard)(void *arg, const char *text, int64_t start_ms, int64_t end_ms);
	/* For the operator; holds no word that was said. for_good: nothing more is heard. */
	void (*failed)(void *arg, const char *sentence, bool for_good);
	/* After ears_finish(): all has been told, or it took too long. Once. */
	void (*done)(void *arg);
};

/* Never NULL. told outlives it. */
struct ears *ears_begin(const struct ears_setup *setup, const struct ears_told *told, void *arg);
/* A frame of mu-law at 8 kHz which begins at that time of the call. */
void ears_hear(struct ears *e, int64_t at_ms, const uint8_t *pcmu, size_t len);
/* The call is over: the last words are still told, within two seconds, then done. */
void ears_finish(struct ears *e);
/* At any time; nothing is told afterwards. */
void ears_free(struct ears *e);

#endif
