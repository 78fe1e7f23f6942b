/*
 * price.c: see price.h. A reading that is not sure is no reading: the agent then asks again, which
 * costs a sentence; a wrong price costs money.
 */
#include "domain/price.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "domain/words.h"

#define CANDIDATES_MAX 32
#define DIGITS_MAX 10
#define BACK_MAX 3 /* words before a number that are looked at */
#define WORD_MAX 24

bool
price_read(const char *text, int64_t *cents)
{
	size_t whole = strspn(text, "0123456789"), part = 0;
	int64_t sum = 0;

	if (whole == 0 || whole > DIGITS_MAX)
		return false;
	for (size_t i = 0; i < whole; i++)
		sum = sum * 10 + (text[i] - '0');
	if (text[whole] == '.') {
		part = strspn(text + whole + 1, "0123456789");
		if (part == 0 || part > 2)
			return false;
		whole++;
	}
	if (text[whole + part] != '\0')
		return false;
	for (size_t i = 0; i < 2; i++)
		sum = sum * 10 + (i < part ? text[whole + i] - '0' : 0);
	*cents = sum;
	return true;
}

const char *
price_text(int64_t cents, char out[PRICE_SIZE])
{
	snprintf(out, PRICE_SIZE, "%" PRId64 ".%02d", cents / 100, (int)(cents % 100));
	return out;
}

/* ---- numbers, in figures and in words ---- */

/* "1,250" and its like: how many bytes the figures have, 0 when they are none. Their digits go to
 * out, which has room for DIGITS_MAX + 1. */
static size_t
read_whole(const char *at, char *out)
{
	size_t len = strspn(at, "0123456789"), n = len;
	bool grouped = len <= 3;

	if (len == 0 || len > DIGITS_MAX)
		return 0;
	memcpy(out, at, len);
	while (grouped && at[n] == ',' && strspn(at + n + 1, "0123456789") == 3 &&
	    len + 3 <= DIGITS_MAX) {
		memcpy(out + len, at + n + 1, 3);
		len += 3;
		n += 4;
	}
	out[len] = '\0';
	return n;
}

/* An amount in figures; how many bytes it has, 0 when it is none. */
static size_t
read_figures(const char *at, int64_t *cents)
{
	char digits[DIGITS_MAX + 4];
	size_t n = read_whole(at, digits), part;

	if (n == 0)
		return 0;
	if ((at[n] == '.' || at[n] == ',') && isdigit((unsigned char)at[n + 1])) {
		part = strspn(at + n + 1, "0123456789");
		if (part > 2 || (at[n] == ',' && part != 2))
			return 0;
		memcpy(digits + strlen(digits), ".\0", 2);
		strncat(digits, at + n + 1, part);
		n += 1 + part;
	}
	return price_read(digits, cents) ? n : 0;
}

static const struct {
	const char *word;
	int64_t value; /* 100 and 1000 multiply */
} numerals[] = {
	{ "one", 1 },
	{ "two", 2 },
	{ "three", 3 },
	{ "four", 4 },
	{ "five", 5 },
	{ "six", 6 },
	{ "seven", 7 },
	{ "eight", 8 },
	{ "nine", 9 },
	{ "ten", 10 },
	{ "eleven", 11 },
	{ "twelve", 12 },
	{ "thirteen", 13 },
	{ "fourteen", 14 },
	{ "fifteen", 15 },
	{ "sixteen", 16 },
	{ "seventeen", 17 },
	{ "eighteen", 18 },
	{ "nineteen", 19 },
	{ "twenty", 20 },
	{ "thirty", 30 },
	{ "forty", 40 },
	{ "fifty", 50 },
	{ "sixty", 60 },
	{ "seventy", 70 },
	{ "eighty", 80 },
	{ "ninety", 90 },
	{ "hundred", 100 },
	{ "thousand", 1000 },
};

