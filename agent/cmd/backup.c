#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/cmd/args.h"
#include "agent/conf.h"
#include "base/buf.h"
#include "store/store.h"

static void tell(const struct args *a, const char *file, const struct conf *c)
{
	struct stat st = { 0 };

	(void)stat(file, &st);
	if (a->json)
		printf("{\"bytes\":%lld}\n", (long long)st.st_size);
	else
		printf("%s: %lld bytes; keep %s with it, without which it "
		       "can't be restored\n", file, (long long)st.st_size,
		       c->install_key);
}

static int run(int argc, char **argv)
{
	struct conf *c = NULL;
	struct err err = { "" };
	struct args a = { 0 };
	int rc, status = args_read(&a, &cmd_backup, argc, argv);

	if (status >= 0)
		return status;
	if (a.rest_count != 1) {
		fputs("tocsin backup: one FILE to write to\n", stderr);
		return CMD_USAGE;
	}
	status = args_conf(&c, a.conf);
	if (status)
		return status;
	rc = store_backup(c->store.url, a.rest[0], a.force, &err);
	if (rc)
		fprintf(stderr, "tocsin backup: %s\n",
			err.text[0] ? err.text : strerror(-rc));
	else
		tell(&a, a.rest[0], c);
	conf_free(c);
	return rc ? CMD_FAILED : CMD_OK;
}

static const struct opt options[] = {
	OPT_CONF,
	{ "force", .help = "replace FILE where it is there",
	  ARG_FLAG(args, force) },
	OPT_JSON,
	{ .name = NULL },
};

const struct cmd cmd_backup = {
	.name = "backup",
	.summary = "copy the store, at work or not, to a file",
	.forms = (const char *const[]){ "[OPTION]... FILE", NULL },
	.about =
		"Writes the store as it is at this moment to FILE, by itself and on "
		"disk when the command ends, readable by its owner only. A running "
		"agent isn't held up. Run it as the agent's user, or root.\n"
		"\n"
		"The install key isn't in it: keep a copy of that too. `tocsin "
		"restore` says how a copy becomes the store.",
	.options = options,
	.operand = VALUE_FILE,
	.examples = (const char *const[]){
		"/var/backups/tocsin.db", "--force --json /var/backups/tocsin.db",
		NULL },
	.run = run,
};
