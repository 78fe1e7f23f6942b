/*
 * json.h: strict JSON over jansson. What RFC 8259 refuses is refused, and so are duplicate keys,
 * depth over 32, and anything after the document (contract section 13).
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 32

/* The document, to be released with json_decref(), or NULL with a short reason in why (64 bytes). */
json_t *json_parse_strict(const char *text, size_t len, char why[64]);

#endif