/* The word at a place, without what parts it from the next; its length. */
static size_t
word_at(const char *at, char word[WORD_MAX])
{
	size_t len = 0;

	while (words_byte(at[len]))
		len++;
	if (len >= WORD_MAX)
		return 0;
	memcpy(word, at, len);
	word[len] = '\0';
	return len;
}

static int64_t
numeral(const char *word)
{
	for (size_t i = 0; i < sizeof numerals / sizeof numerals[0]; i++)
		if (strcmp(numerals[i].word, word) == 0)
			return numerals[i].value;
	return 0;
}

/* Takes the next numeral into a number such as "two thousand one hundred and thirty five", which has
 * whole thousands and what is below them. False when it cannot stand there. */
static bool
take_numeral(int64_t value, int64_t *thousands, int64_t *below)
{
	if (value == 1000) {
		if (*thousands > 0)
			return false;
		*thousands = (*below > 0 ? *below : 1) * 1000;
		*below = 0;
	} else if (value == 100) {
		if (*below >= 100)
			return false;
		*below = (*below > 0 ? *below : 1) * 100;
	} else if (value < 10) {
		if (*below % 10 != 0 || *below % 100 == 10)
			return false;
		*below += value;
	} else if (*below > 0 && *below < 10) { /* "one thirty": as one says it of money */
		*below = *below * 100 + value;
	} else {
		if (*below % 100 != 0)
			return false;
		*below += value;
	}
	return true;
}

/* An amount in words; how many bytes it has, 0 when it is none; of no amount when the words make no
 * number. sure: it holds a hundred or more, so that it is hardly anything but an amount. */
static size_t
read_words(const char *at, int64_t *cents, bool *sure)
{
	int64_t thousands = 0, below = 0, value;
	char word[WORD_MAX];
	size_t end = 0, n = 0, len;
	bool right = true;

	*sure = false;
	while ((len = word_at(at + n, word)) > 0) {
		value = numeral(word);
		if (value > 0) {
			right = right && take_numeral(value, &thousands, &below);
			*sure = *sure || value >= 100;
			end = n + len;
		} else if (!(n == 0 && strcmp(word, "a") == 0) &&
		    !(end > 0 && strcmp(word, "and") == 0)) {
			break;
		}
		n += len;
		n += at[n] == ' ' || at[n] == '-';
	}
	*cents = right ? (thousands + below) * 100 : 0;
	return end;
}

/* ---- what stands around a number ---- */

#define MONEY "dollar|dollars|buck|bucks|usd|euro|euros|eur|pound|pounds|gbp"
#define UNITS                                                                                      \
	"am|pm|a.m|p.m|o'clock|hour|hours|hrs|day|days|minute|minutes|week|weeks|month|months|"    \
	"year|years|mile|miles|percent|people|persons|person|guys|men|times|rooms|room|feet|foot|" \
	"inch|inches|street|avenue|road|th|st|nd|rd|or|to"
/* After an amount of money: not the price of the job. */
#define NOT_WHOLE                                                                             \
	"an hour|per|each|hourly|a day|a visit|a month|off|less|more|extra|discount|cheaper|" \
	"deposit|tip|tax|upfront|down payment"
/* Before an amount: it is ruled out, or is part of one. */
#define RULED_OUT                                                                                  \
	"not|n't|than|from|over|under|below|above|least|off|save|plus|extra|deposit|discount|tax|" \
	"isn't|don't|can't|won't|between|instead|of not"
#define BEFORE_USUAL "normally|usually|typically|originally|regular|regularly|was|were|instead"
/* A number without a currency is a price where the word before it is one of these … */
#define LEADS                                                                                         \
	"for|is|it's|its|be|that's|to|cost|costs|charge|charges|say|about|around|want|ask|take|pay|"  \
	"quote|do|it|at|best|price|total|only|just|okay|ok|yes|no|fine|well|sure|so|like|maybe|then|" \
	"now|go|exactly|offer|accept|alright|right|deal|final|i'd|i'll|i"
