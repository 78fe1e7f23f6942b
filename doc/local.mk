# doc: a page a program, one for the configuration, and what is read before installing.
dist_man_MANS += \
	doc/offhook.1 \
	doc/offhook.conf.5 \
	doc/offhook-api.8 \
	doc/offhook-events.8 \
	doc/offhook-scheduler.8 \
	doc/offhook-sim.8 \
	doc/offhook-voice.8
dist_doc_DATA += \
	doc/architecture.md \
	doc/configuration.md \
	doc/fraud.md \
	doc/ha.md \
	doc/install.md \
	doc/proof.md \
	doc/scaling.md \
	doc/skills.md \
	doc/dependencies.md \
	doc/offhook.conf.sample
