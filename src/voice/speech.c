/*
 * speech.c: see speech.h. The thread is the only one that touches espeak-ng, which has one state for the
 * whole process, and the phrases that are kept; orders go to it and come back in two lists under one lock.
 */
#include "voice/speech.h"

#include <errno.h>
#include <espeak-ng/speak_lib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "voice/sound.h"

#define WAITING_MAX 256
#define KEPT_MAX (4u << 20)  /* bytes of sound */
#define SOUND_MAX (2u << 20) /* bytes of one phrase: four minutes */
#define SAMPLES_MAX (16u << 20)
#define LANGUAGE_MAX 16
#define WORDS_A_MINUTE 160
#define QUIET 48 /* an amplitude that nobody hears: cut off in front */

/* Sound that several orders may share. */
struct phrase {
	TAILQ_ENTRY(phrase) next;
	char *key; /* language, a line feed, the words */
	uint8_t *pcmu;
	size_t len;
	int holders; /* orders under way, and the list of those that are kept */
};

struct order {
	STAILQ_ENTRY(order) next;
	uint64_t number;
	char *key;
	void (*made)(void *arg, const uint8_t *pcmu, size_t len); /* NULL: forgotten */
	void *arg;
	struct phrase *phrase; /* once it was made; NULL: it could not be */
};
STAILQ_HEAD(orders, order);

struct speech {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	int fd;
	/* Under the lock: */
	struct orders waiting, done;
	struct order *at_work;
	int waiting_count;
	bool stop;
	/* The loop's: */
	uint64_t last_number;
	/* The thread's: */
	int rate;
	TAILQ_HEAD(phrases, phrase) kept; /* newest first; holders under the lock */
	size_t kept_bytes;
};

/* ---- phrases ---- */

/* Under the lock. */
static void
let_go(struct phrase *p)
{
	if (p == NULL || --p->holders > 0)
		return;
	free(p->key);
	free(p->pcmu);
	free(p);
}

static struct phrase *
find_kept(struct speech *s, const char *key)
{
	struct phrase *p;

	TAILQ_FOREACH(p, &s->kept, next)
	{
		if (strcmp(p->key, key) != 0)
			continue;
		TAILQ_REMOVE(&s->kept, p, next);
		TAILQ_INSERT_HEAD(&s->kept, p, next);
		return p;
	}
	return NULL;
}

/* Under the lock. */
static void
keep(struct speech *s, struct phrase *p)
{
	struct phrase *last;

	p->holders++;
	TAILQ_INSERT_HEAD(&s->kept, p, next);
	s->kept_bytes += p->len;
	while (s->kept_bytes > KEPT_MAX && (last = TAILQ_LAST(&s->kept, phrases)) != p) {
		TAILQ_REMOVE(&s->kept, last, next);
		s->kept_bytes -= last->len;
		let_go(last);
	}
}

/* ---- the thread ---- */

static int
on_samples(short *samples, int count, espeak_EVENT *events)
{
	struct buf *out = events->user_data;

	if (samples != NULL && count > 0 && out != NULL)
		buf_add(out, samples, (size_t)count * sizeof samples[0]);
	return 0;
}

static void
set_language(const char *key, size_t len)
{
	char name[LANGUAGE_MAX];

	if (len > 0 && len < sizeof name) {
		memcpy(name, key, len);
		name[len] = '\0';
		name[strcspn(name, "-_")] = '\0';
		if (espeak_SetVoiceByName(name) == EE_OK)
			return;
	}
	espeak_SetVoiceByName("en");
}

/* The samples at 8 kHz as mu-law, without the silence in front. */
static void
fill(struct phrase *p, const int16_t *samples, size_t count)
{
	size_t quiet = 0;

	while (quiet < count && abs(samples[quiet]) < QUIET)
		quiet++;
	p->len = count - quiet;
	p->pcmu = mem_alloc(p->len + 1);
	sound_to_pcmu(samples + quiet, p->len, p->pcmu);
}

/* Makes what a key says; NULL when it cannot. */
static struct phrase *
synthesize(struct speech *s, const char *key)
{
	const char *words = strchr(key, '\n') + 1;
	struct phrase *p = NULL;
	struct buf raw, sound;
	struct sound_rate *rate;

	buf_init(&raw, SAMPLES_MAX);
	set_language(key, (size_t)(words - key) - 1);
	espeak_SetParameter(espeakRATE, WORDS_A_MINUTE, 0);
	if (espeak_Synth(words, strlen(words) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL,
		&raw) == EE_OK &&
	    espeak_Synchronize() == EE_OK) {
		buf_init(&sound, SOUND_MAX * sizeof(int16_t));
		rate = sound_rate_new((unsigned)s->rate, SOUND_RATE);
		sound_rate_run(rate, (const int16_t *)raw.data, raw.len / sizeof(int16_t), &sound);
		sound_rate_free(rate);
		p = mem_zalloc(1, sizeof *p);
		p->key = mem_strdup(key);
		fill(p, (const int16_t *)sound.data, sound.len / sizeof(int16_t));
		buf_free(&sound);
	}
	buf_free(&raw);
	return p;
}

static void
give_back(struct speech *s, struct order *o, struct phrase *p)
{
	const uint64_t one = 1;

	pthread_mutex_lock(&s->lock);
	if (p != NULL && p->holders == 0)
		keep(s, p);
	if (p != NULL)
		p->holders++;
	o->phrase = p;
	s->at_work = NULL;
	STAILQ_INSERT_TAIL(&s->done, o, next);
	pthread_mutex_unlock(&s->lock);
	if (write(s->fd, &one, sizeof one) < 0 && errno != EAGAIN)
		abort();
}

