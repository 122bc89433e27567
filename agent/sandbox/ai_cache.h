#ifndef AGENT_SANDBOX_AI_CACHE_H
#define AGENT_SANDBOX_AI_CACHE_H

#include "base/buf.h"

/* Answers that may be served again until their time is over. Any thread. */
struct box_cache;

struct box_cache *box_cache_new(void);	/* NULL: out of memory */
void box_cache_free(struct box_cache *c);
/* Append the answer. */
bool box_cache_get(struct buf *out, struct box_cache *c, struct str key,
		   int64_t now_ms);
void box_cache_put(struct box_cache *c, struct str key, struct str answer,
		   int64_t until_ms);
void box_cache_clear(struct box_cache *c);

#endif
