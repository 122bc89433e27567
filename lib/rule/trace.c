#include "rule/set.h"

void trace_add(struct trace *t, struct str where, struct str rule, bool matched,
	       struct str because)
{
	if (!t)
		return;
	if (t->count == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 32;
		struct trace_step *steps =
			arena_array(t->arena, cap, sizeof(*steps));

		if (!steps)
			return;
		if (t->count)
			memcpy(steps, t->steps, t->count * sizeof(*steps));
		t->steps = steps;
		t->cap = cap;
	}
	t->steps[t->count++] =
		(struct trace_step){ where, rule, matched, because };
}

void trace_match(struct trace *t, struct str where, struct str rule,
		 const struct match *m, struct run *run)
{
	struct buf why = BUF_INIT(32768);
	bool matched;

	if (!t)
		return;
	matched = match_explain(m, run, &why);
	trace_add(t, where, rule, matched, arena_str(t->arena, buf_str(&why)));
	buf_fini(&why);
}
