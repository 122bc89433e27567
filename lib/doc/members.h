#ifndef DOC_MEMBERS_H
#define DOC_MEMBERS_H

#include "doc/json.h"

/*
 * What the scanner tells of the outermost object's members while it goes over
 * them; the rest of the document may still turn out wrong. For this folder.
 */
struct scanned_member {
	struct str key, value;	/* as they stand between their quotes */
	bool key_escaped, value_escaped;
	enum json_type type;	/* value is set for a string alone */
};

struct member_sink {
	int (*put)(struct member_sink *sink, const struct scanned_member *m);
};

/* json_scan(), which sink listens to. */
int json_scan_to(struct member_sink *sink, struct str text, unsigned flags,
		 struct err *err);

#endif
