/*
 * gate.h: runs a route: finds it, reads who asks, reads the input by the route's tables, calls the
 * handler, and turns its result into the answer. The one place where that happens.
 */
#ifndef API_GATE_H
#define API_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/who.h"
#include "base/err.h"
#include "db/db.h"
#include "http/req.h"
#include "http/resp.h"
#include "http/router.h"
#include "http/shape.h"
#include "http/valid.h"
#include "remote/backend.h"
#include "remote/carrier.h"
#include "remote/store.h"

/* What the task routes, and those beside them, say of a number. */
#define NOT_E164 "Phone number must be in E.164 format (e.g., +1234567890)"

struct asker;
struct skill_set;

/* What the handlers need to know; filled from the settings by the program. */
struct api_env {
	struct who_env who;
	const char *version;
	const char *public_url;
	const char *sql_dir; /* of the schema that this release needs */
	const char *data_dir;
	bool queue_enabled;
	int64_t sync_wait_ms;
	int accept_wait_ms; /* how long the committer is waited for */
	int64_t default_cap, cap_ceiling;
	int64_t credits_per_call, price_cents;
	int64_t max_talk_s;
	const char *machine; /* this one, as offhook-voice knows it */
	bool talks; /* a language model thinks for the agent: voice.engine = openai, turn by turn */
	bool voice_stream;         /* our agent talks over a media stream, not turn by turn */
	const char *carrier_token; /* signs the carrier's webhooks */
	bool anywhere;             /* customers' URLs may lead anywhere: for tests alone */
	bool carrier_set;          /* there are credentials to dial with */
	struct backend backend;    /* of negotiations */
	const struct skill_set *skills;
	struct carrier carrier; /* for nginx, which fetches from it; a worker asks nobody */
	struct store store;     /* likewise */
};

/* One request on its way through a handler. */
struct ask {
	const struct req *req;
	struct resp *resp;
	struct db *db;
	struct asker *committer; /* who accepts calls */
	const struct api_env *env;
	struct credential who; /* not yet verified: the handler's statement does that */
	bool backend;          /* it is the call backend that asks, who is nobody's customer */
	struct router_match path;
	struct input body, query;
};

enum route_flag {
	ROUTE_PUBLIC = 1,     /* nobody is asked who he is */
	ROUTE_QUERY_KEY = 2,  /* ?api_key= is a credential too */
	ROUTE_HIDDEN = 4,     /* not in the OpenAPI document: for the carrier */
	ROUTE_PLAIN = 8,      /* wrong input is 400 with a sentence, not 422 with an array */
	ROUTE_BACKEND = 16,   /* providers.call_backend_key is a credential too (ask->backend) */
	ROUTE_CSV = 32,       /* a text/csv body is left to the handler */
	ROUTE_NAMING = 64,    /* a required field that is missing, null or blank is named by 400 */
	ROUTE_AWAY = 128,     /* wrong input is told of while the database is away, too */
	ROUTE_TICKET = 256,   /* ?ticket= stands for a credential, and is the handler's to check */
	ROUTE_REACH_403 = 512 /* a workspace out of the key's reach is 403, not 404 */
};

/* Releases a JSON value with the request; the value. */
json_t *ask_keep(struct ask *ask, json_t *value);

/* Whether the body says that it is CSV. */
bool ask_csv(const struct ask *ask);

/* What a route may answer, for the OpenAPI document. status 0 ends the list. */
struct route_answer {
	int status;
	const char *says;
	/* What the body may be: a name in components, "[]name" for an array of it, "name|other" for
	 * either of them, or a media type such as "audio/mpeg"; several are parted by a space. */
	const char *schema;
};

struct route {
	const char *method; /* NULL ends a table */
	const char *path;
	/* Answers through ask->resp and returns RC_OK, or returns what is wrong; a result other than
	 * RC_OK may come with an answer of its own (a 4xx that says more). */
	enum rc (*handle)(struct ask *ask);
	int flags;
	const struct field *body, *query;
	const struct field *headers; /* documented here; the handler reads them itself */
	const char *body_schema;     /* the name of the body's schema */
	const char *tag, *operation, *summary;
	const struct route_answer *answers;
};

/* Answers one request. */
void gate_run(const struct route *const tables[], struct ask *ask);

/* The value of {name} in the path; "" when the route has none of that name. */
const char *ask_path(const struct ask *ask, const char *name);

/* Whether the request bears providers.call_backend_key, which alone makes nobody a customer. */
bool ask_from_backend(const struct ask *ask);

/* A row of a statement as an object of the shape: its columns from first_column on are the fields,
 * in order (checked by name). */
json_t *ask_row(const struct shape *shape, const struct rows *rows, int row, int first_column);
/* An array of all rows; one with NULL in first_column stands for none. */
json_t *ask_rows(const struct shape *shape, const struct rows *rows, int first_column);

#endif
