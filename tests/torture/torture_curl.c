/* torture_curl.c: libcurl, which runs out of memory. */
#include <curl/curl.h>
#include <stdarg.h>

#include "torture/wrap.h"

FAILS(CURL *, curl_easy_init, (void), (), NULL, ENOMEM)
FAILS(CURLM *, curl_multi_init, (void), (), NULL, ENOMEM)
FAILS(struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *line),
    (list, line), NULL, ENOMEM)
FAILS(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy),
    CURLM_OUT_OF_MEMORY, ENOMEM)
FAILS(CURLMcode, curl_multi_perform, (CURLM * multi, int *running), (multi, running),
    CURLM_OUT_OF_MEMORY, ENOMEM)
FAILS(CURLMcode, curl_multi_poll,
    (CURLM * multi, struct curl_waitfd *more, unsigned count, int ms, int *ready),
    (multi, more, count, ms, ready), CURLM_OUT_OF_MEMORY, ENOMEM)
FAILS(CURLcode, curl_easy_pause, (CURL * easy, int what), (easy, what), CURLE_OUT_OF_MEMORY, ENOMEM)

/* What follows the option is one word of the machine, whatever it is. */
CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

CURLcode
__wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
	va_list more;
	void *value;

	va_start(more, option);
	value = va_arg(more, void *);
	va_end(more);
	return JUDGE("curl_easy_setopt") == GO_ON ? __real_curl_easy_setopt(easy, option, value)
						  : CURLE_OUT_OF_MEMORY;
}

CURLcode __real_curl_easy_getinfo(CURL *easy, CURLINFO what, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO what, ...);

CURLcode
__wrap_curl_easy_getinfo(CURL *easy, CURLINFO what, ...)
{
	va_list more;
	void *to;

	va_start(more, what);
	to = va_arg(more, void *);
	va_end(more);
	/* Who the transfer belongs to is read from the handle, and needs no memory. */
	if (what == CURLINFO_PRIVATE || JUDGE("curl_easy_getinfo") == GO_ON)
		return __real_curl_easy_getinfo(easy, what, to);
	return CURLE_OUT_OF_MEMORY;
}