/* … and the word after it is none, or one of these. */
#define FOLLOWS                                                                                    \
	"and|but|for|is|would|will|all|total|flat|then|if|at|tops|max|plus|including|with|on|as|"  \
	"today|cash|okay|ok|please|deal|sir|madam|i|we|that|that's|it|it's|because|since|instead|" \
	"not|final|works|even|should|sounds|fine|yes"

struct candidate {
	size_t start, end; /* of the number and its currency */
	int64_t cents;
	bool marked; /* by a currency */
	bool usual;  /* what it usually is: only when there is no other */
	bool out;
};

/* The last n words before a place, oldest first, in out. */
static void
words_before(const char *text, size_t at, int n, char *out, size_t size)
{
	size_t start = at;

	while (n-- > 0 && start > 0) {
		size_t edge = start;

		while (edge > 0 && !words_byte(text[edge - 1]) &&
		    strchr(".!?;,", text[edge - 1]) == NULL)
			edge--;
		if (edge == 0 || !words_byte(text[edge - 1]))
			break;
		while (edge > 0 && words_byte(text[edge - 1]))
			edge--;
		start = edge;
	}
	(void)snprintf(out, size, "%.*s", (int)(at - start), text + start);
}

/* The rest of the clause behind a place begins with one of the phrases. */
static bool
followed_by(const char *text, size_t at, const char *phrases)
{
	at += strspn(text + at, " -");
	while (*phrases != '\0') {
		size_t len = strcspn(phrases, "|");

		if (strncmp(text + at, phrases, len) == 0 && !words_byte(text[at + len]))
			return true;
		phrases += len + (phrases[len] == '|');
	}
	return false;
}

/* A number without a currency: whether it stands where a price would. */
static bool
stands_as_price(const char *text, const struct candidate *c)
{
	char before[BACK_MAX * WORD_MAX];
	size_t after = c->end + strspn(text + c->end, " ");

	words_before(text, c->start, 1, before, sizeof before);
	if (before[0] != '\0' && !words_hold(before, LEADS))
		return false;
	if (words_hold(before, "at|i") && c->cents < 2500) /* an hour of the day, or "I, 2" */
		return false;
	return !words_byte(text[after]) || followed_by(text, after, FOLLOWS);
}

/* Puts a candidate in its place by what is around it. */
static void
weigh(const char *text, struct candidate *c)
{
	char before[BACK_MAX * WORD_MAX], one[BACK_MAX * WORD_MAX];

	words_before(text, c->start, BACK_MAX, before, sizeof before);
	words_before(text, c->start, 2, one, sizeof one);
	c->usual = words_hold(before, BEFORE_USUAL);
	c->out = c->cents <= 0 || words_hold(one, RULED_OUT) ||
	    followed_by(text, c->end, c->marked ? NOT_WHOLE : UNITS) ||
	    followed_by(text, c->end, NOT_WHOLE) || (!c->marked && !stands_as_price(text, c));
}

/* ---- finding them ---- */

/* The length of a currency's sign at a place. */
static size_t
sign_at(const char *at)
{
	static const char *const signs[] = { "$", "€", "£" };

	for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
		if (strncmp(at, signs[i], strlen(signs[i])) == 0)
			return strlen(signs[i]);
	return 0;
}

/* The currency behind a number, and its cents. */
static void
read_currency(const char *text, struct candidate *c)
{
	size_t at = c->end + strspn(text + c->end, " "), n = sign_at(text + at);
	int64_t cents = 0;
	char word[WORD_MAX];
	bool sure;

	if (n == 0 && followed_by(text, at, MONEY))
		n = word_at(text + at, word);
	if (n == 0)
		return;
	c->marked = true;
	c->end = at + n;
	at = c->end + strspn(text + c->end, " ");
	at += strncmp(text + at, "and ", 4) == 0 ? 4 : 0;
	n = read_figures(text + at, &cents);
	if (n == 0)
		n = read_words(text + at, &cents, &sure);
	if (n > 0 && cents < 10000 && cents % 100 == 0 && c->cents % 100 == 0 &&
	    followed_by(text, at + n, "cent|cents")) {
		c->cents += cents / 100;
		c->end = at + n + strlen(" cents");
	}
}

