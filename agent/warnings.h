#ifndef AGENT_WARNINGS_H
#define AGENT_WARNINGS_H

#include "agent/agent.h"

/*
 * Troubles of tocsin's own that somebody should look at, each by its code: a
 * row of warnings.tbl, explained in tocsin-runbook(7). Told by the log when
 * one comes and when it goes, by the metric tocsin_warning, by the status, and
 * by StackFlow where `self_alerts` asks for it.
 */
struct warnings;
struct jsonw;

enum warning {
#define WARNING(id, ...) WARNING_##id,
#include "agent/warnings.tbl"
#undef WARNING
	WARNING_COUNT,
};

/* A row of the table. */
struct warning_row {
	const char *code;
	bool bad;		/* alarms suffer; else it can wait for the day */
	int64_t after_ms;	/* a condition holds so long before it counts */
	int64_t linger_ms;	/* an occurrence counts for so long */
	int64_t alert_ms;	/* self_alerts: raised for so long; -1: never */
	const char *help, *advice;
};
extern const struct warning_row warning_rows[WARNING_COUNT];

struct warnings *warnings_new(void);	/* NULL: out of memory */
void warnings_free(struct warnings *w);

/*
 * It is there, or still there: text says what in a line that may change from
 * call to call, advice what to do; NULL: the row's. Cheap where nothing has
 * changed, so that whoever looks can say so each time. From any thread.
 */
void warning_raise(struct agent *a, enum warning id, const char *text,
		   const char *advice);
/* It isn't, or no more. */
void warning_clear(struct agent *a, enum warning id);

/* The same, at a moment. */
void warnings_raise(struct warnings *w, enum warning id, const char *text,
		    const char *advice, int64_t now_ms);
void warnings_clear(struct warnings *w, enum warning id, int64_t now_ms);
/* What happened so long ago that it no more counts is cleared. */
void warnings_expire(struct warnings *w, int64_t now_ms);

/* What is raised of a row: since when (wall clock); 0: it isn't. */
#define WARNING_TEXT 512
struct warning_state {
	int64_t since_ms, until_ms;
	char text[WARNING_TEXT], advice[WARNING_TEXT];
};
int64_t warnings_since(struct warnings *w, enum warning id);
/* The same, and all of it. */
int64_t warnings_read(struct warning_state *out, struct warnings *w,
		      enum warning id);

/* An array of {code, level, since, text, advice}, the worst first. */
void warnings_put(struct jsonw *w, struct warnings *list);
/* Lines of "warning CODE: text". */
void warnings_list(struct buf *out, struct warnings *list);
/* tocsin_warning{code}, each row 0 or 1. */
void warnings_metrics(struct buf *out, struct warnings *list);

#endif
