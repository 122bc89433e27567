#ifndef STACKFLOW_CHANGES_H
#define STACKFLOW_CHANGES_H

#include "stackflow/stackflow.h"

/*
 * Changes, as GET /changes lists them. The pages name neither its filters nor
 * the fields of a change: what comes is judged row by row, since a filter that
 * StackFlow doesn't know would return everything.
 */
struct sf_change {
	struct str id;			/* its number, as people know it */
	struct str title;		/* or STR_NONE */
	struct str state;
};

sf_list sf_change_list;
/* The same; ends timeout_ms after its sending. */
int sf_change_list_within(struct sf_client *c, const char *query,
			  struct str next, unsigned timeout_ms, sf_done *done,
			  void *arg);

/* json: the change's fields as one JSON object. As sf_incident_create(). */
int sf_change_create(struct sf_client *c, struct str json, const char *key,
		     sf_done *done, void *arg);

/* Is row a change of this CI? Strings are row's own. */
bool sf_change_of(struct sf_change *out, const struct json *row,
		  struct str ci_id);

/* Is a change in this state still to be carried out, or being so? */
bool sf_change_open(struct str state);

#endif
