noinst_LIBRARIES += src/work/libwork.a
src_work_libwork_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
src_work_libwork_a_SOURCES = \
	src/work/env.h \
	src/work/brake.c \
	src/work/brake.h \
	src/work/commit.c \
	src/work/commit.h \
	src/work/holder.c \
	src/work/holder.h \
	src/work/line.c \
	src/work/line.h \
	src/work/sound.c \
	src/work/sound.h \
	src/work/dial.c \
	src/work/keep.c \
	src/work/merge.c \
	src/work/process.c \
	src/work/process.h \
	src/work/process_publish.c \
	src/work/process_summarise.c \
	src/work/process_transcribe.c \
	src/work/record.c \
	src/work/appraise.c \
	src/work/poll.c \
	src/work/report.c \
	src/work/lanes.c \
	src/work/lanes.h \
	src/work/talk.c \
	src/work/tell.c \
	src/work/unspool.c \
	src/work/wake.c \
	src/work/watch.c
