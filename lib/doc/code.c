#include "doc/code.h"

#include "doc/fault.h"

#define CODES_MAX 200

const struct fault_code *fault_code_find(struct str code)
{
	const struct fault_code *c = fault_codes();

	while (c->code && !str_is(code, c->code))
		c++;
	return c->code ? c : NULL;
}

const char *fault_code_nearest(struct str code)
{
	const char *names[CODES_MAX + 1];
	const struct fault_code *c = fault_codes();
	size_t n = 0;

	for (; n < CODES_MAX && c[n].code; n++)
		names[n] = c[n].code;
	names[n] = NULL;
	return fault_nearest(code, names);
}

/* Every line of an example stands behind its word or below it. */
static void put_example(struct buf *out, const char *word, const char *text)
{
	struct str all = str_from(text), line;

	buf_printf(out, "\n%s:\n", word);
	while (str_cut(&all, '\n', &line))
		buf_printf(out, "  %.*s\n", STR_ARG(line));
}

void fault_code_put(struct buf *out, const struct fault_code *c)
{
	buf_printf(out, "%s\n  %s\n  %s\n", c->code, c->means, c->why);
	if (c->wrong)
		put_example(out, "wrong", c->wrong);
	if (c->right)
		put_example(out, "right", c->right);
}
