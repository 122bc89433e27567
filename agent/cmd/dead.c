#include <stdio.h>

#include "agent/cmd/client.h"
#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "ID", "id", 0, COLUMN_NUMBER },
	{ "KIND", "kind", 0, COLUMN_TEXT },
	{ "TARGET", "target", 1, COLUMN_TEXT },
	{ "CREATED", "created_at", 0, COLUMN_TIME },
	{ "TRIES", "attempts", 2, COLUMN_NUMBER },
	{ "STATUS", "status", 0, COLUMN_TEXT },
	{ "PROBLEM", "problem", 0, COLUMN_TEXT },
};

static int act(const struct args *a)
{
	int status = CMD_OK;

	for (int i = 0; i < a->rest_count; i++) {
		struct buf path = BUF_INIT(4096), answer = BUF_INIT(65536);
		uint64_t id;

		if (str_to_u64(&id, str_from(a->rest[i]))) {
			fprintf(stderr, "tocsin dead: '%s' is no id of the "
				"list\n", a->rest[i]);
			return CMD_USAGE;
		}
		buf_printf(&path, "/api/v1/dead/%llu/%s",
			   (unsigned long long)id, a->verb);
		if (client_call(&answer, a->conf, "POST", path.p))
			status = CMD_FAILED;
		else
			printf("%s: %s\n", a->rest[i], a->verb);
		buf_fini(&path);
		buf_fini(&answer);
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct args a = { 0 };
	int status = args_read(&a, &cmd_dead, argc, argv);

	if (status >= 0)
		return status;
	if (strcmp(a.verb, "list") != 0)
		return a.rest_count ? act(&a) :
				      args_wrong(&cmd_dead, "ID...: the list "
							    "shows them");
	if (a.rest_count)
		return args_wrong(&cmd_dead, "list takes no argument");
	return list_run(&a, "/api/v1/dead", "dead", columns,
			sizeof(columns) / sizeof(columns[0]),
			"no dead letters");
}

static const struct opt options[] = {
	OPT_CONF, OPTS_TABLE,
	{ .name = NULL },
};

static const struct verb verbs[] = {
	{ "list", "the dead letters", VALUE_NONE },
	{ "retry", "send or judge once more", VALUE_DEAD },
	{ "drop", "give up", VALUE_DEAD },
	{ .name = NULL },
};

const struct cmd cmd_dead = {
	.name = "dead",
	.summary = "what was refused for good: list, retry, drop",
	.forms = (const char *const[]){
		"[OPTION]...", "[-c FILE] retry|drop ID...", NULL },
	.about =
		"Lists the dead letters: writes with StackFlow's answer, and messages "
		"of a queue that may not be believed. Sends writes again and judges "
		"messages once more, or gives them up. Acting needs admin.token, or "
		"the unix socket.",
	.options = options,
	.verbs = verbs,
	.examples = (const char *const[]){ "", "retry 17 18", NULL },
	.run = run,
};
