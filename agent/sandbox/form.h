#ifndef AGENT_SANDBOX_FORM_H
#define AGENT_SANDBOX_FORM_H

#include "base/arena.h"
#include "base/buf.h"

/*
 * The first value of name in "a=1&b=2", decoded into arena; STR_NONE where
 * absent or wrongly escaped.
 */
struct str box_form_get(struct str form, const char *name, struct arena *a);

struct wire_reply;

/* {"error": code, "message": text}, as StackFlow's answers. */
void box_reply_error(struct wire_reply *r, int status, const char *code,
		     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
