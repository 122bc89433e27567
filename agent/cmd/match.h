#ifndef AGENT_CMD_MATCH_H
#define AGENT_CMD_MATCH_H

#include "base/buf.h"

struct json;

/*
 * A silence's match, as JSON, of one alarm: row has `alarm`, and `account` and
 * `region` where they are known. False: it has no alarm.
 */
bool match_put_alarm(struct buf *out, const struct json *row);
/* The same by its name alone. */
void match_put_name(struct buf *out, struct str name);

#endif
