noinst_LIBRARIES += src/domain/libdomain.a
src_domain_libdomain_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
src_domain_libdomain_a_SOURCES = \
	src/domain/agent.c \
	src/domain/agent.h \
	src/domain/align.c \
	src/domain/align.h \
	src/domain/booking.c \
	src/domain/booking.h \
	src/domain/brief.c \
	src/domain/brief.h \
	src/domain/call.c \
	src/domain/call.h \
	src/domain/customer.c \
	src/domain/customer.h \
	src/domain/dnc.c \
	src/domain/dnc.h \
	src/domain/event.c \
	src/domain/event.h \
	src/domain/figures.c \
	src/domain/figures.h \
	src/domain/keep.c \
	src/domain/keep.h \
	src/domain/leg.c \
	src/domain/leg.h \
	src/domain/manifest.c \
	src/domain/manifest.h \
	src/domain/merge.c \
	src/domain/merge.h \
	src/domain/outbox.c \
	src/domain/outbox.h \
	src/domain/pacer.c \
	src/domain/pacer.h \
	src/domain/question.c \
	src/domain/question.h \
	src/domain/queue.c \
	src/domain/queue.h \
	src/domain/recording.c \
	src/domain/recording.h \
	src/domain/script.c \
	src/domain/script.h \
	src/domain/skill.c \
	src/domain/skill.h \
	src/domain/transcript.c \
	src/domain/transcript.h
