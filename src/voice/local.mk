noinst_LIBRARIES += src/voice/libvoice.a
src_voice_libvoice_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(LWS_CFLAGS) $(SPANDSP_CFLAGS) $(SPEEXDSP_CFLAGS) \
	$(ESPEAK_CFLAGS)
src_voice_libvoice_a_SOURCES = \
	src/voice/frames.c \
	src/voice/frames.h \
	src/voice/sound.c \
	src/voice/sound.h \
	src/voice/listen.c \
	src/voice/listen.h \
	src/voice/patience.c \
	src/voice/patience.h \
	src/voice/play.c \
	src/voice/play.h \
	src/voice/sayings.c \
	src/voice/sayings.h \
	src/voice/verdict.c \
	src/voice/verdict.h \
	src/voice/questions.c \
	src/voice/questions.h \
	src/voice/rules.c \
	src/voice/rules.h \
	src/voice/dialogue.c \
	src/voice/dialogue.h \
	src/voice/speech.c \
	src/voice/speech.h \
	src/voice/backlog.c \
	src/voice/backlog.h \
	src/voice/lookup.c \
	src/voice/lookup.h \
	src/voice/link.c \
	src/voice/link.h \
	src/voice/history.c \
	src/voice/history.h \
	src/voice/engine.h \
	src/voice/engine_script.c \
	src/voice/model.c \
	src/voice/model.h \
	src/voice/engine_openai.c \
	src/voice/engine_gemini.c \
	src/voice/ears.c \
	src/voice/ears.h \
	src/voice/session.h \
	src/voice/talk.c \
	src/voice/talk.h \
	src/voice/told.c \
	src/voice/told.h \
	src/voice/session.c \
	src/voice/desk.c \
	src/voice/desk.h \
	src/voice/records.c \
	src/voice/records.h \
	src/voice/handshake.c \
	src/voice/handshake.h \
	src/voice/carrier.c \
	src/voice/carrier.h \
	src/voice/serve.c \
	src/voice/serve.h
