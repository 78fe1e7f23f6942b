/*
 * process_publish.c: a summary is sent by mail. All mails of a job are made and kept before the first is
 * sent, so that one that is tried again is the same to the last byte; each recipient has an exchange of his
 * own, and who has been sent his is not sent another.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "remote/letter.h"
#include "remote/letter_summary.h"
#include "remote/mail.h"
#include "sys/crash.h"
#include "work/process.h"

/* The mails of one job. */
struct posting {
	struct task task;
	struct mailer mailer;
	const char *plan; /* JSON: those that were made */
	bool holds;       /* the job is still ours */
	struct outgoing {
		const char *to, *message;
	} * mails; /* those to be sent */
	int count, at;
	bool sent;           /* the present one: or else refused */
	const char *refused; /* why one was, for good */
	const char *later;   /* why one could not be sent now */
};

static void send_next(struct task *t);

/* ---- reports ---- */

static enum rc
report_plan(struct task *t)
{
	struct posting *m = (struct posting *)t;

	return job_mails_plan(task_db(t), &t->held, m->plan, &m->holds);
}

static enum rc
report_mail(struct task *t)
{
	struct posting *m = (struct posting *)t;

	return job_mailed(task_db(t), &t->held, m->mails[m->at].to, m->sent);
}

static enum rc
report_published(struct task *t)
{
	return job_published(task_db(t), &t->held);
}

/* ---- sending ---- */

static void
note_and_go_on(struct posting *m, bool sent)
{
	m->sent = sent;
	crash_point("process.mail_sent");
	task_tell(&m->task, report_mail, send_next);
}

static void
handed_over(struct fetch_result *result, void *arg)
{
	struct posting *m = arg;
	struct task *t = &m->task;
	struct mail_answer answer;
	enum rc rc = mail_read(result, t->arena, &answer);
	bool any = answer.away || answer.settings; /* any mail would fare so */

	if (any)
		task_vendor_away(t, 0);
	else
		task_vendor_well(t);
	if (rc == RC_OK) {
		note_and_go_on(m, true);
	} else if (any) {
		task_wrong(t, "mail", answer.error, rc == RC_INVALID ? -1 : 0);
	} else if (rc == RC_INVALID) {
		m->refused = answer.error;
		note_and_go_on(m, false);
	} else {
		m->later = answer.error;
		send_next(t);
	}
}

/* Those who could not be sent theirs now are tried again first; who refuses, fails the job in the end. */
static void
finish(struct posting *m)
{
	if (m->later != NULL) {
		task_wrong(&m->task, "mail", m->later, 0);
	} else if (m->refused != NULL) {
		task_wrong(&m->task, "mail", m->refused, -1);
	} else {
		task_end(&m->task, report_published);
		crash_point("process.published");
	}
}

static void
send_next(struct task *t)
{
	struct posting *m = (struct posting *)t;
	struct mail_message message;
	struct fetch f;

	if (++m->at >= m->count) {
		finish(m);
		return;
	}
	message = (struct mail_message){ m->mails[m->at].to, m->mails[m->at].message,
		strlen(m->mails[m->at].message) };
	mail_request(&m->mailer, t->arena, &message, &f);
	task_ask(t, &f, handed_over);
}

static void
send_all(struct task *t)
{
	struct posting *m = (struct posting *)t;
	struct rows *rows;

	crash_point("process.mail_planned");
	if (!m->holds) {
		task_drop(t);
		return;
	}
	if (job_mails(task_db(t), &t->held, &rows) != RC_OK) {
		task_wrong(t, "mail", "The mails could not be read", 0);
		return;
	}
	m->mails = arena_alloc(t->arena, ((size_t)rows_count(rows) + 1) * sizeof *m->mails);
	for (int i = 0; i < rows_count(rows); i++) {
		if (rows_bool(rows, i, JOB_MAIL_REFUSED)) {
			m->refused = "The mail server has refused a recipient";
			continue;
		}
		m->mails[m->count++] = (struct outgoing){ rows_copy(t->arena, rows, i,
							      JOB_MAIL_RECIPIENT),
			rows_copy(t->arena, rows, i, JOB_MAIL_MESSAGE) };
	}
	rows_free(rows);
	m->at = -1;
	send_next(t);
}

/* ---- the letters ---- */

static const char *
text_in(json_t *result, const char *name)
{
	return json_string_value(json_object_get(result, name));
}

/* What the mails say; the texts of the letter are in the arena. */
static struct letter
write_letter(struct posting *m, const struct rows *rows, int i)
{
	struct task *t = &m->task;
	json_t *result = task_json(t, rows_text(rows, i, JOB_RESULT));
	const struct letter_call call = {
		.summary = rows_text(rows, i, JOB_SUMMARY),
		.outcome = text_in(result, "outcome"),
		.sentiment = text_in(result, "sentiment"),
		.action_items = json_object_get(result, "action_items"),
		.fields = json_object_get(result, "extracted"),
		.job_id = t->held.job_id,
		.call_id = rows_text(rows, i, JOB_CALL_ID),
		.external_id = rows_text(rows, i, JOB_CALLER_ID),
		.duration_s = rows_text(rows, i, JOB_DURATION_SECONDS) != NULL
		    ? rows_int(rows, i, JOB_DURATION_SECONDS)
		    : -1,
		.created_s = rows_int(rows, i, JOB_CREATED_S),
	};
	struct letter letter = { .from = m->mailer.from, .date_s = clock_wall_us() / 1000000 };

	letter_summary(t->arena, &call, &letter);
	return letter;
}

/* One for each recipient; false when one cannot be made. */
static bool
make_mails(struct posting *m, struct letter *letter, json_t *recipients, json_t *mails)
{
	struct task *t = &m->task;
	json_t *recipient;
	const char *text;
	char *coded;
	size_t i, len;

	json_array_foreach(recipients, i, recipient)
	{
		letter->to = json_string_value(recipient);
		letter->message_id = letter_message_id(
		    t->arena, t->held.job_id, letter->to, m->mailer.hello);
		if ((text = letter_render(t->arena, letter, &len)) == NULL)
			return false;
		coded = arena_alloc(t->arena, 4 * ((len + 2) / 3) + 1);
		digest_base64(text, len, coded);
		json_array_append_new(
		    mails, json_pack("{s:s, s:s}", "recipient", letter->to, "message", coded));
	}
	return true;
}

void
process_publish(struct processor *p, const struct rows *rows, int i)
{
	struct posting *m = (struct posting *)task_new(p, JOB_PUBLISH, rows, i, sizeof *m);
	struct task *t = &m->task;
	json_t *recipients = task_json(t, rows_text(rows, i, JOB_RECIPIENTS));
	json_t *mails = json_array();
	struct letter letter;

	m->mailer = task_env(t)->mailer;
	m->mailer.hello = mail_hello(t->arena, task_env(t)->carrier.public_url);
	letter = write_letter(m, rows, i);
	if (!make_mails(m, &letter, recipients, mails)) {
		json_decref(mails);
		task_wrong(t, "mail", "The mail could not be made: see smtp.from", -1);
		return;
	}
	m->plan = task_text(t, mails);
	task_tell(t, report_plan, send_all);
}
