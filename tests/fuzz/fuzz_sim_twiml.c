/* fuzz_sim_twiml.c: any bytes are TwiML or are refused with a code, and a document can be walked. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/twiml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
walk(const struct twiml_node *n)
{
	size_t count = 0;

	for (; n != NULL; n = n->next)
		count += 1 + (n->text[0] != '\0') + (twiml_number(n, "timeout", 5) > 0) +
		    walk(n->child);
	return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char problem[TWIML_PROBLEM_SIZE];
	struct twiml *doc;
	int code = -1;

	doc = twiml_parse((const char *)data, size, &code, problem);
	if ((doc == NULL) != (code != 0))
		abort();
	if (doc != NULL)
		walk(twiml_first(doc));
	twiml_free(doc);
	return 0;
}
