/*
 * door.h: where nginx reaches one loop and no other: a socket of its own in voice.listen_dir. A call lives in one
 * loop, so whoever listens to it must come to that one; the row of its stream has the door's name.
 */
#ifndef VOICE_DOOR_H
#define VOICE_DOOR_H

#define DOOR_DIR_MAX 80 /* bytes of the folder's path */
#define DOOR_NAME_SIZE 17

/* Opens a door, whose name is new, and removes those behind which nobody is any more. The descriptor, which does
 * not block, or -1 (logged). */
int door_open(const char *dir, char name[DOOR_NAME_SIZE]);
/* Removes it; the descriptor is closed by whoever has it. */
void door_remove(const char *dir, const char *name);

#endif
