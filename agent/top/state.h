#ifndef AGENT_TOP_STATE_H
#define AGENT_TOP_STATE_H

#include "agent/top/prompt.h"
#include "agent/top/top.h"
#include "doc/json.h"

/* What the parts of the live view share. */

enum view {
	VIEW_INCIDENTS, VIEW_HELD, VIEW_DEAD, VIEW_EVENTS, VIEW_SILENCES, VIEWS
};

enum order { ORDER_PRIORITY, ORDER_AGE, ORDER_REPEATS, ORDERS };

#define SAMPLES 31		/* of counters: a minute's */
#define ID_MAX 64
#define FILTER_MAX 200

struct sample {
	int64_t mono_ms, alarms, incidents, notes;
};

struct top_list {
	struct json *answer;	/* NULL: none yet, or it is in the status */
	const struct json **rows;	/* of it: filtered, in order */
	size_t count;
	bool more;		/* older ones weren't asked for */
	char id[ID_MAX];	/* of the row that is chosen */
	size_t at, first;	/* its number; the first that is shown */
	struct buf filter;
};

struct top_errand {		/* a request that comes again and again */
	bool under_way;
	unsigned turn;		/* answers to older ones are dropped */
	int64_t due_ms;		/* mono; INT64_MAX: never */
	int64_t begun_ms;
};

struct top {
	char user[ID_MAX];
	struct json *status, *series;
	int64_t answered_ms, answered_wall_ms;	/* 0: not yet */
	char problem[512];	/* why there was no answer since */
	struct sample samples[SAMPLES];
	size_t sample_count;
	char started[40];	/* the agent that they are of */

	enum view view;
	enum order order;
	struct top_list lists[VIEWS];
	size_t page;		/* rows that the list has on the screen */

	bool detail;		/* one thing is shown in the list's place */
	enum view detail_of;
	char detail_id[ID_MAX];
	struct json *detail_answer, *explain;
	char detail_problem[512];
	size_t detail_first, detail_lines;

	struct prompt prompt;
	bool pasting, help, done, background;
	struct top_errand errands[TOP_WHATS];
	struct buf act_path, act_body;	/* what is to be done */
	char act_done[160];	/* what to say then */
	char said[600];		/* in the last line but one */
	bool said_bad;
	int64_t said_until_ms;
};

/* ---- rows.c ---- */

extern const char *const view_names[VIEWS];

/* After an answer, another filter or order: the chosen row stays chosen. */
void rows_choose(struct top *t, enum view v);
/* NULL where there is none. */
const struct json *rows_chosen(const struct top *t);
void rows_move(struct top *t, long by);
/* As it stands in paths, and for people. */
void rows_id(struct buf *out, enum view v, const struct json *row);
void rows_label(struct buf *out, enum view v, const struct json *row);
void rows_draw(struct grid *g, struct top *t, int from, int to,
	       const struct top_now *now);
const struct json *rows_array(const struct top *t, enum view v);

/* ---- health.c: what is wrong, the worst first ---- */

enum health { HEALTH_OK, HEALTH_WATCH, HEALTH_ACT };

struct trouble {
	enum health level;
	char text[300], advice[300];
};

#define TROUBLES_MAX 32
size_t health_troubles(struct trouble *out, const struct json *status);
/* The one sentence; its level is returned. */
enum health health_sentence(struct buf *out, const struct top *t,
			    const struct top_now *now);
bool health_silent(const struct top *t, const struct top_now *now);

/* ---- head.c, detail.c, keys.c, act.c ---- */

/* Returns the first row below it. */
int head_draw(struct grid *g, const struct top *t, const struct top_now *now);
void detail_draw(struct grid *g, struct top *t, int from, int to,
		 const struct top_now *now);

void state_say(struct top *t, const struct top_now *now, bool bad,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Another list is wanted, or another thing: what was asked is too old. */
void state_renew(struct top *t, enum top_what what, int64_t due_ms);

/* Begins what a key stands for, asking first where that is needed. */
void act_begin(struct top *t, enum act act, const struct top_now *now);
/* The question was answered. */
void act_answered(struct top *t, const struct top_now *now);

/* ---- words.c: words that several views use ---- */

/* A member as text: numbers and words as they are, nothing for null. */
void words_member(struct buf *out, const struct json *v, const char *key);
/* "5m", as in clock_put_span(), with one unit or two. */
void words_span(struct buf *out, int64_t ms);
/* The span from then to now, or to then; false: no such time. */
bool words_age(struct buf *out, const struct json *v, const char *key,
	      const struct top_now *now);
bool words_left(struct buf *out, const struct json *v, const char *key,
	       const struct top_now *now);
bool words_time(int64_t *out_ms, const struct json *v, const char *key);

#endif
