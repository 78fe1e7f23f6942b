/*
 * ears.c: see ears.h. Deepgram counts the sound that it was sent; so gaps are filled with silence, and what
 * cannot be filled moves the beginning that its times are counted from.
 */
#include "voice/ears.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "remote/stt_live.h"
#include "voice/link.h"
#include "voice/sound.h"

#define MESSAGE_MAX (256u << 10)
#define EARLY_MS 5000      /* of sound that waits for the connection */
#define GAP_MS 40          /* less is how frames come */
#define FILL_MS 2000       /* more silence is not sent */
#define KEEP_ALIVE_MS 4000 /* the server waits for ten seconds */
#define FINISH_MS 2000
#define AGAIN_MS 1000
#define GOOD_US 60000000
#define TRIES_MAX 2

struct ears {
	struct links *links;
	const struct ears_told *told;
	void *arg;
	char *url, *api_key;
	struct link *link;
	struct alarm *alarm;
	struct stt_live live;
	struct buf early;
	int64_t from_ms; /* of the call: where the server's times begin, or the early sound */
	int64_t sent;    /* bytes, those included that were dropped on their way … */
	int64_t dropped; /* … of which so many are in from_ms */
	int64_t open_us, sound_us;
	int tries;
	bool open, begun, finishing, dead;
	bool busy, freed;
};

/* ---- telling ---- */

static void
release(struct ears *e)
{
	link_close(e->link);
	alarm_free(e->alarm);
	stt_live_free(&e->live);
	buf_free(&e->early);
	free(e->url);
	explicit_bzero(e->api_key, strlen(e->api_key));
	free(e->api_key);
	free(e);
}

static void
leave(struct ears *e)
{
	e->busy = false;
	if (e->freed)
		release(e);
}

static void
tell_utterance(struct ears *e)
{
	e->told->heard(
	    e->arg, e->live.text.data, e->from_ms + e->live.start_ms, e->from_ms + e->live.end_ms);
}

static void
tell_done(struct ears *e)
{
	link_close(e->link);
	e->link = NULL;
	alarm_set(e->alarm, 0);
	if (stt_live_rest(&e->live))
		tell_utterance(e);
	e->dead = true;
	if (!e->freed)
		e->told->done(e->arg);
}

/* ---- sound ---- */

static void
send_sound(struct ears *e, const uint8_t *pcmu, size_t len)
{
	e->sent += (int64_t)len;
	e->sound_us = clock_boot_us();
	link_send(e->link, BACKLOG_BYTES, (const char *)pcmu, len);
}

static void
fill(struct ears *e, int64_t ms)
{
	uint8_t silence[SOUND_BYTES_A_MS * 100];
	int64_t filled, part;

	memset(silence, SOUND_SILENCE, sizeof silence);
	for (filled = 0; filled < ms && filled < FILL_MS; filled += part) {
		part = ms - filled < 100 ? ms - filled : 100;
		send_sound(e, silence, (size_t)part * SOUND_BYTES_A_MS);
	}
	e->from_ms += ms - filled;
}

static void
send_early(struct ears *e)
{
	if (e->early.len > 0)
		send_sound(e, (const uint8_t *)e->early.data, e->early.len);
	buf_free(&e->early);
	buf_init(&e->early, EARLY_MS * SOUND_BYTES_A_MS);
}

void
ears_hear(struct ears *e, int64_t at_ms, const uint8_t *pcmu, size_t len)
{
	int64_t gap;

	if (e->dead || e->finishing || len == 0)
		return;
	if (!e->open && e->early.len + len > e->early.max) { /* it is too late for these */
		buf_clear(&e->early);
		e->begun = false;
	}
	if (!e->begun) {
		e->begun = true;
		e->from_ms = at_ms;
	}
	if (!e->open) {
		buf_add(&e->early, pcmu, len);
		return;
	}
	gap = at_ms - e->from_ms - e->sent / SOUND_BYTES_A_MS;
	if (gap > GAP_MS)
		fill(e, gap);
	send_sound(e, pcmu, len);
}

/* ---- the connection ---- */

static void connect_anew(struct ears *e);

