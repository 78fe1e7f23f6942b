/*
 * transcript.c: see transcript.h. Everything goes by three passes over the turns in the order in
 * which they came: the bot's words are found in the recording, the bot's turns get their times, and
 * the other side's turns get theirs from what is left between them.
 */
#include "domain/transcript.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "domain/align.h"

/* How long a text takes to say, roughly, in any language: for times that were never measured. */
#define SPOKEN_BASE_MS 200
#define SPOKEN_CHAR_MS 65
/* A silence that ends a turn, where nothing else tells one from the next. */
#define PAUSE_MS 800
/* What is further from the median is wrong rather than late. */
#define OUTLIER_MS 300
#define MAD_TO_SIGMA 1.4826
#define TEXT_MAX (1u << 20)
#define NO_TIME INT64_MAX

/* A part while it is made. */
struct draft {
	struct transcript_part part;
	int64_t at_ms;
	int order; /* of arrival */
	bool bot, timed;
	int first_token; /* of the bot's */
	int first_word;
};

struct work {
	struct arena *arena;
	const struct transcript_input *in;
	struct draft *drafts; /* the live turns as they came, then what came of words alone */
	int count, live;
	struct transcript_word *words; /* in order, made sane */
	uint64_t *word_tokens;
	int *stands_for; /* of each word: the bot's token, or -1 */
	uint64_t *tokens;
	int *token_draft; /* of each token: whose it is */
	int token_count;
};

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
spoken_ms(const char *text)
{
	return SPOKEN_BASE_MS + SPOKEN_CHAR_MS * (int64_t)str_chars(text);
}

/* ---- what there is ---- */

static void
take_turns(struct work *w)
{
	w->drafts = arena_alloc(w->arena,
	    ((size_t)w->in->turn_count + (size_t)w->in->word_count + 1) * sizeof *w->drafts);
	for (int i = 0; i < w->in->turn_count; i++) {
		const struct transcript_turn *turn = &w->in->turns[i];
		bool bot = strcmp(turn->role, "bot") == 0;
		bool heard = strcmp(turn->role, "supervisor_stt") == 0;

		if (!bot && !heard && strcmp(turn->role, "operator") != 0)
			continue;
		w->drafts[w->count] = (struct draft){ .at_ms = greater(0, turn->at_ms),
			.order = w->count,
			.bot = bot,
			.part = { .speaker = bot ? "bot" : "operator",
			    .source = heard ? "supervisor_stt" : "live",
			    .text = turn->text } };
		w->count++;
	}
	w->live = w->count;
}

/* The words with times that never go back. */
static void
take_words(struct work *w)
{
	size_t count = (size_t)w->in->word_count + 1;
	int64_t last = 0;

	w->words = arena_alloc(w->arena, count * sizeof *w->words);
	w->word_tokens = arena_alloc(w->arena, count * sizeof *w->word_tokens);
	w->stands_for = arena_alloc(w->arena, count * sizeof *w->stands_for);
	for (int i = 0; i < w->in->word_count; i++) {
		struct transcript_word *word = &w->words[i];

		*word = w->in->words[i];
		word->start_ms = greater(last, word->start_ms);
		word->end_ms = greater(word->start_ms, word->end_ms);
		last = word->end_ms;
		w->word_tokens[i] = align_token(word->text);
	}
}

/* Adds the tokens of one turn; how many fit is known from the length of all texts. */
static void
add_tokens(struct work *w, int draft)
{
	const char *text = w->drafts[draft].part.text;

	w->drafts[draft].first_token = w->token_count;
	while (*(text += strspn(text, " \t\r\n")) != '\0') {
		size_t len = strcspn(text, " \t\r\n");
		uint64_t token = align_token(arena_strndup(w->arena, text, len));

		text += len;
		if (token == 0)
			continue;
		w->token_draft[w->token_count] = draft;
		w->tokens[w->token_count++] = token;
	}
}

static void
take_tokens(struct work *w)
{
	size_t room = 1;

	for (int i = 0; i < w->count; i++)
		room += strlen(w->drafts[i].part.text) / 2 + 1;
	w->tokens = arena_alloc(w->arena, room * sizeof *w->tokens);
	w->token_draft = arena_alloc(w->arena, room * sizeof *w->token_draft);
	for (int i = 0; i < w->count; i++)
		if (w->drafts[i].bot)
			add_tokens(w, i);
}

/* ---- the bot's words in the recording ---- */

static void
give_word(struct work *w, int word, int draft)
{
	struct draft *d = &w->drafts[draft];

	if (d->part.word_count++ == 0)
		d->first_word = word;
	d->part.words = &w->words[d->first_word];
	d->part.source = "deepgram";
	d->timed = true;
}

/* Each word goes to the turn of the token that it stands for; one that stands for none, to the turn
 * of the word before (the very first ones to that of the word after). */
