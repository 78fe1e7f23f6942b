# Floor 2: the database. The only user of libpq.
noinst_LIBRARIES += src/db/libdb.a
src_db_libdb_a_SOURCES = \
	src/db/db.h \
	src/db/db.c \
	src/db/migrate.h \
	src/db/migrate.c
src_db_libdb_a_CPPFLAGS = $(AM_CPPFLAGS) $(PQ_CFLAGS)
