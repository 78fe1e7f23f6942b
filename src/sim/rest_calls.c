/* rest_calls.c: create, list, fetch, update and delete calls; the faults noted in them. */
#include "sim/rest_calls.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "sim/life.h"
#include "sim/page.h"
#include "sim/settings.h"

#define ACCOUNT "/2010-04-01/Accounts/{}"

static void show_account(struct ask *);
static void create(struct ask *);
static void list(struct ask *);
static void show(struct ask *);
static void update(struct ask *);
static void delete (struct ask *);
static void list_errors(struct ask *);

const struct route rest_calls_routes[] = {
	{ "GET", ACCOUNT ".json", show_account },
	{ "POST", ACCOUNT "/Calls.json", create },
	{ "GET", ACCOUNT "/Calls.json", list },
	{ "GET", ACCOUNT "/Calls/{}.json", show },
	{ "POST", ACCOUNT "/Calls/{}.json", update },
	{ "DELETE", ACCOUNT "/Calls/{}.json", delete },
	{ "GET", ACCOUNT "/Calls/{}/Notifications.json", list_errors },
	{ NULL, NULL, NULL },
};

static void
show_account(struct ask *a)
{
	if (!ask_query(a, ""))
		return;
	answer_json(a, 200,
	    json_pack("{s:s, s:s, s:s, s:s, s:s}", "sid", settings()->account_sid, "friendly_name",
		"offhook-sim", "status", "active", "type", "Full", "owner_account_sid",
		settings()->account_sid));
}

/* --- create --- */

/* Whether the callee lets the call be made at all; if not, the request has been answered. */
static bool
admitted(struct ask *a, const struct dial *d, const struct callee *c)
{
	if (callee_throttles(d->to, c))
		answer_error(a, 429, 20429, "Too Many Requests");
	else if (c->outcome == OUTCOME_ERROR)
		answer_error(a, 500, 20500, "Internal Server Error");
	else if (c->outcome == OUTCOME_REFUSE)
		answer_error(a, 400, 21211,
		    "The phone number you are attempting to call, %s, is not valid.", d->to);
	else
		return true;
	return false;
}

/* The call is made; what the customer hears of it is another matter. */
static void
make_call(struct ask *a, struct arena *arena, const struct dial *d, const struct callee *callee)
{
	struct call *c = life_dial(arena, d, callee, a->arrival);

	if (callee->outcome == OUTCOME_LOST_REPLY)
		answer_nothing(a);
	else if (callee->outcome == OUTCOME_ERROR_AFTER_ACCEPT)
		answer_error(a, 500, 20500, "Internal Server Error");
	else
		answer_json(a, 201, call_json(c));
}

static void
create(struct ask *a)
{
	struct arena *arena;
	struct refusal why;
	struct callee callee;
	struct dial dial;

	if (!ask_form(a))
		return;
	arena = arena_new();
	if (ask_value(a, "To") != NULL)
		snprintf(a->to, sizeof(a->to), "%s", ask_value(a, "To"));
	if (!dial_read(a->pairs, a->pair_count, arena, &dial, &why)) {
		answer_refusal(a, &why);
		arena_free(arena);
		return;
	}
	world_lock();
	callee = callee_for(dial.to, arena);
	if (admitted(a, &dial, &callee))
		make_call(a, arena, &dial, &callee);
	else
		arena_free(arena);
	world_unlock();
}

/* --- list --- */

struct filter {
	const char *to, *from;
	bool by_status;
	enum call_status status;
	bool none; /* asks for child calls: there are none */
	struct span start, end;
};

static bool
call_matches(const void *thing, const void *arg)
{
	const struct call *c = thing;
	const struct filter *f = arg;

	return !c->deleted && !f->none && (f->to == NULL || strcmp(f->to, c->to) == 0) &&
	    (f->from == NULL || strcmp(f->from, c->from) == 0) &&
	    (!f->by_status || f->status == c->status) && span_holds(&f->start, c->started_us) &&
	    span_holds(&f->end, c->ended_us);
}

static json_t *
call_to_json(const void *thing)
{
	return call_json(thing);
}

static void
list(struct ask *a)
{
	struct filter f = { 0 };
	struct listing l = { call_roll(), "calls", call_matches, &f, call_to_json };
	const char *status;

	if (!ask_query(a,
		"To From ParentCallSid Status StartTime StartTime< StartTime> "
		"EndTime EndTime< EndTime> " PAGE_PARAMS))
		return;
	f.to = ask_value(a, "To");
	f.from = ask_value(a, "From");
	f.none = ask_value(a, "ParentCallSid") != NULL;
	status = ask_value(a, "Status");
	f.by_status = status != NULL;
	if (status != NULL && !call_status_named(status, &f.status)) {
		answer_error(a, 400, 20422, "Status is not valid: %.40s", status);
		return;
	}
	if (page_span(a, "StartTime", &f.start) && page_span(a, "EndTime", &f.end))
		page_answer(a, &l);
}

/* --- one call --- */

/* The call in the path, or NULL when 404 has been answered. The lock is held. */
static struct call *
find(struct ask *a)
{
	struct call *c = call_get(a->names[1]);

	if (c == NULL)
		answer_not_found(a);
	return c;
}

static void
show(struct ask *a)
{
	struct call *c;

	if (!ask_query(a, ""))
		return;
	world_lock();
	c = find(a);
	if (c != NULL)
		answer_json(a, 200, call_json(c));
	world_unlock();
}

static void
change(struct ask *a, struct call *c, const struct update *u)
{
	struct refusal why;

	if (c->live == NULL)
		answer_error(a, 400, 21220, "Call is not in-progress. Cannot redirect.");
	else if (!life_update(c, u, &why))
		answer_refusal(a, &why);
	else
		answer_json(a, 200, call_json(c));
}

static void
update(struct ask *a)
{
	struct arena *arena;
	struct refusal why;
	struct update u;
	struct call *c;

	if (!ask_form(a))
		return;
	arena = arena_new();
	world_lock();
	c = find(a);
	if (c != NULL && !update_read(a->pairs, a->pair_count, arena, &u, &why))
		answer_refusal(a, &why);
	else if (c != NULL)
		change(a, c, &u);
	world_unlock();
	arena_free(arena);
}

static void delete (struct ask *a)
{
	struct call *c;

	world_lock();
	c = find(a);
	if (c != NULL && c->live != NULL) {
		answer_error(a, 409, 20409, "The call has not ended yet");
	} else if (c != NULL) {
		call_delete(c);
		answer_empty(a);
	}
	world_unlock();
}

static void
list_errors(struct ask *a)
{
	json_t *o, *items;
	struct call *c;

	if (!ask_query(a, PAGE_PARAMS))
		return;
	world_lock();
	c = find(a);
	if (c != NULL) {
		items = json_array();
		for (const struct call_error *e = c->errors; e != NULL; e = e->next)
			json_array_append_new(items, call_error_json(c, e));
		/* At most CALL_ERRORS_MAX: always one page. */
		o = json_pack("{s:s, s:s, s:n, s:n, s:i, s:i, s:i, s:i}", "uri", a->path,
		    "first_page_uri", a->path, "next_page_uri", "previous_page_uri", "page", 0,
		    "page_size", 50, "start", 0, "end",
		    c->error_count == 0 ? 0 : c->error_count - 1);
		json_object_set_new(o, "notifications", items);
		answer_json(a, 200, o);
	}
	world_unlock();
}
