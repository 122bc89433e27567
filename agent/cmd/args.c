#include "agent/cmd/args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/conf.h"

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
	{ "evidence", required_argument, NULL, 'V' },
	{ "before", required_argument, NULL, 'B' },
	{ "account", required_argument, NULL, 'A' },
	{ "dry-run", no_argument, NULL, 'D' },
	{ "yes", no_argument, NULL, 'y' },
	{ "force", no_argument, NULL, 'F' },
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
		case 'V':
			out->evidence = optarg;
			break;
		case 'B':
			out->before = optarg;
			break;
		case 'A':
			out->account = optarg;
			break;
		case 'D':
			out->dry_run = true;
			break;
		case 'y':
			out->yes = true;
			break;
		case 'F':
			out->force = true;
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

int args_conf(struct conf **out, const char *path)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc;

	faults_init(&faults);
	rc = conf_look(out, path, &faults);
	if (rc) {
		faults_put_text(&text, &faults);
		fputs(buf_str(&text).p, stderr);
	}
	faults_fini(&faults);
	buf_fini(&text);
	return rc ? CMD_CONFIG : 0;
}