static void
lose(struct ears *e, const char *what, bool worth_it)
{
	char sentence[300];
	bool was_good = e->open && clock_boot_us() - e->open_us > GOOD_US;

	link_close(e->link);
	e->link = NULL;
	e->open = e->begun = false;
	if (stt_live_rest(&e->live))
		tell_utterance(e);
	if (e->freed)
		return;
	e->tries = was_good ? 1 : e->tries + 1;
	e->dead = !worth_it || e->tries >= TRIES_MAX;
	alarm_set(e->alarm, e->dead ? 0 : clock_jitter_ms(AGAIN_MS));
	snprintf(sentence, sizeof sentence, "Deepgram %s", what);
	e->told->failed(e->arg, sentence, e->dead);
}

/* The server writes down what it has heard, tells it, then closes. */
static void
close_stream(struct ears *e)
{
	link_send(e->link, BACKLOG_WORDS, STT_LIVE_FINALIZE, strlen(STT_LIVE_FINALIZE));
	link_send(e->link, BACKLOG_WORDS, STT_LIVE_CLOSE, strlen(STT_LIVE_CLOSE));
	alarm_set(e->alarm, FINISH_MS);
}

static void
on_opened(void *arg)
{
	struct ears *e = arg;

	e->open = true;
	e->open_us = e->sound_us = clock_boot_us();
	alarm_set(e->alarm, KEEP_ALIVE_MS);
	send_early(e);
	if (e->finishing)
		close_stream(e);
}

static void
on_message(void *arg, char *bytes, size_t len)
{
	struct ears *e = arg;
	enum stt_live_said said;
	int64_t dropped = link_dropped(e->link);

	e->busy = true;
	/* What never left us, the server does not count. */
	e->from_ms += (dropped - e->dropped) / SOUND_BYTES_A_MS;
	e->sent -= dropped - e->dropped;
	e->dropped = dropped;
	if (stt_live_read(&e->live, bytes, len, &said) != RC_OK)
		lose(e, "sent what is none of its protocol", true);
	else if (said == STT_LIVE_UTTERANCE)
		tell_utterance(e);
	else if (said == STT_LIVE_OVER && e->finishing)
		tell_done(e);
	leave(e);
}

static void
on_ended(void *arg, const struct link_end *end)
{
	struct ears *e = arg;
	bool worth_it = end->status == 0 ? end->code != 1008
					 : end->status == 429 || end->status >= 500;

	e->busy = true;
	if (e->finishing)
		tell_done(e);
	else
		lose(e, end->error, worth_it);
	leave(e);
}

static const struct link_told link_told = { on_opened, on_message, on_ended };

static void
connect_anew(struct ears *e)
{
	struct link_setup setup = { .links = e->links,
		.url = e->url,
		.header = "authorization:",
		.scheme = "Token ",
		.secret = e->api_key,
		.message_max = MESSAGE_MAX };

	e->sent = e->dropped = 0;
	e->link = link_open(&setup, &link_told, e);
}

static void
on_alarm(void *arg)
{
	struct ears *e = arg;

	e->busy = true;
	if (e->finishing) {
		tell_done(e);
	} else if (e->link == NULL) {
		connect_anew(e);
	} else {
		if (clock_boot_us() - e->sound_us >= (KEEP_ALIVE_MS - 100) * 1000)
			link_send(e->link, BACKLOG_WORDS, STT_LIVE_KEEP_ALIVE,
			    strlen(STT_LIVE_KEEP_ALIVE));
		alarm_set(e->alarm, KEEP_ALIVE_MS);
	}
	leave(e);
}

/* ---- for the session ---- */

struct ears *
ears_begin(const struct ears_setup *setup, const struct ears_told *told, void *arg)
{
	struct ears *e = mem_zalloc(1, sizeof *e);
	struct buf url;

	buf_init(&url, 4096);
	stt_live_url(&url, setup->url, setup->language);
	e->url = mem_strdup(url.data);
	buf_free(&url);
	e->api_key = mem_strdup(setup->api_key);
	e->links = setup->links;
	e->told = told;
	e->arg = arg;
	stt_live_init(&e->live);
	buf_init(&e->early, EARLY_MS * SOUND_BYTES_A_MS);
	e->alarm = alarm_new(e->links, on_alarm, e);
	connect_anew(e);
	return e;
}

void
ears_finish(struct ears *e)
{
	if (e->finishing)
		return;
	e->finishing = true;
	if (e->open)
		close_stream(e);
	else /* the call was very short, or there is no connection just now */
		alarm_set(e->alarm, e->link != NULL ? FINISH_MS : 1);
}

void
ears_free(struct ears *e)
{
	if (e == NULL)
		return;
	e->freed = true;
	if (!e->busy)
		release(e);
}
