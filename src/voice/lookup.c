/* lookup.c: see lookup.h. glibc's getaddrinfo_a() has a thread of its own for as long as it is needed. */
#include "voice/lookup.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/mem.h"

struct lookup {
	struct gaicb request; /* the resolver's until it has answered */
	struct addrinfo wanted;
	char *host;
	enum lookup_state state;
	const char *error;
	char addresses[LOOKUP_MAX][LOOKUP_SIZE];
	int count;
	LIST_ENTRY(lookup) link; /* among those that nobody waits for any more */
};

static LIST_HEAD(, lookup) forgotten = LIST_HEAD_INITIALIZER(forgotten);

static void
release(struct lookup *l)
{
	if (l->request.ar_result != NULL)
		freeaddrinfo(l->request.ar_result);
	free(l->host);
	free(l);
}

static void
sweep(void)
{
	struct lookup *l = LIST_FIRST(&forgotten), *next;

	for (; l != NULL; l = next) {
		next = LIST_NEXT(l, link);
		if (gai_error(&l->request) == EAI_INPROGRESS)
			continue;
		LIST_REMOVE(l, link);
		release(l);
	}
}

struct lookup *
lookup_new(const char *host)
{
	struct lookup *l = mem_zalloc(1, sizeof *l);
	struct gaicb *list = &l->request;
	int error;

	sweep();
	l->host = mem_strdup(host);
	l->wanted = (struct addrinfo){ .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	l->request = (struct gaicb){ .ar_name = l->host, .ar_request = &l->wanted };
	error = getaddrinfo_a(GAI_NOWAIT, &list, 1, NULL);
	if (error != 0) {
		l->state = LOOKUP_FAILED;
		l->error = gai_strerror(error);
	}
	return l;
}

static void
keep_addresses(struct lookup *l)
{
	const struct addrinfo *one;

	for (one = l->request.ar_result; one != NULL && l->count < LOOKUP_MAX; one = one->ai_next) {
		if (getnameinfo(one->ai_addr, one->ai_addrlen, l->addresses[l->count], LOOKUP_SIZE,
			NULL, 0, NI_NUMERICHOST) == 0)
			l->count++;
	}
}

enum lookup_state
lookup_state(struct lookup *l)
{
	int error;

	if (l->state != LOOKUP_ASKED)
		return l->state;
	error = gai_error(&l->request);
	if (error == EAI_INPROGRESS)
		return LOOKUP_ASKED;
	if (error == 0)
		keep_addresses(l);
	l->state = l->count > 0 ? LOOKUP_FOUND : LOOKUP_FAILED;
	l->error = error != 0 ? gai_strerror(error) : "no address";
	return l->state;
}

const char *
lookup_error(const struct lookup *l)
{
	return l->error;
}

const char *
lookup_address(const struct lookup *l, int i)
{
	return i < l->count ? l->addresses[i] : NULL;
}

void
lookup_free(struct lookup *l)
{
	sweep();
	if (l == NULL)
		return;
	if (lookup_state(l) != LOOKUP_ASKED || gai_cancel(&l->request) != EAI_NOTCANCELED)
		release(l);
	else
		LIST_INSERT_HEAD(&forgotten, l, link);
}
