#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/conf.h"
#include "agent/keys.h"
#include "base/buf.h"
#include "base/clock.h"
#include "doc/jsonw.h"
#include "store/store.h"

static int fail(int status, const struct err *err, int rc)
{
	fprintf(stderr, "tocsin restore: %s\n",
		err->text[0] ? err->text : strerror(-rc));
	return status;
}

/* It isn't made here: a new one would fit no copy. */
static int load_key(struct keys *out, const struct conf *c)
{
	struct err err = { "" };
	int rc;

	if (access(c->install_key, F_OK)) {
		(void)err_set(&err, -ENOENT, "%s isn't there: put the install "
			      "key back that the copy was made with",
			      c->install_key);
		return fail(CMD_CONFIG, &err, -ENOENT);
	}
	rc = keys_load(out, c->install_key, &err);
	return rc ? fail(CMD_CONFIG, &err, rc) : 0;
}

static void tell(const struct args *a, const struct conf *c,
		 const struct buf *aside)
{
	struct buf line = BUF_INIT(16384);
	struct jsonw w = JSONW(&line);

	if (a->json) {
		jsonw_object(&w);
		jsonw_kcstr(&w, "store", c->store.url);
		jsonw_kstr(&w, "kept",
			   aside->n ? buf_str(aside) : STR_NONE);
		jsonw_end_object(&w);
		puts(buf_str(&line).p);
		buf_fini(&line);
		return;
	}
	printf("restored to %s\n", c->store.url);
	if (aside->n)
		printf("the store that was there: %.*s\n",
		       STR_ARG(buf_str(aside)));
	puts("At its start the agent looks through StackFlow before it opens "
	     "an incident, and\nlooks up whatever was owed when the copy was "
	     "made.");
}

static int restore(const struct args *a, const struct conf *c)
{
	struct buf aside = BUF_INIT(8192);
	struct err err = { "" };
	struct keys keys;
	struct store_options o = { .url = c->store.url,
				   .hash_key = keys.hash };
	int rc, status = load_key(&keys, c);

	if (status)
		return status;
	rc = store_restore(&o, a->rest[0], clock_wall_ms(), &aside, &err);
	if (!rc)
		tell(a, c, &aside);
	else
		status = fail(rc == -ENOTSUP || rc == -EUCLEAN ||
				      rc == -EINVAL ? CMD_CONFIG : CMD_FAILED,
			      &err, rc);
	keys_wipe(&keys);
	buf_fini(&aside);
	return status;
}

static int run(int argc, char **argv)
{
	struct conf *c = NULL;
	struct args a = { 0 };
	int status = args_read(&a, &cmd_restore, argc, argv);

	if (status >= 0)
		return status;
	if (a.rest_count != 1) {
		fputs("tocsin restore: one FILE that `tocsin backup` wrote\n",
		      stderr);
		return CMD_USAGE;
	}
	status = args_conf(&c, a.conf);
	if (!status)
		status = restore(&a, c);
	conf_free(c);
	return status;
}

static const struct opt options[] = {
	OPT_CONF, OPT_JSON,
	{ .name = NULL },
};

const struct cmd cmd_restore = {
	.name = "restore",
	.summary = "make a backup the store, while the agent is stopped",
	.forms = (const char *const[]){ "[OPTION]... FILE", NULL },
	.about =
		"Checks FILE's integrity, schema and install key and makes it the "
		"store; the one that was there is kept beside it. The agent must be "
		"stopped. At its next start it looks through StackFlow before it "
		"opens an incident, so that what was opened since the backup is taken "
		"over when its alarm fires again instead of being opened twice; what "
		"was owed when the backup was made is looked up before it is sent. "
		"Alarms received since the backup are not in it.",
	.options = options,
	.operand = VALUE_FILE,
	.examples = (const char *const[]){
		"/var/backups/tocsin.db", "-c tocsin.yaml --json tocsin.db", NULL },
	.statuses = "0 done; 1 failed, as where the agent runs; 2 wrong usage; 78 "
		    "FILE, install key or configuration can't be used.",
	.run = run,
};
