/*
 * hand_over.c: for check_mail: hands the mail on standard input to a server, once, and prints what came of
 * it: the result's name, "unknown" where the server may have it, and the sentence for the operator.
 * Arguments: URL TLS CA-FILE USER PASSWORD FROM TO; without TO the server is only tried. "" where there is
 * none.
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "remote/mail.h"

#define MAIL_MAX (8u << 20)

static enum rc
hand_over(const struct mailer *m, struct arena *a, const char *to, struct mail_answer *answer)
{
	struct fetch_result result;
	struct fetch f;
	struct buf text;
	char block[4096];
	size_t n;
	enum rc rc;

	buf_init(&text, MAIL_MAX);
	while ((n = fread(block, 1, sizeof block, stdin)) > 0)
		buf_add(&text, block, n);
	mail_request(m, a, &(struct mail_message){ to, text.data, text.len }, &f);
	f.total_ms = 2000; /* what stalls is not waited for so long here */
	fetch_wait(&f, &result);
	rc = mail_read(&result, a, answer);
	fetch_result_free(&result);
	buf_free(&text);
	return rc;
}

int
main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct mail_answer answer;
	struct mailer m;
	enum rc rc;

	if (argc < 7)
		return 2;
	log_open("hand_over", LOG_LEVEL_ERROR);
	fetch_init();
	m = (struct mailer){ .url = argv[1],
		.tls = argv[2],
		.ca_file = argv[3][0] != '\0' ? argv[3] : NULL,
		.username = argv[4],
		.password = argv[5],
		.from = argv[6],
		.hello = "offhook.test" };
	rc = argc > 7 ? hand_over(&m, a, argv[7], &answer) : mail_probe(&m, a, &answer);
	printf("%s%s\n%s\n", rc_name(rc), answer.unknown ? " unknown" : "",
	    answer.error != NULL ? answer.error : "");
	arena_free(a);
	return 0;
}