/* The next order, or NULL when it is to end. */
static struct order *
next_order(struct speech *s)
{
	struct order *o = NULL;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && STAILQ_EMPTY(&s->waiting))
		pthread_cond_wait(&s->moved, &s->lock);
	if (!s->stop) {
		o = STAILQ_FIRST(&s->waiting);
		STAILQ_REMOVE_HEAD(&s->waiting, next);
		s->waiting_count--;
		s->at_work = o;
	}
	pthread_mutex_unlock(&s->lock);
	return o;
}

static void *
run(void *arg)
{
	struct speech *s = arg;
	struct order *o;
	struct phrase *p;

	s->rate = espeak_Initialize(
	    AUDIO_OUTPUT_SYNCHRONOUS, 200, NULL, espeakINITIALIZE_DONT_EXIT);
	if (s->rate <= 0)
		log_error("espeak-ng does not start: is its data installed?");
	espeak_SetSynthCallback(on_samples);
	while ((o = next_order(s)) != NULL) {
		p = s->rate <= 0 ? NULL : find_kept(s, o->key);
		if (p == NULL && s->rate > 0)
			p = synthesize(s, o->key);
		give_back(s, o, p);
	}
	if (s->rate > 0)
		espeak_Terminate();
	return NULL;
}

/* ---- the loop's side ---- */

struct speech *
speech_new(void)
{
	struct speech *s = mem_zalloc(1, sizeof *s);

	STAILQ_INIT(&s->waiting);
	STAILQ_INIT(&s->done);
	TAILQ_INIT(&s->kept);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->moved, NULL);
	s->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->fd < 0 || pthread_create(&s->thread, NULL, run, s) != 0)
		log_fatal("the speaker cannot be started: %s", strerror(errno));
	return s;
}

static void
order_free(struct order *o)
{
	let_go(o->phrase);
	free(o->key);
	free(o);
}

static void
orders_free(struct orders *list)
{
	struct order *o;

	while ((o = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, next);
		order_free(o);
	}
}

void
speech_free(struct speech *s)
{
	struct phrase *p;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->moved);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	orders_free(&s->waiting);
	orders_free(&s->done);
	while ((p = TAILQ_FIRST(&s->kept)) != NULL) {
		TAILQ_REMOVE(&s->kept, p, next);
		let_go(p);
	}
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->lock);
	close(s->fd);
	free(s);
}

int
speech_fd(const struct speech *s)
{
	return s->fd;
}

static struct order *
take_done(struct speech *s)
{
	struct order *o;

	pthread_mutex_lock(&s->lock);
	o = STAILQ_FIRST(&s->done);
	if (o != NULL)
		STAILQ_REMOVE_HEAD(&s->done, next);
	pthread_mutex_unlock(&s->lock);
	return o;
}

void
speech_deliver(struct speech *s)
{
	struct order *o;
	uint64_t count;

	if (read(s->fd, &count, sizeof count) < 0 && errno != EAGAIN)
		abort();
	while ((o = take_done(s)) != NULL) {
		/* Nobody but the loop changes made, and an order that is done is the loop's alone. */
		if (o->made != NULL)
			o->made(o->arg, o->phrase == NULL ? NULL : o->phrase->pcmu,
			    o->phrase == NULL ? 0 : o->phrase->len);
		pthread_mutex_lock(&s->lock);
		order_free(o);
		pthread_mutex_unlock(&s->lock);
	}
}

uint64_t
speech_order(struct speech *s, const char *text, const char *language,
    void (*made)(void *arg, const uint8_t *pcmu, size_t len), void *arg)
{
	struct order *o;
	struct buf key;

	if (strlen(text) > SPEECH_TEXT_MAX)
		return 0;
	pthread_mutex_lock(&s->lock);
	if (s->waiting_count == WAITING_MAX) {
		pthread_mutex_unlock(&s->lock);
		return 0;
	}
	o = mem_zalloc(1, sizeof *o);
	buf_init(&key, SPEECH_TEXT_MAX + LANGUAGE_MAX + 2);
	buf_printf(&key, "%.*s\n%s", LANGUAGE_MAX - 1, language, text);
	o->key = key.data; /* the buffer's memory goes over to the order */
	o->number = ++s->last_number;
	o->made = made;
	o->arg = arg;
	STAILQ_INSERT_TAIL(&s->waiting, o, next);
	s->waiting_count++;
	pthread_cond_signal(&s->moved);
	pthread_mutex_unlock(&s->lock);
	return o->number;
}

static void
forget_in(struct orders *list, uint64_t number)
{
	struct order *o;

	STAILQ_FOREACH(o, list, next)
	if (o->number == number)
		o->made = NULL;
}

void
speech_forget(struct speech *s, uint64_t number)
{
	struct order *o, *next;

	pthread_mutex_lock(&s->lock);
	if (s->at_work != NULL && s->at_work->number == number)
		s->at_work->made = NULL;
	forget_in(&s->done, number);
	for (o = STAILQ_FIRST(&s->waiting); o != NULL; o = next) {
		next = STAILQ_NEXT(o, next);
		if (o->number != number)
			continue;
		STAILQ_REMOVE(&s->waiting, o, order, next);
		s->waiting_count--;
		order_free(o);
	}
	pthread_mutex_unlock(&s->lock);
}
