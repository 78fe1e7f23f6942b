noinst_LIBRARIES += src/stream/libstream.a
src_stream_libstream_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
src_stream_libstream_a_SOURCES = \
	src/stream/frame.c \
	src/stream/frame.h \
	src/stream/request.c \
	src/stream/request.h \
	src/stream/hub.c \
	src/stream/hub.h \
	src/stream/feed.c \
	src/stream/feed.h \
	src/stream/conn.c \
	src/stream/conn.h \
	src/stream/serve.c \
	src/stream/serve.h
