/* fetch_wait.c: one request alone, waited for; see fetch.h. */
#include "base/clock.h"
#include "http/fetch.h"

/* Moves the result to the waiter. */
static void
keep(struct fetch_result *result, void *arg)
{
	*(struct fetch_result *)arg = *result;
	buf_init(&result->body, 0);
	result->redirect = NULL;
}

void
fetch_wait(const struct fetch *f, struct fetch_result *result)
{
	struct fetch_pool *p = fetch_pool_new();

	fetch_pool_start(p, f, keep, result);
	while (fetch_pool_active(p) > 0)
		fetch_pool_run(p, clock_boot_us() + 1000000);
	fetch_pool_free(p);
}
