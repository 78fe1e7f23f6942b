# Beside the house: the carrier simulator. It shares nothing with the product but floor 0.
noinst_LIBRARIES += src/sim/libsim.a
src_sim_libsim_a_SOURCES = \
	src/sim/settings.h \
	src/sim/settings.c \
	src/sim/timer.h \
	src/sim/timer.c \
	src/sim/map.h \
	src/sim/map.c \
	src/sim/roll.h \
	src/sim/roll.c \
	src/sim/sid.h \
	src/sim/sid.c \
	src/sim/form.h \
	src/sim/form.c \
	src/sim/weburl.h \
	src/sim/weburl.c \
	src/sim/ledger.h \
	src/sim/ledger.c \
	src/sim/webhook.h \
	src/sim/webhook.c \
	src/sim/ulaw.h \
	src/sim/ulaw.c \
	src/sim/tone.h \
	src/sim/tone.c \
	src/sim/wav.h \
	src/sim/wav.c \
	src/sim/speech.h \
	src/sim/speech.c \
	src/sim/tape.h \
	src/sim/tape.c \
	src/sim/sound.h \
	src/sim/sound.c \
	src/sim/media.h \
	src/sim/media.c \
	src/sim/recording.h \
	src/sim/recording.c \
	src/sim/param.h \
	src/sim/param.c \
	src/sim/dial.h \
	src/sim/dial.c \
	src/sim/callee.h \
	src/sim/callee.c \
	src/sim/msg.h \
	src/sim/msg.c \
	src/sim/play.h \
	src/sim/play.c \
	src/sim/party.h \
	src/sim/party.c \
	src/sim/gauge.h \
	src/sim/gauge.c \
	src/sim/line.h \
	src/sim/line.c \
	src/sim/wire.h \
	src/sim/wire.c \
	src/sim/record.h \
	src/sim/record.c \
	src/sim/call.h \
	src/sim/call.c \
	src/sim/attempts.h \
	src/sim/attempts.c \
	src/sim/twiml.h \
	src/sim/twiml.c \
	src/sim/talk.h \
	src/sim/talk.c \
	src/sim/life.h \
	src/sim/life.c \
	src/sim/engine.h \
	src/sim/engine.c \
	src/sim/ask.h \
	src/sim/ask.c \
	src/sim/page.h \
	src/sim/page.c \
	src/sim/rest_calls.h \
	src/sim/rest_calls.c \
	src/sim/rest_recordings.h \
	src/sim/rest_recordings.c \
	src/sim/rest_sim.h \
	src/sim/rest_sim.c \
	src/sim/server.h \
	src/sim/server.c
src_sim_libsim_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS) \
	$(MICROHTTPD_CFLAGS) $(EXPAT_CFLAGS) $(ESPEAK_CFLAGS) $(LWS_CFLAGS)
sim_libs = $(MICROHTTPD_LIBS) $(LWS_LIBS) $(CURL_LIBS) $(EXPAT_LIBS) $(ESPEAK_LIBS) $(LAME_LIBS) $(JANSSON_LIBS) \
	$(CRYPTO_LIBS) $(ZLIB_LIBS) -lm -lpthread

bin_PROGRAMS += offhook-sim
offhook_sim_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
offhook_sim_SOURCES = src/sim/sim.c
offhook_sim_LDADD = src/sim/libsim.a src/base/libbase.a $(sim_libs)
