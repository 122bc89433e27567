#ifndef DOC_READ_H
#define DOC_READ_H

#include "doc/json.h"

enum {			/* beside the flags of doc/json.h */
	JSON_OWN = 4,	/* nothing is borrowed: text may go */
};

/*
 * json_parse() for a document that is only read, and while text lies there:
 * strings without escapes are borrowed from it, the rest is one block, for a
 * fraction of what a tree costs to build and to free. Where a container holds
 * many values it is a tree all the same, in which a name is found at once.
 * json_free(). Not for JSON_SECRET: what had escapes isn't overwritten.
 */
int json_read(struct json **out, struct str text, unsigned flags,
	      struct err *err) MUST_CHECK;

#endif
