/*
 * line.h: the dialer's picture of who waits: the first waiting call of each workspace and kind,
 * and calls that were set aside for a while. It says who is next; the claim in the database then
 * says whether that is still so. Memory grows with the workspaces that wait, not with the queue.
 */
#ifndef WORK_LINE_H
#define WORK_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct line;

struct line_pick {
	int64_t no;
	int lane;   /* its workspace and kind, until the line is reset */
	bool aside; /* it was set aside, and is not the head of its lane */
};

struct line *line_new(void);
void line_free(struct line *l);
/* Forgets everything. */
void line_reset(struct line *l);

/* A call waits. It becomes the head of its lane when it is earlier than the present one. */
void line_offer(struct line *l, const char *workspace, bool direct, int64_t no);

/* The next in turn: direct ones first, then by number; blocked lanes and calls set aside wait
 * until now_us has reached their time. false when there is none. */
bool line_pick(const struct line *l, int64_t now_us, struct line_pick *pick);
/* Whose lane it is; the text belongs to the line. */
const char *line_workspace(const struct line *l, int lane, bool *direct);
/* The picked call waits no more; next_no (0: none) is the head of its lane from now on. */
void line_advance(struct line *l, const struct line_pick *pick, int64_t next_no);
/* The picked call is to be tried again at that time; the lane goes on with next_no meanwhile.
 * When too many are set aside the whole lane waits instead. */
void line_set_aside(struct line *l, const struct line_pick *pick, int64_t next_no, int64_t at_us);
/* Puts a call that was claimed before back, to be tried at that time. By name: the line may have
 * been reset since it was picked. */
void line_put_back(struct line *l, const char *workspace, bool direct, int64_t no, int64_t at_us);
/* The workspace of the lane is at its cap: none of its calls is picked until line_unblock(). */
void line_block(struct line *l, int lane);
void line_unblock(struct line *l, const char *workspace);
/* At least so many calls as the workspace of the lane has in flight; -1 while nobody has said. */
int64_t line_in_flight(const struct line *l, int lane);
void line_set_in_flight(struct line *l, const char *workspace, int64_t in_flight);
/* Up to max blocked workspaces that wait, another set at each call. Texts belong to the line. */
int line_blocked(struct line *l, const char *names[], int max);

/* When line_pick() may find something next: 0 now, INT64_MAX when not before an offer. */
int64_t line_next_us(const struct line *l, int64_t now_us);

#endif
