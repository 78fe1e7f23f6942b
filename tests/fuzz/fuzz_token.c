/* The gateway's token: nothing that was not signed with the key is believed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule with a key that the fuzzer cannot guess. */
static struct token_rule *
rule(void)
{
	static struct token_rule *made;
	char path[] = "fuzz-key-XXXXXX", error[256];
	int fd;

	if (made != NULL)
		return made;
	fd = mkstemp(path);
	if (fd < 0 || write(fd, "kJ8s-dKx02mVnq71LLbs0qpzzQ", 26) != 26)
		abort();
	close(fd);
	made = token_rule_new("HS256", path, error, sizeof error);
	unlink(path);
	if (made == NULL)
		abort();
	return made;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct token_claims claims;
	struct arena *a = arena_new();
	char *text = arena_strndup(a, (const char *)data, size);

	if (strlen(text) == size && token_verify(a, rule(), text, &claims))
		abort();
	arena_free(a);
	return 0;
}
