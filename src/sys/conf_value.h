/*
 * conf_value.h: one value of the configuration, between its text and its field in the settings.
 * For conf.c only.
 */
#ifndef SYS_CONF_VALUE_H
#define SYS_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/conf.h"

/* Room for any description below. */
#define CONF_WORDS_SIZE 256

/* Checks text and puts it into the key's field, in place of what stood there. On failure says in
 * why what the value must be; the field then still holds something to clear, but nothing to use. */
bool conf_value_set(
    const struct conf_key *key, void *settings, const char *text, char why[CONF_WORDS_SIZE]);
/* The field as text that conf_value_set() would take; false when it does not fit. */
bool conf_value_get(const struct conf_key *key, const void *settings, char *out, size_t out_size);
/* Frees and zeroes the field. */
void conf_value_clear(const struct conf_key *key, void *settings);
/* What the key takes: "a whole number from 1 to 100". */
void conf_value_describe(const struct conf_key *key, char out[CONF_WORDS_SIZE]);

#endif
