#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd/cmd.h"
#include "agent/sandbox/sandbox.h"

#define LIST_MAX 64

static const char usage[] =
	"usage: tocsin sandbox [--listen HOST:PORT] [--data DIR] [OPTION]...\n"
	"\n"
	"A StackFlow and an SNS on this computer, for trying rules and for\n"
	"tests. Runs until SIGINT or SIGTERM; prints one line when ready and\n"
	"writes addresses and credentials to DIR/sandbox.json.\n"
	"\n"
	"  --listen HOST:PORT      plain HTTP: StackFlow's API beneath /prod/api,\n"
	"                          the page on /, control beneath /sandbox\n"
	"                          (127.0.0.1:8181; port 0: any)\n"
	"  --sns-listen HOST:PORT  HTTPS as sns.REGION.amazonaws.com: certificate,\n"
	"                          ConfirmSubscription, Publish (127.0.0.1:8182)\n"
	"  --data DIR              where everything is kept\n"
	"                          ($XDG_STATE_HOME/tocsin-sandbox)\n"
	"  --region REGION         of topics given by name (us-east-1)\n"
	"  --account ACCOUNT       of topics given by name (111122223333)\n"
	"  --trust FILE            PEM: whom SNS trusts beside the system's roots\n"
	"  --cis FILE              JSON array of CIs to seed\n"
	"  --set NAME=VALUE        turn a setting, also more than once; POST\n"
	"                          /sandbox/settings later (--set help lists them)\n"
	"  --fault KIND[,KEY=VALUE]...  a fault, also more than once; POST\n"
	"                          /sandbox/faults later (--fault help lists them)\n";

static const char fault_keys[] =
	"\nKeys: method, path (globs beneath /prod/api; with error or answer also\n"
	"/sns/certificate, /sns/query), p (chance, 0 to 1), count (how often),\n"
	"skip (so many first), reused=true (only on a connection used before),\n"
	"status, delay, size, retry_after, location, body.\n";

static int list_settings(void)
{
	struct buf out = BUF_INIT(65536);

	buf_puts(&out, "Settings, and what they are at first:\n");
	sandbox_put_settings_help(&out);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return CMD_OK;
}

static int list_faults(void)
{
	struct buf out = BUF_INIT(65536);

	buf_puts(&out, "Faults:\n");
	sandbox_put_faults_help(&out);
	buf_puts(&out, fault_keys);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return CMD_OK;
}

/* Until someone ends it. Runs with the signals blocked in every thread. */
static int serve(const struct sandbox_options *o)
{
	struct buf line = BUF_INIT(8192);
	struct sandbox *s;
	struct err err;
	sigset_t set;
	int sig;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (sandbox_start(&s, o, &err)) {
		fprintf(stderr, "tocsin sandbox: %s\n", err.text);
		return CMD_FAILED;
	}
	sandbox_put_ready(&line, s);
	fputs(line.p, stdout);
	fflush(stdout);
	buf_fini(&line);
	sigwait(&set, &sig);
	sandbox_stop(s);
	return CMD_OK;
}

static int wrong(const char *what)
{
	fprintf(stderr, "tocsin sandbox: %s; see tocsin sandbox --help\n",
		what);
	return CMD_USAGE;
}

struct lists {
	const char *settings[LIST_MAX + 1], *faults[LIST_MAX + 1];
};

static int append(const char **list, const char *value)
{
	for (int n = 0; n < LIST_MAX; n++)
		if (!list[n]) {
			list[n] = value;
			return CMD_OK;
		}
	return wrong("too many --set or --fault");
}

static int set_option(struct sandbox_options *o, struct lists *lists,
		      const char *name, const char *value)
{
	const struct { const char *name, **to; } texts[] = {
		{ "listen", &o->listen }, { "sns-listen", &o->sns_listen },
		{ "data", &o->data }, { "region", &o->region },
		{ "account", &o->account }, { "trust", &o->trust },
		{ "cis", &o->cis },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (strcmp(name, texts[i].name) == 0) {
			*texts[i].to = value;
			return CMD_OK;
		}
	return append(strcmp(name, "set") == 0 ? lists->settings :
						 lists->faults, value);
}

static bool is(const struct option *o, const char *name)
{
	return strcmp(o->name, name) == 0;
}

static int run(int argc, char **argv)
{
#define OPTION(name) { name, required_argument, NULL, 1 }
	static const struct option options[] = {
		OPTION("listen"), OPTION("sns-listen"), OPTION("data"),
		OPTION("region"), OPTION("account"), OPTION("trust"),
		OPTION("cis"), OPTION("set"), OPTION("fault"),
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct lists lists = { .settings = { NULL } };
	struct sandbox_options o = {
		.listen = "127.0.0.1:8181", .sns_listen = "127.0.0.1:8182",
		.region = "us-east-1", .account = "111122223333",
		.settings = lists.settings, .faults = lists.faults,
	};
	struct buf data = BUF_INIT(4096);
	int opt, at, status;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "h", options, &at)) != -1) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return CMD_OK;
		}
		if (opt != 1)
			return CMD_USAGE;
		if (strcmp(optarg, "help") == 0 && is(&options[at], "set"))
			return list_settings();
		if (strcmp(optarg, "help") == 0 && is(&options[at], "fault"))
			return list_faults();
		status = set_option(&o, &lists, options[at].name, optarg);
		if (status)
			return status;
	}
	if (optind < argc)
		return wrong("it takes no arguments");
	if (!o.data) {
		sandbox_put_default_data(&data);
		o.data = data.p;
	}
	status = serve(&o);
	buf_fini(&data);
	return status;
}

const struct cmd cmd_sandbox = {
	"sandbox",
	"a StackFlow and an SNS on this computer, for trials and tests",
	usage,
	run,
};
