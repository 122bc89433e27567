#include "agent/agent.h"
#include "agent/cmd/args.h"

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	int status = args_read(&a, &cmd_run, argc, argv);

	return status >= 0 ? status : agent_run(a.conf);
}

static const struct opt options[] = {
	OPT_CONF,
	{ .name = NULL },
};

const struct cmd cmd_run = {
	.name = "run",
	.summary = "the agent, in the foreground",
	.forms = (const char *const[]){ "[-c FILE]", NULL },
	.about =
		"Takes alarms, decides them by the rules and keeps incidents in "
		"StackFlow, until SIGTERM. SIGHUP reads configuration and rules "
		"again. TOCSIN_CONFIG may name the configuration, too.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "-c tocsin.yaml", NULL },
	.run = run,
};
