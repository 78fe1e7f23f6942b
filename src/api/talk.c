/* talk.c: see talk.h. */
#include "api/talk.h"

#include <string.h>

#include "api/twiml.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/question.h"
#include "domain/talk.h"
#include "domain/talk_rules.h"
#include "domain/tongue.h"

static bool
is_machine(const char *answered_by)
{
	return answered_by != NULL &&
	    (str_starts(answered_by, "machine") || strcmp(answered_by, "fax") == 0);
}

bool
talk_wanted(const struct agent_ask *question, const struct agent_turn *turn)
{
	if (is_machine(turn->answered_by) || question->turn >= TALK_TURNS_MAX ||
	    strcmp(turn->kind, "negotiation") == 0)
		return false;
	/* What was heard comes with the first request of a turn alone. */
	return question->turn <= 1 || turn->thinking || turn->asked || question->heard[0] != '\0';
}

/* The first words wait for nobody; while they are spoken, the model is asked for the next. */
static enum rc
open_talk(struct ask *ask, const struct agent_ask *question, const char *language,
    const struct talk_urls *urls, const char **twiml)
{
	struct arena *a = ask->req->arena;
	const struct tongue *t = tongue_of(language);
	struct agent_reply reply = { .words = t->disclosure,
		.twiml = twiml_go_on(a, t->disclosure, tongue_tag(language), urls->next) };
	enum rc rc = agent_said(ask->db, a, question->call_id, question->turn, &reply, twiml);
	struct talk_turn ahead;

	if (rc == RC_OK &&
	    talk_ask(ask->db, a, question->call_id, question->turn + 1, t->moment, &ahead) != RC_OK)
		log_warning("the model is asked when the first words have been said");
	return rc;
}

static const char *
twiml_of(struct arena *a, const struct talk_reply *r, const char *words, const char *tag,
    const char *next)
{
	if (r->verdict != NULL)
		return twiml_end(a, words, tag);
	if (r->question != NULL)
		return twiml_wait(a, words, tag, next);
	if (r->digits != NULL)
		return twiml_press(a, words, tag, r->digits, next);
	return twiml_listen(a, words, tag, next);
}

static enum rc
say(struct ask *ask, const struct agent_ask *question, const struct talk_reply *r,
    const char *language, const struct talk_urls *urls, const char **twiml)
{
	struct arena *a = ask->req->arena;
	const char *words = r->question != NULL && r->say[0] == '\0' ? tongue_of(language)->find_out
								     : r->say;
	struct agent_reply reply = { .words = words,
		.twiml = twiml_of(a, r, words, tongue_tag(language), urls->next),
		.verdict = r->verdict,
		.summary = r->summary,
		.learnt = r->learnt,
		.question = r->question,
		.wait_s = QUESTION_WAIT_S,
		.answer_url = urls->answer };

	return agent_said(ask->db, a, question->call_id, question->turn, &reply, twiml);
}

enum rc
talk_speak(struct ask *ask, const struct agent_ask *question, const struct agent_turn *turn,
    const struct talk_urls *urls, const char **twiml)
{
	const struct tongue *t = tongue_of(turn->language);
	struct talk_reply sorry = { .say = t->broken,
		.summary = "The language model did not answer." };
	struct talk_turn now;
	enum rc rc;

	if (question->turn == 0)
		return open_talk(ask, question, turn->language, urls, twiml);
	rc = talk_ask(ask->db, ask->req->arena, question->call_id, question->turn, t->moment, &now);
	if (rc != RC_OK)
		return rc;
	if (now.state == TALK_REPLY)
		return say(ask, question, &now.reply, turn->language, urls, twiml);
	if (now.state == TALK_AWAY) {
		log_warning("turn %lld: no reply of the language model in time; the call ends with"
			    " an apology",
		    (long long)question->turn);
		sorry.verdict = now.talked ? "failed_technical" : "failed_no_agent_available";
		return say(ask, question, &sorry, turn->language, urls, twiml);
	}
	*twiml = twiml_hold(ask->req->arena, now.state == TALK_MOMENT ? t->moment : "",
	    tongue_tag(turn->language), urls->here);
	return RC_OK;
}