/* The candidate at a place, where a word begins; how many bytes were looked at, 0 for none. */
static size_t
candidate_at(const char *text, size_t at, struct candidate *c)
{
	size_t sign = sign_at(text + at), n, number = at + sign;
	bool sure = true, joined;

	*c = (struct candidate){ .start = at, .marked = sign > 0 };
	number += sign > 0 ? strspn(text + number, " ") : 0;
	n = read_figures(text + number, &c->cents);
	if (n == 0 && isdigit((unsigned char)text[number])) {
		c->out = true; /* figures, but of nothing that we can read */
		return number - at + strspn(text + number, "0123456789.,:/-");
	}
	if (n == 0)
		n = read_words(text + number, &c->cents, &sure);
	if (n == 0)
		return 0;
	c->end = number + n;
	/* A date, a time, a phone, "10%", "2nd", a range: not what stands for itself. */
	joined = strchr("-/:%", text[c->end]) != NULL && text[c->end] != '\0';
	if (!joined && sign == 0)
		read_currency(text, c);
	if (joined || (!c->marked && (!sure || words_byte(text[c->end]))) ||
	    (at > 0 && strchr("-/:#", text[at - 1]) != NULL))
		c->out = true;
	else
		weigh(text, c);
	return c->end - at;
}

static size_t
find_candidates(const char *text, struct candidate *found)
{
	size_t count = 0, n;

	for (size_t at = 0; text[at] != '\0' && count < CANDIDATES_MAX; at += n) {
		n = 1;
		if (at > 0 && words_byte(text[at - 1]) && sign_at(text + at) == 0)
			continue;
		n = candidate_at(text, at, &found[count]);
		if (n > 0)
			count++;
		else
			n = 1;
	}
	return count;
}

/* "100 to 150" names no price. */
static void
drop_ranges(const char *text, struct candidate *found, size_t count)
{
	char between[16];

	for (size_t i = 1; i < count; i++) {
		if (found[i].start - found[i - 1].end >= sizeof between)
			continue;
		snprintf(between, sizeof between, "%.*s", (int)(found[i].start - found[i - 1].end),
		    text + found[i - 1].end);
		if (strcmp(between, " to ") == 0 || strcmp(between, " or ") == 0 ||
		    (strcmp(between, " and ") == 0 && found[i - 1].out))
			found[i].out = found[i - 1].out = true;
	}
}

/* How much a candidate is worth; the last of the best is taken. */
static int
worth(const struct candidate *c)
{
	return c->out ? 0 : c->usual ? 1 : c->marked ? 3 : 2;
}

/* The sentence of a text that holds the place. */
static const char *
sentence_at(struct arena *a, const char *text, size_t place)
{
	size_t start = 0, end = strlen(text);

	for (size_t i = 0; i < end; i++) {
		if (strchr(".!?", text[i]) == NULL || (text[i + 1] != ' ' && text[i + 1] != '\0'))
			continue;
		if (i >= place) {
			end = i + 1;
			break;
		}
		start = i + 1;
	}
	start += strspn(text + start, " ");
	return arena_strndup(a, text + start, end - start);
}

bool
price_find(struct arena *a, const char *said, struct price_named *named)
{
	struct candidate found[CANDIDATES_MAX], *best = NULL;
	const char *text = words_lower(a, said);
	size_t count = find_candidates(text, found);

	drop_ranges(text, found, count);
	for (size_t i = 0; i < count; i++)
		if (worth(&found[i]) > 0 && (best == NULL || worth(&found[i]) >= worth(best)))
			best = &found[i];
	if (best == NULL)
		return false;
	named->cents = best->cents;
	named->sentence = sentence_at(a, said, best->start);
	return true;
}
