/*
 * conf.h: the engine of the configuration file: sections of "key = value", each key overridden
 * by the environment. It knows no key itself; a table says what may stand in the file, of what
 * type, where the value goes, and what it is when absent. The same table reads, checks, prints
 * and documents.
 */
#ifndef SYS_CONF_H
#define SYS_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum conf_type {
	CONF_TEXT,   /* char *, owned by the settings */
	CONF_SECRET, /* as text, but never printed */
	CONF_INT,    /* int64_t in [min, max] */
	CONF_REAL,   /* double in [min, max] */
	CONF_BOOL,   /* bool: true, false, on, off, yes, no, 1, 0; capitals do not matter */
	CONF_CHOICE  /* char *, one of the words in choices ("a|b|c"), spelled as there */
};

struct conf_key {
	const char *name; /* "section.key" */
	enum conf_type type;
	size_t offset;      /* of the field in the settings struct */
	const char *absent; /* the value when it stands nowhere, as it would be written */
	double min, max;    /* CONF_INT and CONF_REAL */
	const char *choices;
	const char *also;                 /* a second environment variable, or NULL */
	bool (*check)(const char *value); /* or NULL; refuses a text that type and range let pass */
	const char *must; /* what check wants: completes "must be …" in the error */
	bool restart;     /* a change takes effect at a restart, not at a reload */
	const char *help; /* one line */
};

/*
 * The file: "[section]", "key = value", comments from # or ; at the start of a line or after white
 * space. A value may stand in double quotes, with \" and \\ in it. A key may stand once, a line
 * has at most 4096 bytes. An empty variable of the environment is an empty value, not an absent
 * one.
 *
 * keys ends with a row without a name. Fills settings (all zero before) from the defaults, then the
 * file, then the environment (OFFHOOK_SECTION_KEY wins over also). path NULL: no file. On failure
 * returns false with a sentence that names file, line and key in error, and settings is cleared.
 */
bool conf_read(
    const struct conf_key *keys, void *settings, const char *path, char *error, size_t error_size);
/* Frees what conf_read() allocated, and zeroes. */
void conf_clear(const struct conf_key *keys, void *settings);
/* The effective value of one key as text, into out; false when there is no such key, it is a
 * secret, or it does not fit. */
bool conf_get(const struct conf_key *keys, const void *settings, const char *name, char *out,
    size_t out_size);
/* A sample file with every key, its help and its default (commented out, so that the sample
 * changes nothing). */
void conf_print_sample(const struct conf_key *keys, FILE *to);

#endif
