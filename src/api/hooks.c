/*
 * hooks.c: what the carrier tells us: its voice, status, recording and machine-detection webhooks.
 * Nothing is believed before its signature is. News may come twice, late and out of order; the
 * rules for that are in domain/leg.h and domain/agent.h.
 */
#include <string.h>

#include "api/routes.h"
#include "api/talk.h"
#include "api/twiml.h"
#include "auth/signature.h"
#include "base/digest.h"
#include "base/id.h"
#include "base/log.h"
#include "base/str.h"
#include "domain/agent.h"
#include "domain/leg.h"
#include "domain/question.h"
#include "domain/recording.h"
#include "domain/script.h"
#include "domain/tongue.h"
#include "domain/voice.h"

#define PAIRS_MAX 128
#define HEARD_MAX 4000
#define TURN_MAX 100
#define LOOKS_MAX 10000
#define FORWARD_MAX (64u << 10)
#define TOKEN_BYTES 32
/* Connection overrides: repeat on 5xx, on connect and on read failures. */
#define OVERRIDES "#rc=4&rp=5xx,ct,rt&ct=3000&rt=5000"

static enum rc voice(struct ask *);
static enum rc status(struct ask *);
static enum rc recording(struct ask *);
static enum rc machine(struct ask *);

const struct route hook_routes[] = {
	{ "POST", "/twilio/voice/{call_id}", voice, .flags = ROUTE_PUBLIC | ROUTE_HIDDEN },
	{ "POST", "/twilio/status/{call_id}", status, .flags = ROUTE_PUBLIC | ROUTE_HIDDEN },
	{ "POST", "/twilio/recording/{call_id}", recording, .flags = ROUTE_PUBLIC | ROUTE_HIDDEN },
	{ "POST", "/twilio/amd/{call_id}", machine, .flags = ROUTE_PUBLIC | ROUTE_HIDDEN },
	{ .method = NULL },
};

/* A webhook whose signature is right. */
struct hook {
	struct str_pair pairs[PAIRS_MAX];
	int count;
	const char *call_id;
	const char *attempt_id; /* or NULL */
	const char *call_sid;
};

/* A form field, or NULL. An empty one is as good as none. */
static const char *
hook_field(const struct hook *hook, const char *name)
{
	for (int i = 0; i < hook->count; i++)
		if (strcmp(hook->pairs[i].name, name) == 0)
			return hook->pairs[i].value[0] != '\0' ? hook->pairs[i].value : NULL;
	return NULL;
}

/* Reads and checks a webhook; on failure the answer stands. */
static bool
hook_read(struct ask *ask, struct hook *hook)
{
	const char *signature = req_header(ask->req, "x-twilio-signature");
	char *form = arena_strndup(ask->req->arena, ask->req->body, ask->req->body_len);

	hook->count = str_form(form, hook->pairs, PAIRS_MAX);
	if (signature == NULL || hook->count < 0 ||
	    !signature_right(ask->env->carrier_token, ask->env->public_url, ask->req->uri,
		hook->pairs, hook->count, signature)) {
		resp_detail(ask->resp, 403, "The signature is missing or wrong");
		return false;
	}
	hook->call_id = ask_path(ask, "call_id");
	hook->call_sid = hook_field(hook, "CallSid");
	hook->attempt_id = req_query(ask->req, "attempt");
	if (hook->attempt_id != NULL && !leg_attempt_id_valid(hook->attempt_id))
		hook->attempt_id = NULL;
	if (!id_valid(hook->call_id, "call_") || hook->call_sid == NULL) {
		resp_detail(ask->resp, 404, "No such call");
		return false;
	}
	log_about(hook->call_id);
	return true;
}

/* The number's text when it is one, for the database; NULL otherwise. */
static const char *
seconds(const char *text)
{
	double value;

	return text != NULL && str_double(text, 0, 1e6, &value) ? text : NULL;
}

static enum rc
tell(struct ask *ask, const struct hook *hook, const char *carrier_status, const char *form)
{
	struct leg_news news = {
		.call_id = hook->call_id,
		.attempt_id = hook->attempt_id,
		.call_sid = hook->call_sid,
		.status = carrier_status,
		.duration = seconds(hook_field(hook, "CallDuration")),
		.answered_by = hook_field(hook, "AnsweredBy"),
		.max_talk_s = ask->env->max_talk_s,
		.form = form,
	};
	bool taken;

	return leg_tell(ask->db, &news, &taken);
}

/* What the carrier wants to hear when there is nothing to say. */
static enum rc
answer_empty(struct ask *ask, enum rc rc)
{
	if (rc == RC_OK)
		resp_text(ask->resp, 200, "text/xml", "<Response/>");
	return rc;
}

/* The callback's body, for the customer's own callback; NULL when it is no text to be kept. */
static const char *
form_of(struct ask *ask)
{
	const char *form = arena_strndup(ask->req->arena, ask->req->body, ask->req->body_len);

	if (ask->req->body_len <= FORWARD_MAX && strlen(form) == ask->req->body_len &&
	    str_utf8(form, ask->req->body_len))
		return form;
	log_warning("a callback is too long or no text: not forwarded");
	return NULL;
}

