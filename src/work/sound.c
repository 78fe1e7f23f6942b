/* sound.c: see sound.h. */
#include "work/sound.h"

#include <unistd.h>

#include "base/log.h"

#define RECORDING_MAX (256ll << 20) /* two hours of the carrier's MP3 are 30 MB */

enum rc
sound_fetch(const struct work_env *env, const struct store_name *name, int fd, int64_t *bytes)
{
	if (store_set(&env->store)) {
		if (store_fetch(&env->store, name, fd, RECORDING_MAX, bytes) == RC_OK)
			return RC_OK;
		/* What has come of it is of no use. */
		if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
			log_error("a file for a recording could not be emptied");
			return RC_LATER;
		}
	}
	return carrier_recording_fetch(
	    &env->carrier, name->recording_sid, fd, RECORDING_MAX, bytes);
}
