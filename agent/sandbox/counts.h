#ifndef AGENT_SANDBOX_COUNTS_H
#define AGENT_SANDBOX_COUNTS_H

#include "base/buf.h"

/*
 * What really arrived: requests by method and path, the busiest second in
 * any window, the most at once. Any thread.
 */
struct box_counts;
struct jsonw;

/* The most events within one second, or span_us, over all windows seen. */
struct box_window {
	int64_t *at_us;		/* ring */
	int64_t span_us;
	size_t size, first, n, peak;
};

int box_window_init(struct box_window *w, size_t size);
void box_window_fini(struct box_window *w);
/* How many fell into the span that ends now. */
size_t box_window_now(struct box_window *w, int64_t now_us);
void box_window_add(struct box_window *w, int64_t now_us);

struct box_counts *box_counts_new(void);
void box_counts_free(struct box_counts *c);
/* A request came; its path is counted with ids as {id}. */
void box_counts_begin(struct box_counts *c, struct str method, struct str path,
		      int64_t now_us);
void box_counts_end(struct box_counts *c, int status);
/* Members of the open object: requests, peak_per_second and so on. */
void box_counts_put(struct jsonw *w, struct box_counts *c);
void box_counts_reset(struct box_counts *c);

#endif
