/* accept.c: see accept.h. */
#include "http/accept.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

double
accept_wants(const char *accept, const char *type)
{
	size_t len = strlen(type);
	const char *q;
	double value;

	for (; accept != NULL && *accept != '\0'; accept += strcspn(accept, ",")) {
		accept += strspn(accept, ", \t");
		if (strncasecmp(accept, type, len) != 0 ||
		    (accept[len] != '\0' && strchr(",; \t", accept[len]) == NULL))
			continue;
		q = accept + len;
		q += strspn(q, "; \t");
		if (strncasecmp(q, "q=", 2) != 0)
			return 1;
		value = strtod(q + 2, NULL);
		return value > 0 && value <= 1 ? value : 0;
	}
	return 0;
}
