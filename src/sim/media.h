/*
 * media.h: sound files on demand. One thread makes them, at low priority, when somebody asks for
 * the first time; what was made is kept in a folder of this run and found again by its content,
 * so that a thousand recordings of the same words cost one synthesis.
 */
#ifndef SIM_MEDIA_H
#define SIM_MEDIA_H

#include <stdbool.h>

#include "sim/sound.h"

struct media_job {
	/* what is wanted */
	struct sound sound; /* its texts are owned by the job */
	enum sound_format format;
	/* Called in the media thread, fd being the open file or -1; the job then belongs to the
	 * caller again. */
	void (*ready)(struct media_job *job);
	void *owner;
	int fd;
	struct media_job *next;
};

/* Makes the folder under parent and starts the thread. */
void media_open(const char *parent);
/* The folder, for other files of this run; what is left in it goes at the end. */
int media_folder(void);
/* Queues a job. False, and nothing happens, when MEDIA_QUEUE_MAX jobs are waiting already or the
 * program is ending. */
#define MEDIA_QUEUE_MAX 1000
bool media_request(struct media_job *job);
/* Answers all waiting jobs with -1, ends the thread and removes the folder. */
void media_close(void);

#endif
