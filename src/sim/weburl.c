/* weburl.c: web addresses. libcurl resolves relative ones; the rest is a matter of characters. */
#include "sim/weburl.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static bool
host_ok(const char *host, size_t len)
{
	size_t i;

	if (len == 0)
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)host[i]) && strchr(".-:[]", host[i]) == NULL)
			return false;
	return true;
}

bool
weburl_absolute(const char *url)
{
	const char *host, *at;
	size_t len;

	if (strlen(url) > WEBURL_MAX)
		return false;
	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("<>\"\\^`{|}", *p) != NULL)
			return false;
	if (str_starts(url, "https://"))
		host = url + 8;
	else if (str_starts(url, "http://"))
		host = url + 7;
	else
		return false;
	len = strcspn(host, "/?#");
	at = memrchr(host, '@', len);
	if (at != NULL) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	return host_ok(host, len);
}

char *
weburl_join(const char *base, const char *ref)
{
	CURLU *h;
	char *joined = NULL, *out = NULL;

	if (weburl_absolute(ref))
		return mem_strdup(ref);
	if (base == NULL || strlen(ref) > WEBURL_MAX || strstr(ref, "://") != NULL)
		return NULL;
	h = curl_url();
	if (h == NULL)
		abort();
	if (curl_url_set(h, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(h, CURLUPART_URL, ref, 0) == CURLUE_OK &&
	    curl_url_get(h, CURLUPART_URL, &joined, 0) == CURLUE_OK && weburl_absolute(joined))
		out = mem_strdup(joined);
	curl_free(joined);
	curl_url_cleanup(h);
	return out;
}

size_t
weburl_length(const char *url)
{
	return strcspn(url, "#");
}

static unsigned
retry_bits(const char *list)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = { { "4xx", RETRY_4XX }, { "5xx", RETRY_5XX }, { "ct", RETRY_CONNECT },
		{ "rt", RETRY_READ }, { "all", RETRY_ALL } };
	unsigned bits = 0;
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strlen(words[i].word) == len && strncmp(words[i].word, list, len) == 0)
				bits |= words[i].bit;
		if (list[len] == '\0')
			return bits;
	}
}

static void
set_number(const char *text, int min, int max, int *out)
{
	int64_t n;

	if (str_int64(text, min, max, &n))
		*out = (int)n;
}

void
weburl_override(const char *url, struct weburl_override *o)
{
	const char *fragment = url + weburl_length(url);
	struct str_pair pairs[16];
	char *text;
	int count;

	*o = (struct weburl_override){ 5000, 15000, 15000, 1, RETRY_CONNECT };
	if (fragment[0] != '#' || fragment[1] == '\0')
		return;
	text = mem_strdup(fragment + 1);
	count = str_form(text, pairs, 16);
	for (int i = 0; i < count; i++) {
		if (strcmp(pairs[i].name, "ct") == 0)
			set_number(pairs[i].value, 100, 10000, &o->connect_ms);
		else if (strcmp(pairs[i].name, "rt") == 0)
			set_number(pairs[i].value, 100, 15000, &o->read_ms);
		else if (strcmp(pairs[i].name, "tt") == 0)
			set_number(pairs[i].value, 100, 15000, &o->total_ms);
		else if (strcmp(pairs[i].name, "rc") == 0)
			set_number(pairs[i].value, 0, 5, &o->retries);
		else if (strcmp(pairs[i].name, "rp") == 0)
			o->retry = retry_bits(pairs[i].value);
	}
	free(text);
}
