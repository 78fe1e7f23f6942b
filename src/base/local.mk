# Floor 0: what everything stands on.
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
	src/base/err.h \
	src/base/err.c \
	src/base/mem.h \
	src/base/mem.c \
	src/base/str.h \
	src/base/str.c \
	src/base/buf.h \
	src/base/buf.c \
	src/base/texts.h \
	src/base/texts.c \
	src/base/plain.h \
	src/base/plain.c \
	src/base/gaps.h \
	src/base/gaps.c \
	src/base/csv.h \
	src/base/csv.c \
	src/base/digest.h \
	src/base/digest.c \
	src/base/clock.h \
	src/base/clock.c \
	src/base/zone.h \
	src/base/zone.c \
	src/base/id.h \
	src/base/id.c \
	src/base/json.h \
	src/base/json.c \
	src/base/scan.h \
	src/base/scan.c \
	src/base/schema.h \
	src/base/schema.c \
	src/base/log.h \
	src/base/log.c
src_base_libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(ZLIB_CFLAGS) $(JANSSON_CFLAGS) $(PCRE2_CFLAGS)
