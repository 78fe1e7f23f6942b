noinst_LIBRARIES += src/remote/libremote.a
src_remote_libremote_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(GMIME_CFLAGS)
src_remote_libremote_a_SOURCES = \
	src/remote/backend.c \
	src/remote/backend.h \
	src/remote/callrail.c \
	src/remote/callrail.h \
	src/remote/presign.c \
	src/remote/presign.h \
	src/remote/object.c \
	src/remote/object.h \
	src/remote/store.c \
	src/remote/store.h \
	src/remote/stt.c \
	src/remote/stt.h \
	src/remote/stt_live.c \
	src/remote/stt_live.h \
	src/remote/rt_openai.c \
	src/remote/rt_openai.h \
	src/remote/rt_gemini.c \
	src/remote/rt_gemini.h \
	src/remote/llm.c \
	src/remote/llm.h \
	src/remote/letter.c \
	src/remote/letter.h \
	src/remote/letter_summary.c \
	src/remote/letter_summary.h \
	src/remote/mail.c \
	src/remote/mail.h \
	src/remote/media.c \
	src/remote/media.h \
	src/remote/carrier.c \
	src/remote/carrier.h \
	src/remote/webhook.c \
	src/remote/webhook.h
