/*
 * line.h: the dialer's picture of who waits: the first waiting call of each lane, and calls that were set
 * aside for a while. It says who is next; the claim in the database then says whether that is still so.
 * Memory grows with the lanes in which somebody waits, not with the queue.
 *
 * Order of service:
 *   - direct calls before all others
 *   - of the rest, calls whose time has come and the others by turns
 *   - inside each of the three, customers share by weight: one of weight 2 is dialed twice as often as one
 *     of weight 1. A call that nothing else holds back waits, inside its kind, for at most
 *     floor(w / w') + 1 dials of each other customer, of weight w against its own w'; for at most one of
 *     each when its customer has had no more than his share
 *   - of one customer: high before normal before low, and lanes of the same rank by turns, so that a short
 *     lane need not wait for the end of a long one
 * A customer whose calls are claimed in vain goes behind the others until somebody is dialed.
 */
#ifndef WORK_LINE_H
#define WORK_LINE_H

#include <stdbool.h>
#include <stdint.h>

struct line;

/* The name of a lane, as in call_queue. */
struct line_lane {
	const char *workspace;
	int rank; /* 0 direct, 1 timed, 2 high, 3 normal, 4 low */
	const char *name;
};

struct line_pick {
	int64_t no;
	int lane;   /* its lane, until the line is reset or read anew */
	bool aside; /* it was set aside, and is not the head of its lane */
};

struct line *line_new(void);
void line_free(struct line *l);
/* Forgets everything. */
void line_reset(struct line *l);

/* A call waits. It becomes the head of its lane when it is earlier than the present one. */
void line_offer(struct line *l, const struct line_lane *lane, int64_t no);

/* Reading all heads anew: begin, offer each, end. What is known of lanes and customers that go on waiting
 * stays: whose turn it is, what holds them, how much they have in flight. */
void line_begin_reading(struct line *l);
void line_end_reading(struct line *l);

/* The next in turn; what is blocked, held or set aside waits until now_us has reached its time. false
 * when there is none. */
bool line_pick(struct line *l, int64_t now_us, struct line_pick *pick);
/* Whose lane it is; the texts belong to the line. */
struct line_lane line_lane_of(const struct line *l, int lane);

/* The picked call is dialed, for a customer of that weight; next_no (0: none) is the head of its lane from
 * now on. */
void line_dialed(struct line *l, const struct line_pick *pick, int64_t next_no, int weight);
/* The picked call waits no more, and was not dialed. */
void line_advance(struct line *l, const struct line_pick *pick, int64_t next_no);
/* The picked call is to be tried again at that time; the lane goes on with next_no meanwhile.
 * When too many are set aside the whole lane waits instead. */
void line_set_aside(struct line *l, const struct line_pick *pick, int64_t next_no, int64_t at_us);
/* Puts a call that was claimed before back, to be tried at that time. By name: the line may have
 * been reset since it was picked. */
void line_put_back(struct line *l, const struct line_lane *lane, int64_t no, int64_t at_us);

/* The lane waits until that time; LINE_UNKNOWN: until line_release(). */
#define LINE_UNKNOWN INT64_MAX
void line_hold(struct line *l, int lane, int64_t at_us);
/* The lanes of that workspace and name, of whatever rank, need not wait any more. */
void line_release(struct line *l, const char *workspace, const char *name);
/* Up to max lanes that wait for line_release(), another set at each call. Texts belong to the line. */
int line_held(struct line *l, struct line_lane lanes[], int max);

/* The workspace of the lane is at its cap: none of its calls is picked until line_unblock(). */
void line_block(struct line *l, int lane);
void line_unblock(struct line *l, const char *workspace);
/* Up to max blocked workspaces, another set at each call. Texts belong to the line. */
int line_blocked(struct line *l, const char *names[], int max);

/* At least so many calls as the workspace of the lane has in flight, and as the lanes of its name have;
 * -1 while nobody has said. */
int64_t line_in_flight(const struct line *l, int lane);
int64_t line_lane_in_flight(const struct line *l, int lane);
void line_set_in_flight(struct line *l, const char *workspace, int64_t in_flight);
void line_set_lane_in_flight(
    struct line *l, const char *workspace, const char *name, int64_t in_flight);

/* When line_pick() may find something next: 0 now, INT64_MAX when not before an offer. */
int64_t line_next_us(const struct line *l, int64_t now_us);

#endif
