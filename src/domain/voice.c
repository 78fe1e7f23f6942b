/* voice.c: see voice.h. */
#include "domain/voice.h"

#include <string.h>

static const struct statement offer_it = {
	"voice_offer",
	"SELECT fn.voice_offer($1, $2::uuid, $3, $4, $5, $6::bytea) = 'stream'",
	6,
};

enum rc
voice_offer(struct db *db, const struct voice_offer *offer, bool *stream)
{
	char max_talk[24];
	const char *values[] = { offer->call_id, offer->attempt_id, offer->call_sid,
		offer->answered_by, db_int(offer->max_talk_s, max_talk), offer->hash };
	struct rows *rows;
	enum rc rc = db_run(db, &offer_it, values, &rows);

	if (rc != RC_OK)
		return rc;
	*stream = rows_bool(rows, 0, 0);
	rows_free(rows);
	return RC_OK;
}

static const struct statement after_it = {
	"voice_after",
	"SELECT result, language, number, shown, seconds FROM fn.voice_after($1, $2, $3)",
	3,
};

enum rc
voice_after(struct db *db, struct arena *a, const char *call_id, const char *call_sid,
    int64_t max_talk_s, struct voice_after *after)
{
	char max_talk[24];
	const char *values[] = { call_id, call_sid, db_int(max_talk_s, max_talk) };
	struct rows *rows;
	enum rc rc = db_run(db, &after_it, values, &rows);
	const char *result;

	if (rc != RC_OK)
		return rc;
	result = rows_text(rows, 0, 0);
	after->next = strcmp(result, "dial") == 0 ? VOICE_DIAL
	    : strcmp(result, "sorry") == 0        ? VOICE_SORRY
						  : VOICE_HANG_UP;
	after->language = rows_copy(a, rows, 0, 1);
	after->number = rows_copy(a, rows, 0, 2);
	after->shown = rows_copy(a, rows, 0, 3);
	after->seconds = rows_int(rows, 0, 4);
	rows_free(rows);
	return RC_OK;
}

static const struct statement acts[] = {
	[VOICE_BEGIN] = { "voice_begin",
	    "SELECT brief, language, kind, slots, learnt, answered_by, since_ms, voicemail,"
	    " transfer_numbers FROM fn.voice_begin($1, $2, $3::bytea, $4, $5)",
	    5 },
	[VOICE_TOLD] = { "voice_told", "SELECT fn.voice_told($1, $2, $3, $4, $5)", 5 },
	[VOICE_SPOKE] = { "voice_spoke", "SELECT fn.voice_spoke($1)", 1 },
	[VOICE_NOTED] = { "voice_noted", "SELECT fn.voice_noted($1, $2, $3, $4)", 4 },
	[VOICE_KEYS] = { "voice_keys", "SELECT fn.voice_keys($1, $2, $3, $4)", 4 },
	[VOICE_ASK] = { "voice_ask", "SELECT fn.voice_ask($1, $2, $3, $4, $5, $6)", 6 },
	[VOICE_USED] = { "voice_used", "SELECT fn.voice_used($1, $2, $3)", 3 },
	[VOICE_END] = { "voice_end", "SELECT fn.voice_end($1, $2::call_outcome, $3, $4::json, $5)",
	    5 },
	[VOICE_NEWS] = { "voice_news",
	    "SELECT call_id, over, answered_by, questions FROM fn.voice_news($1::text[])", 1 },
};

enum rc
voice_run(struct db *db, enum voice_act act, const char *const values[VOICE_VALUES_MAX],
    struct rows **rows)
{
	return db_run(db, &acts[act], values, rows);
}
