/*
 * conf.c: reads in the order default, file, environment, each value over the one before, so that a
 * wrong value is found even where a later one would hide it.
 */
#include "sys/conf.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sys/conf_value.h"

#define LINE_MAX_BYTES 4096
#define NAME_SIZE 64 /* of a section, of a key */
#define VARIABLE_SIZE 160

#define BLANKS " \t\r"

struct reader {
	const struct conf_key *keys;
	void *settings;
	const char *path;
	int line;
	char section[NAME_SIZE]; /* "" before the first */
	int *seen;               /* for each key the line where it stood, or 0 */
	char *error;
	size_t error_size;
};

/* Always false, so that a caller can return it. */
static bool __attribute__((format(printf, 2, 3))) fail(struct reader *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->error, r->error_size, fmt, ap);
	va_end(ap);
	return false;
}

static bool
is_blank(char c)
{
	return c != '\0' && strchr(BLANKS, c) != NULL;
}

static char *
skip_blanks(char *s)
{
	return s + strspn(s, BLANKS);
}

static void
trim_end(char *s)
{
	size_t len = strlen(s);

	while (len > 0 && is_blank(s[len - 1]))
		len--;
	s[len] = '\0';
}

static bool
is_comment_or_end(const char *s)
{
	return *s == '\0' || *s == '#' || *s == ';';
}

/* Bytes of the name at s: a lower-case letter, then also digits and _. */
static size_t
name_length(const char *s)
{
	if (*s < 'a' || *s > 'z')
		return 0;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
}

/* Whether the key is section.name. */
static bool
is_key(const struct conf_key *key, const char *section, const char *name)
{
	size_t len = strlen(section);

	return strncmp(key->name, section, len) == 0 && key->name[len] == '.' &&
	    strcmp(key->name + len + 1, name) == 0;
}

static bool
is_section(const struct conf_key *keys, const char *section)
{
	size_t len = strlen(section);

	for (; keys->name != NULL; keys++) {
		if (strncmp(keys->name, section, len) == 0 && keys->name[len] == '.')
			return true;
	}
	return false;
}

/* "[name]" and nothing but a comment behind it. */
static bool
read_section(struct reader *r, char *s)
{
	char *name = skip_blanks(s + 1), *end;
	size_t len = name_length(name);

	end = skip_blanks(name + len);
	if (len == 0 || len >= NAME_SIZE || *end != ']' || !is_comment_or_end(skip_blanks(end + 1)))
		return fail(r, "%s:%d: a section must be written [name]", r->path, r->line);
	name[len] = '\0';
	if (!is_section(r->keys, name))
		return fail(r, "%s:%d: unknown section [%s]", r->path, r->line, name);
	memcpy(r->section, name, len + 1);
	return true;
}

/* s stands behind the opening quote. Takes \" and \\, in place; NULL when the text is not closed,
 * has another escape, or is followed by more than a comment. */
static char *
read_quoted(char *s)
{
	char *start = s, *to = s;

	for (; *s != '"'; s++) {
		if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
			s++;
		else if (*s == '\\' || *s == '\0')
			return NULL;
		*to++ = *s;
	}
	if (s[1] != '\0' && !is_blank(s[1]))
		return NULL;
	if (!is_comment_or_end(skip_blanks(s + 1)))
		return NULL;
	*to = '\0';
	return start;
}

/* s stands behind the equals sign. A comment begins only after white space: URLs hold '#'. */
static char *
read_value(char *s)
{
	char *value = skip_blanks(s), *p;

	if (*value == '"')
		return read_quoted(value + 1);
	for (p = s; *p != '\0'; p++) {
		if (is_blank(p[0]) && (p[1] == '#' || p[1] == ';')) {
			*p = '\0';
			break;
		}
	}
	value = skip_blanks(s);
	trim_end(value);
	return value;
}

/* "name = value" within a section. */
static bool
read_assignment(struct reader *r, char *s)
{
	size_t len = name_length(s);
	char why[CONF_WORDS_SIZE], *equals = skip_blanks(s + len), *value;
	int i;

	if (len == 0 || len >= NAME_SIZE || *equals != '=')
		return fail(r, "%s:%d: neither [section] nor key = value", r->path, r->line);
	s[len] = '\0';
	if (r->section[0] == '\0')
		return fail(r, "%s:%d: %s stands before the first [section]", r->path, r->line, s);
	for (i = 0; r->keys[i].name != NULL && !is_key(&r->keys[i], r->section, s); i++)
		;
	if (r->keys[i].name == NULL)
		return fail(r, "%s:%d: unknown key %s.%s", r->path, r->line, r->section, s);
	if (r->seen[i] != 0)
		return fail(r, "%s:%d: %s stands already in line %d", r->path, r->line,
		    r->keys[i].name, r->seen[i]);
	r->seen[i] = r->line;
	if ((value = read_value(equals + 1)) == NULL)
		return fail(
		    r, "%s:%d: %s: the quotes are not right", r->path, r->line, r->keys[i].name);
	if (!conf_value_set(&r->keys[i], r->settings, value, why))
		return fail(r, "%s:%d: %s %s", r->path, r->line, r->keys[i].name, why);
	return true;
}

enum got { GOT_LINE, GOT_END, GOT_TOO_LONG, GOT_ZERO };

static enum got
get_line(FILE *in, char line[LINE_MAX_BYTES + 1])
{
	size_t len = 0;
	int c;

	while ((c = getc(in)) != EOF && c != '\n') {
		if (c == '\0')
			return GOT_ZERO;
		if (len == LINE_MAX_BYTES)
			return GOT_TOO_LONG;
		line[len++] = (char)c;
	}
	line[len] = '\0';
	return c == EOF && len == 0 ? GOT_END : GOT_LINE;
}

