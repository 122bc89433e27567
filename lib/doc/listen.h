#ifndef DOC_LISTEN_H
#define DOC_LISTEN_H

#include "doc/json.h"

/*
 * What the scanner tells of a document while it goes over it; the rest may
 * still turn out wrong. For this folder.
 */
struct scanned {
	bool member; /* of an object: it has a key */
	bool key_escaped, escaped;
	int depth; /* of the container it stands in; 0: the root */
	enum json_type type;
	struct str key, text; /* as they stand in the document: a string's
				 without its quotes, of a container nothing */
};

struct listener {
	/* A value, or a container's beginning. Negative: no more of it. */
	int (*value)(struct listener *l, const struct scanned *v);
	/* A container's end. NULL: nobody asks. */
	void (*end)(struct listener *l);
};

/* json_scan(), which l listens to. */
int json_scan_to(struct listener *l, struct str text, unsigned flags,
		 struct err *err);

#endif
