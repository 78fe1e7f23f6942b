/*
 * form.c: form bodies and their signature. The signed text is the URL and then, for each name in
 * byte order and each distinct value of it in byte order, name and value without separators.
 */
#include "sim/form.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"

struct form *
form_new(void)
{
	return mem_zalloc(1, sizeof(struct form));
}

void
form_free(struct form *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->count; i++)
		free(f->pair[i].value);
	free(f);
}

void
form_add(struct form *f, const char *name, const char *value)
{
	if (f->count == FORM_PAIRS_MAX)
		abort();
	f->pair[f->count].name = name;
	f->pair[f->count].value = mem_strdup(value);
	f->count++;
}

void
form_addf(struct form *f, const char *name, const char *fmt, ...)
{
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	form_add(f, name, value);
}

void
form_encode(const struct form *f, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++) {
		if (i > 0)
			buf_add(out, "&", 1);
		buf_urlencode(out, f->pair[i].name);
		buf_add(out, "=", 1);
		buf_urlencode(out, f->pair[i].value);
	}
}

static int
by_bytes(const void *left, const void *right)
{
	const struct form_pair *a = *(const struct form_pair *const *)left;
	const struct form_pair *b = *(const struct form_pair *const *)right;
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : strcmp(a->value, b->value);
}

void
form_sign(const char *token, const char *url, const struct form *f, char out[FORM_SIGNATURE_SIZE])
{
	const struct form_pair *sorted[FORM_PAIRS_MAX];
	size_t count = f == NULL ? 0 : f->count;
	uint8_t mac[DIGEST_SHA1_SIZE];
	struct buf text;

	for (size_t i = 0; i < count; i++)
		sorted[i] = &f->pair[i];
	/* cppcheck-suppress uninitvar ; the first count pointers have just been set */
	qsort(sorted, count, sizeof(sorted[0]), by_bytes);

	buf_init(&text, FORM_BYTES_MAX);
	buf_puts(&text, url);
	for (size_t i = 0; i < count; i++) {
		if (i > 0 && by_bytes(&sorted[i - 1], &sorted[i]) == 0)
			continue;
		buf_puts(&text, sorted[i]->name);
		buf_puts(&text, sorted[i]->value);
	}
	digest_hmac_sha1(token, strlen(token), text.data, text.len, mac);
	digest_base64(mac, sizeof(mac), out);
	buf_free(&text);
}
