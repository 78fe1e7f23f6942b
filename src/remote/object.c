/* object.c: see object.h. */
#include "remote/object.h"

#include <string.h>

#include "base/buf.h"
#include "remote/presign.h"

#define URL_MAX 8192
#define NAMED 4

static const char *const placeholders[NAMED] = { "{prefix}", "{recording_sid}", "{call_sid}",
	"{call_id}" };

/* Which placeholder stands at s; NAMED for none. */
static size_t
placeholder_at(const char *s)
{
	size_t i = 0;

	while (i < NAMED && strncmp(s, placeholders[i], strlen(placeholders[i])) != 0)
		i++;
	return i;
}

bool
object_template_valid(const char *text)
{
	bool unique = false;

	while (*text != '\0') {
		size_t i = placeholder_at(text);

		if (i == NAMED && (*text == '{' || *text == '}'))
			return false;
		unique = unique || (i > 0 && i < NAMED);
		text += i < NAMED ? strlen(placeholders[i]) : 1;
	}
	return unique;
}

/* Everything but slashes encoded. */
static void
add_path(struct buf *url, const char *path, size_t len)
{
	char one[2] = { 0 };

	for (size_t i = 0; i < len; i++) {
		one[0] = path[i];
		if (path[i] == '/')
			buf_puts(url, one);
		else
			buf_urlencode(url, one);
	}
}

static void
add_name(struct buf *url, const struct store *s, const struct store_name *name)
{
	const char *const values[NAMED] = { s->prefix, name->recording_sid, name->call_sid,
		name->call_id };

	for (const char *t = s->key_template; *t != '\0';) {
		size_t i = placeholder_at(t);

		if (i < NAMED)
			add_path(url, values[i], strlen(values[i]));
		else
			add_path(url, t, 1);
		t += i < NAMED ? strlen(placeholders[i]) : 1;
	}
}

const char *
object_url(const struct store *s, struct arena *a, const struct store_name *name)
{
	struct buf url;
	const char *text;

	buf_init(&url, URL_MAX);
	buf_printf(&url, "%s/", s->endpoint);
	add_path(&url, s->bucket, strlen(s->bucket));
	if (name != NULL) {
		buf_puts(&url, "/");
		add_name(&url, s, name);
	}
	text = arena_strndup(a, url.data, url.len);
	buf_free(&url);
	return text;
}

const char *
object_presigned(const struct store *s, struct arena *a, const struct store_name *name,
    int64_t now_us, int seconds)
{
	struct presign p = { object_url(s, a, name), s->region, s->access_key, s->secret_key,
		now_us, seconds, "audio/mpeg" };

	return presign_get(a, &p);
}
