#ifndef AGENT_WATCH_H
#define AGENT_WATCH_H

#include "agent/agent.h"

/*
 * Looks at the daemon's parts once a second, in the janitor's thread, and
 * raises and clears the warnings that can be seen from outside of them.
 */
struct watch;

struct watch *watch_new(struct agent *a);	/* NULL: out of memory */
void watch_free(struct watch *w);

/* Every part has been started. r is the caller's thread's own. */
void watch_turn(struct watch *w, struct store_reader *r, int64_t now_ms);

/*
 * SNS says that this endpoint was unsubscribed from a topic; it is subscribed
 * again. From any thread.
 */
void watch_topic_dropped(struct agent *a, struct str arn);
void watch_topic_back(struct agent *a, struct str arn);

#endif
