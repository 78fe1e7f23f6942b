/* request.c: see request.h. Headers are not looked at: nginx sends none that matter. */
#include "stream/request.h"

#include <string.h>

#include "base/str.h"

#define BEGINS "GET /_events/"

/* Copies what stands before the first of the two ends, and steps over it and the end. */
static bool
take(const char **at, const char *until, char *out, size_t size)
{
	const char *end = strstr(*at, until);
	size_t len;

	if (end == NULL || (len = (size_t)(end - *at)) >= size)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at = end + strlen(until);
	return true;
}

static bool
sane(const char *id)
{
	return strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	    strlen(id);
}

bool
request_parse(const char *head, size_t len, struct request *r)
{
	char line[256], number[16];
	const char *end = memchr(head, '\r', len), *at = line;

	if (end == NULL || (size_t)(end - head) >= sizeof line ||
	    memchr(head, '\0', (size_t)(end - head)) != NULL)
		return false;
	memcpy(line, head, (size_t)(end - head));
	line[end - head] = '\0';
	if (!str_starts(line, BEGINS))
		return false;
	at += strlen(BEGINS);
	return take(&at, "?after=", r->call_id, sizeof r->call_id) &&
	    id_valid(r->call_id, "call_") && take(&at, "&request=", number, sizeof number) &&
	    str_int64(number, 0, INT32_MAX, &r->after) &&
	    take(&at, " HTTP/1.", r->request_id, sizeof r->request_id) && sane(r->request_id) &&
	    (strcmp(at, "0") == 0 || strcmp(at, "1") == 0);
}
