/* twiml.c: see twiml.h. */
#include "api/twiml.h"

#include "base/buf.h"

#define TWIML_MAX (60u << 10) /* the carrier takes 64 kB */
/* How long the callee may be silent before the turn counts as silent, and how long a pause ends
 * what the callee says. */
#define LISTEN_S "5"
#define PAUSE_S "2"
/* Between two looks for the client's answer or a model's, while the callee holds the line. */
#define HOLD_S "1"

static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>";

static void
say(struct buf *out, const char *words, const char *language)
{
	if (words[0] == '\0')
		return;
	buf_puts(out, "<Say language=\"");
	buf_xml(out, language);
	buf_puts(out, "\">");
	buf_xml(out, words);
	buf_puts(out, "</Say>");
}

static const char *
finish(struct arena *a, struct buf *out)
{
	const char *text;

	buf_puts(out, "</Response>\n");
	text = arena_strndup(a, out->data, out->len);
	buf_free(out);
	return text;
}

/* seconds: so long the callee may be silent. */
static void
listen_for(struct buf *out, const char *seconds, const char *words, const char *language,
    const char *next_url)
{
	buf_puts(out, "<Gather input=\"speech dtmf\" timeout=\"");
	buf_puts(out, seconds);
	buf_puts(out,
	    "\" speechTimeout=\"" PAUSE_S
	    "\" actionOnEmptyResult=\"true\" method=\"POST\" language=\"");
	buf_xml(out, language);
	buf_puts(out, "\" action=\"");
	buf_xml(out, next_url);
	buf_puts(out, "\">");
	say(out, words, language);
	buf_puts(out, "</Gather>");
}

static void
redirect(struct buf *out, const char *next_url)
{
	buf_puts(out, "<Redirect method=\"POST\">");
	buf_xml(out, next_url);
	buf_puts(out, "</Redirect>");
}

static const char *
listen(struct arena *a, const char *seconds, const char *words, const char *language,
    const char *next_url)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	listen_for(&out, seconds, words, language, next_url);
	return finish(a, &out);
}

const char *
twiml_listen(struct arena *a, const char *words, const char *language, const char *next_url)
{
	return listen(a, LISTEN_S, words, language, next_url);
}

const char *
twiml_wait(struct arena *a, const char *words, const char *language, const char *next_url)
{
	return listen(a, HOLD_S, words, language, next_url);
}

/* The carrier takes no <Play digits> inside <Gather>. */
const char *
twiml_press(struct arena *a, const char *words, const char *language, const char *digits,
    const char *next_url)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	say(&out, words, language);
	buf_puts(&out, "<Play digits=\"");
	buf_xml(&out, digits);
	buf_puts(&out, "\"/>");
	listen_for(&out, LISTEN_S, "", language, next_url);
	return finish(a, &out);
}

const char *
twiml_go_on(struct arena *a, const char *words, const char *language, const char *next_url)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	say(&out, words, language);
	redirect(&out, next_url);
	return finish(a, &out);
}

const char *
twiml_hold(struct arena *a, const char *words, const char *language, const char *next_url)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	say(&out, words, language);
	buf_puts(&out, "<Pause length=\"" HOLD_S "\"/>");
	redirect(&out, next_url);
	return finish(a, &out);
}

const char *
twiml_stream(struct arena *a, const char *stream_url, const char *token, const char *next_url)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	buf_puts(&out, "<Connect><Stream url=\"");
	buf_xml(&out, stream_url);
	buf_puts(&out, "\"><Parameter name=\"token\" value=\"");
	buf_xml(&out, token);
	buf_puts(&out, "\"/></Stream></Connect><Redirect method=\"POST\">");
	buf_xml(&out, next_url);
	buf_puts(&out, "</Redirect>");
	return finish(a, &out);
}

const char *
twiml_dial(struct arena *a, const char *number, const char *from, int64_t seconds)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	buf_printf(&out, "<Dial timeLimit=\"%lld\" callerId=\"", (long long)seconds);
	buf_xml(&out, from);
	buf_puts(&out, "\">");
	buf_xml(&out, number);
	buf_puts(&out, "</Dial><Hangup/>");
	return finish(a, &out);
}

const char *
twiml_end(struct arena *a, const char *words, const char *language)
{
	struct buf out;

	buf_init(&out, TWIML_MAX);
	buf_puts(&out, head);
	say(&out, words, language);
	buf_puts(&out, "<Hangup/>");
	return finish(a, &out);
}
