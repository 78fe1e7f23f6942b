# Floor 1: the process and its settings.
noinst_LIBRARIES += src/sys/libsys.a
src_sys_libsys_a_SOURCES = \
	src/sys/conf_value.h \
	src/sys/conf_value.c \
	src/sys/conf.h \
	src/sys/conf.c \
	src/sys/crash.h \
	src/sys/crash.c \
	src/sys/signals.h \
	src/sys/signals.c \
	src/sys/daemon.h \
	src/sys/daemon.c \
	src/sys/exchange.h \
	src/sys/exchange.c \
	src/sys/asker.c \
	src/sys/spool.h \
	src/sys/spool.c \
	src/sys/supervise.h \
	src/sys/supervise.c
src_sys_libsys_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS)
