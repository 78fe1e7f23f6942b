# Unit programs link the whole archive of their folder and those of the floors below: a call that
# goes up or sideways does not link.
if HAVE_CMOCKA
base_tests = \
	tests/unit/base/test_err \
	tests/unit/base/test_mem \
	tests/unit/base/test_str \
	tests/unit/base/test_buf \
	tests/unit/base/test_plain \
	tests/unit/base/test_gaps \
	tests/unit/base/test_texts \
	tests/unit/base/test_csv \
	tests/unit/base/test_digest \
	tests/unit/base/test_clock \
	tests/unit/base/test_zone \
	tests/unit/base/test_id \
	tests/unit/base/test_json \
	tests/unit/base/test_scan \
	tests/unit/base/test_schema \
	tests/unit/base/test_log
check_PROGRAMS += $(base_tests)
TESTS += $(base_tests)
base_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/base/libbase.a,--no-whole-archive
base_test_libs = src/base/libbase.a \
	$(PCRE2_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_base_test_err_SOURCES = tests/unit/base/test_err.c
tests_unit_base_test_err_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_err_LDFLAGS = $(base_test_whole)
tests_unit_base_test_err_LDADD = $(base_test_libs)
tests_unit_base_test_mem_SOURCES = tests/unit/base/test_mem.c
tests_unit_base_test_mem_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_mem_LDFLAGS = $(base_test_whole)
tests_unit_base_test_mem_LDADD = $(base_test_libs)
tests_unit_base_test_str_SOURCES = tests/unit/base/test_str.c
tests_unit_base_test_str_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_str_LDFLAGS = $(base_test_whole)
tests_unit_base_test_str_LDADD = $(base_test_libs)
tests_unit_base_test_plain_SOURCES = tests/unit/base/test_plain.c
tests_unit_base_test_plain_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_plain_LDFLAGS = $(base_test_whole)
tests_unit_base_test_plain_LDADD = $(base_test_libs)
tests_unit_base_test_buf_SOURCES = tests/unit/base/test_buf.c
tests_unit_base_test_buf_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_buf_LDFLAGS = $(base_test_whole)
tests_unit_base_test_buf_LDADD = $(base_test_libs)
tests_unit_base_test_csv_SOURCES = tests/unit/base/test_csv.c
tests_unit_base_test_csv_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_csv_LDFLAGS = $(base_test_whole)
tests_unit_base_test_csv_LDADD = $(base_test_libs)
tests_unit_base_test_texts_SOURCES = tests/unit/base/test_texts.c
tests_unit_base_test_texts_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_texts_LDFLAGS = $(base_test_whole)
tests_unit_base_test_texts_LDADD = $(base_test_libs)
tests_unit_base_test_gaps_SOURCES = tests/unit/base/test_gaps.c
tests_unit_base_test_gaps_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_gaps_LDFLAGS = $(base_test_whole)
tests_unit_base_test_gaps_LDADD = $(base_test_libs)
tests_unit_base_test_digest_SOURCES = tests/unit/base/test_digest.c
tests_unit_base_test_digest_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_digest_LDFLAGS = $(base_test_whole)
tests_unit_base_test_digest_LDADD = $(base_test_libs)
tests_unit_base_test_clock_SOURCES = tests/unit/base/test_clock.c
tests_unit_base_test_clock_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_clock_LDFLAGS = $(base_test_whole)
tests_unit_base_test_clock_LDADD = $(base_test_libs)
tests_unit_base_test_zone_SOURCES = tests/unit/base/test_zone.c
tests_unit_base_test_zone_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_zone_LDFLAGS = $(base_test_whole)
tests_unit_base_test_zone_LDADD = $(base_test_libs)
tests_unit_base_test_id_SOURCES = tests/unit/base/test_id.c
tests_unit_base_test_id_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_id_LDFLAGS = $(base_test_whole)
tests_unit_base_test_id_LDADD = $(base_test_libs)
tests_unit_base_test_scan_SOURCES = tests/unit/base/test_scan.c
tests_unit_base_test_scan_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_scan_LDFLAGS = $(base_test_whole)
tests_unit_base_test_scan_LDADD = $(base_test_libs)
tests_unit_base_test_json_SOURCES = tests/unit/base/test_json.c
tests_unit_base_test_json_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_json_LDFLAGS = $(base_test_whole)
tests_unit_base_test_json_LDADD = $(base_test_libs)
tests_unit_base_test_schema_SOURCES = tests/unit/base/test_schema.c
tests_unit_base_test_schema_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_schema_LDFLAGS = $(base_test_whole)
tests_unit_base_test_schema_LDADD = $(base_test_libs)
tests_unit_base_test_log_SOURCES = tests/unit/base/test_log.c
tests_unit_base_test_log_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_base_test_log_LDFLAGS = $(base_test_whole)
tests_unit_base_test_log_LDADD = $(base_test_libs)
# Our JSON reader beside those of others.
check_PROGRAMS += tests/unit/base/print_json
dist_check_SCRIPTS += tests/unit/base/check_json
TESTS += tests/unit/base/check_json
tests_unit_base_print_json_SOURCES = tests/unit/base/print_json.c
tests_unit_base_print_json_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_base_print_json_LDADD = $(base_test_libs)
endif

if HAVE_CMOCKA
phone_tests = tests/unit/phone/test_number tests/unit/phone/test_zones
check_PROGRAMS += $(phone_tests)
TESTS += $(phone_tests)
tests_unit_phone_test_number_SOURCES = tests/unit/phone/test_number.c
tests_unit_phone_test_number_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_phone_test_number_LDADD = src/phone/libphone.a src/base/libbase.a $(CMOCKA_LIBS) $(PHONE_LIBS)
tests_unit_phone_test_zones_SOURCES = tests/unit/phone/test_zones.c
tests_unit_phone_test_zones_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_phone_test_zones_LDADD = src/phone/libphone.a $(CMOCKA_LIBS)
endif

if HAVE_CMOCKA
sys_tests = \
	tests/unit/sys/test_conf \
	tests/unit/sys/test_signals \
	tests/unit/sys/test_daemon \
	tests/unit/sys/test_exchange \
	tests/unit/sys/test_exchange_faults \
	tests/unit/sys/test_spool \
	tests/unit/sys/test_supervise \
	tests/unit/sys/test_crash
check_PROGRAMS += $(sys_tests)
TESTS += $(sys_tests)
sys_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/sys/libsys.a,--no-whole-archive
sys_test_libs = src/sys/libsys.a src/base/libbase.a \
	$(SYSTEMD_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_sys_test_conf_SOURCES = tests/unit/sys/test_conf.c
tests_unit_sys_test_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_conf_LDFLAGS = $(sys_test_whole)
tests_unit_sys_test_conf_LDADD = $(sys_test_libs)
tests_unit_sys_test_exchange_SOURCES = tests/unit/sys/test_exchange.c
tests_unit_sys_test_exchange_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_exchange_LDFLAGS = $(sys_test_whole)
tests_unit_sys_test_exchange_LDADD = $(sys_test_libs)
tests_unit_sys_test_exchange_faults_SOURCES = tests/unit/sys/test_exchange_faults.c
tests_unit_sys_test_exchange_faults_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_exchange_faults_LDFLAGS = $(sys_test_whole) -Wl,--wrap=socketpair,--wrap=sendmsg \
	-Wl,--wrap=send,--wrap=recv,--wrap=poll,--wrap=ppoll
tests_unit_sys_test_exchange_faults_LDADD = $(sys_test_libs)
tests_unit_sys_test_signals_SOURCES = tests/unit/sys/test_signals.c
tests_unit_sys_test_signals_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_signals_LDFLAGS = $(sys_test_whole)
tests_unit_sys_test_signals_LDADD = $(sys_test_libs)
tests_unit_sys_test_daemon_SOURCES = tests/unit/sys/test_daemon.c
tests_unit_sys_test_daemon_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_daemon_LDFLAGS = $(sys_test_whole)
tests_unit_sys_test_daemon_LDADD = $(sys_test_libs)
# System calls that can fail go through the test.
tests_unit_sys_test_spool_SOURCES = tests/unit/sys/test_spool.c
tests_unit_sys_test_spool_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_spool_LDFLAGS = $(sys_test_whole) -Wl,--wrap=openat,--wrap=write \
	-Wl,--wrap=read,--wrap=fsync,--wrap=fchmod,--wrap=fstat,--wrap=linkat,--wrap=unlinkat \
	-Wl,--wrap=renameat,--wrap=mkdirat,--wrap=fdopendir,--wrap=readdir
tests_unit_sys_test_spool_LDADD = $(sys_test_libs)
tests_unit_sys_test_supervise_SOURCES = tests/unit/sys/test_supervise.c
tests_unit_sys_test_supervise_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sys_test_supervise_LDFLAGS = $(sys_test_whole)
tests_unit_sys_test_supervise_LDADD = $(sys_test_libs)
# Crash points are compiled in here, whatever the build says.
tests_unit_sys_test_crash_SOURCES = tests/unit/sys/test_crash.c src/sys/crash.c
tests_unit_sys_test_crash_CPPFLAGS = $(AM_CPPFLAGS) -DCRASH_POINTS=1 $(CMOCKA_CFLAGS)
tests_unit_sys_test_crash_LDADD = src/base/libbase.a $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
endif

# These two want a PostgreSQL in OFFHOOK_TEST_DATABASE_URL and skip without one.
if HAVE_CMOCKA
db_tests = \
	tests/unit/db/test_db \
	tests/unit/db/test_migrate
check_PROGRAMS += $(db_tests)
TESTS += $(db_tests)
db_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/db/libdb.a,--no-whole-archive
db_test_libs = src/db/libdb.a src/base/libbase.a \
	$(PQ_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_db_test_db_SOURCES = tests/unit/db/test_db.c
tests_unit_db_test_db_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_db_test_db_LDFLAGS = $(db_test_whole)
tests_unit_db_test_db_LDADD = $(db_test_libs)
tests_unit_db_test_migrate_SOURCES = tests/unit/db/test_migrate.c
tests_unit_db_test_migrate_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_db_test_migrate_LDFLAGS = $(db_test_whole)
tests_unit_db_test_migrate_LDADD = $(db_test_libs)
endif

if HAVE_CMOCKA
http_tests = \
	tests/unit/http/test_req \
	tests/unit/http/test_resp \
	tests/unit/http/test_router \
	tests/unit/http/test_shape \
	tests/unit/http/test_valid \
	tests/unit/http/test_fcgi \
	tests/unit/http/test_reach \
	tests/unit/http/test_smtp \
	tests/unit/http/test_window \
	tests/unit/http/test_fetch
check_PROGRAMS += $(http_tests)
TESTS += $(http_tests)
http_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/http/libhttp.a,--no-whole-archive
http_test_libs = src/http/libhttp.a src/base/libbase.a \
	$(FCGI_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
tests_unit_http_test_req_SOURCES = tests/unit/http/test_req.c
tests_unit_http_test_req_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_req_LDFLAGS = $(http_test_whole)
tests_unit_http_test_req_LDADD = $(http_test_libs)
tests_unit_http_test_resp_SOURCES = tests/unit/http/test_resp.c
tests_unit_http_test_resp_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_resp_LDFLAGS = $(http_test_whole)
tests_unit_http_test_resp_LDADD = $(http_test_libs)
tests_unit_http_test_router_SOURCES = tests/unit/http/test_router.c
tests_unit_http_test_router_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_router_LDFLAGS = $(http_test_whole)
tests_unit_http_test_router_LDADD = $(http_test_libs)
tests_unit_http_test_shape_SOURCES = tests/unit/http/test_shape.c
tests_unit_http_test_shape_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_shape_LDFLAGS = $(http_test_whole)
tests_unit_http_test_shape_LDADD = $(http_test_libs)
tests_unit_http_test_valid_SOURCES = tests/unit/http/test_valid.c
tests_unit_http_test_valid_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_valid_LDFLAGS = $(http_test_whole)
tests_unit_http_test_valid_LDADD = $(http_test_libs)
tests_unit_http_test_fcgi_SOURCES = tests/unit/http/test_fcgi.c
tests_unit_http_test_fcgi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_fcgi_LDFLAGS = $(http_test_whole)
tests_unit_http_test_fcgi_LDADD = src/http/libhttp.a src/sys/libsys.a $(SYSTEMD_LIBS) $(http_test_libs)
tests_unit_http_test_reach_SOURCES = tests/unit/http/test_reach.c
tests_unit_http_test_reach_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_reach_LDFLAGS = $(http_test_whole)
tests_unit_http_test_reach_LDADD = $(http_test_libs)
tests_unit_http_test_smtp_SOURCES = tests/unit/http/test_smtp.c
tests_unit_http_test_smtp_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_smtp_LDFLAGS = $(http_test_whole)
tests_unit_http_test_smtp_LDADD = $(http_test_libs)
tests_unit_http_test_window_SOURCES = tests/unit/http/test_window.c
tests_unit_http_test_window_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_window_LDFLAGS = $(http_test_whole)
tests_unit_http_test_window_LDADD = $(http_test_libs)
tests_unit_http_test_fetch_SOURCES = tests/unit/http/test_fetch.c
tests_unit_http_test_fetch_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_http_test_fetch_LDFLAGS = $(http_test_whole)
tests_unit_http_test_fetch_LDADD = $(http_test_libs)
endif

# The house and its shell: these need no program, only its sources, archives and units.
EXTRA_DIST += \
	.ci/run \
	tests/check-hardening \
	tests/dev/analyze \
	tests/dev/check.sh \
	tests/dev/coverage.sh \
	tests/coverage/report \
	tests/coverage/sql.sql \
	tests/dev/memcheck \
	tests/dev/memcheck.supp \
	tests/dev/parts.sh \
	tests/dev/process.sh \
	tests/dev/run.sh \
	tests/dev/stack.sh \
	tests/dev/tools.sh
dist_check_SCRIPTS += \
	tests/check-floors \
	tests/check-units
TESTS += \
	tests/check-floors \
	tests/check-units

# The settings of the programs, and the operator's command over a database of its own.
if HAVE_CMOCKA
prog_tests = tests/unit/prog/test_settings
check_PROGRAMS += $(prog_tests)
TESTS += $(prog_tests)
tests_unit_prog_test_settings_SOURCES = tests/unit/prog/test_settings.c src/prog/settings.c
tests_unit_prog_test_settings_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_prog_test_settings_LDADD = src/remote/libremote.a src/sys/libsys.a src/base/libbase.a \
	$(SYSTEMD_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(CMOCKA_LIBS)
endif
dist_check_SCRIPTS += tests/check-settings
TESTS += tests/check-settings
EXTRA_DIST += \
	tests/cli/conftest.py \
	tests/cli/support_cli.py \
	tests/cli/test_cli.py \
	tests/cli/test_fraud.py \
	tests/cli/test_audit.py

# The simulator: units, and the whole program as its users see it.
if HAVE_CMOCKA
sim_tests = \
	tests/unit/sim/test_structs \
	tests/unit/sim/test_form \
	tests/unit/sim/test_weburl \
	tests/unit/sim/test_twiml \
	tests/unit/sim/test_msg \
	tests/unit/sim/test_play \
	tests/unit/sim/test_party \
	tests/unit/sim/test_line
check_PROGRAMS += $(sim_tests)
TESTS += $(sim_tests)
sim_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/sim/libsim.a,--no-whole-archive
sim_test_libs = src/sim/libsim.a src/base/libbase.a $(sim_libs) $(CMOCKA_LIBS)
tests_unit_sim_test_structs_SOURCES = tests/unit/sim/test_structs.c
tests_unit_sim_test_structs_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_structs_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_structs_LDADD = $(sim_test_libs)
tests_unit_sim_test_form_SOURCES = tests/unit/sim/test_form.c
tests_unit_sim_test_form_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_form_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_form_LDADD = $(sim_test_libs)
tests_unit_sim_test_weburl_SOURCES = tests/unit/sim/test_weburl.c
tests_unit_sim_test_weburl_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_weburl_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_weburl_LDADD = $(sim_test_libs)
tests_unit_sim_test_twiml_SOURCES = tests/unit/sim/test_twiml.c
tests_unit_sim_test_twiml_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_twiml_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_twiml_LDADD = $(sim_test_libs)
tests_unit_sim_test_msg_SOURCES = tests/unit/sim/test_msg.c
tests_unit_sim_test_msg_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_msg_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_msg_LDADD = $(sim_test_libs)
tests_unit_sim_test_play_SOURCES = tests/unit/sim/test_play.c
tests_unit_sim_test_play_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_play_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_play_LDADD = $(sim_test_libs)
tests_unit_sim_test_party_SOURCES = tests/unit/sim/test_party.c
tests_unit_sim_test_party_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_party_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_party_LDADD = $(sim_test_libs)
tests_unit_sim_test_line_SOURCES = tests/unit/sim/test_line.c
tests_unit_sim_test_line_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_sim_test_line_LDFLAGS = $(sim_test_whole)
tests_unit_sim_test_line_LDADD = $(sim_test_libs)
endif
EXTRA_DIST += \
	tests/fuzz/fuzz_brief.c \
	tests/fuzz/fuzz_sim_msg.c \
	tests/fuzz/fuzz_dialogue.c \
	tests/fuzz/fuzz_handshake.c \
	tests/fuzz/fuzz_agent_tools.c \
	tests/fuzz/fuzz_rules.c \
	tests/fuzz/corpus/sim_msg/media.json \
	tests/fuzz/corpus/sim_msg/mark.json \
	tests/fuzz/corpus/sim_msg/clear.json \
	tests/fuzz/corpus/dialogue/whole.json \
	tests/fuzz/corpus/handshake/call \
	tests/fuzz/corpus/handshake/slash \
	tests/fuzz/corpus/agent_tools/end \
	tests/fuzz/corpus/agent_tools/questions \
	tests/fuzz/corpus/rules/errand \
	tests/fuzz/fuzz_callrail.c \
	tests/fuzz/fuzz_summary.c \
	tests/fuzz/summary.dict \
	tests/fuzz/corpus/summary/answer \
	tests/fuzz/corpus/summary/nested \
	tests/fuzz/fuzz_csv.c \
	tests/fuzz/fuzz_texts.c \
	tests/fuzz/corpus/texts/five \
	tests/fuzz/fuzz_letter.c \
	tests/fuzz/fuzz_job_wish.c \
	tests/fuzz/corpus/job_wish/key.json \
	tests/fuzz/corpus/job_wish/scope.json \
	tests/fuzz/fuzz_frames.c \
	tests/fuzz/corpus/frames/connected.json \
	tests/fuzz/corpus/frames/dtmf.json \
	tests/fuzz/corpus/frames/mark.json \
	tests/fuzz/corpus/frames/media.json \
	tests/fuzz/corpus/frames/start.json \
	tests/fuzz/corpus/frames/stop.json \
	tests/fuzz/fuzz_rt_gemini.c \
	tests/fuzz/rt_gemini.dict \
	tests/fuzz/fuzz_rt_openai.c \
	tests/fuzz/rt_openai.dict \
	tests/fuzz/fuzz_scan.c \
	tests/fuzz/fuzz_schema.c \
	tests/fuzz/fuzz_listen.c \
	tests/fuzz/fuzz_smtp.c \
	tests/fuzz/fuzz_stream.c \
	tests/fuzz/fuzz_stt_live.c \
	tests/fuzz/stt_live.dict \
	tests/fuzz/fuzz_talk.c \
	tests/fuzz/corpus/talk/booked \
	tests/fuzz/corpus/talk/press \
	tests/fuzz/fuzz_twiml.c \
	tests/fuzz/worker/seeds \
	tests/fuzz/worker/worker.c \
	tests/sim/.npmrc \
	tests/sim/conftest.py \
	tests/sim/package-lock.json \
	tests/sim/package.json \
	tests/sim/simkit.py \
	tests/sim/streamkit.py \
	tests/sim/test_sim_calls.py \
	tests/sim/test_sim_media.py \
	tests/sim/test_sim_rest.py \
	tests/sim/test_twilio_node.py \
	tests/sim/twilio_check.js
EXTRA_DIST += \
	tests/nodekit.py \
	tests/pytest.ini \
	tests/sse.py \
	tests/api/apikit.py \
	tests/api/backend.py \
	tests/api/callrail.py \
	tests/api/llm.py \
	tests/api/mailserver.py \
	tests/api/test_price_reading.py \
	tests/api/test_process.py \
	tests/api/test_talker.py \
	tests/api/conftest.py \
	tests/api/redocly/.npmrc \
	tests/api/redocly/package-lock.json \
	tests/api/redocly/package.json \
	tests/api/redocly/redocly.yaml \
	tests/api/node/.npmrc \
	tests/api/node/package-lock.json \
	tests/api/node/package.json \
	tests/api/node/verify.js \
	tests/api/receiver.py \
	tests/api/deepgram.py \
	tests/api/filehost.py \
	tests/api/mediakit.py \
	tests/api/deepgram_live.py \
	tests/api/gemini_live.py \
	tests/api/realtime.py \
	tests/api/wskit.py \
	tests/api/drive.py \
	tests/api/test_voice_engines.py \
	tests/api/mp3.py \
	tests/api/s3/.npmrc \
	tests/api/s3/package-lock.json \
	tests/api/s3/package.json \
	tests/api/s3/serve.js \
	tests/api/s3kit.py \
	tests/api/schema.py \
	tests/api/seed_openapi.json \
	tests/api/test_answers.py \
	tests/api/test_auth.py \
	tests/api/test_bookings.py \
	tests/api/test_call_life.py \
	tests/api/test_callrail.py \
	tests/api/test_campaigns.py \
	tests/api/test_cancel.py \
	tests/api/test_contract.py \
	tests/api/test_credits.py \
	tests/api/test_config.py \
	tests/api/test_jobs.py \
	tests/api/test_dnc.py \
	tests/api/test_fraud.py \
	tests/api/test_audit.py \
	tests/api/test_csv.py \
	tests/api/test_docs.py \
	tests/api/test_events_stream.py \
	tests/api/test_forwards.py \
	tests/api/test_jobs_process.py \
	tests/api/test_health.py \
	tests/api/test_hooks.py \
	tests/api/test_http.py \
	tests/api/test_idempotency.py \
	tests/api/test_injection.py \
	tests/api/test_maintenance.py \
	tests/api/test_openapi.py \
	tests/api/test_providers.py \
	tests/api/test_read.py \
	tests/api/test_recording.py \
	tests/api/test_recording_sources.py \
	tests/api/test_reload.py \
	tests/api/test_skills.py \
	tests/api/taskkit.py \
	tests/api/test_tasks_accept.py \
	tests/api/test_tasks_life.py \
	tests/api/test_start_direct.py \
	tests/api/test_start_queued.py \
	tests/api/test_transcript.py \
	tests/api/test_users.py \
	tests/api/test_validation.py \
	tests/api/test_voice.py \
	tests/api/test_voice_ears.py \
	tests/api/test_voice_line.py \
	tests/api/test_listening.py \
	tests/api/test_voice_models.py \
	tests/api/test_voice_questions.py \
	tests/api/test_webhooks.py \
	tests/api/test_why.py \
	tests/api/test_windows.py

# The upper floors. What a folder links is itself, whole, and the floors below it.
if HAVE_CMOCKA
low_test_libs = src/auth/libauth.a src/http/libhttp.a src/db/libdb.a src/phone/libphone.a src/sys/libsys.a \
	src/base/libbase.a $(FCGI_LIBS) $(CURL_LIBS) $(GMIME_LIBS) $(PQ_LIBS) $(JWT_LIBS) $(SYSTEMD_LIBS) \
	$(JANSSON_LIBS) $(PCRE2_LIBS) $(CRYPTO_LIBS) $(ZLIB_LIBS) $(CMOCKA_LIBS) -lm
domain_tests = tests/unit/domain/test_brief tests/unit/domain/test_pacer \
	tests/unit/domain/test_script tests/unit/domain/test_skill tests/unit/domain/test_transcript
work_tests = tests/unit/work/test_brake tests/unit/work/test_commit tests/unit/work/test_dial \
	tests/unit/work/test_holder tests/unit/work/test_lanes tests/unit/work/test_line tests/unit/work/test_share \
	tests/unit/work/test_watch
api_tests = tests/unit/api/test_twiml
domain_tests += tests/unit/domain/test_schedule
domain_tests += tests/unit/domain/test_price
domain_tests += tests/unit/domain/test_job_door
domain_tests += tests/unit/domain/test_setting
domain_tests += tests/unit/domain/test_extract tests/unit/domain/test_summary
domain_tests += tests/unit/domain/test_job
domain_tests += tests/unit/domain/test_talk_rules
domain_tests += tests/unit/domain/test_tongue
domain_tests += tests/unit/domain/test_away
check_PROGRAMS += $(domain_tests) $(work_tests) $(api_tests)
TESTS += $(domain_tests) $(work_tests) $(api_tests)
domain_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/domain/libdomain.a,--no-whole-archive
tests_unit_domain_test_brief_SOURCES = tests/unit/domain/test_brief.c
tests_unit_domain_test_brief_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_brief_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_brief_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_skill_SOURCES = tests/unit/domain/test_skill.c
tests_unit_domain_test_skill_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_skill_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_skill_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_away_SOURCES = tests/unit/domain/test_away.c
tests_unit_domain_test_away_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_away_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_away_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_pacer_SOURCES = tests/unit/domain/test_pacer.c
tests_unit_domain_test_pacer_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_pacer_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_pacer_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_price_SOURCES = tests/unit/domain/test_price.c
tests_unit_domain_test_price_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_price_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_price_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_job_SOURCES = tests/unit/domain/test_job.c
tests_unit_domain_test_job_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_job_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_job_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_setting_SOURCES = tests/unit/domain/test_setting.c
tests_unit_domain_test_setting_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_setting_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_setting_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_extract_SOURCES = tests/unit/domain/test_extract.c
tests_unit_domain_test_extract_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_extract_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_extract_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_summary_SOURCES = tests/unit/domain/test_summary.c
tests_unit_domain_test_summary_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_summary_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_summary_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_talk_rules_SOURCES = tests/unit/domain/test_talk_rules.c
tests_unit_domain_test_talk_rules_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_talk_rules_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_talk_rules_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_tongue_SOURCES = tests/unit/domain/test_tongue.c
tests_unit_domain_test_tongue_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_tongue_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_tongue_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_job_door_SOURCES = tests/unit/domain/test_job_door.c
tests_unit_domain_test_job_door_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_job_door_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_job_door_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_script_SOURCES = tests/unit/domain/test_script.c
tests_unit_domain_test_script_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_script_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_script_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_schedule_SOURCES = tests/unit/domain/test_schedule.c
tests_unit_domain_test_schedule_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_schedule_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_schedule_LDADD = src/domain/libdomain.a $(low_test_libs)
tests_unit_domain_test_transcript_SOURCES = tests/unit/domain/test_transcript.c
tests_unit_domain_test_transcript_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_domain_test_transcript_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_transcript_LDADD = src/domain/libdomain.a $(low_test_libs)
work_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/work/libwork.a,--no-whole-archive
tests_unit_work_test_brake_SOURCES = tests/unit/work/test_brake.c
tests_unit_work_test_brake_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_work_test_brake_LDFLAGS = $(work_test_whole)
tests_unit_work_test_brake_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_commit_SOURCES = tests/unit/work/test_commit.c tests/unit/database.h tests/unit/database.c
tests_unit_work_test_commit_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_work_test_commit_LDFLAGS = $(work_test_whole)
tests_unit_work_test_commit_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_holder_SOURCES = tests/unit/work/test_holder.c
tests_unit_work_test_holder_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_work_test_holder_LDFLAGS = $(work_test_whole)
tests_unit_work_test_holder_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_lanes_SOURCES = tests/unit/work/test_lanes.c
tests_unit_work_test_lanes_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_work_test_lanes_LDFLAGS = $(work_test_whole)
tests_unit_work_test_lanes_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_line_SOURCES = tests/unit/work/test_line.c
tests_unit_work_test_line_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_work_test_line_LDFLAGS = $(work_test_whole)
tests_unit_work_test_line_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_share_SOURCES = tests/unit/work/test_share.c
tests_unit_work_test_share_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_work_test_share_LDFLAGS = $(work_test_whole)
tests_unit_work_test_share_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
work_test_stage = tests/unit/work/stage.h tests/unit/work/stage.c tests/unit/database.h tests/unit/database.c
tests_unit_work_test_dial_SOURCES = tests/unit/work/test_dial.c $(work_test_stage)
tests_unit_work_test_dial_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_work_test_dial_LDFLAGS = $(work_test_whole)
tests_unit_work_test_dial_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
tests_unit_work_test_watch_SOURCES = tests/unit/work/test_watch.c $(work_test_stage)
tests_unit_work_test_watch_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_work_test_watch_LDFLAGS = $(work_test_whole)
tests_unit_work_test_watch_LDADD = src/work/libwork.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs)
api_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/api/libapi.a,--no-whole-archive
tests_unit_api_test_twiml_SOURCES = tests/unit/api/test_twiml.c
tests_unit_api_test_twiml_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_api_test_twiml_LDFLAGS = $(api_test_whole)
tests_unit_api_test_twiml_LDADD = src/api/libapi.a src/remote/libremote.a src/domain/libdomain.a src/phone/libphone.a $(low_test_libs) $(PHONE_LIBS)
endif

# The dialer's protocol as models; faults and figures, over the real stack.
EXTRA_DIST += \
	tests/model/README.md \
	tests/model/calls.pml \
	tests/model/pacer.pml \
	tests/model/run \
	tests/api/test_crossing.py \
	tests/api/test_voice_holds.py \
	tests/bench/celerykit.py \
	tests/bench/growth \
	tests/bench/jobs \
	tests/bench/peers/celery_app.py \
	tests/bench/peers/fastapi_app.py \
	tests/bench/peers/nginx.conf.in \
	tests/bench/peers/peer.go \
	tests/bench/versus \
	tests/faults/test_campaigns.py \
	tests/ha/cluster.py \
	tests/ha/conftest.py \
	tests/ha/test_failover.py \
	tests/sql/17_lanes.sql \
	tests/fuzz/fuzz_form.c \
	tests/fuzz/fuzz_json.c \
	tests/fuzz/fuzz_sim_twiml.c \
	tests/fuzz/fuzz_text.c \
	tests/fuzz/fuzz_token.c \
	tests/fuzz/fuzz_valid.c \
	tests/bench/README.md \
	tests/bench/accept \
	tests/bench/carrier \
	tests/bench/bare_streams.c \
	tests/bench/bare_post.c \
	tests/bench/bare_worker.c \
	tests/bench/benchkit.py \
	tests/bench/drain \
	tests/bench/faults \
	tests/bench/kills \
	tests/bench/pace \
	tests/bench/rate_client.c \
	tests/bench/read \
	tests/bench/refusals \
	tests/bench/soak \
	tests/bench/stream_client.c \
	tests/bench/streams \
	tests/bench/tasks \
	tests/bench/voice \
	tests/bench/webhooks \
	tests/bench/wrk.lua \
	tests/faults/test_torture.py \
	tests/faults/torture.py \
	tests/faults/checker.py \
	tests/faults/far.py \
	tests/faults/lossy.py \
	tests/faults/conftest.py \
	tests/faults/planted \
	tests/faults/planting.py \
	tests/faults/scenarios.py \
	tests/faults/stack.py \
	tests/faults/test_abuse.py \
	tests/faults/test_api_faults.py \
	tests/faults/test_carrier_faults.py \
	tests/faults/test_fraud.py \
	tests/faults/test_checker.py \
	tests/faults/test_database_faults.py \
	tests/faults/test_dialer_crashes.py \
	tests/faults/test_direct_faults.py \
	tests/faults/test_disk_full.py \
	tests/faults/test_event_streams.py \
	tests/faults/test_jobs.py \
	tests/faults/test_planted.py \
	tests/faults/test_restore.py \
	tests/faults/test_scarcity.py \
	tests/faults/test_scheduler_faults.py \
	tests/faults/test_clocks.py \
	tests/faults/test_committer.py \
	tests/faults/test_skill_crashes.py \
	tests/faults/test_spool.py \
	tests/faults/test_storm.py \
	tests/faults/test_takeover.py \
	tests/faults/test_upgrades.py \
	tests/faults/test_voice.py \
	tests/faults/test_webhook_faults.py \
	tests/faults/world.py

# Who is calling, and the carrier: the latter on the loopback, by a server of the test's own.
if HAVE_CMOCKA
auth_tests = \
	tests/unit/auth/test_signature \
	tests/unit/auth/test_token \
	tests/unit/auth/test_who
check_PROGRAMS += $(auth_tests)
TESTS += $(auth_tests)
auth_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/auth/libauth.a,--no-whole-archive
tests_unit_auth_test_signature_SOURCES = tests/unit/auth/test_signature.c
tests_unit_auth_test_signature_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_auth_test_signature_LDFLAGS = $(auth_test_whole)
tests_unit_auth_test_signature_LDADD = $(low_test_libs)
tests_unit_auth_test_token_SOURCES = tests/unit/auth/test_token.c
tests_unit_auth_test_token_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPTO_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_auth_test_token_LDFLAGS = $(auth_test_whole)
tests_unit_auth_test_token_LDADD = $(low_test_libs)
tests_unit_auth_test_who_SOURCES = tests/unit/auth/test_who.c
tests_unit_auth_test_who_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_auth_test_who_LDFLAGS = $(auth_test_whole)
tests_unit_auth_test_who_LDADD = $(low_test_libs)
remote_tests = \
	tests/unit/remote/test_callrail \
	tests/unit/remote/test_carrier \
	tests/unit/remote/test_carrier_dial \
	tests/unit/remote/test_llm \
	tests/unit/remote/test_mail \
	tests/unit/remote/test_object \
	tests/unit/remote/test_rt_gemini \
	tests/unit/remote/test_rt_openai \
	tests/unit/remote/test_stt \
	tests/unit/remote/test_stt_live \
	tests/unit/remote/test_webhook
check_PROGRAMS += $(remote_tests)
TESTS += $(remote_tests)
remote_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/remote/libremote.a,--no-whole-archive
tests_unit_remote_test_callrail_SOURCES = tests/unit/remote/test_callrail.c
tests_unit_remote_test_callrail_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_callrail_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_callrail_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_carrier_SOURCES = tests/unit/remote/test_carrier.c
tests_unit_remote_test_carrier_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_carrier_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_carrier_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_webhook_SOURCES = tests/unit/remote/test_webhook.c
tests_unit_remote_test_webhook_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_webhook_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_webhook_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_carrier_dial_SOURCES = tests/unit/remote/test_carrier_dial.c
tests_unit_remote_test_carrier_dial_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_carrier_dial_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_carrier_dial_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_object_SOURCES = tests/unit/remote/test_object.c
tests_unit_remote_test_object_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_object_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_object_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_rt_gemini_SOURCES = tests/unit/remote/test_rt_gemini.c
tests_unit_remote_test_rt_gemini_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_rt_gemini_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_rt_gemini_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_rt_openai_SOURCES = tests/unit/remote/test_rt_openai.c
tests_unit_remote_test_rt_openai_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_rt_openai_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_rt_openai_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_stt_live_SOURCES = tests/unit/remote/test_stt_live.c
tests_unit_remote_test_stt_live_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_stt_live_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_stt_live_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_llm_SOURCES = tests/unit/remote/test_llm.c
tests_unit_remote_test_llm_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_llm_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_llm_LDADD = src/remote/libremote.a $(low_test_libs)
# Mails, read back and taken by others than us.
check_PROGRAMS += tests/unit/remote/print_letter tests/unit/remote/hand_over
dist_check_SCRIPTS += tests/unit/remote/check_mail
TESTS += tests/unit/remote/check_mail
tests_unit_remote_print_letter_SOURCES = tests/unit/remote/print_letter.c
tests_unit_remote_print_letter_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_unit_remote_print_letter_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_hand_over_SOURCES = tests/unit/remote/hand_over.c
tests_unit_remote_hand_over_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_mail_SOURCES = tests/unit/remote/test_mail.c
tests_unit_remote_test_mail_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_mail_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_mail_LDADD = src/remote/libremote.a $(low_test_libs)
tests_unit_remote_test_stt_SOURCES = tests/unit/remote/test_stt.c
tests_unit_remote_test_stt_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_remote_test_stt_LDFLAGS = $(remote_test_whole)
tests_unit_remote_test_stt_LDADD = src/remote/libremote.a $(low_test_libs)
endif

# Routes without their database, the OpenAPI document, and several processes at once on one
# database; that one wants a PostgreSQL as the tests of db/ do, and skips without one.
if HAVE_CMOCKA
route_tests = tests/unit/api/test_gate tests/unit/api/test_openapi
race_tests = tests/unit/domain/test_race
check_PROGRAMS += $(route_tests) $(race_tests)
TESTS += $(route_tests) $(race_tests)
tests_unit_api_test_gate_SOURCES = tests/unit/api/test_gate.c
tests_unit_api_test_gate_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_api_test_gate_LDFLAGS = $(api_test_whole)
tests_unit_api_test_gate_LDADD = src/api/libapi.a src/remote/libremote.a src/domain/libdomain.a src/phone/libphone.a $(low_test_libs) $(PHONE_LIBS)
tests_unit_api_test_openapi_SOURCES = tests/unit/api/test_openapi.c
tests_unit_api_test_openapi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_api_test_openapi_LDFLAGS = $(api_test_whole)
tests_unit_api_test_openapi_LDADD = src/api/libapi.a src/remote/libremote.a src/domain/libdomain.a src/phone/libphone.a $(low_test_libs) $(PHONE_LIBS)
tests_unit_domain_test_race_SOURCES = tests/unit/domain/test_race.c tests/unit/database.h tests/unit/database.c
tests_unit_domain_test_race_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_domain_test_race_LDFLAGS = $(domain_test_whole)
tests_unit_domain_test_race_LDADD = src/domain/libdomain.a $(low_test_libs)
endif

# The rules that stand in sql/, by pgTAP; skipped without a PostgreSQL that has it.
dist_check_SCRIPTS += tests/sql/run
TESTS += tests/sql/run
EXTRA_DIST += \
	tests/sql/helpers.sql \
	tests/sql/01_accept.sql \
	tests/sql/02_idempotency.sql \
	tests/sql/03_caller.sql \
	tests/sql/04_queue.sql \
	tests/sql/05_cancel.sql \
	tests/sql/06_result.sql \
	tests/sql/07_carrier.sql \
	tests/sql/08_outcomes.sql \
	tests/sql/09_watch.sql \
	tests/sql/10_agent.sql \
	tests/sql/11_recordings.sql \
	tests/sql/12_keep.sql \
	tests/sql/13_guards.sql \
	tests/sql/14_random.sql \
	tests/sql/15_events.sql \
	tests/sql/15_questions.sql \
	tests/sql/16_transcripts.sql \
	tests/sql/16_webhooks.sql \
	tests/sql/18_tasks.sql \
	tests/sql/21_settings.sql \
	tests/sql/19_gates.sql \
	tests/sql/20_bookings.sql \
	tests/sql/22_campaigns.sql \
	tests/sql/23_forwards.sql \
	tests/sql/24_negotiations.sql \
	tests/sql/25_jobs.sql \
	tests/sql/26_job_doors.sql \
	tests/sql/27_callrail.sql \
	tests/sql/30_voice.sql \
	tests/sql/31_talker.sql \
	tests/sql/32_listening.sql \
	tests/sql/33_voice_records.sql \
	tests/sql/34_hold.sql \
	tests/sql/35_batches.sql \
	tests/sql/36_fraud.sql \
	tests/sql/36_audit.sql \
	tests/sql/37_pacer.sql \
	tests/sql/39_restore.sql \
	tests/sql/40_timeline.sql

# The event streams: what they say, to whom, and over which connections; without nginx.
if HAVE_CMOCKA
stream_tests = tests/unit/stream/test_conn tests/unit/stream/test_feed tests/unit/stream/test_frame \
	tests/unit/stream/test_hub tests/unit/stream/test_serve
check_PROGRAMS += $(stream_tests)
TESTS += $(stream_tests)
stream_test_whole = $(AM_LDFLAGS) -Wl,--whole-archive,src/stream/libstream.a,--no-whole-archive
stream_test_libs = src/stream/libstream.a src/domain/libdomain.a $(EVENT_LIBS) $(low_test_libs)
tests_unit_stream_test_conn_SOURCES = tests/unit/stream/test_conn.c
tests_unit_stream_test_conn_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_stream_test_conn_LDFLAGS = $(stream_test_whole)
tests_unit_stream_test_conn_LDADD = $(stream_test_libs)
stream_test_database = tests/unit/database.h tests/unit/database.c tests/unit/stream/events.h \
	tests/unit/stream/events.c
tests_unit_stream_test_feed_SOURCES = tests/unit/stream/test_feed.c $(stream_test_database)
tests_unit_stream_test_feed_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_stream_test_feed_LDFLAGS = $(stream_test_whole)
tests_unit_stream_test_feed_LDADD = $(stream_test_libs)
tests_unit_stream_test_frame_SOURCES = tests/unit/stream/test_frame.c
tests_unit_stream_test_frame_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_stream_test_frame_LDFLAGS = $(stream_test_whole)
tests_unit_stream_test_frame_LDADD = $(stream_test_libs)
tests_unit_stream_test_hub_SOURCES = tests/unit/stream/test_hub.c
tests_unit_stream_test_hub_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_stream_test_hub_LDFLAGS = $(stream_test_whole)
tests_unit_stream_test_hub_LDADD = $(stream_test_libs)
tests_unit_stream_test_serve_SOURCES = tests/unit/stream/test_serve.c $(stream_test_database)
tests_unit_stream_test_serve_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CMOCKA_CFLAGS)
tests_unit_stream_test_serve_LDFLAGS = $(stream_test_whole)
tests_unit_stream_test_serve_LDADD = $(stream_test_libs)
endif

# The voice: its pure parts.
if HAVE_CMOCKA
voice_tests = tests/unit/voice/test_frames tests/unit/voice/test_play tests/unit/voice/test_talk \
	tests/unit/voice/test_backlog tests/unit/voice/test_history tests/unit/voice/test_sound \
	tests/unit/voice/test_tap tests/unit/voice/test_listeners tests/unit/voice/test_open_tools
check_PROGRAMS += $(voice_tests)
TESTS += $(voice_tests)
voice_test_libs = src/voice/libvoice.a src/remote/libremote.a src/domain/libdomain.a $(low_test_libs) \
	$(LWS_LIBS) $(SPANDSP_LIBS) $(SPEEXDSP_LIBS) $(ESPEAK_LIBS) -lpthread
tests_unit_voice_test_frames_SOURCES = tests/unit/voice/test_frames.c
tests_unit_voice_test_frames_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_frames_LDADD = $(voice_test_libs)
tests_unit_voice_test_play_SOURCES = tests/unit/voice/test_play.c
tests_unit_voice_test_play_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_play_LDADD = $(voice_test_libs)
tests_unit_voice_test_talk_SOURCES = tests/unit/voice/test_talk.c
tests_unit_voice_test_talk_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_talk_LDADD = $(voice_test_libs)
tests_unit_voice_test_backlog_SOURCES = tests/unit/voice/test_backlog.c
tests_unit_voice_test_backlog_CPPFLAGS = $(AM_CPPFLAGS) $(LWS_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_backlog_LDADD = $(voice_test_libs)
tests_unit_voice_test_history_SOURCES = tests/unit/voice/test_history.c
tests_unit_voice_test_history_CPPFLAGS = $(AM_CPPFLAGS) $(LWS_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_history_LDADD = $(voice_test_libs)
tests_unit_voice_test_open_tools_SOURCES = tests/unit/voice/test_open_tools.c
tests_unit_voice_test_open_tools_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_open_tools_LDADD = $(voice_test_libs)
tests_unit_voice_test_tap_SOURCES = tests/unit/voice/test_tap.c
tests_unit_voice_test_tap_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_tap_LDADD = $(voice_test_libs)
tests_unit_voice_test_listeners_SOURCES = tests/unit/voice/test_listeners.c
tests_unit_voice_test_listeners_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_listeners_LDADD = $(voice_test_libs)
tests_unit_voice_test_sound_SOURCES = tests/unit/voice/test_sound.c
tests_unit_voice_test_sound_CPPFLAGS = $(AM_CPPFLAGS) $(LWS_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS)
tests_unit_voice_test_sound_LDADD = $(voice_test_libs)
endif

# The engines that call out: a program that tests/api/test_voice_engines.py drives against stand-ins.
noinst_PROGRAMS += tests/unit/voice/drive
tests_unit_voice_drive_SOURCES = tests/unit/voice/drive.c
tests_unit_voice_drive_CPPFLAGS = $(AM_CPPFLAGS) $(LWS_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_voice_drive_LDADD = src/voice/libvoice.a src/remote/libremote.a src/domain/libdomain.a \
	src/auth/libauth.a src/http/libhttp.a src/db/libdb.a src/sys/libsys.a src/base/libbase.a \
	$(LWS_LIBS) $(SPANDSP_LIBS) $(SPEEXDSP_LIBS) $(CURL_LIBS) $(PQ_LIBS) $(JWT_LIBS) $(PCRE2_LIBS) \
	$(CRYPTO_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(SYSTEMD_LIBS) -lm

# The benchmark of the voice compiles these by itself; here they show that they still can be.
check_PROGRAMS += tests/bench/voice_ends tests/bench/bare_relay
tests_bench_voice_ends_SOURCES = tests/bench/voice_ends.c tests/bench/voice_frames.c tests/bench/voice_frames.h \
	tests/bench/ws.c tests/bench/ws.h
tests_bench_voice_ends_LDADD = $(CRYPTO_LIBS) -lssl
tests_bench_bare_relay_SOURCES = tests/bench/bare_relay.c
tests_bench_bare_relay_CPPFLAGS = $(AM_CPPFLAGS) $(LWS_CFLAGS)
tests_bench_bare_relay_LDADD = $(LWS_LIBS)
