# Floor 2: HTTP, inward by libfcgi and outward by libcurl, each used by one file.
noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES = \
	src/http/req.h \
	src/http/req.c \
	src/http/accept.h \
	src/http/accept.c \
	src/http/resp.h \
	src/http/resp.c \
	src/http/router.h \
	src/http/router.c \
	src/http/shape.h \
	src/http/shape.c \
	src/http/valid.h \
	src/http/valid.c \
	src/http/fcgi.h \
	src/http/fcgi.c \
	src/http/reach.h \
	src/http/reach.c \
	src/http/smtp.h \
	src/http/smtp.c \
	src/http/window.h \
	src/http/window.c \
	src/http/fetch.h \
	src/http/mailing.h \
	src/http/mailing.c \
	src/http/fetch.c \
	src/http/fetch_wait.c
src_http_libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CURL_CFLAGS)
