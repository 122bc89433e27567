#ifndef AGENT_STACKFLOW_SAY_H
#define AGENT_STACKFLOW_SAY_H

#include "agent/cmd/table.h"

struct json;
struct sf_ai_cost;

/* text in lines as wide as the terminal, each behind indent blanks; made safe
 * one by one. */
void say_text(struct buf *out, const struct term *t, size_t indent,
	      struct str text);
/* "NAME  text", further lines of it beneath each other. */
void say_named(struct buf *out, const struct term *t, const char *name,
	       struct str text);
/* All of a record: its head in one line, then field by field, then notes. */
void say_record(struct buf *out, const struct term *t, const struct json *v);
/* Which model, what it took: the last line of an AI's answer. */
void say_cost(struct buf *out, const struct term *t,
	      const struct sf_ai_cost *cost);
/* 0.87 as "87 %"; "" where it's none. */
void say_share(struct buf *out, double share);

/* Print and empty. 0, or the exit status: stdout can't be written. */
int say_out(struct buf *text);
/* One JSON document on a line of its own. */
int say_json(const struct json *v);

#endif
