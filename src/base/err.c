/*
 * err.c: the names of the results.
 */
#include "base/err.h"

const char *
rc_name(enum rc rc)
{
	switch (rc) {
	case RC_OK:
		return "ok";
	case RC_INVALID:
		return "invalid";
	case RC_UNAUTHENTICATED:
		return "unauthenticated";
	case RC_NO_WORKSPACE:
		return "no workspace";
	case RC_FORBIDDEN:
		return "forbidden";
	case RC_NOT_FOUND:
		return "not found";
	case RC_CONFLICT:
		return "conflict";
	case RC_NO_CREDIT:
		return "no credit";
	case RC_LATER:
		return "later";
	case RC_BROKEN:
		return "broken";
	}
	return "unknown";
}
