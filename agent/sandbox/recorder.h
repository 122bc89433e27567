#ifndef AGENT_SANDBOX_RECORDER_H
#define AGENT_SANDBOX_RECORDER_H

#include "agent/sandbox/settings.h"
#include "agent/sandbox/wire.h"

/*
 * What is asked of StackFlow and Cognito and what they answer, without
 * secrets: the last ones for the page, all of them to a file. Any thread.
 */
struct box_recorder;

#define BOX_EXCHANGES 100	/* kept */

/* path: where each goes as a line of JSON, "-" for stdout; NULL: nowhere. */
int box_recorder_new(struct box_recorder **out,
		     const struct box_settings *settings, const char *path,
		     struct err *err) MUST_CHECK;
void box_recorder_free(struct box_recorder *r);
/* Before, nothing is written to stdout; what came until now is then. */
void box_recorder_print(struct box_recorder *r);
void box_recorder_add(struct box_recorder *r, const struct wire_request *req,
		      const struct wire_reply *reply, int64_t now_ms,
		      int64_t took_us);
/* {"exchanges": [...], "total": N}: the last limit of them, oldest first. */
void box_recorder_put(struct buf *out, struct box_recorder *r, size_t limit);
void box_recorder_clear(struct box_recorder *r);

#endif
