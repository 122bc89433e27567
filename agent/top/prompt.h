#ifndef AGENT_TOP_PROMPT_H
#define AGENT_TOP_PROMPT_H

#include "agent/top/key.h"
#include "base/buf.h"

enum act {
	ACT_NONE, ACT_FILTER, ACT_NOTE, ACT_RESOLVE, ACT_SILENCE,
	ACT_SILENCE_WHY, ACT_EXTEND, ACT_EXPIRE, ACT_RETRY, ACT_DROP,
};

/* One question at the foot of the screen: a line of text, or yes or no. */
struct prompt {
	enum act act;		/* ACT_NONE: nothing is asked */
	bool confirm;		/* yes or no */
	struct buf question;
	struct buf text;	/* what is being typed */
	size_t cursor;		/* bytes of it */
	struct buf target;	/* what it is about: an id, a match */
	struct buf label;	/* the same for people */
	struct buf first;	/* the answer to the question before */
};

void prompt_init(struct prompt *p);
void prompt_fini(struct prompt *p);
/* Ask; text is what stands there already. */
void prompt_ask(struct prompt *p, enum act act, const char *text);
void prompt_close(struct prompt *p);

/* A key of the line: moves, deletes, types; others do nothing. */
void prompt_edit(struct prompt *p, const struct key *k);

#endif
