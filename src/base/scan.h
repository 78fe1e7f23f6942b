/*
 * scan.h: the members of a JSON object or array where they stand, without a tree and without memory of
 * its own: for messages that come fifty times a second and for each call. It finds its way alone: what
 * stands in a value must be checked by whoever uses it, and a nested value that nobody enters has not
 * been checked at all. Everything else is read by base/json.h.
 */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct scan {
	const char *at, *end;
	char close; /* the bracket that ends it; 0 once it is over */
	bool first;
	bool bad;
};

enum scan_kind {
	SCAN_TEXT,
	SCAN_NUMBER,
	SCAN_OBJECT,
	SCAN_ARRAY,
	SCAN_WORD /* true, false, null */
};

/* A member; pointers are into the text. */
struct scan_member {
	const char *name; /* between the quotes; NULL in an array */
	size_t name_len;
	enum scan_kind kind;
	const char *value; /* of a text what is between the quotes, else the whole value */
	size_t len;
	bool plain; /* a text without any backslash: it means what it says */
};

/* Enters the object or array that is the whole text but for white space around it. Whatever is wrong
 * with it is seen at the end. */
void scan_enter(struct scan *s, const char *text, size_t len);
/* The next member; false after the last, or when the text is wrong there. */
bool scan_next(struct scan *s, struct scan_member *m);
/* After scan_next() was false: whether the text was right up to its end. */
bool scan_whole(const struct scan *s);

/* Whether the member has this name. */
bool scan_is(const struct scan_member *m, const char *name);
/* Whether the value is this text. */
bool scan_says(const struct scan_member *m, const char *text);

#endif
