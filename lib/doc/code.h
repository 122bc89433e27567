#ifndef DOC_CODE_H
#define DOC_CODE_H

#include "base/buf.h"

/* What the code of a fault stands for, for whoever meets it. */
struct fault_code {
	const char *code;
	const char *means;	/* one sentence */
	const char *why;	/* why that is a fault, or what to do */
	const char *wrong, *right;	/* lines of an example; or NULL */
};

/* All, by name; ends with a NULL code. */
const struct fault_code *fault_codes(void);
const struct fault_code *fault_code_find(struct str code); /* or NULL */
/* The nearest known one, as fault_nearest(). */
const char *fault_code_nearest(struct str code);

void fault_code_put(struct buf *out, const struct fault_code *c);

#endif
