/* routes.c: the tables joined. */
#include "api/routes.h"

#include <stddef.h>

const struct route *const route_tables[] = {
	call_routes,
	why_routes,
	event_routes,
	listening_routes,
	recording_routes,
	transcript_routes,
	skill_routes,
	booking_routes,
	task_routes,
	campaign_routes,
	job_routes,
	answer_routes,
	user_routes,
	webhook_routes,
	dnc_routes,
	config_routes,
	process_routes,
	hook_routes,
	health_routes,
	provider_routes,
	openapi_routes,
	NULL,
};

const struct named_schema *const schema_tables[] = {
	call_schemas,
	why_schemas,
	event_schemas,
	listening_schemas,
	answer_schemas,
	recording_schemas,
	transcript_schemas,
	skill_schemas,
	booking_schemas,
	task_schemas,
	campaign_schemas,
	job_schemas,
	user_schemas,
	webhook_schemas,
	dnc_schemas,
	process_schemas,
	provider_schemas,
	health_schemas,
	NULL,
};
