#ifndef STACKFLOW_LOOP_H
#define STACKFLOW_LOOP_H

#include "stackflow/call.h"

/*
 * A client's own thread. All of struct sf_client, its struct rest included, is
 * that thread's alone once it has started, but for what never changes after
 * (base_url, the options); other threads leave calls in an inbox, under the
 * one lock, which is never held while anything is called or waited for but
 * the idling of close.
 */
struct sf_loop;

int sf_loop_start(struct sf_client *c, struct err *err) MUST_CHECK;
/* All that is left ends in the thread, then the thread does. False: this
 * process was forked off and has no such thread. */
bool sf_loop_stop(struct sf_client *c);

/* From any thread. The call is the loop's, 0, or -EAGAIN, -ESHUTDOWN. */
int sf_loop_post(struct sf_client *c, struct sf_call *call) MUST_CHECK;
int sf_loop_close(struct sf_client *c, unsigned timeout_ms) MUST_CHECK;
/* Takes bearer. */
int sf_loop_replace(struct sf_client *c, struct buf *bearer) MUST_CHECK;
void sf_loop_stats(const struct sf_client *c, struct sf_stats *out);
unsigned sf_loop_active(const struct sf_client *c);

/* In the thread, around done. */
void sf_loop_ending(struct sf_client *c);
void sf_loop_ended(struct sf_client *c);

#endif
