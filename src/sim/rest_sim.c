/* rest_sim.c: the routes under /sim, which no carrier has and which need no credentials. */
#include "sim/rest_sim.h"

#include "base/json.h"
#include "sim/attempts.h"
#include "sim/line.h"

static void list_calls(struct ask *);
static void list_attempts(struct ask *);
static void show_stream(struct ask *);
static void send_tape(struct ask *);
static void add_rule(struct ask *);
static void clear_rules(struct ask *);

const struct route rest_sim_routes[] = {
	{ "GET", "/sim/calls", list_calls },
	{ "GET", "/sim/attempts", list_attempts },
	{ "GET", "/sim/calls/{}/media", show_stream },
	{ "GET", "/sim/calls/{}/media.wav", send_tape },
	{ "POST", "/sim/rules", add_rule },
	{ "DELETE", "/sim/rules", clear_rules },
	{ NULL, NULL, NULL },
};

static bool
call_item(size_t number, json_t **out)
{
	if (number >= call_roll()->count)
		return false;
	*out = call_sim_json(roll_at(call_roll(), number));
	return true;
}

static void
list_calls(struct ask *a)
{
	if (ask_query(a, ""))
		answer_stream(a, call_item);
}

static void
list_attempts(struct ask *a)
{
	if (ask_query(a, ""))
		answer_stream(a, attempts_item);
}

static void
show_stream(struct ask *a)
{
	json_t *json;

	if (!ask_query(a, ""))
		return;
	json = line_json(a->names[0]);
	if (json == NULL)
		answer_not_found(a);
	else
		answer_json(a, 200, json);
}

static void
send_tape(struct ask *a)
{
	int fd;

	if (!ask_query(a, ""))
		return;
	fd = line_tape(a->names[0]);
	if (fd < 0)
		answer_not_found(a);
	else
		answer_file(a, fd, "audio/x-wav");
}

static void
add_rule(struct ask *a)
{
	char why[128] = "the body is no JSON";
	json_t *rule = json_parse_strict(a->body.data, a->body.len, why);
	bool ok;

	if (rule == NULL) {
		answer_error(a, 400, 20422, "%s", why);
		return;
	}
	world_lock();
	ok = rule_add(rule, why);
	world_unlock();
	if (ok) {
		answer_json(a, 201, rule);
		return;
	}
	json_decref(rule);
	answer_error(a, 400, 20422, "%s", why);
}

static void
clear_rules(struct ask *a)
{
	world_lock();
	rules_clear();
	world_unlock();
	answer_empty(a);
}
