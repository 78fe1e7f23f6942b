/*
 * tasks.h: what the routes that accept tasks have in common: their fields, and how these become a
 * wish.
 */
#ifndef API_TASKS_H
#define API_TASKS_H

#include "api/place.h"

#define NO_CARRIER "Failed to queue call: Twilio service not initialized"
#define TASK_METADATA_MAX 16384 /* bytes of JSON that a call holds for its customer */

#define FROM_FIELD                                                                                 \
	{                                                                                          \
		"from_number", FIELD_TEXT,                                                         \
		    .nullable = true, .title = "From Number",                                      \
		    .help =                                                                        \
			"Phone number to call from, E.164; the service's own when it is left out." \
	}
#define WEBHOOK_FIELD                                                                               \
	{                                                                                           \
		"webhook_url", FIELD_TEXT,                                                          \
		    .nullable = true, .title = "Webhook Url",                                       \
		    .help =                                                                         \
			"Custom webhook URL for call handling: the carrier asks it, instead of our" \
			" agent, what to do when the call connects."                                \
	}
#define CALLBACK_FIELD                                                                                  \
	{                                                                                               \
		"status_callback_url", FIELD_TEXT,                                                      \
		    .nullable = true, .title = "Status Callback Url",                                   \
		    .help =                                                                             \
			"Custom status callback URL: the carrier's status updates are forwarded to it." \
	}
#define METADATA_FIELD(text)                                                                \
	{                                                                                   \
		"call_metadata", FIELD_OBJECT,                                              \
		    .nullable = true, .title = "Call Metadata", .help = text,               \
		    .example = "{\"customer_id\": \"12345\", \"call_type\": \"follow_up\"," \
			       " \"priority\": \"normal\"}"                                 \
	}
#define SPACING_FIELD                                                                            \
	{                                                                                        \
		"delay_between_calls", FIELD_INT, .nullable = true, .min = 1, .max = 300,        \
						  .absent = "5", .title = "Delay Between Calls", \
						  .example = "30",                               \
						  .help = "Seconds between calls."               \
	}
#define CONCURRENT_FIELD                                                                      \
	{                                                                                     \
		"max_concurrent_calls", FIELD_INT,                                            \
		    .nullable = true, .min = 1, .max = 50, .absent = "10",                    \
		    .title = "Max Concurrent Calls", .example = "3",                          \
		    .help = "How many of these calls may run at once; the customer's own cap" \
			    " holds as well."                                                 \
	}

/* 400 with a sentence. */
enum rc task_refuse(struct ask *ask, const char *sentence) MUST_CHECK;

/* Reads what all routes take besides the numbers from the body's input: from_number, both URLs,
 * call_metadata, and the idempotency key of that route. */
enum rc task_read_common(
    struct ask *ask, struct place *p, struct task_wish *task, const char *route) MUST_CHECK;

/* Reads phone_numbers. */
enum rc task_read_numbers(struct ask *ask, struct task_wish *task) MUST_CHECK;

/* What follows for a campaign from its numbers, of which so many were given, and from
 * delay_between_calls and max_concurrent_calls. */
void task_fill_campaign(
    struct ask *ask, const struct place *p, struct task_wish *task, size_t given);

#endif