static bool
read_line(struct reader *r, char *line)
{
	char *s = skip_blanks(line);

	if (is_comment_or_end(s))
		return true;
	return *s == '[' ? read_section(r, s) : read_assignment(r, s);
}

static bool
read_stream(struct reader *r, FILE *in)
{
	char line[LINE_MAX_BYTES + 1];

	for (r->line = 1;; r->line++) {
		switch (get_line(in, line)) {
		case GOT_LINE:
			if (!read_line(r, line))
				return false;
			break;
		case GOT_TOO_LONG:
			return fail(r, "%s:%d: the line is longer than %d bytes", r->path, r->line,
			    LINE_MAX_BYTES);
		case GOT_ZERO:
			return fail(r, "%s:%d: the line holds a zero byte", r->path, r->line);
		case GOT_END:
			if (ferror(in))
				return fail(r, "%s: %s", r->path, strerror(errno));
			return true;
		}
	}
}

static bool
read_file(struct reader *r)
{
	FILE *in = fopen(r->path, "re");
	bool ok;

	if (in == NULL)
		return fail(r, "%s: %s", r->path, strerror(errno));
	ok = read_stream(r, in);
	fclose(in);
	return ok;
}

static bool
read_defaults(struct reader *r)
{
	char why[CONF_WORDS_SIZE];
	const struct conf_key *key;

	for (key = r->keys; key->name != NULL; key++) {
		if (!conf_value_set(key, r->settings, key->absent != NULL ? key->absent : "", why))
			return fail(r, "the default of %s %s", key->name, why);
	}
	return true;
}

/* "section.key" as OFFHOOK_SECTION_KEY. */
static void
variable_of(const struct conf_key *key, char out[VARIABLE_SIZE])
{
	char *p;

	snprintf(out, VARIABLE_SIZE, "OFFHOOK_%s", key->name);
	for (p = out; *p != '\0'; p++)
		*p = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
}

static bool
read_environment(struct reader *r)
{
	char own[VARIABLE_SIZE], why[CONF_WORDS_SIZE];
	const struct conf_key *key;
	const char *name, *value;

	for (key = r->keys; key->name != NULL; key++) {
		variable_of(key, own);
		name = own;
		value = getenv(name);
		if (value == NULL && key->also != NULL) {
			name = key->also;
			value = getenv(name);
		}
		if (value != NULL && !conf_value_set(key, r->settings, value, why))
			return fail(r, "environment variable %s: %s %s", name, key->name, why);
	}
	return true;
}

static size_t
count_keys(const struct conf_key *keys)
{
	size_t count = 0;

	while (keys[count].name != NULL)
		count++;
	return count;
}

bool
conf_read(
    const struct conf_key *keys, void *settings, const char *path, char *error, size_t error_size)
{
	struct reader r = { .keys = keys,
		.settings = settings,
		.path = path,
		.error = error,
		.error_size = error_size };
	bool ok;

	r.seen = mem_zalloc(count_keys(keys), sizeof(*r.seen));
	ok = read_defaults(&r) && (path == NULL || read_file(&r)) && read_environment(&r);
	free(r.seen);
	if (!ok)
		conf_clear(keys, settings);
	return ok;
}

void
conf_clear(const struct conf_key *keys, void *settings)
{
	for (; keys->name != NULL; keys++)
		conf_value_clear(keys, settings);
}

bool
conf_get(
    const struct conf_key *keys, const void *settings, const char *name, char *out, size_t out_size)
{
	for (; keys->name != NULL; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys->type != CONF_SECRET &&
			    conf_value_get(keys, settings, out, out_size);
	}
	return false;
}

/* Quoted only where the bare text would read back differently. */
static void
print_value(const char *value, FILE *to)
{
	const char *p;
	bool quote = is_blank(value[0]) || value[0] == '"' || value[0] == '#' || value[0] == ';';

	for (p = value; *p != '\0' && !quote; p++)
		quote = is_blank(p[0]) && is_comment_or_end(p + 1);
	if (!quote) {
		fputs(value, to);
		return;
	}
	putc('"', to);
	for (p = value; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			putc('\\', to);
		putc(*p, to);
	}
	putc('"', to);
}

static void
print_key(const struct conf_key *key, const char *name, FILE *to)
{
	char words[CONF_WORDS_SIZE], variable[VARIABLE_SIZE];

	conf_value_describe(key, words);
	variable_of(key, variable);
	fprintf(to, "\n# %s\n# Takes %s.%s Environment: %s%s%s.\n#%s =", key->help, words,
	    key->restart ? " A change needs a restart." : "", variable,
	    key->also != NULL ? " or " : "", key->also != NULL ? key->also : "", name);
	if (key->absent != NULL && key->absent[0] != '\0') {
		putc(' ', to);
		print_value(key->absent, to);
	}
	putc('\n', to);
}

void
conf_print_sample(const struct conf_key *keys, FILE *to)
{
	const char *dot, *section = "";
	size_t len = 0;

	for (; keys->name != NULL; keys++) {
		dot = strchr(keys->name, '.');
		if (dot == NULL)
			continue;
		if ((size_t)(dot - keys->name) != len || strncmp(section, keys->name, len) != 0) {
			fprintf(to, "%s[%.*s]\n", len > 0 ? "\n" : "", (int)(dot - keys->name),
			    keys->name);
			section = keys->name;
			len = (size_t)(dot - keys->name);
		}
		print_key(keys, dot + 1, to);
	}
}
