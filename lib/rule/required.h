#ifndef RULE_REQUIRED_H
#define RULE_REQUIRED_H

#include "rule/pattern.h"

/*
 * Calls each for pieces of text that every value which p accepts contains;
 * never for a list, and for none where nothing is sure.
 */
void required_each(const struct pattern *p, const struct ref *ref,
		   void (*each)(struct str piece, const struct ref *ref,
				void *arg),
		   void *arg);

#endif
