/* wav.c: the head of a WAV file, and writing all of something. */
#include "sim/wav.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/ulaw.h"

bool
wav_put(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0) {
			log_error("a recording cannot be written: %s", strerror(errno));
			return false;
		}
	}
	return true;
}

/* The lowest bytes of value, the least first. */
static void
put_le(unsigned char *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

bool
wav_put_head(int fd, size_t samples, int channels)
{
	size_t bytes = samples * 2 * (size_t)channels;
	unsigned char head[WAV_HEAD] = "RIFF....WAVEfmt ";

	put_le(head + 4, (uint32_t)(bytes + WAV_HEAD - 8), 4);
	put_le(head + 16, 16, 4);
	put_le(head + 20, 1, 2);
	put_le(head + 22, (uint32_t)channels, 2);
	put_le(head + 24, ULAW_RATE, 4);
	put_le(head + 28, (uint32_t)(ULAW_RATE * 2 * channels), 4);
	put_le(head + 32, (uint32_t)(2 * channels), 2);
	put_le(head + 34, 16, 2);
	memcpy(head + 36, "data", 4);
	put_le(head + 40, (uint32_t)bytes, 4);
	if (lseek(fd, 0, SEEK_CUR) == 0)
		return wav_put(fd, head, sizeof(head));
	if (pwrite(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
		return true;
	log_error("a recording cannot be written: %s", strerror(errno));
	return false;
}
