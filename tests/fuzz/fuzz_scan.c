/* Finding one's way without a tree: in what is JSON, the same members as in the tree; in anything else no
 * step outside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
same_kind(const struct scan_member *m, const json_t *value)
{
	bool same = m->kind == SCAN_TEXT ? json_is_string(value)
	    : m->kind == SCAN_NUMBER     ? json_is_number(value)
	    : m->kind == SCAN_OBJECT     ? json_is_object(value)
	    : m->kind == SCAN_ARRAY      ? json_is_array(value)
					 : json_is_boolean(value) || json_is_null(value);

	if (!same)
		abort();
	if (m->plain &&
	    (json_string_length(value) != m->len ||
		memcmp(json_string_value(value), m->value, m->len) != 0))
		abort();
}

/* tree NULL: the text is no JSON. */
static void
walk(const char *text, size_t len, const json_t *tree)
{
	struct scan s;
	struct scan_member m;
	const json_t *value;
	char name[64];
	size_t count = 0;

	scan_enter(&s, text, len);
	while (scan_next(&s, &m)) {
		if (m.value < text || m.len > (size_t)(text + len - m.value))
			abort();
		value = json_array_get(tree, count++);
		if (m.name != NULL && m.name_len < sizeof(name)) {
			memcpy(name, m.name, m.name_len);
			name[m.name_len] = '\0';
			value = json_object_get(tree, name);
		} else if (m.name != NULL) {
			value = NULL;
		}
		if (value != NULL)
			same_kind(&m, value);
		if (m.kind == SCAN_OBJECT || m.kind == SCAN_ARRAY)
			walk(m.value, m.len, value);
	}
	if (tree != NULL && scan_whole(&s) &&
	    count != (json_is_object(tree) ? json_object_size(tree) : json_array_size(tree)))
		abort();
	/* A name may be written with a backslash: that alone it does not follow. */
	if (tree != NULL && !scan_whole(&s) && memchr(text, '\\', len) == NULL)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char why[64];
	json_t *tree = json_parse_strict(text, size, why);

	walk(text, size, json_is_object(tree) || json_is_array(tree) ? tree : NULL);
	json_decref(tree);
	return 0;
}
