#ifndef AGENT_ADMIN_LISTING_H
#define AGENT_ADMIN_LISTING_H

#include "agent/admin/api.h"
#include "base/arena.h"
#include "doc/jsonw.h"

/*
 * What most answers begin with: a reader, an arena and the page that was asked
 * for, with the errors in one place.
 */
struct listing {
	struct store_reader *reader;
	struct arena *arena;
	struct store_page page;		/* limit, before and a filter */
	void *rows;			/* page.limit of them */
};

/* filter: the parameter that is the page's, or NULL. False: answered. */
bool listing_init(struct listing *l, struct agent *a,
		  const struct web_request *req, const char *filter,
		  size_t row, struct api_answer *r);
void listing_fini(struct listing *l);

/*
 * ?name=value of at most max bytes, UTF-8 without control characters, in the
 * listing's arena; STR_NONE where absent or empty. False: answered.
 */
bool listing_text(struct str *out, struct listing *l,
		  const struct web_request *req, const char *name, size_t max,
		  struct api_answer *r);

/*
 * Ends what {"NAME":[ began. n: of the store, negative where it failed; next:
 * where the next page begins, 0: there is none.
 */
void listing_end(struct jsonw *w, struct api_answer *r, int n, int64_t next);
/* That of a list that ends where its limit does: last is the last one's id. */
int64_t listing_next(const struct listing *l, int n, int64_t last);

void listing_unreadable(struct api_answer *r);

#endif
