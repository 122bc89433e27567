#include <stdio.h>

#include "agent/stackflow/say.h"
#include "agent/stackflow/session.h"
#include "base/encode.h"
#include "doc/json.h"

static int print(const struct session *s, const struct sf_result *r)
{
	static const char *const keys[] = { "version", "region" };
	struct str status = json_get_str(r->body, "status");
	struct buf out = BUF_INIT(4096);
	int ended;

	if (s->words->args.json)
		return say_json(r->body);
	if (status.n) {
		struct buf safe = BUF_INIT(256);

		utf8_put_safe(&safe, status, 100);
		term_put(&out, &s->term, term_tone(status), buf_str(&safe));
		buf_fini(&safe);
	} else {
		buf_puts(&out, "it answers");
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str v = json_get_str(r->body, keys[i]);

		if (!v.n)
			continue;
		buf_printf(&out, ", %s ", keys[i]);
		utf8_put_safe(&out, v, 100);
	}
	buf_printf(&out, ", %lld ms\n", (long long)r->elapsed_us / 1000);
	ended = say_out(&out);
	buf_fini(&out);
	return ended;
}

/* An answer that says it isn't well is no success. */
static bool is_well(const struct sf_result *r)
{
	struct str status = json_get_str(r->body, "status");

	return !status.n || str_is_nocase(status, "healthy") ||
	       str_is_nocase(status, "ok") || str_is_nocase(status, "up");
}

static int health(struct session *s)
{
	const struct sf_result *r;
	int status = session_open_anyhow(s);

	if (status)
		return status;
	r = sf_answer_wait(s->answer,
			   sf_health(s->client, sf_answer_done, s->answer));
	status = session_end(r, "reach StackFlow", NULL);
	if (!status)
		status = print(s, r);
	return status || is_well(r) ? status : CMD_FAILED;
}

static int run(int argc, char **argv)
{
	return session_run(&cmd_health, argc, argv, health);
}

static const struct opt options[] = {
	OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_health = {
	.name = "health",
	.summary = "does the API answer, and how is it",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about = "Asks how the API is. It needs no credentials.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"", "--base-url https://your-instance.stackflow-tech.com/"
		"prod/api", NULL },
	.statuses = "0 healthy; 1 not, or it doesn't answer; 2 wrong usage.",
	.run = run,
};
