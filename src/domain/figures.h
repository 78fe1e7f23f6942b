/* figures.h: the numbers of the whole installation, for /metrics and /readyz. */
#ifndef DOMAIN_FIGURES_H
#define DOMAIN_FIGURES_H

#include "base/err.h"
#include "db/db.h"

/* Rows of (name, label, value): Prometheus samples without their prefix. label may be NULL. */
enum { FIGURE_NAME, FIGURE_LABEL, FIGURE_VALUE };
enum rc figures_read(struct db *db, struct rows **rows) MUST_CHECK;

#endif
