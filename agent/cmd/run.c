#include "agent/agent.h"
#include "agent/cmd/args.h"

static int run(int argc, char **argv)
{
	struct args a;
	int status = args_read(&a, &cmd_run, "c", argc, argv);

	return status >= 0 ? status : agent_run(a.conf);
}

const struct cmd cmd_run = {
	.name = "run",
	.summary = "the agent, in the foreground",
	.usage =
		"usage: tocsin run [-c FILE]\n"
		"\n"
		"Takes alarms, decides them by the rules and keeps incidents in\n"
		"StackFlow, until SIGTERM. SIGHUP reads configuration and rules\n"
		"again.\n"
		"\n"
		"  -c FILE   configuration (TOCSIN_CONFIG, else\n"
		"            /etc/tocsin/tocsin.yaml)\n"
		"\n"
		"Ends with 78 where the configuration can't be used.\n",
	.run = run,
};
