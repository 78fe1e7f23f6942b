# Calls that fail in turn, in the programs of the fault tests alone (configure --enable-torture).
if TORTURE
noinst_LIBRARIES += tests/torture/libtorture.a
tests_torture_libtorture_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CURL_CFLAGS) $(EVENT_CFLAGS) $(PQ_CFLAGS)
tests_torture_libtorture_a_SOURCES = \
	tests/torture/torture.c \
	tests/torture/torture.h \
	tests/torture/torture_curl.c \
	tests/torture/torture_event.c \
	tests/torture/torture_pq.c \
	tests/torture/wrap.h
TORTURE_LIBS = tests/torture/libtorture.a
TORTURE_LDFLAGS = -Wl,@$(top_srcdir)/tests/torture/wraps
endif
EXTRA_DIST += tests/torture/report tests/torture/wraps
