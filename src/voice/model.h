/*
 * model.h: what the engines of real-time models have in common: a connection that is made anew when it
 * breaks, sound that waits for it, and an end that may come from within anything that is told.
 */
#ifndef VOICE_MODEL_H
#define VOICE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "voice/backlog.h"
#include "voice/engine.h"
#include "voice/history.h"
#include "voice/link.h"

/* What an engine does about its model. */
struct model_ops {
	const char *name; /* for the operator */
	/* Where to: fills url (a buffer that lives as long), header and header_value. */
	void (*address)(struct engine *e, struct buf *url, struct link_setup *setup);
	/* It is connected. May be NULL. */
	void (*opened)(struct engine *e);
	/* False: the message is none of the protocol, so the connection is given up. */
	bool (*message)(struct engine *e, char *bytes, size_t len);
	/* The connection has ended: whether another may do better. */
	bool (*worth_it)(struct engine *e, const struct link_end *end);
	/* A frame of the callee, to be sent now. */
	void (*hear)(struct engine *e, const char *base64, size_t len);
	/* Frees what is the engine's own, and the engine. */
	void (*release)(struct engine *e);
	int64_t keep_ms; /* so much of the callee waits for the model */
};

struct model {
	const struct model_ops *ops;
	struct engine *engine;
	struct links *links;
	const struct engine_told *told;
	void *arg;
	struct link *link;
	struct alarm *alarm;
	struct backlog early; /* sound that waits for the model */
	struct history history;
	struct buf out; /* the message that is being made */
	int64_t ready_us;
	int life;        /* of connections, from 1 */
	int tries;       /* connections in a row that were no good */
	bool ready;      /* the model takes sound */
	bool held;       /* … and is to get none yet */
	bool told_ready; /* the session knows it */
	bool busy;       /* something is being told, or may be … */
	bool ended;      /* … and the session has ended it */
	bool dead;       /* it has failed for good */
};

/* The first connection is begun. All is zero before but held. */
void model_begin(struct model *m, const struct model_ops *ops, struct engine *e,
    const struct engine_setup *setup, const struct engine_told *told, void *arg);
/* Frees it, and the engine by ops->release(), once nothing of it is running. */
void model_end(struct model *m);
/* Whether something may still be told. */
bool model_alive(const struct model *m);

/* The model takes sound from now on: what has waited is sent; then told, the first time. */
void model_ready(struct model *m);
/* Sends what was made in m->out, and empties that. */
void model_send(struct model *m, enum backlog_kind kind);
/* A frame of the callee: to ops->hear(), now or a little later. */
void model_hear(struct model *m, const char *base64, size_t len);
/* Sound is held no longer: what has waited is sent first. */
void model_listen(struct model *m);
/* It goes on in another connection: one that ends soon. */
void model_move(struct model *m);
/* Something went wrong: told with the model's name in front. For good: it is dead. */
void model_fail(struct model *m, const char *what, bool for_good);

#endif
