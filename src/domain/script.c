/* script.c: see script.h. */
#include "domain/script.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "domain/bargain.h"
#include "domain/tongue.h"
#include "domain/words.h"

#define TURNS_MAX 8
#define SILENT_MAX 2
/* What the carrier speaks in one go is limited; the brief is up to 4,000 characters. */
#define BRIEF_SPOKEN_MAX 1500
#define REASON_MAX 500

/* The sentence with the text in the place of its %s. */
static const char *
filled(struct arena *a, const char *sentence, const char *text)
{
	const char *gap = strstr(sentence, "%s");
	char *before = arena_strndup(a, sentence, (size_t)(gap - sentence));

	return arena_printf(a, "%s%s%s", before, text, gap + 2);
}

/* Who is calling, what for, and whether that can be. */
static const char *
opening(struct arena *a, const struct tongue *t, const char *brief)
{
	return arena_printf(
	    a, "%s %s %s", t->disclosure, words_cut(a, brief, BRIEF_SPOKEN_MAX), t->possible);
}

/* The callee has held the line: on with what the client said. */
static void
go_on(struct arena *a, const struct tongue *t, const struct script_turn *turn,
    struct script_reply *reply)
{
	if (turn->answer == NULL) {
		reply->words = t->unreached;
		reply->verdict = "success_no_booking";
		reply->summary = "The callee's question could not be answered in time.";
	} else if (turn->aloud) {
		reply->words = filled(a, t->told, turn->answer);
	} else if (words_hold(words_lower(a, turn->answer), t->no)) {
		reply->words = t->declined;
		reply->verdict = "success_no_booking";
		reply->summary = "The client declined what the callee offered.";
	} else {
		reply->words = t->go_on;
	}
}

/* Whether a time of day stands in the text, such as 19:30, 7:30 pm or 7 pm; as HH:MM then. */
static bool
find_time(const char *text, char time[8])
{
	for (const char *at = text; *at != '\0'; at++) {
		unsigned hour = 0, minute = 0;
		size_t digits = strspn(at, "0123456789"), more = 0;
		const char *end = at + digits;
		bool clock, am, pm;

		if (digits == 0 || digits > 2 || (at > text && words_byte(at[-1]))) {
			at += digits > 0 ? digits - 1 : 0;
			continue;
		}
		hour = (unsigned)strtoul(at, NULL, 10);
		clock = *end == ':' && (more = strspn(end + 1, "0123456789")) == 2;
		if (clock) {
			minute = (unsigned)strtoul(end + 1, NULL, 10);
			end += 1 + more;
		}
		end += strspn(end, " ");
		am = strncmp(end, "am", 2) == 0 && !words_byte(end[2]);
		pm = strncmp(end, "pm", 2) == 0 && !words_byte(end[2]);
		if ((am || pm) && hour >= 1 && hour <= 12)
			hour = hour % 12 + (pm ? 12 : 0);
		if ((clock || am || pm) && hour < 24 && minute < 60) {
			snprintf(time, 8, "%02u:%02u", hour, minute);
			return true;
		}
		at += digits - 1;
	}
	return false;
}

static const char *
json_text(struct arena *a, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	const char *copy = json_object_size(object) > 0 ? arena_strdup(a, text) : NULL;

	free(text);
	json_decref(object);
	return copy;
}

/* The venue's own words, cut at a character's end. */
static const char *
learnt_of_no(struct arena *a, const char *said)
{
	return json_text(a,
	    json_pack("{s:s?}", "refusal_reason",
		str_utf8(said, strlen(said)) ? words_cut(a, said, REASON_MAX) : NULL));
}

static const char *
learnt_of_yes(struct arena *a, const struct tongue *t, const char *heard)
{
	json_t *learnt = json_object();
	char time[8];

	if (find_time(heard, time))
		(void)json_object_set_new(learnt, "time", json_string(time));
	if (words_hold(heard, t->later))
		(void)json_object_set_new(learnt, "pending", json_string("yes"));
	return json_text(a, learnt);
}

struct script_reply
script_reply(struct arena *a, const struct script_turn *turn)
{
	const struct tongue *t = tongue_of(turn->language);
	struct script_reply reply = { .words = "", .language = tongue_tag(turn->language) };
	const char *heard = words_lower(a, turn->heard);
	bool machine = turn->answered_by != NULL &&
	    (strncmp(turn->answered_by, "machine", 7) == 0 ||
		strcmp(turn->answered_by, "fax") == 0);

	if (machine || words_hold(heard, t->machine)) {
		reply.verdict = "failed_voicemail";
		reply.summary = "A machine answered.";
	} else if (turn->deal != NULL) {
		bargain_reply(a, turn, heard, &reply);
	} else if (turn->turn == 0) {
		reply.words = opening(a, t, turn->brief);
	} else if (turn->asked) {
		go_on(a, t, turn, &reply);
	} else if (heard[0] == '\0' && turn->silent_turns <= SILENT_MAX) {
		reply.words = t->pardon;
	} else if (heard[0] == '\0' || turn->turn >= TURNS_MAX) {
		reply.words = t->no_verdict;
		reply.verdict = "success_no_booking";
		reply.summary = "The conversation ended without a verdict.";
	} else if (words_hold(heard, t->ask)) {
		reply.words = t->find_out;
		reply.question = turn->heard;
	} else if (words_hold(heard, t->no)) {
		reply.words = t->sorry;
		reply.verdict = "success_refused";
		reply.summary = "The callee refused.";
		reply.learnt = learnt_of_no(a, turn->heard);
	} else if (words_hold(heard, t->yes)) {
		reply.words = t->thanks;
		reply.verdict = "success_booked";
		reply.summary = "The callee agreed.";
		reply.learnt = learnt_of_yes(a, t, heard);
	} else {
		reply.words = t->pardon;
	}
	return reply;
}
