/* gaps.c: see gaps.h. */
#include "base/gaps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"

void
gaps_init(struct gaps *g, int max, int reach, int64_t patience_us)
{
	*g = (struct gaps){ .patience_us = patience_us, .reach = reach, .max = max };
	g->list = mem_zalloc((size_t)max, sizeof *g->list);
}

void
gaps_clear(struct gaps *g)
{
	free(g->list);
	*g = (struct gaps){ 0 };
}

void
gaps_restart(struct gaps *g, int64_t last)
{
	g->last = last;
	g->count = 0;
}

static void
forget(struct gaps *g, int64_t no)
{
	for (int i = 0; i < g->count; i++) {
		if (g->list[i].no == no) {
			g->list[i] = g->list[--g->count];
			return;
		}
	}
}

void
gaps_seen(struct gaps *g, int64_t no, int64_t now_us)
{
	int64_t from = g->last + 1;

	if (no <= g->last) {
		forget(g, no);
		return;
	}
	if (from < no - g->reach)
		from = no - g->reach;
	for (; from < no && g->count < g->max; from++)
		g->list[g->count++] = (struct gap){ from, now_us + g->patience_us };
	g->last = no;
}

void
gaps_list(struct gaps *g, int64_t now_us, struct buf *out)
{
	int kept = 0;

	buf_puts(out, "{");
	for (int i = 0; i < g->count; i++) {
		if (g->list[i].until_us < now_us)
			continue;
		buf_printf(out, "%s%" PRId64, kept > 0 ? "," : "", g->list[i].no);
		g->list[kept++] = g->list[i];
	}
	g->count = kept;
	buf_puts(out, "}");
}
