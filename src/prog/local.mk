# Floor 7: the programs. Each links the floors that it stands on, top down.
bin_PROGRAMS += offhook-api
offhook_api_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
offhook_api_SOURCES = \
	src/prog/api.c \
	src/prog/options.c \
	src/prog/options.h \
	src/prog/settings.c \
	src/prog/settings.h
offhook_api_LDFLAGS = $(AM_LDFLAGS) $(TORTURE_LDFLAGS)
offhook_api_LDADD = \
	src/api/libapi.a \
	src/work/libwork.a \
	src/remote/libremote.a \
	src/domain/libdomain.a \
	src/auth/libauth.a \
	src/http/libhttp.a \
	src/db/libdb.a \
	src/phone/libphone.a \
	src/sys/libsys.a \
	src/base/libbase.a \
	$(TORTURE_LIBS) \
	$(PHONE_LIBS) $(FCGI_LIBS) $(CURL_LIBS) $(PQ_LIBS) $(JWT_LIBS) $(JANSSON_LIBS) $(PCRE2_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SYSTEMD_LIBS) -lm

# For the build alone: the document that the page of the API is made from.
noinst_PROGRAMS += print-openapi
print_openapi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
print_openapi_SOURCES = src/prog/print_openapi.c
print_openapi_LDADD = $(offhook_api_LDADD)

bin_PROGRAMS += offhook-scheduler
offhook_scheduler_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
offhook_scheduler_SOURCES = \
	src/prog/options.c \
	src/prog/options.h \
	src/prog/scheduler.c \
	src/prog/settings.c \
	src/prog/settings.h
offhook_scheduler_LDFLAGS = $(AM_LDFLAGS) $(TORTURE_LDFLAGS)
offhook_scheduler_LDADD = \
	src/work/libwork.a \
	src/remote/libremote.a \
	src/domain/libdomain.a \
	src/auth/libauth.a \
	src/http/libhttp.a \
	src/db/libdb.a \
	src/sys/libsys.a \
	src/base/libbase.a \
	$(TORTURE_LIBS) \
	$(CURL_LIBS) $(GMIME_LIBS) $(PQ_LIBS) $(JWT_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SYSTEMD_LIBS) -lm

bin_PROGRAMS += offhook-events
offhook_events_CPPFLAGS = $(AM_CPPFLAGS)
offhook_events_SOURCES = \
	src/prog/events.c \
	src/prog/options.c \
	src/prog/options.h \
	src/prog/settings.c \
	src/prog/settings.h
offhook_events_LDFLAGS = $(AM_LDFLAGS) $(TORTURE_LDFLAGS)
offhook_events_LDADD = \
	src/stream/libstream.a \
	src/remote/libremote.a \
	src/domain/libdomain.a \
	src/db/libdb.a \
	src/sys/libsys.a \
	src/base/libbase.a \
	$(TORTURE_LIBS) \
	$(EVENT_LIBS) $(PQ_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SYSTEMD_LIBS)

bin_PROGRAMS += offhook-voice
offhook_voice_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
offhook_voice_SOURCES = \
	src/prog/options.c \
	src/prog/options.h \
	src/prog/settings.c \
	src/prog/settings.h \
	src/prog/voice.c
offhook_voice_LDADD = \
	src/voice/libvoice.a \
	src/remote/libremote.a \
	src/domain/libdomain.a \
	src/auth/libauth.a \
	src/http/libhttp.a \
	src/db/libdb.a \
	src/sys/libsys.a \
	src/base/libbase.a \
	$(LWS_LIBS) $(SPANDSP_LIBS) $(SPEEXDSP_LIBS) $(ESPEAK_LIBS) $(CURL_LIBS) $(PQ_LIBS) $(JWT_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SYSTEMD_LIBS) -lpthread -lm

bin_PROGRAMS += offhook
offhook_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
offhook_SOURCES = \
	src/prog/admin.c \
	src/prog/settings.c \
	src/prog/settings.h
offhook_LDADD = \
	src/admin/libadmin.a \
	src/remote/libremote.a \
	src/domain/libdomain.a \
	src/http/libhttp.a \
	src/db/libdb.a \
	src/sys/libsys.a \
	src/base/libbase.a \
	$(CURL_LIBS) $(PQ_LIBS) $(JANSSON_LIBS) $(PCRE2_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(SYSTEMD_LIBS) -lm
