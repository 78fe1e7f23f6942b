/* env.h: what the work of the scheduler needs to know; filled from the settings by the program. */
#ifndef WORK_ENV_H
#define WORK_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/callrail.h"
#include "remote/carrier.h"
#include "remote/llm.h"
#include "remote/mail.h"
#include "remote/store.h"
#include "remote/stt.h"

struct work_env {
	const char *database_url;
	int statement_timeout_ms;
	struct carrier carrier;
	struct store store;         /* where the carrier may put recordings */
	struct stt stt;             /* who hears what was said in them */
	struct llm llm;             /* who reads what an agent did not understand, and summarises */
	bool talks;                 /* … and for the agent, turn by turn */
	double prompt_price;        /* of a million tokens that it reads … */
	double completion_price;    /* … and writes */
	int64_t context_tokens;     /* that it takes at once */
	struct mailer mailer;       /* who takes our mails; hello is not set */
	struct callrail callrail;   /* whose calls are fetched for workspaces */
	double cps;                 /* queue.cps */
	int64_t default_cap;        /* calls.default_max_concurrent */
	const char *recordings_dir; /* data_dir/recordings */
	const char *spool_dir;      /* data_dir/spool */
	int retention_days;         /* 0: for ever */
	const char *ca_file;        /* webhooks.ca_file, or NULL */
	bool anywhere;              /* webhooks.allow_private_networks */
	const char *backend_key;    /* providers.call_backend_key, or NULL */
	/* The job that the processor has in hand, or 0: in memory which outlives it, so that who comes next knows what
	 * it died of. */
	volatile int64_t *in_hand;
};

/* The life of each child of the scheduler, until a stop signal; the result is the exit status.
 * arg is a struct work_env. */
int work_dial(void *arg);
int work_wake(void *arg);
int work_watch(void *arg);
int work_record(void *arg);
int work_merge(void *arg);
int work_tell(void *arg);
int work_keep(void *arg);
int work_report(void *arg);
int work_appraise(void *arg);
int work_talk(void *arg);
int work_process(void *arg);
int work_unspool(void *arg);
int work_poll(void *arg);

#endif
