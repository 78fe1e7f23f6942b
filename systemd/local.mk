# systemd: a unit a program, their sockets, one target, and the user they run as.
units = \
	systemd/offhook-api.service \
	systemd/offhook-events.service \
	systemd/offhook-scheduler.service \
	systemd/offhook-voice.service
systemdsystemunit_DATA = $(units) \
	systemd/offhook-api.socket \
	systemd/offhook-carrier.socket \
	systemd/offhook-events.socket \
	systemd/offhook-voice.socket \
	systemd/offhook.target
EXTRA_DIST += $(units:=.in) \
	systemd/hardening.conf \
	systemd/offhook-api.socket \
	systemd/offhook-carrier.socket \
	systemd/offhook-events.socket \
	systemd/offhook-voice.socket \
	systemd/offhook.target
sysusersdir = $(prefix)/lib/sysusers.d
dist_sysusers_DATA = systemd/sysusers.d/offhook.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
dist_tmpfiles_DATA = systemd/tmpfiles.d/offhook.conf
CLEANFILES += $(units)

# The same hardening goes into every unit.
$(units): Makefile $(srcdir)/systemd/hardening.conf
	$(AM_V_GEN)$(MKDIR_P) systemd && $(SED) \
		-e '/^@hardening@$$/{' -e 'r $(srcdir)/systemd/hardening.conf' -e 'd' -e '}' \
		-e 's|@bindir@|$(bindir)|' -e 's|@sysconfdir@|$(sysconfdir)|' \
		$(srcdir)/$@.in >$@.new && mv $@.new $@
systemd/offhook-api.service: $(srcdir)/systemd/offhook-api.service.in
systemd/offhook-events.service: $(srcdir)/systemd/offhook-events.service.in
systemd/offhook-scheduler.service: $(srcdir)/systemd/offhook-scheduler.service.in
systemd/offhook-voice.service: $(srcdir)/systemd/offhook-voice.service.in