static void
give_words(struct work *w)
{
	int draft = -1;

	align_tokens(
	    w->arena, w->tokens, w->token_count, w->word_tokens, w->in->word_count, w->stands_for);
	for (int i = 0; draft < 0 && i < w->in->word_count; i++)
		if (w->stands_for[i] >= 0)
			draft = w->token_draft[w->stands_for[i]];
	for (int i = 0; i < w->count && draft < 0; i++)
		if (w->drafts[i].bot)
			draft = i;
	for (int i = 0; i < w->in->word_count; i++) {
		if (w->stands_for[i] >= 0)
			draft = w->token_draft[w->stands_for[i]];
		give_word(w, i, draft);
	}
}

/* The text of words that nobody sent: as they were heard. */
static const char *
heard_text(const struct work *w, int first, int count)
{
	struct buf text;
	const char *copy;

	buf_init(&text, TEXT_MAX);
	for (int i = first; i < first + count; i++) {
		if (i > first)
			buf_puts(&text, " ");
		buf_puts(&text, w->words[i].text);
	}
	copy = arena_strndup(w->arena, text.data, text.len);
	buf_free(&text);
	return copy;
}

/* The bot's turns are not known: a pause ends one. */
static void
split_words(struct work *w)
{
	int first = 0;

	for (int i = 1; i <= w->in->word_count; i++) {
		if (i < w->in->word_count &&
		    w->words[i].start_ms - w->words[i - 1].end_ms < PAUSE_MS)
			continue;
		w->drafts[w->count] = (struct draft){ .at_ms = w->words[first].start_ms,
			.order = w->count,
			.bot = true,
			.part = { .speaker = "bot", .text = heard_text(w, first, i - first) } };
		for (int j = first; j < i; j++)
			give_word(w, j, w->count);
		w->count++;
		first = i;
	}
}

/* ---- where the recording begins ---- */

static bool
found(const struct work *w, int word)
{
	return w->stands_for[word] >= 0 && w->tokens[w->stands_for[word]] == w->word_tokens[word];
}

/* How much a turn's place in the recording tells: 2 its first word was found, 1 another was, 0 none
 * was. */
