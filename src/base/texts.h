/*
 * texts.h: one message made of texts, between processes of one host: its length, how many texts, and each
 * with its length in front and a zero behind, so that a reader uses them where they stand.
 */
#ifndef BASE_TEXTS_H
#define BASE_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* So many bytes at the beginning of a message tell its size. */
#define TEXTS_HEAD 4

/* Appends a message of these texts; NULL is one that there is not. Too much for out: it has failed. */
void texts_write(struct buf *out, const char *const texts[], int count);

/* The size of the message that begins with these TEXTS_HEAD bytes, them included; 0 when nothing of at
 * most max bytes begins so. */
size_t texts_size(const char *head, size_t max);

/* Finds the texts of a message; they point into it. False when it is not one of exactly so many. */
bool texts_read(const char *message, size_t size, const char *texts[], int count);

#endif
