/*
 * torture.h: what a tortured program and its test share: a file that both map. The test names a role of process
 * ("dialer") and a call path; the first process of that role to come there sees that call fail, once. Every
 * path that such processes take is written down. tests/faults/torture.py reads and writes the same layout.
 */
#ifndef TORTURE_TORTURE_H
#define TORTURE_TORTURE_H

#include <stdatomic.h>
#include <stdint.h>

#define TORTURE_MAGIC UINT64_C(0x6f6666686f6f6b31)
#define TORTURE_DEPTH 8
#define TORTURE_PATHS 8192
#define TORTURE_NAME 24

/* A way to a call, innermost first: what is returned to, as an offset into the program, 0 behind the last. */
struct torture_path {
	_Atomic uint64_t key; /* 0: free */
	char function[TORTURE_NAME];
	uint64_t frames[TORTURE_DEPTH];
};

struct torture {
	uint64_t magic;
	char role[TORTURE_NAME];  /* as in the title of the process; "": none */
	_Atomic uint64_t wanted;  /* the path that is to fail; 0: none */
	_Atomic uint32_t partial; /* not at once, but half done: see torture.c */
	_Atomic uint32_t fired;
	struct torture_path paths[TORTURE_PATHS]; /* open addressing by key */
};

#endif