static int
evidence(const struct work *w, const struct draft *d)
{
	if (found(w, d->first_word) && w->stands_for[d->first_word] == d->first_token)
		return 2;
	for (int i = 0; i < d->part.word_count; i++)
		if (found(w, d->first_word + i))
			return 1;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
median(int64_t *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, compare);
	return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The median of those that are near the median of all: half of them but one may be wrong. */
static int64_t
robust_centre(struct arena *a, int64_t *values, int count)
{
	int64_t *far = arena_alloc(a, (size_t)count * sizeof *far);
	int64_t centre = median(values, count), limit;
	int kept = 0;

	for (int i = 0; i < count; i++)
		far[i] = llabs(values[i] - centre);
	limit = greater(OUTLIER_MS, (int64_t)(3 * MAD_TO_SIGMA * (double)median(far, count)));
	for (int i = 0; i < count; i++)
		if (llabs(values[i] - centre) <= limit)
			values[kept++] = values[i];
	return median(values, kept);
}

/* Finds delta_ms from the best evidence that there is; false when there is none at all. */
static bool
calibrate(struct work *w, int64_t *delta_ms)
{
	int64_t *differences = arena_alloc(w->arena, ((size_t)w->count + 1) * sizeof *differences);
	int count = 0;

	*delta_ms = 0;
	for (int level = 2; level >= 0 && count == 0; level--) {
		for (int i = 0; i < w->count; i++) {
			const struct draft *d = &w->drafts[i];

			if (d->timed && evidence(w, d) >= level)
				differences[count++] = d->at_ms - d->part.words[0].start_ms;
		}
		if (count > 0) {
			*delta_ms = robust_centre(w->arena, differences, count);
			return level > 0;
		}
	}
	return false;
}

/* The recording's times become the call's. */
static void
shift(struct work *w, int64_t delta_ms)
{
	for (int i = 0; i < w->in->word_count; i++) {
		w->words[i].start_ms = greater(0, w->words[i].start_ms + delta_ms);
		w->words[i].end_ms = greater(0, w->words[i].end_ms + delta_ms);
	}
}

/* ---- times ---- */

/* How long a turn of the bot that was not found may have lasted: what it takes to say, or its share
 * of the time until the answer to it had been understood. */
static int64_t
bot_length(const struct work *w, int i, int64_t start_ms)
{
	const struct draft *next = i + 1 < w->count ? &w->drafts[i + 1] : NULL;
	int64_t length = spoken_ms(w->drafts[i].part.text), room, need;

	if (next == NULL)
		return w->in->call_ms > start_ms ? lesser(length, w->in->call_ms - start_ms)
						 : length;
	room = greater(0, next->at_ms - start_ms);
	need = next->bot ? length : length + spoken_ms(next->part.text);
	return need <= room ? length : room * length / need;
}

/* When the bot's next turn that was found begins; NO_TIME when there is none. */
static int64_t
timed_after(const struct work *w, int i)
{
	for (i++; i < w->count; i++)
		if (w->drafts[i].timed)
			return w->drafts[i].part.words[0].start_ms;
	return NO_TIME;
}

static void
time_bot(struct work *w)
{
	int64_t before = 0;

	for (int i = 0; i < w->count; i++) {
		struct draft *d = &w->drafts[i];
		struct transcript_part *p = &d->part;

		if (!d->bot)
			continue;
		if (d->timed) {
			p->start_ms = p->words[0].start_ms;
			p->end_ms = p->words[p->word_count - 1].end_ms;
		} else {
			p->start_ms = lesser(greater(before, d->at_ms), timed_after(w, i));
			p->end_ms = lesser(
			    p->start_ms + bot_length(w, i, p->start_ms), timed_after(w, i));
		}
		before = p->end_ms;
	}
}

/* When the bot begins to speak after turn i; NO_TIME when it does not. */
static int64_t
bot_after(const struct work *w, int i)
{
	for (i++; i < w->live; i++)
		if (w->drafts[i].bot)
			return w->drafts[i].part.start_ms;
	return NO_TIME;
}

/*
 * The other side had been understood at at_ms, and before the bot replied. It began after the bot's
 * words, unless it was understood while the bot still spoke: then it spoke into them.
 */
static void
time_other(struct work *w)
{
	const struct transcript_part *bot = NULL;
	int64_t before = 0;

	for (int i = 0; i < w->live; i++) {
		struct transcript_part *p = &w->drafts[i].part;
		int64_t floor = before;

		if (w->drafts[i].bot) {
			bot = p;
			continue;
		}
		p->end_ms = greater(before, lesser(w->drafts[i].at_ms, bot_after(w, i)));
		if (bot != NULL)
			floor = greater(
			    floor, bot->end_ms <= p->end_ms ? bot->end_ms : bot->start_ms);
		floor = lesser(floor, p->end_ms);
		p->start_ms = greater(floor, p->end_ms - spoken_ms(p->text));
		before = p->end_ms;
	}
}

/* ---- the result ---- */

static int
earlier(const void *a, const void *b)
{
	const struct draft *x = a, *y = b;

	if (x->part.start_ms != y->part.start_ms)
		return x->part.start_ms < y->part.start_ms ? -1 : 1;
	return x->order - y->order;
}

static void
put_out(struct work *w, struct transcript *out)
{
	qsort(w->drafts, (size_t)w->count, sizeof *w->drafts, earlier);
	out->parts = arena_alloc(w->arena, ((size_t)w->count + 1) * sizeof *out->parts);
	out->part_count = w->count;
	out->duration_ms = w->in->call_ms;
	for (int i = 0; i < w->count; i++) {
		struct transcript_part *p = &out->parts[i];

		*p = w->drafts[i].part;
		p->overlaps = i + 1 < w->count && p->end_ms > w->drafts[i + 1].part.start_ms;
		out->duration_ms = greater(out->duration_ms, p->end_ms);
	}
}

static bool
has_bot(const struct work *w)
{
	for (int i = 0; i < w->count; i++)
		if (w->drafts[i].bot)
			return true;
	return false;
}

void
transcript_merge(struct arena *a, const struct transcript_input *input, struct transcript *out)
{
	struct work w = { .arena = a, .in = input };
	bool measured = false;

	take_turns(&w);
	take_words(&w);
	take_tokens(&w);
	out->delta_ms = 0;
	if (input->word_count > 0 && has_bot(&w)) {
		give_words(&w);
		measured = calibrate(&w, &out->delta_ms);
		shift(&w, out->delta_ms);
	} else {
		split_words(&w);
	}
	time_bot(&w);
	time_other(&w);
	put_out(&w, out);
	out->timing_estimated = !measured;
}

/* ---- as JSON ---- */

static json_t *
words_json(const struct transcript_part *p)
{
	json_t *list = json_array();

	for (int i = 0; i < p->word_count; i++) {
		const struct transcript_word *word = &p->words[i];

		json_array_append_new(list,
		    json_pack("{s:s, s:I, s:I, s:f}", "word", word->text, "start_ms",
			(json_int_t)word->start_ms, "end_ms", (json_int_t)word->end_ms,
			"confidence", word->confidence));
	}
	return list;
}

static json_t *
part_json(const struct transcript_part *p)
{
	json_t *part = json_pack("{s:s, s:I, s:I, s:s, s:s}", "speaker", p->speaker, "start_ms",
	    (json_int_t)p->start_ms, "end_ms", (json_int_t)p->end_ms, "text", p->text, "source",
	    p->source);

	if (p->word_count > 0)
		json_object_set_new(part, "words", words_json(p));
	if (p->overlaps)
		json_object_set_new(part, "overlap_with_next", json_true());
	return part;
}

json_t *
transcript_json(const struct transcript *t, const char *reason)
{
	json_t *turns = json_array(), *all;

	for (int i = 0; i < t->part_count; i++)
		json_array_append_new(turns, part_json(&t->parts[i]));
	all = json_pack("{s:I, s:o, s:b, s:o}", "duration_ms", (json_int_t)t->duration_ms,
	    "calibration_delta_ms",
	    t->timing_estimated ? json_null() : json_integer((json_int_t)t->delta_ms),
	    "timing_estimated", t->timing_estimated, "turns", turns);
	if (reason != NULL)
		json_object_set_new(all, "estimated_because", json_string(reason));
	return all;
}
