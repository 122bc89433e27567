#ifndef RULE_TEMPLATE_H
#define RULE_TEMPLATE_H

#include "rule/field.h"

/*
 * Text with fields put in: ${path}, ${path:-default}, and behind either
 * |upper, |lower (ASCII), |json (with its quotes), |truncate(N characters).
 * `$${` is a literal `${`. One pass: what is put in is never looked at again,
 * and nothing can fail once the template is compiled.
 */
struct template;

#define TEMPLATE_MAX 65536	/* bytes of a rendered text */

/* How a template gets its refs; NULL and a line in *err: no such field. */
struct template_fields {
	const struct ref *(*find)(struct str path, void *arg, struct err *err);
	void *arg;
};

/* In arena. NULL: err says what is wrong. */
const struct template *template_new(struct arena *arena, struct str text,
				    const struct template_fields *fields,
				    struct err *err);

/* Append at most up to out's maximum. Returns how many fields were missing and
 * had no default. */
size_t template_render(const struct template *t, struct facts *f,
		       struct buf *out);

/* The first field that may change within one alarm's life; NULL: none. */
const struct ref *template_passing(const struct template *t);
/* The i-th field; NULL: there are no more. */
const struct ref *template_field(const struct template *t, size_t i);
/* The whole text where it has no fields; else STR_NONE. */
struct str template_literal(const struct template *t);

#endif
