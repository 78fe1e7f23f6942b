/*
 * bare_post.c: the limit of a sender of webhooks: fresh TLS connections, a POST each, by libcurl and
 * with so many under way at a time; no database, no signature, no thought.
 * usage: bare_post URL CA COUNT AT_ONCE; prints how many a second were answered.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *url, *ca;

static size_t
drop(char *bytes, size_t size, size_t count, void *arg)
{
	(void)bytes, (void)arg;
	return size * count;
}

static void
start(CURLM *multi)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{\"event_id\":3,\"data\":{}}");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_multi_add_handle(multi, easy);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	int count = argc == 5 ? atoi(argv[3]) : 0, at_once = count > 0 ? atoi(argv[4]) : 0;
	int started = 0, ended = 0, failed = 0, running, left;
	CURLM *multi = curl_multi_init();
	CURLMsg *msg;
	double began;

	if (at_once <= 0)
		return 2;
	url = argv[1];
	ca = argv[2];
	curl_global_init(CURL_GLOBAL_DEFAULT);
	began = now();
	while (ended < count) {
		while (started < count && started - ended < at_once) {
			start(multi);
			started++;
		}
		curl_multi_perform(multi, &running);
		while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
			CURL *easy = msg->easy_handle;

			failed += msg->data.result != CURLE_OK;
			ended++;
			curl_multi_remove_handle(multi, easy);
			curl_easy_cleanup(easy);
		}
		if (ended < count)
			curl_multi_poll(multi, NULL, 0, 100, NULL);
	}
	printf("%.1f %d\n", count / (now() - began), failed);
	return 0;
}
