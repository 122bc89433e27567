#include "agent/cmd/args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "format", required_argument, NULL, 'f' },
	{ "limit", required_argument, NULL, 'l' },
	{ "state", required_argument, NULL, 's' },
	{ "event", required_argument, NULL, 'e' },
	{ "at", required_argument, NULL, 'a' },
	{ "export", no_argument, NULL, 'x' },
	{ "since", required_argument, NULL, 'n' },
	{ "rules", required_argument, NULL, 'r' },
	{ "events", required_argument, NULL, 'v' },
	{ "coverage", no_argument, NULL, 'C' },
	{ "explain", no_argument, NULL, 'E' },
	{ "strict", no_argument, NULL, 'S' },
	{ "schema", required_argument, NULL, 'K' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int wrong(const struct cmd *cmd)
{
	fprintf(stderr, "`tocsin %s --help` shows how\n", cmd->name);
	return CMD_USAGE;
}

int args_read(struct args *out, const struct cmd *cmd, const char *allowed,
	      int argc, char **argv)
{
	int c;

	*out = (struct args){ 0 };
	optind = 1;
	while ((c = getopt_long(argc, argv, "c:hq", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(cmd->usage, stdout);
			return CMD_OK;
		}
		if (c == '?')
			return wrong(cmd);
		if (!strchr(allowed, c)) {
			fprintf(stderr, "tocsin %s: this option isn't one of "
				"its own\n", cmd->name);
			return wrong(cmd);
		}
		switch (c) {
		case 'c':
			out->conf = optarg;
			break;
		case 'j':
			out->json = true;
			break;
		case 'f':
			out->format = optarg;
			break;
		case 'l':
			out->limit = optarg;
			break;
		case 's':
			out->state = optarg;
			break;
		case 'e':
			out->event = optarg;
			break;
		case 'a':
			out->at = optarg;
			break;
		case 'x':
			out->export = true;
			break;
		case 'n':
			out->since = optarg;
			break;
		case 'r':
			if (out->rules_count < ARGS_RULES_MAX)
				out->rules[out->rules_count++] = optarg;
			break;
		case 'v':
			out->events = optarg;
			break;
		case 'C':
			out->coverage = true;
			break;
		case 'E':
			out->explain = true;
			break;
		case 'S':
			out->strict = true;
			break;
		case 'K':
			out->schema = optarg;
			break;
		case 'q':
			out->quiet = true;
			break;
		}
	}
	out->rest = argv + optind;
	out->rest_count = argc - optind;
	return -1;
}
