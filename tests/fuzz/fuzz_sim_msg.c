/* What the simulator is sent on a media stream: whatever comes, it is refused with a reason and nothing is
 * left over, or it is whole. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "sim/msg.h"

#define SID "MZ00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[MSG_WHY_SIZE] = "";
	struct msg m;
	int code = msg_read((const char *)data, size, SID, &m, why);

	if (code != 0) {
		must(code == MSG_INVALID && why[0] != '\0' && m.audio == NULL && m.name == NULL);
		return 0;
	}
	must(
	    (m.kind == MSG_MEDIA) == (m.audio != NULL) && (m.kind == MSG_MARK) == (m.name != NULL));
	must(m.kind != MSG_MEDIA || m.len > 0);
	must(
	    m.name == NULL || (strlen(m.name) <= MSG_NAME_MAX && str_utf8(m.name, strlen(m.name))));
	msg_release(&m);
	return 0;
}
