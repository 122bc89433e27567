#ifndef AGENT_SANDBOX_SUB_H
#define AGENT_SANDBOX_SUB_H

#include "base/buf.h"
#include "base/err.h"

/* One subscription: who gets a topic's messages, and in which form. */
struct json;
struct jsonw;

enum box_sub_state { BOX_SUB_PENDING, BOX_SUB_CONFIRMED, BOX_SUB_ENDED };

struct box_sub {
	struct box_sub *next;
	struct buf arn, topic, url, authorization, token;
	bool raw;
	int version;		/* SignatureVersion */
	/* Alone it changes, under the lock of the list. */
	enum box_sub_state state;
};

struct box_sub *box_sub_new(void);	/* NULL: out of memory */
void box_sub_free(struct box_sub *sub);
/* Did every text fit? */
bool box_sub_whole(const struct box_sub *sub);

/* https://user:password@host/path, the credentials as their header. */
int box_sub_endpoint(struct box_sub *sub, struct str endpoint,
		     struct err *err) MUST_CHECK;

/* As one JSON object, with the credentials or without, and back. */
void box_sub_put(struct jsonw *w, const struct box_sub *sub, bool secrets);
struct box_sub *box_sub_read(const struct json *v);	/* NULL: not one */

#endif
