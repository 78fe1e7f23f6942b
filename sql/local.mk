# sql: the schema, as "offhook migrate" reads it: numbered files, and functions that are replaced.
# Every file there is installed.
nobase_dist_pkgdata_DATA = $(wildcard $(srcdir)/sql/[0-9]*.sql) \
	$(wildcard $(srcdir)/sql/functions/*.sql)
