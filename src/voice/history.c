/* history.c: see history.h. */
#include "voice/history.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define CUT "\xe2\x80\xa6" /* … */

void
history_free(struct history *h)
{
	int i;

	for (i = 0; i < h->count; i++)
		free(h->turns[i].text);
	memset(h, 0, sizeof *h);
}

/* A copy of as many whole characters as fit. */
static char *
copy(const char *text)
{
	size_t len = strlen(text), used = 0, size;
	uint32_t code;
	char *made;

	while (used < len && used < HISTORY_TEXT_MAX) {
		size = str_utf8_next(text + used, len - used, &code);
		if (size == 0 || used + size > HISTORY_TEXT_MAX)
			break;
		used += size;
	}
	made = mem_alloc(used + sizeof CUT);
	memcpy(made, text, used);
	memcpy(made + used, used < len ? CUT : "", used < len ? sizeof CUT : 1);
	return made;
}

void
history_add(struct history *h, bool agent, const char *text)
{
	if (str_blank(text))
		return;
	if (h->count == HISTORY_MAX) {
		free(h->turns[0].text);
		memmove(h->turns, h->turns + 1, (HISTORY_MAX - 1) * sizeof h->turns[0]);
		h->count--;
	}
	h->turns[h->count++] = (struct history_turn){ .agent = agent, .text = copy(text) };
}

void
history_cut_off(struct history *h)
{
	struct history_turn *last;
	size_t len;
	int i;

	for (i = h->count - 1; i >= 0 && !h->turns[i].agent; i--)
		;
	if (i < 0)
		return;
	last = &h->turns[i];
	len = strlen(last->text);
	if (str_ends(last->text, CUT))
		return;
	last->text = mem_realloc(last->text, len + sizeof CUT);
	memcpy(last->text + len, CUT, sizeof CUT);
}

void
history_write(const struct history *h, struct buf *out)
{
	json_t *text;
	char *quoted;
	int i;

	for (i = 0; i < h->count; i++) {
		text = json_string(h->turns[i].text);
		quoted = text == NULL ? NULL : json_dumps(text, JSON_ENCODE_ANY);
		buf_printf(out, "%s: %s\n", h->turns[i].agent ? "You" : "The other side",
		    quoted == NULL ? "\"\"" : quoted);
		free(quoted);
		json_decref(text);
	}
}
