/* scan.c: see scan.h. Long texts are passed over by memchr(). */
#include "base/scan.h"

#include <string.h>

#include "base/json.h"

static void
skip_space(struct scan *s)
{
	while (
	    s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

/* Takes this character, or finds the text wrong. */
static bool
take(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c) {
		s->bad = true;
		return false;
	}
	s->at++;
	return true;
}

void
scan_enter(struct scan *s, const char *text, size_t len)
{
	*s = (struct scan){ .at = text, .end = text + len, .first = true };
	skip_space(s);
	s->close = s->at < s->end && *s->at == '{' ? '}' : ']';
	take(s, s->close == '}' ? '{' : '[');
}

/* A text from its first quote to behind its last. */
static bool
take_text(struct scan *s, const char **value, size_t *len, bool *plain)
{
	const char *from, *quote = NULL, *slash;

	if (!take(s, '"'))
		return false;
	*value = from = s->at;
	*plain = true;
	for (;;) {
		if (quote == NULL || quote < from) /* a quote is looked for once: texts are long */
			quote = memchr(from, '"', (size_t)(s->end - from));
		slash = quote == NULL ? NULL : memchr(from, '\\', (size_t)(quote - from));
		if (slash == NULL)
			break;
		*plain = false;
		from = slash + 2; /* at most one behind the quote */
	}
	if (quote == NULL) {
		s->bad = true;
		return false;
	}
	*len = (size_t)(quote - *value);
	s->at = quote + 1;
	return true;
}

/* An object or array, brackets included: counts them, outside of texts. */
static bool
take_nested(struct scan *s)
{
	const char *value;
	bool plain;
	size_t len;
	int depth = 0;

	while (s->at < s->end && !s->bad) {
		if (*s->at == '"') {
			take_text(s, &value, &len, &plain);
			continue;
		}
		if (*s->at == '{' || *s->at == '[')
			depth++;
		else if (*s->at == '}' || *s->at == ']')
			depth--;
		s->at++;
		if (depth == 0)
			return true;
		s->bad = depth > JSON_DEPTH_MAX;
	}
	s->bad = true;
	return false;
}

/* A number or a word, as far as its characters go. */
static bool
take_bare(struct scan *s, struct scan_member *m)
{
	static const char number[] = "0123456789+-.eE", word[] = "abcdefghijklmnopqrstuvwxyz";
	const char *allowed;

	m->kind = *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? SCAN_NUMBER : SCAN_WORD;
	allowed = m->kind == SCAN_NUMBER ? number : word;
	while (s->at < s->end && *s->at != '\0' && strchr(allowed, *s->at) != NULL)
		s->at++;
	m->len = (size_t)(s->at - m->value);
	s->bad = m->len == 0 ||
	    (m->kind == SCAN_WORD && !scan_says(m, "true") && !scan_says(m, "false") &&
		!scan_says(m, "null"));
	return !s->bad;
}

static bool
take_value(struct scan *s, struct scan_member *m)
{
	skip_space(s);
	m->plain = false;
	m->value = s->at;
	if (s->at == s->end) {
		s->bad = true;
		return false;
	}
	if (*s->at == '"') {
		m->kind = SCAN_TEXT;
		return take_text(s, &m->value, &m->len, &m->plain);
	}
	if (*s->at != '{' && *s->at != '[')
		return take_bare(s, m);
	m->kind = *s->at == '{' ? SCAN_OBJECT : SCAN_ARRAY;
	if (!take_nested(s))
		return false;
	m->len = (size_t)(s->at - m->value);
	return true;
}

/* The closing bracket, behind which nothing may stand. */
static void
take_end(struct scan *s)
{
	s->at++;
	s->close = 0;
	skip_space(s);
	s->bad = s->at != s->end;
}

bool
scan_next(struct scan *s, struct scan_member *m)
{
	bool plain;

	if (s->bad || s->close == 0)
		return false;
	skip_space(s);
	if (s->at < s->end && *s->at == s->close) {
		take_end(s);
		return false;
	}
	if (!s->first && !take(s, ','))
		return false;
	s->first = false;
	m->name = NULL;
	m->name_len = 0;
	if (s->close == '}') {
		skip_space(s);
		if (!take_text(s, &m->name, &m->name_len, &plain))
			return false;
		s->bad = !plain; /* no name that we know is written like that */
		skip_space(s);
		if (s->bad || !take(s, ':'))
			return false;
	}
	return take_value(s, m);
}

bool
scan_whole(const struct scan *s)
{
	return !s->bad && s->close == 0;
}

bool
scan_is(const struct scan_member *m, const char *name)
{
	return m->name_len == strlen(name) && memcmp(m->name, name, m->name_len) == 0;
}

bool
scan_says(const struct scan_member *m, const char *text)
{
	return m->len == strlen(text) && memcmp(m->value, text, m->len) == 0;
}
