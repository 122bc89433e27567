#ifndef AGENT_SANDBOX_DELIVER_H
#define AGENT_SANDBOX_DELIVER_H

#include "base/buf.h"
#include "base/err.h"

/*
 * SNS's deliveries: a thread that posts bodies to endpoints with SNS's
 * headers, its Basic handshake and its retries, and a log of how each ended.
 */
struct box_deliver;
struct box_settings;
struct jsonw;

struct box_post {
	const char *type;		/* "Notification", ... */
	struct str message_id, topic_arn, subscription_arn, url, body;
	struct str authorization;	/* "Basic ..."; STR_NONE: none */
	bool raw;
};

enum box_end { BOX_PENDING, BOX_DELIVERED, BOX_FAILED };

struct box_outcome {
	enum box_end end;
	int status, attempts;		/* status of the last one; 0: none */
	char problem[128];
};

int box_deliver_new(struct box_deliver **out, const struct box_settings *s,
		    const char *trust, struct err *err) MUST_CHECK;
int box_deliver_start(struct box_deliver *d, struct err *err) MUST_CHECK;
void box_deliver_free(struct box_deliver *d);	/* stops it too */

/* Begin a delivery from any thread: its id (> 0), or -ENOMEM. */
int64_t box_deliver_post(struct box_deliver *d, const struct box_post *post);
/* False where id is no more (or not yet) in the log. */
bool box_deliver_outcome(struct box_outcome *out, struct box_deliver *d,
			 int64_t id);
/* Members of the open object: counts, and the newest of the log. */
void box_deliver_put(struct jsonw *w, struct box_deliver *d,
		     struct str message_id, int64_t limit);

#endif
