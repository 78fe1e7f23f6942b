/*
 * bargain.c: see bargain.h. What was named so far is kept in the call's learnt from turn to turn:
 * {"countered", "wanted", "price", "evidence"}. A price above the client's limit is never agreed to:
 * it is kept as "offer".
 */
#include "domain/bargain.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "domain/price.h"
#include "domain/words.h"

#define TURNS_MAX 8
#define ASKED_MAX 3 /* times that a price is asked for in vain */
#define SILENT_MAX 2
#define JOB_SPOKEN_MAX 1200
#define EVIDENCE_MAX 500

#define YES \
	"yes|yeah|sure|fine|okay|ok|deal|agreed|certainly|of course|no problem|can do|works|alright"
#define NO "no|not|cannot|can't|won't|sorry|unfortunately|nope|don't|lowest|best i can|final"
#define BYE "goodbye|bye|bye-bye"

static const char *
text_in(struct arena *a, json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? NULL : arena_strdup(a, text);
}

struct script_deal *
script_deal_read(struct arena *a, const char *slots, const char *learnt)
{
	json_t *wish = slots == NULL ? NULL : json_loads(slots, 0, NULL);
	json_t *known = learnt == NULL ? NULL : json_loads(learnt, 0, NULL);
	struct script_deal *deal = NULL;
	const char *job = text_in(a, wish, "job");

	if (job != NULL) {
		deal = arena_alloc(a, sizeof *deal);
		deal->job = job;
		deal->place = text_in(a, wish, "location");
		deal->estimate = text_in(a, wish, "estimated_price");
		deal->limit = text_in(a, wish, "max_price");
		deal->countered = json_is_true(json_object_get(known, "countered"));
		deal->wanted = text_in(a, known, "wanted");
		deal->price = text_in(a, known, "price");
		if (deal->price == NULL)
			deal->price = text_in(a, known, "offer");
		deal->evidence = text_in(a, known, "evidence");
	}
	json_decref(wish);
	json_decref(known);
	return deal;
}

/* The spoken form: "120 dollars" would name a currency that nobody has named. */
static const char *
spoken(struct arena *a, const char *price)
{
	size_t len = strlen(price);

	if (len > 3 && strcmp(price + len - 3, ".00") == 0)
		len -= 3;
	return arena_strndup(a, price, len);
}

/* The lesser of what the client expects and what he pays at most; NULL when he said neither. */
static const char *
target(const struct script_deal *deal)
{
	int64_t estimate, limit;

	if (deal->estimate == NULL || !price_read(deal->estimate, &estimate))
		return deal->limit;
	if (deal->limit == NULL || !price_read(deal->limit, &limit))
		return deal->estimate;
	return limit < estimate ? deal->limit : deal->estimate;
}

static bool
within(const char *most, int64_t cents)
{
	int64_t limit;

	return most == NULL || !price_read(most, &limit) || cents <= limit;
}

/* What the call is to know now. */
static const char *
learnt(struct arena *a, const struct script_deal *deal, const char *price, const char *evidence)
{
	int64_t cents;
	bool fits = price != NULL && price_read(price, &cents) && within(deal->limit, cents);
	json_t *all = json_pack("{s:b, s:s*, s:s*, s:s*}", "countered", deal->countered, "wanted",
	    deal->wanted, fits ? "price" : "offer", price, "evidence",
	    evidence == NULL ? NULL : words_cut(a, evidence, EVIDENCE_MAX));
	char *text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
	const char *copy = text == NULL ? NULL : arena_strdup(a, text);

	free(text);
	json_decref(all);
	return copy;
}

static void
open_talk(struct arena *a, const struct script_deal *deal, struct script_reply *reply)
{
	reply->words = arena_printf(a,
	    "Hello. This is an automated assistant calling on behalf of a client, about this job%s%s:"
	    " %s. What would be your price for it?",
	    deal->place != NULL ? " in " : "", deal->place != NULL ? deal->place : "",
	    words_cut(a, deal->job, JOB_SPOKEN_MAX));
}

