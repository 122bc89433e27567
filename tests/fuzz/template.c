/*
 * A template before the first newline, the value of its fields behind it:
 * what comes out is bounded, and literal text comes out as it is.
 */
#include <stdlib.h>

#include "rule/template.h"
#include "rule/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ref *find(struct str path, void *arg, struct err *err)
{
	struct ref *ref = arena_alloc(arg, sizeof(*ref));
	const char *near;

	(void)err;
	return ref && ref_parse(ref, path, &near) == 0 ? ref : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, text;
	struct arena *arena = arena_new(256 << 20);
	const struct template_fields fields = { find, arena };
	struct alarm a = { .source = "x", .kind = "y", .time_ms = 1 };
	struct facts facts = { .alarm = &a, .arena = arena };
	struct buf out = BUF_INIT(TEMPLATE_MAX);
	const struct template *t;
	struct err err = { "" };

	if (!str_cut(&rest, '\n', &text))
		text = rest = STR("");
	t = template_new(arena, text, &fields, &err);
	a.name = a.reason = a.region = rest;
	if (t) {
		template_render(t, &facts, &out);
		if (buf_error(&out) || out.n > TEMPLATE_MAX)
			abort();
		if (template_literal(t).p &&
		    !str_eq(template_literal(t), buf_str(&out)))
			abort();
		template_passing(t);
		text_line(arena, buf_str(&out), 160);
		text_block(arena, buf_str(&out), 1000);
	}
	if (arena_error(arena))
		abort();
	buf_fini(&out);
	arena_free(arena);
	return 0;
}
