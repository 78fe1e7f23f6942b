# Floor 1: phone numbers.
noinst_LIBRARIES += src/phone/libphone.a
src_phone_libphone_a_SOURCES = \
	src/phone/number.cc \
	src/phone/number.h \
	src/phone/zones.c \
	src/phone/zones.h
nodist_src_phone_libphone_a_SOURCES = src/phone/zone_table.c
PHONE_LIBS = -lphonenumber -lstdc++

EXTRA_DIST += src/phone/zone_table.py
CLEANFILES += src/phone/zone_table.c
src/phone/zone_table.c: $(srcdir)/src/phone/zone_table.py
	$(AM_V_GEN)$(PYTHON3) $(srcdir)/src/phone/zone_table.py >$@.new && mv $@.new $@
