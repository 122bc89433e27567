#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/args.h"
#include "agent/cmd/help.h"
#include "agent/sandbox/sandbox.h"
#include "base/encode.h"

static const char fault_keys[] =
	"\nKeys: method, path (globs beneath /prod/api, or /cognito; with error or\n"
	"answer also /sns/certificate, /sns/query), p (chance, 0 to 1), count (how\n"
	"often), skip (so many first), reused=true (only on a connection used\n"
	"before), status, delay, size, retry_after, location, body.\n";

/* "  name             what it is" in lines of a screen. */
static void wrap(struct str line)
{
	enum { INDENT = 19 };
	char first[INDENT + 1], rest[1024];

	utf8_keep(first, sizeof(first), line);
	utf8_keep(rest, sizeof(rest),
		  line.n > INDENT ? str_sub(line, INDENT, line.n - INDENT)
				  : STR(""));
	help_wrap(stdout, first, INDENT, rest);
}

static int list_settings(void)
{
	struct buf out = BUF_INIT(65536);
	struct str rest, line;

	fputs("Settings, and what they are at first:\n", stdout);
	sandbox_put_settings_help(&out);
	rest = buf_str(&out);
	while (str_cut(&rest, '\n', &line))
		if (line.n)
			wrap(line);
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
	sandbox_is_ready(s);
	sigwait(&set, &sig);
	sandbox_stop(s);
	return CMD_OK;
}

struct words {
	struct args args;
	struct sandbox_options o;
	struct texts settings, faults;
};

static bool asks_help(const struct texts *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->list[i], "help") == 0)
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	struct words w = { .o = {
		.listen = "127.0.0.1:8181", .sns_listen = "127.0.0.1:8182",
		.region = "us-east-1", .account = "111122223333",
	} };
	struct buf data = BUF_INIT(4096);
	int status = args_read(&w.args, &cmd_sandbox, argc, argv);

	if (status >= 0)
		return status;
	if (asks_help(&w.settings))
		return list_settings();
	if (asks_help(&w.faults))
		return list_faults();
	w.o.settings = w.settings.list;
	w.o.faults = w.faults.list;
	if (!w.o.data) {
		sandbox_put_default_data(&data);
		w.o.data = data.p;
	}
	status = serve(&w.o);
	buf_fini(&data);
	return status;
}

static const struct opt options[] = {
	{ "listen", .value = "HOST:PORT",
	  .help = "plain HTTP: API beneath /prod/api, page on /, control "
		  "beneath /sandbox (127.0.0.1:8181; port 0: any)",
	  ARG_TEXT(words, o.listen) },
	{ "sns-listen", .value = "HOST:PORT",
	  .help = "HTTPS as sns.REGION.amazonaws.com (127.0.0.1:8182)",
	  ARG_TEXT(words, o.sns_listen) },
	{ "data", .value = "DIR", .is = VALUE_FOLDER,
	  .help = "where all is kept ($XDG_STATE_HOME/tocsin-sandbox)",
	  ARG_TEXT(words, o.data) },
	{ "region", .value = "REGION", ARG_TEXT(words, o.region) },
	{ "account", .value = "ID",
	  .help = "of topics given by name (us-east-1, 111122223333)",
	  ARG_TEXT(words, o.account) },
	{ "trust", .value = "FILE", .is = VALUE_FILE,
	  .help = "PEM: whom SNS trusts beside the system's roots",
	  ARG_TEXT(words, o.trust) },
	{ "cis", .value = "FILE", .help = "JSON array of CIs to seed",
	  .is = VALUE_FILE, ARG_TEXT(words, o.cis) },
	{ "articles", .value = "FILE",
	  .help = "JSON array of knowledge articles to seed",
	  .is = VALUE_FILE, ARG_TEXT(words, o.articles) },
	{ "record", .value = "FILE", .is = VALUE_FILE,
	  .help = "each exchange as a line of JSON (-: stdout)",
	  ARG_TEXT(words, o.record) },
	{ "set", .value = "NAME=VALUE",
	  .help = "a setting, also repeated; `--set help` lists them",
	  ARG_TEXTS(words, settings) },
	{ "fault", .value = "KIND[,KEY=VALUE]",
	  .help = "a fault, also repeated; `--fault help` lists them",
	  ARG_TEXTS(words, faults) },
	{ .name = NULL },
};

const struct cmd cmd_sandbox = {
	.name = "sandbox",
	.summary = "a StackFlow and an SNS on this computer, for trials and tests",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"A StackFlow and an SNS for trials and tests, until SIGINT or SIGTERM. "
		"When ready it prints one line; DIR/sandbox.json has addresses and "
		"credentials.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--data sandbox",
		"--data sandbox --listen 127.0.0.1:0 --sns-listen 127.0.0.1:0",
		NULL },
	.statuses = "0 ended by a signal; 1 failed; 2 wrong usage.",
	.run = run,
};
