/* extract_place.c: see extract_place.h. */
#include "domain/extract_place.h"

#include <string.h>

struct place
place_below(const struct place *at, const char *name)
{
	return (struct place){ at->a, arena_printf(at->a, "%s.%.40s", at->path, name),
		at->depth + 1, at->why };
}

bool
place_wrong(const struct place *at, const char *says)
{
	*at->why = arena_printf(at->a, "%s %s", at->path, says);
	return false;
}

bool
extract_lists(json_t *list, const char *text)
{
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), text) == 0)
			return true;
	}
	return false;
}

bool
extract_has_type(json_t *schema, const char *name)
{
	json_t *type = json_object_get(schema, "type");

	return json_is_array(type)
	    ? extract_lists(type, name)
	    : json_is_string(type) && strcmp(json_string_value(type), name) == 0;
}
