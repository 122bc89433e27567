#include "agent/top/top.h"

#include "agent/cmd/args.h"
#include "agent/cmd/term.h"

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	struct term term;
	int status = args_read(&a, &cmd_top, argc, argv);

	if (status >= 0)
		return status;
	term_look(&term, &a);
	return top_run(&(struct top_options){ .conf = a.conf,
					      .colour = term.colour });
}

static const struct opt options[] = {
	OPT_CONF, OPT_COLOR,
	{ .name = NULL },
};

const struct cmd cmd_top = {
	.name = "top",
	.summary = "the running agent, live: incidents, what is held, actions",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Fills the terminal with health, rates, what waits, and the open "
		"incidents; Tab shows what is held, dead letters, events and "
		"silences. Notes, resolves and silences are made from there. "
		"? lists the keys, q leaves.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "-c tocsin.yaml", NULL },
	.statuses = "0 somebody left; 1 no agent answers, or this is no "
		    "terminal; 2 wrong usage; 78 the configuration can't be "
		    "used",
	.run = run,
};
