/*
 * twiml.h: a TwiML document, read and checked. Everything that the carrier would complain about
 * is found here, so that whoever obeys the document can trust names, nesting and values.
 */
#ifndef SIM_TWIML_H
#define SIM_TWIML_H

#include <stdbool.h>
#include <stddef.h>

enum twiml_verb {
	TWIML_RESPONSE,
	TWIML_SAY,
	TWIML_PLAY,
	TWIML_PAUSE,
	TWIML_GATHER,
	TWIML_HANGUP,
	TWIML_REDIRECT,
	TWIML_REJECT,
	TWIML_RECORD,
	TWIML_DIAL,
	TWIML_NUMBER,
	TWIML_CONNECT,
	TWIML_START,
	TWIML_STOP,
	TWIML_STREAM,
	TWIML_PARAMETER
};

struct twiml_attr {
	const char *name, *value;
	struct twiml_attr *next;
};

struct twiml_node {
	enum twiml_verb verb;
	struct twiml_attr *attrs;
	const char *text; /* all words inside, trimmed; SSML marks are dropped */
	struct twiml_node *child;
	struct twiml_node *next;
};

struct twiml; /* a document; owns its nodes */

#define TWIML_PROBLEM_SIZE 160

/* The document in len bytes, or NULL with the carrier's code (12100 not parseable, 12200 against
 * the schema, 11100 bad URL, 13335 …) and a sentence in problem. */
struct twiml *twiml_parse(
    const char *bytes, size_t len, int *code, char problem[TWIML_PROBLEM_SIZE]);
void twiml_free(struct twiml *doc);

/* The first verb inside <Response>, or NULL. */
const struct twiml_node *twiml_first(const struct twiml *doc);

/* The attribute's text, or absent. */
const char *twiml_text(const struct twiml_node *n, const char *name, const char *absent);
/* The number in an attribute that was checked as one, or absent. */
int twiml_number(const struct twiml_node *n, const char *name, int absent);
/* True when the attribute is there and says exactly value. */
bool twiml_is(const struct twiml_node *n, const char *name, const char *value);

#endif
