#ifndef AGENT_TOP_TOP_H
#define AGENT_TOP_TOP_H

#include "agent/top/grid.h"
#include "agent/top/key.h"

/*
 * The live view as a machine without clock, terminal or network: keys and the
 * agent's answers go in, requests to it and what a terminal shows come out.
 */
struct top;

struct top_now {
	int64_t wall_ms, mono_ms;
};

enum top_what {			/* of a request, and so of its answer */
	TOP_STATUS, TOP_SERIES, TOP_LIST, TOP_DETAIL, TOP_EXPLAIN, TOP_ACT,
	TOP_WHATS
};

struct top_request {
	enum top_what what;
	unsigned turn;
	const char *method;
	struct buf path, body;	/* begun empty, yours */
};

struct top_answer {
	enum top_what what;	/* as the request's */
	unsigned turn;
	int status;		/* HTTP's; 0: none came */
	struct str body;
	const char *problem;	/* where it is 0, or 400 and more */
};

/* user: who makes a silence, if that is known. NULL: out of memory. */
struct top *top_new(const char *user);
void top_free(struct top *t);

/* The next thing to ask now; false: nothing. Each is told its answer once. */
bool top_ask(struct top_request *out, struct top *t,
	     const struct top_now *now);
void top_told(struct top *t, const struct top_answer *a,
	      const struct top_now *now);

void top_key(struct top *t, const struct key *k, const struct top_now *now);
/* Somebody wants to leave; or to put it into the background, told once. */
bool top_done(const struct top *t);
bool top_wants_background(struct top *t);

void top_draw(struct grid *g, struct top *t, const struct top_now *now);

/* One incident as the admin API tells it, in lines for people. */
struct json;
struct term;
void top_put_incident(struct buf *out, const struct json *incident,
		      const struct term *term);

/* The whole, on a terminal, until somebody leaves: an exit status. */
struct top_options {
	const char *conf;	/* -c FILE, or NULL */
	bool colour;
};
int top_run(const struct top_options *o);

#endif
