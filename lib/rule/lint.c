/* What is allowed, and probably not meant. */
#include "rule/set.h"

/* The moment after which a window never opens again; 0: there is none. */
static int64_t last_moment(const struct window *w)
{
	return w->count ? w->until_ms : w->ends_ms;
}

static void lint_window(struct faults *faults, const struct rule_file *f,
			const struct window *w, int64_t now_ms)
{
	if (!w->used)
		fault_add(faults, FAULT_WARNING, "unused-window", f->name,
			  w->line, w->column,
			  "no entry of `suppress` names the window `%.*s`",
			  STR_ARG(w->name));
	if (last_moment(w) && last_moment(w) <= now_ms)
		fault_add(faults, FAULT_WARNING, "expired-window", f->name,
			  w->line, w->column,
			  "the window `%.*s` is over and never opens again: "
			  "what it held back now opens incidents",
			  STR_ARG(w->name));
}

void ruleset_lint(const struct ruleset *r, int64_t now_ms,
		  struct faults *faults)
{
	for (size_t i = 0; i < r->file_count; i++) {
		const struct rule_file *f = &r->files[i];

		if (!f->test_count)
			fault_add(faults, FAULT_WARNING, "untested", f->name, 1,
				  1,
				  "`tests` is missing: nothing proves these "
				  "rules before they are used");
		for (size_t k = 0; k < f->window_count; k++)
			lint_window(faults, f, &f->windows[k], now_ms);
	}
}

void lint_file(struct loader *l, const struct rule_file *f)
{
	lint_shadows(l, f);
	if (f->owners)
		return;
	load_warn(l, 1, 1, "no-owners",
		  "`owners` is missing: nobody is named "
		  "whom to ask about these rules");
	for (size_t i = 0; i < f->policy_count; i++)
		if (f->policies[i].body.resolve == 0)
			load_warn(l, f->policies[i].line, f->policies[i].column,
				  "never-resolves",
				  "`%.*s` never resolves its "
				  "incidents, and nobody owns the file",
				  STR_ARG(f->policies[i].id));
}
