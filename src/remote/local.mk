noinst_LIBRARIES += src/remote/libremote.a
src_remote_libremote_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
src_remote_libremote_a_SOURCES = \
	src/remote/carrier.c \
	src/remote/carrier.h \
	src/remote/webhook.c \
	src/remote/webhook.h
