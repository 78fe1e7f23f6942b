/* A mail server may say whatever it likes: the dialogue ends, and only a mail that was said whole counts as
 * taken. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/smtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "x\r\n.\r\n.y\r\n";
	struct arena *a = arena_new();
	const char *bytes;
	struct smtp s;

	smtp_init(&s, a, "a@b.example", "c@d.example", text, sizeof text - 1);
	for (size_t i = 0; i < size && !smtp_over(&s); i++) {
		/* A byte of the server's is heard after what we have to say, or too early. */
		if (data[i] != 0xff)
			smtp_said(&s, smtp_next(&s, &bytes));
		smtp_hear(&s, (const char *)&data[i], 1);
	}
	if (s.step == SMTP_TAKEN && (!s.whole || s.code < 200 || s.code > 299))
		abort();
	if (s.step == SMTP_REFUSED && (s.code < 400 || s.code > 599))
		abort();
	arena_free(a);
	return 0;
}
