/* zones.c: see zones.h. The longest prefix in the table wins. */
#include "phone/zones.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX_MAX 15

static int
compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct phone_zone *)entry)->prefix);
}

const char *
phone_zones(const char *e164)
{
	char prefix[PREFIX_MAX + 1] = "";
	const struct phone_zone *found;
	size_t len;

	if (e164[0] != '+')
		return NULL;
	len = strspn(e164 + 1, "0123456789");
	if (len > PREFIX_MAX)
		len = PREFIX_MAX;
	memcpy(prefix, e164 + 1, len);
	for (; len > 0; len--) {
		prefix[len] = '\0';
		found = bsearch(prefix, phone_zone_table, (size_t)phone_zone_count,
		    sizeof phone_zone_table[0], compare);
		if (found != NULL)
			return found->zones;
	}
	return NULL;
}