/* The end: with the price, or without one. */
static void
settle(struct arena *a, const struct script_deal *deal, const char *price, const char *evidence,
    struct script_reply *reply)
{
	int64_t cents = 0;

	reply->verdict = "success_no_booking";
	if (price == NULL || !price_read(price, &cents)) {
		reply->words = "Thank you for your time. Goodbye.";
		reply->summary = "The provider named no price.";
		return;
	}
	reply->learnt = learnt(a, deal, price, evidence);
	if (!within(deal->limit, cents)) {
		reply->words = "Thank you. That is more than my client can pay. Goodbye.";
		reply->summary = "The provider's price is above the client's limit.";
		return;
	}
	reply->words = arena_printf(
	    a, "Thank you. I will tell my client: the price is %s. Goodbye.", spoken(a, price));
	reply->summary = arena_printf(a, "The price is %s.", price);
}

/* A price was named for the first time: once, less is asked for. */
static void
counter(struct arena *a, const struct script_deal *deal, const struct price_named *named,
    const char *price, struct script_reply *reply)
{
	struct script_deal next = *deal;
	const char *less = target(deal);

	next.countered = true;
	next.wanted = less != NULL && !within(less, named->cents) ? less : NULL;
	reply->learnt = learnt(a, &next, price, named->sentence);
	if (next.wanted != NULL)
		reply->words = arena_printf(a,
		    "You said %s. My client had hoped for less: could you do it for %s?",
		    spoken(a, price), spoken(a, next.wanted));
	else
		reply->words = arena_printf(
		    a, "You said %s. Is that the best that you can do?", spoken(a, price));
}

/* No price in the answer to the request for less. */
static void
hear_answer(
    struct arena *a, const struct script_turn *turn, const char *heard, struct script_reply *reply)
{
	const struct script_deal *deal = turn->deal;
	bool no = words_hold(heard, NO) && !words_hold(heard, "no problem");
	bool yes = !no && words_hold(heard, YES);

	if (yes && deal->wanted != NULL)
		settle(a, deal, deal->wanted,
		    arena_printf(a, "Asked whether it could be done for %s: %s",
			spoken(a, deal->wanted), turn->heard),
		    reply);
	else if (yes || no)
		settle(a, deal, deal->price, deal->evidence, reply);
	else
		reply->words = "So which price may I tell my client?";
}

/* No price although one was asked for. */
static void
ask_again(
    struct arena *a, const struct script_turn *turn, const char *heard, struct script_reply *reply)
{
	if (turn->turn > ASKED_MAX) {
		settle(a, turn->deal, NULL, NULL, reply);
	} else if (words_hold(heard, NO)) {
		reply->words = "I understand. Thank you for your time. Goodbye.";
		reply->verdict = "success_refused";
		reply->summary = "The provider does not take the job.";
	} else {
		reply->words = "What would be your price for the whole job?";
	}
}

void
bargain_reply(
    struct arena *a, const struct script_turn *turn, const char *heard, struct script_reply *reply)
{
	const struct script_deal *deal = turn->deal;
	struct price_named named;
	char price[PRICE_SIZE];
	bool over = turn->turn >= TURNS_MAX || words_hold(heard, BYE);

	reply->language = "en-US";
	if (turn->turn == 0) {
		open_talk(a, deal, reply);
	} else if (price_find(a, turn->heard, &named)) {
		price_text(named.cents, price);
		if (deal->countered || over)
			settle(a, deal, arena_strdup(a, price), named.sentence, reply);
		else
			counter(a, deal, &named, price, reply);
	} else if (heard[0] == '\0' && turn->silent_turns <= SILENT_MAX && !over) {
		reply->words = "Sorry, I did not hear you. Could you say that again?";
	} else if (heard[0] == '\0' || over) {
		settle(a, deal, deal->price, deal->evidence, reply);
	} else if (deal->countered) {
		hear_answer(a, turn, heard, reply);
	} else {
		ask_again(a, turn, heard, reply);
	}
}
