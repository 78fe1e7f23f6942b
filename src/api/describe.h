/* describe.h: what the OpenAPI document says at length, apart from the code that it speaks of. */
#ifndef API_DESCRIBE_H
#define API_DESCRIBE_H

/* Markdown about the operation of that operationId, or NULL when its summary says it all. */
const char *describe_operation(const char *operation);
/* Markdown about a tag, or NULL. */
const char *describe_tag(const char *tag);
/* Markdown about the API as a whole: keys, errors, times. */
const char *describe_api(void);

#endif