static enum rc
status(struct ask *ask)
{
	struct hook hook;
	const char *word;

	if (!hook_read(ask, &hook))
		return RC_OK;
	word = hook_field(&hook, "CallStatus");
	return answer_empty(ask, word == NULL ? RC_OK : tell(ask, &hook, word, form_of(ask)));
}

static enum rc
machine(struct ask *ask)
{
	struct hook hook;

	if (!hook_read(ask, &hook))
		return RC_OK;
	return answer_empty(ask, tell(ask, &hook, "in-progress", NULL));
}

static enum rc
recording(struct ask *ask)
{
	struct recording_news news;
	struct hook hook;

	if (!hook_read(ask, &hook))
		return RC_OK;
	news = (struct recording_news){ hook.call_id, hook.call_sid,
		hook_field(&hook, "RecordingSid"), hook_field(&hook, "RecordingStatus"),
		seconds(hook_field(&hook, "RecordingDuration")) };
	if (news.recording_sid == NULL || news.status == NULL ||
	    !recording_sid_valid(news.recording_sid))
		return answer_empty(ask, RC_OK);
	return answer_empty(ask, recording_tell(ask->db, &news));
}

/* What the callee said or pressed, without what a database would refuse. */
static const char *
heard(struct ask *ask, const struct hook *hook)
{
	const char *speech = hook_field(hook, "SpeechResult");
	const char *digits = hook_field(hook, "Digits");
	const char *text = speech != NULL ? speech : digits != NULL ? digits : "";
	size_t len = strlen(text);

	if (!str_utf8(text, len))
		return "";
	if (len > HEARD_MAX)
		for (len = HEARD_MAX; ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	return arena_strndup(ask->req->arena, text, len);
}

static const char *
turn_url(struct ask *ask, const struct hook *hook, int64_t turn)
{
	return arena_printf(ask->req->arena, "%s/twilio/voice/%s?attempt=%s&turn=%lld" OVERRIDES,
	    ask->env->public_url, hook->call_id, hook->attempt_id == NULL ? "" : hook->attempt_id,
	    (long long)turn);
}

static const char *
answer_url(struct ask *ask, const struct hook *hook)
{
	return arena_printf(
	    ask->req->arena, "%s/calls/%s/answer", ask->env->public_url, hook->call_id);
}

/* Thinks of a reply, keeps it, and gives the TwiML to answer. */
static enum rc
speak(struct ask *ask, const struct hook *hook, const struct agent_ask *question,
    const struct agent_turn *turn, const char **twiml)
{
	struct arena *a = ask->req->arena;
	struct script_turn script = {
		.turn = question->turn,
		.heard = question->heard,
		.brief = turn->brief,
		.language = turn->language,
		.answered_by = turn->answered_by,
		.silent_turns = turn->silent_turns,
		.asked = turn->asked,
		.answer = turn->answer,
		.aloud = turn->mode != NULL && strcmp(turn->mode, "voice") == 0,
		.deal = strcmp(turn->kind, "negotiation") == 0
		    ? script_deal_read(a, turn->slots, turn->learnt)
		    : NULL,
	};
	struct script_reply said = script_reply(a, &script);
	const char *next = turn_url(ask, hook, question->turn + 1);
	struct agent_reply reply = { .words = said.words,
		.verdict = said.verdict,
		.summary = said.summary,
		.learnt = said.learnt,
		.question = said.question,
		.wait_s = QUESTION_WAIT_S,
		.answer_url = answer_url(ask, hook) };

	if (said.verdict != NULL)
		reply.twiml = twiml_end(a, said.words, said.language);
	else if (said.question != NULL)
		reply.twiml = twiml_wait(a, said.words, said.language, next);
	else
		reply.twiml = twiml_listen(a, said.words, said.language, next);
	return agent_said(ask->db, a, hook->call_id, question->turn, &reply, twiml);
}

/* The same by a language model. */
static enum rc
think(struct ask *ask, const struct hook *hook, const struct agent_ask *question,
    const struct agent_turn *turn, const char **twiml)
{
	struct talk_urls urls = { turn_url(ask, hook, question->turn),
		turn_url(ask, hook, question->turn + 1), answer_url(ask, hook) };

	return talk_speak(ask, question, turn, &urls, twiml);
}

/* The client has not answered yet. Who says something meanwhile is told so; it is kept for the agent, once for
 * each look for the answer, which have their numbers in the URL. */
static enum rc
wait(struct ask *ask, const struct hook *hook, const struct agent_ask *question,
    const struct agent_turn *turn, const char **twiml)
{
	const char *number = req_query(ask->req, "look");
	const char *words = question->heard[0] == '\0' ? "" : tongue_of(turn->language)->patience;
	int64_t look;
	enum rc rc = RC_OK;

	if (number == NULL || !str_int64(number, 0, LOOKS_MAX, &look))
		look = 0;
	look++;
	if (words[0] != '\0')
		rc = agent_held(ask->db, question, look, words);
	*twiml = twiml_wait(ask->req->arena, words, tongue_tag(turn->language),
	    arena_printf(ask->req->arena,
		"%s/twilio/voice/%s?attempt=%s&turn=%lld&look=%lld" OVERRIDES, ask->env->public_url,
		hook->call_id, hook->attempt_id == NULL ? "" : hook->attempt_id,
		(long long)question->turn, (long long)look));
	return rc;
}

/* Our public URL with another scheme in front: https is wss, http is ws. */
static const char *
stream_url(struct ask *ask, const struct hook *hook)
{
	return arena_printf(ask->req->arena, "ws%s/twilio/media/%s",
	    ask->env->public_url + strlen("http"), hook->call_id);
}

/* The callee has answered: our agent is to have a media stream, for which a token is made that is good once. */
static enum rc
offer_stream(struct ask *ask, const struct hook *hook)
{
	struct arena *a = ask->req->arena;
	uint8_t random[TOKEN_BYTES], hash[DIGEST_SHA256_SIZE];
	char token[2 * TOKEN_BYTES + 1], text[2 * DIGEST_SHA256_SIZE + 3] = "\\x";
	struct voice_offer offer = { hook->call_id, hook->attempt_id, hook->call_sid,
		hook_field(hook, "AnsweredBy"), ask->env->max_talk_s, text };
	bool stream;
	enum rc rc;

	digest_random(random, sizeof random);
	digest_hex(random, sizeof random, token);
	digest_sha256(token, strlen(token), hash);
	digest_hex(hash, sizeof hash, text + 2);
	rc = voice_offer(ask->db, &offer, &stream);
	if (rc == RC_OK)
		resp_text(ask->resp, 200, "text/xml",
		    stream ? twiml_stream(a, stream_url(ask, hook), token,
				 arena_printf(a,
				     "%s/twilio/voice/%s?attempt=%s&after=stream" OVERRIDES,
				     ask->env->public_url, hook->call_id,
				     hook->attempt_id == NULL ? "" : hook->attempt_id))
			   : twiml_end(a, "", "en-US"));
	return rc;
}

/* The stream is over. */
static enum rc
after_stream(struct ask *ask, const struct hook *hook)
{
	struct arena *a = ask->req->arena;
	const char *twiml = twiml_end(a, "", "en-US");
	struct voice_after after;
	enum rc rc = voice_after(
	    ask->db, a, hook->call_id, hook->call_sid, ask->env->max_talk_s, &after);

	if (rc != RC_OK)
		return rc;
	if (after.next == VOICE_DIAL) {
		twiml = twiml_dial(a, after.number,
		    after.shown != NULL ? after.shown : ask->env->carrier.from, after.seconds);
	} else if (after.next == VOICE_SORRY) {
		twiml = twiml_end(a, tongue_of(after.language)->broken, tongue_tag(after.language));
	}
	resp_text(ask->resp, 200, "text/xml", twiml);
	return RC_OK;
}

static enum rc
voice(struct ask *ask)
{
	const char *number = req_query(ask->req, "turn");
	const char *twiml = twiml_end(ask->req->arena, "", "en-US");
	struct agent_ask question;
	struct agent_turn turn;
	struct hook hook;
	enum rc rc;

	if (!hook_read(ask, &hook))
		return RC_OK;
	if (req_query(ask->req, "after") != NULL)
		return after_stream(ask, &hook);
	if (ask->env->voice_stream && number == NULL)
		return offer_stream(ask, &hook);
	question = (struct agent_ask){ .call_id = hook.call_id,
		.attempt_id = hook.attempt_id,
		.call_sid = hook.call_sid,
		.heard = heard(ask, &hook),
		.answered_by = hook_field(&hook, "AnsweredBy"),
		.max_talk_s = ask->env->max_talk_s };
	if (number != NULL && !str_int64(number, 0, TURN_MAX, &question.turn)) {
		resp_detail(ask->resp, 404, "No such turn");
		return RC_OK;
	}
	rc = agent_hear(ask->db, ask->req->arena, &question, &turn);
	if (rc == RC_OK && turn.next == AGENT_REPLAY)
		twiml = turn.twiml;
	else if (rc == RC_OK && turn.next == AGENT_HOLD)
		rc = wait(ask, &hook, &question, &turn, &twiml);
	else if (rc == RC_OK && turn.next == AGENT_SPEAK && ask->env->talks &&
	    talk_wanted(&question, &turn))
		rc = think(ask, &hook, &question, &turn, &twiml);
	else if (rc == RC_OK && turn.next == AGENT_SPEAK)
		rc = speak(ask, &hook, &question, &turn, &twiml);
	if (rc == RC_OK)
		resp_text(ask->resp, 200, "text/xml", twiml);
	return rc;
}
