#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "agent/cmd/shells.h"
#include "base/encode.h"
#include "doc/json.h"

#define PATIENCE_S 2	/* somebody holds the Tab key */
#define TEXT_MAX 60
#define NAME_MAX_BYTES 300

static const struct {
	const char *name, *path, *rows, *id, *text;
} kinds[] = {
	{ "alarms", "/api/v1/events?limit=200", "events", "alarm", NULL },
	{ "dead", "/api/v1/dead", "dead", "id", "problem" },
	{ "events", "/api/v1/events?limit=50", "events", "id", "alarm" },
	{ "incidents", "/api/v1/incidents?state=open&limit=200", "incidents",
	  "incident", "short_description" },
	{ "silences", "/api/v1/silences", "silences", "id", "reason" },
};

struct words {
	struct args args;
	const char *list;
};

static void give_up(int sig)
{
	_exit(sig == SIGALRM ? CMD_OK : CMD_FAILED);
}

/* Was this one put on a line before? Only names of alarms come again. */
static bool is_there(const struct buf *out, struct str id)
{
	struct str rest = buf_str(out), line, name;

	while (str_cut(&rest, '\n', &line)) {
		name = str_sub(line, 0, strcspn(line.p, "\t\n"));
		if (str_eq(name, id))
			return true;
	}
	return false;
}

/* "ID<tab>TEXT" a row. What can't be shown as it is can't be completed. */
static void put_rows(struct buf *out, const struct json *rows, size_t kind)
{
	struct arena *arena = arena_new(16 << 20);

	for (size_t i = 0; arena && i < json_count(rows); i++) {
		const struct json *row = json_item(rows, i);
		const struct json *id = json_get(row, kinds[kind].id);
		const struct json *text = kinds[kind].text ?
			json_get(row, kinds[kind].text) : NULL;
		struct buf safe = BUF_INIT(4096);
		struct str word = id ? json_text(id, arena) : STR_NONE;

		utf8_put_safe(&safe, word, NAME_MAX_BYTES);
		if (word.n && str_eq(word, buf_str(&safe)) &&
		    (kinds[kind].text || !is_there(out, word))) {
			buf_printf(out, "%.*s\t", STR_ARG(word));
			if (text)
				utf8_put_safe(out, json_text(text, arena),
					      TEXT_MAX);
			buf_putc(out, '\n');
		}
		buf_fini(&safe);
	}
	arena_free(arena);
}

/* Whatever is wrong, a shell that completes is told nothing of it. */
static int list(const struct words *w)
{
	struct buf out = BUF_INIT(4 << 20);
	struct json *doc = NULL;
	size_t kind = 0;

	if (strcmp(w->list, "commands") == 0) {
		shells_put_commands(&out);
		fputs(buf_str(&out).p, stdout);
		buf_fini(&out);
		return CMD_OK;
	}
	while (strcmp(kinds[kind].name, w->list) != 0)
		kind++;
	signal(SIGALRM, give_up);
	alarm(PATIENCE_S);
	if (!freopen("/dev/null", "w", stderr) ||
	    client_json(&doc, w->args.conf, kinds[kind].path))
		return CMD_OK;
	put_rows(&out, json_get(doc, kinds[kind].rows), kind);
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	json_free(doc);
	return CMD_OK;
}

static int print(const char *shell)
{
	struct buf out = BUF_INIT(1 << 20);

	shells_put(&out, shell);
	if (!out.n)
		return args_wrong(&cmd_completion,
				  "the shell is bash, zsh or fish");
	fputs(buf_str(&out).p, stdout);
	buf_fini(&out);
	return CMD_OK;
}

static int run(int argc, char **argv)
{
	struct words w = { .args = { 0 } };
	int status = args_read(&w.args, &cmd_completion, argc, argv);

	if (status >= 0)
		return status;
	if (w.list && !w.args.rest_count)
		return list(&w);
	if (w.list || w.args.rest_count != 1)
		return args_wrong(&cmd_completion,
				  "one shell: bash, zsh or fish");
	return print(w.args.rest[0]);
}

static const struct opt options[] = {
	{ "list", .value = "KIND",
	  .words = "alarms|commands|dead|events|incidents|silences",
	  .help = "what the running agent knows of them, for the shell",
	  ARG_TEXT(words, list) },
	OPT_CONF,
	{ .name = NULL },
};

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "completions for bash, zsh and fish",
	.minor = true,
	.forms = (const char *const[]){
		"bash|zsh|fish", "--list KIND [-c FILE]", NULL },
	.about =
		"Prints what the shell reads to complete commands, options and their "
		"values. The packages have it installed already. Ids come from the "
		"running agent, within two seconds or not at all.",
	.options = options,
	.words = "bash|zsh|fish",
	.examples = (const char *const[]){
		"bash >~/.local/share/bash-completion/completions/tocsin",
		"--list incidents", NULL },
	.statuses = "0 done; 2 wrong usage.",
	.run = run,
};
