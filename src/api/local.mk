noinst_LIBRARIES += src/api/libapi.a
src_api_libapi_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
src_api_libapi_a_SOURCES = \
	src/api/gate.c \
	src/api/gate.h \
	src/api/talk.c \
	src/api/talk.h \
	src/api/twiml.c \
	src/api/twiml.h \
	src/api/describe.c \
	src/api/describe.h \
	src/api/place.c \
	src/api/place.h \
	src/api/answers.c \
	src/api/bookings.c \
	src/api/calls.c \
	src/api/dnc.c \
	src/api/campaign_csv.c \
	src/api/campaign_csv.h \
	src/api/campaigns.c \
	src/api/config.c \
	src/api/events.c \
	src/api/health.c \
	src/api/hooks.c \
	src/api/jobs.c \
	src/api/openapi.c \
	src/api/process.c \
	src/api/providers.c \
	src/api/recordings.c \
	src/api/listening.c \
	src/api/skills.c \
	src/api/tasks.c \
	src/api/tasks.h \
	src/api/transcripts.c \
	src/api/users.c \
	src/api/webhooks.c \
	src/api/why.c \
	src/api/routes.c \
	src/api/routes.h
