/*
 * nouns.h: the tables of commands, one a noun, each in the file of that name. A table ends with a
 * row without a noun.
 */
#ifndef ADMIN_NOUNS_H
#define ADMIN_NOUNS_H

#include "admin/command.h"

extern const struct command migrate_commands[];
extern const struct command config_commands[];
extern const struct command tree_commands[];
extern const struct command key_commands[];
extern const struct command credit_commands[];
extern const struct command maintenance_commands[];
extern const struct command dialing_commands[];
extern const struct command rule_commands[];
extern const struct command limit_commands[];
extern const struct command audit_commands[];
extern const struct command level_commands[];
extern const struct command call_commands[];
extern const struct command job_commands[];
extern const struct command queue_commands[];
extern const struct command reconcile_commands[];
extern const struct command status_commands[];
extern const struct command webhook_commands[];
extern const struct command doctor_commands[];
extern const struct command top_commands[];

#endif
