/* routes.h: every route there is, a table a resource. */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "api/gate.h"

extern const struct route call_routes[];
extern const struct route why_routes[];
extern const struct route event_routes[];
extern const struct route answer_routes[];
extern const struct route listening_routes[];
extern const struct route user_routes[];
extern const struct route webhook_routes[];
extern const struct route recording_routes[];
extern const struct route transcript_routes[];
extern const struct route dnc_routes[];
extern const struct route config_routes[];
extern const struct route process_routes[];
extern const struct route hook_routes[];
extern const struct route health_routes[];
extern const struct route openapi_routes[];
extern const struct route skill_routes[];
extern const struct route booking_routes[];
extern const struct route task_routes[];
extern const struct route provider_routes[];
extern const struct route campaign_routes[];
extern const struct route job_routes[];

/* All tables, NULL at the end. */
extern const struct route *const route_tables[];

/* A shape or field table that answers and bodies of the OpenAPI document refer to. */
struct named_schema {
	const char *name; /* NULL ends a table */
	const struct shape *shape;
	const struct field *fields;
	const char *help;
};
extern const struct named_schema call_schemas[];
extern const struct named_schema why_schemas[];
extern const struct named_schema event_schemas[];
extern const struct named_schema answer_schemas[];
extern const struct named_schema listening_schemas[];
extern const struct named_schema transcript_schemas[];
extern const struct named_schema user_schemas[];
extern const struct named_schema recording_schemas[];
extern const struct named_schema health_schemas[];
extern const struct named_schema webhook_schemas[];
extern const struct named_schema dnc_schemas[];
extern const struct named_schema process_schemas[];
extern const struct named_schema skill_schemas[];
extern const struct named_schema booking_schemas[];
extern const struct named_schema task_schemas[];
extern const struct named_schema provider_schemas[];
extern const struct named_schema campaign_schemas[];
extern const struct named_schema job_schemas[];
extern const struct named_schema *const schema_tables[];

/* A schema that a table of another kind makes. */
struct made_schema {
	const char *name; /* NULL ends a table */
	const char *help;
	json_t *(*make)(void); /* a new reference */
	const char *example;   /* as JSON text, or NULL */
};
extern const struct made_schema config_schemas[];

#endif
