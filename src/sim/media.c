/*
 * media.c: the thread, its bounded queue and the files. The thread alone touches those files.
 */
#include "sim/media.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/mem.h"
#include "sim/speech.h"

#define FILES_MAX 500 /* kept at once; the oldest goes first, and is made again when needed */
#define KEY_SIZE (DIGEST_SHA256_SIZE * 2 + 1)

static char folder[4096];
static int folder_fd = -1;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static struct media_job *first, **end = &first; /* the lock's, and the next two */
static int queued;
static bool closing = true;
static char kept[FILES_MAX][KEY_SIZE]; /* the thread's: a ring of file names */
static size_t kept_next;

static void
key_of(const struct media_job *job, char key[KEY_SIZE])
{
	uint8_t hash[DIGEST_SHA256_SIZE];
	struct buf b;

	buf_init(&b, 1024 * 1024);
	buf_printf(&b, "%d ", job->format);
	sound_key(&job->sound, &b);
	digest_sha256(b.data, b.len, hash);
	digest_hex(hash, sizeof(hash), key);
	buf_free(&b);
}

static void
remember(const char *key)
{
	if (kept[kept_next][0] != '\0')
		unlinkat(folder_fd, kept[kept_next], 0);
	memcpy(kept[kept_next], key, KEY_SIZE);
	kept_next = (kept_next + 1) % FILES_MAX;
}

/* The file of this job, made if need be, open for reading; -1 when that failed. */
static int
produce(const struct media_job *job)
{
	char key[KEY_SIZE];
	bool ok;
	int fd;

	key_of(job, key);
	fd = openat(folder_fd, key, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	fd = openat(folder_fd, key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		log_error("recordings in %s: %s", folder, strerror(errno));
		return -1;
	}
	ok = sound_write(fd, job->format, &job->sound);
	close(fd);
	if (!ok) {
		unlinkat(folder_fd, key, 0);
		return -1;
	}
	remember(key);
	return openat(folder_fd, key, O_RDONLY | O_CLOEXEC);
}

static struct media_job *
take(bool *ending)
{
	struct media_job *job;

	pthread_mutex_lock(&lock);
	while (first == NULL && !closing)
		pthread_cond_wait(&news, &lock);
	job = first;
	if (job != NULL) {
		first = job->next;
		if (first == NULL)
			end = &first;
		queued--;
	}
	*ending = closing;
	pthread_mutex_unlock(&lock);
	return job;
}

static void *
run(void *arg)
{
	struct media_job *job;
	bool ending;

	(void)arg;
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10); /* on Linux: of this thread alone */
	while ((job = take(&ending)) != NULL) {
		job->fd = ending ? -1 : produce(job);
		job->ready(job);
	}
	speech_close();
	return NULL;
}

void
media_open(const char *parent)
{
	int error;

	if (mkdir(parent, 0700) != 0 && errno != EEXIST)
		log_fatal("recordings in %s: %s", parent, strerror(errno));
	snprintf(folder, sizeof(folder), "%s/offhook-sim.XXXXXX", parent);
	if (mkdtemp(folder) == NULL)
		log_fatal("recordings in %s: %s", parent, strerror(errno));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		log_fatal("recordings in %s: %s", folder, strerror(errno));
	closing = false;
	error = pthread_create(&thread, NULL, run, NULL);
	if (error != 0)
		log_fatal("no thread for recordings: %s", strerror(error));
}

int
media_folder(void)
{
	return folder_fd;
}

bool
media_request(struct media_job *job)
{
	bool room;

	pthread_mutex_lock(&lock);
	room = !closing && queued < MEDIA_QUEUE_MAX;
	if (room) {
		job->next = NULL;
		*end = job;
		end = &job->next;
		queued++;
		pthread_cond_signal(&news);
	}
	pthread_mutex_unlock(&lock);
	return room;
}

static void
empty_folder(void)
{
	DIR *dir = fdopendir(folder_fd);
	struct dirent *file;

	if (dir == NULL)
		return;
	while ((file = readdir(dir)) != NULL)
		unlinkat(folder_fd, file->d_name, 0);
	closedir(dir);
	folder_fd = -1;
}

void
media_close(void)
{
	pthread_mutex_lock(&lock);
	closing = true;
	pthread_cond_signal(&news);
	pthread_mutex_unlock(&lock);
	pthread_join(thread, NULL);
	empty_folder();
	rmdir(folder);
}
