/* tape.c: a WAV file that is right after each half second. */
#include "sim/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "sim/media.h"
#include "sim/wav.h"

#define FRAMES 25 /* half a second */
#define BLOCK (FRAMES * ULAW_FRAME * 4)
#define NAME_SIZE (SID_SIZE + 8)

struct tape {
	int fd;
	bool broken; /* the disk is full, say: nothing more is written */
	int64_t samples, max;
	size_t used;
	unsigned char block[BLOCK];
};

static const char *
file_name(const char *stream_sid, char out[NAME_SIZE])
{
	snprintf(out, NAME_SIZE, "%s.wav", stream_sid);
	return out;
}

struct tape *
tape_open(const char *stream_sid, int64_t max)
{
	char name[NAME_SIZE];
	struct tape *t;
	int fd;

	fd = openat(media_folder(), file_name(stream_sid, name),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("the sound of a stream cannot be kept: %s", strerror(errno));
		return NULL;
	}
	t = mem_zalloc(1, sizeof(*t));
	t->fd = fd;
	t->max = max;
	t->broken = !wav_put_head(fd, 0, 2);
	return t;
}

void
tape_add(struct tape *t, const uint8_t callee[ULAW_FRAME], const uint8_t agent[ULAW_FRAME])
{
	unsigned char *at = t->block + t->used;

	if (t->samples + ULAW_FRAME > t->max)
		return;
	for (size_t i = 0; i < ULAW_FRAME; i++, at += 4) {
		wav_put_sample(at, ulaw_decode(callee[i]));
		wav_put_sample(at + 2, ulaw_decode(agent[i]));
	}
	t->used += ULAW_FRAME * 4;
	t->samples += ULAW_FRAME;
	if (t->used == BLOCK)
		tape_flush(t);
}

int64_t
tape_samples(const struct tape *t)
{
	return t->samples;
}

void
tape_flush(struct tape *t)
{
	if (t->used > 0 && !t->broken)
		t->broken = !wav_put(t->fd, t->block, t->used) ||
		    !wav_put_head(t->fd, (size_t)t->samples, 2);
	t->used = 0;
}

void
tape_close(struct tape *t)
{
	tape_flush(t);
	close(t->fd);
	free(t);
}

int
tape_file(const char *stream_sid)
{
	char name[NAME_SIZE];

	return openat(media_folder(), file_name(stream_sid, name), O_RDONLY | O_CLOEXEC);
}

void
tape_remove(const char *stream_sid)
{
	char name[NAME_SIZE];

	unlinkat(media_folder(), file_name(stream_sid, name), 0);
}

static int16_t
sample_at(const unsigned char *at, enum tape_side side)
{
	int callee = (int16_t)(uint16_t)(at[0] | at[1] << 8);
	int agent = (int16_t)(uint16_t)(at[2] | at[3] << 8);
	int sum = side == TAPE_CALLEE ? callee : side == TAPE_AGENT ? agent : callee + agent;

	return (int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum);
}

bool
tape_read(const char *stream_sid, enum tape_side side, int16_t *out, size_t samples)
{
	unsigned char block[BLOCK];
	int fd = tape_file(stream_sid);
	size_t have = 0;
	ssize_t n = 0;

	if (fd < 0)
		return false;
	memset(out, 0, samples * sizeof(out[0]));
	while (have < samples &&
	    (n = pread(fd, block, sizeof(block), (off_t)(WAV_HEAD + have * 4))) >= 4)
		for (ssize_t i = 0; i + 4 <= n && have < samples; i += 4)
			out[have++] = sample_at(block + i, side);
	close(fd);
	return n >= 0;
}
