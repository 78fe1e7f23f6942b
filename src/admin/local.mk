# Floor 6: the operator's commands.
noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
src_admin_libadmin_a_SOURCES = \
	src/admin/command.h \
	src/admin/admin.h \
	src/admin/admin.c \
	src/admin/print.h \
	src/admin/print.c \
	src/admin/nouns.h \
	src/admin/migrate.c \
	src/admin/config.c \
	src/admin/tree.c \
	src/admin/keys.c \
	src/admin/credits.c \
	src/admin/maintenance.c \
	src/admin/dialing.h \
	src/admin/dialing.c \
	src/admin/rules.c \
	src/admin/limits.c \
	src/admin/audit.c \
	src/admin/levels.c \
	src/admin/calls.c \
	src/admin/jobs.c \
	src/admin/queue.h \
	src/admin/queue.c \
	src/admin/reconcile.c \
	src/admin/status.c \
	src/admin/webhooks.c \
	src/admin/doctor.c \
	src/admin/top.c \
	src/admin/command.c
