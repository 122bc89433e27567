#include <stdio.h>

#include "agent/cmd/client.h"
#include "agent/cmd/list.h"
#include "base/buf.h"

static const struct column columns[] = {
	{ "ID", "id", 0 },	     { "KIND", "kind", 0 },
	{ "TARGET", "target", 1 }, { "CREATED", "created_at", 0 },
	{ "TRIES", "attempts", 2 },  { "STATUS", "status", 0 },
	{ "PROBLEM", "problem", 0 },
};

static int act(const struct args *a, const char *what)
{
	int status = CMD_OK;

	for (int i = 1; i < a->rest_count; i++) {
		struct buf path = BUF_INIT(4096), answer = BUF_INIT(65536);
		uint64_t id;

		if (str_to_u64(&id, str_from(a->rest[i]))) {
			fprintf(stderr, "tocsin dead: '%s' is no id of the "
				"list\n", a->rest[i]);
			return CMD_USAGE;
		}
		buf_printf(&path, "/api/v1/dead/%llu/%s",
			   (unsigned long long)id, what);
		if (client_call(&answer, a->conf, "POST", path.p))
			status = CMD_FAILED;
		else
			printf("%s: %s\n", a->rest[i], what);
		buf_fini(&path);
		buf_fini(&answer);
	}
	return status;
}

static int run(int argc, char **argv)
{
	struct args a;
	int status = args_read(&a, &cmd_dead, "cj", argc, argv);
	struct str word;

	if (status >= 0)
		return status;
	if (!a.rest_count)
		return list_run(&a, "/api/v1/dead", "dead", columns,
				sizeof(columns) / sizeof(columns[0]),
				"no dead letters");
	word = str_from(a.rest[0]);
	if ((str_is(word, "retry") || str_is(word, "drop")) &&
	    a.rest_count > 1)
		return act(&a, a.rest[0]);
	fputs("tocsin dead: nothing, or retry ID... or drop ID...\n", stderr);
	return CMD_USAGE;
}

const struct cmd cmd_dead = {
	.name = "dead",
	.summary = "what was refused for good: list, retry, drop",
	.usage =
		"usage: tocsin dead [-c FILE] [--json]\n"
		"       tocsin dead [-c FILE] retry|drop ID...\n"
		"\n"
		"Lists the dead letters: writes with StackFlow's answer, and messages\n"
		"of a queue that may not be believed. Sends writes again and judges\n"
		"messages once more, or gives them up. Acting needs admin.token, or\n"
		"the unix socket.\n",
	.run = run,
};
