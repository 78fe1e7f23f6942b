/*
 * json.h: strict JSON over jansson. What RFC 8259 refuses is refused, and so are duplicate keys,
 * depth over 32, and anything after the document (contract section 13); integers of more than 64 bits, numbers that
 * no double holds, and in texts U+0000 and halves of a pair of surrogates.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 32

/* The document, to be released with json_decref(), or NULL with a short reason in why (64 bytes). */
json_t *json_parse_strict(const char *text, size_t len, char why[64]);

/* The same of what may be kept as jsonb, which has numbers of its own: it keeps every digit, and shows 1e19 as the
 * integer that it is. So numbers of 2^63 and more are refused however they are written, and those with over 400
 * digits behind the point. What is taken here jsonb takes, and what jsonb makes of it is taken here. */
json_t *json_parse_kept(const char *text, size_t len, char why[64]);

#endif
