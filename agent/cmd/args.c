#include "agent/cmd/args.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/help.h"
#include "base/str.h"
#include "doc/fault.h"

#define OPTIONS_MAX 40
#define WORDS_MAX 40
#define LONG 256	/* beyond every letter: the row's number follows */

int args_wrong(const struct cmd *cmd, const char *why)
{
	fprintf(stderr, "%s %s: %s\n`%s %s --help` shows how\n",
		program_name, cmd->name, why, program_name, cmd->name);
	return CMD_USAGE;
}

void args_nearest(const char *word, const char *const *list,
		  const char *prefix)
{
	const char *near = fault_nearest(str_from(word), list);

	if (near)
		fprintf(stderr, ", did you mean '%s%s'?\n", prefix, near);
	else
		fputc('\n', stderr);
}

/* "tocsin NAME: " */
static void begin(const struct cmd *cmd)
{
	fprintf(stderr, "%s %s: ", program_name, cmd->name);
}

static int see_help(const struct cmd *cmd)
{
	fprintf(stderr, "`%s %s --help` shows how\n", program_name,
		cmd->name);
	return CMD_USAGE;
}

/* ---- getopt's tables, from the command's ---- */

struct reading {
	const struct cmd *cmd;
	struct option longs[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 4];
	size_t count;
	uint64_t given;		/* the rows, a bit each */
};

static void prepare(struct reading *r)
{
	const struct cmd *cmd = r->cmd;
	char *l = r->letters;

	*l++ = ':';
	*l++ = 'h';
	for (; cmd->options && cmd->options[r->count].name; r->count++) {
		const struct opt *o = &cmd->options[r->count];

		assert(r->count < OPTIONS_MAX);
		r->longs[r->count] = (struct option){
			o->name, o->value ? required_argument : no_argument,
			NULL, LONG + (int)r->count
		};
		if (o->letter) {
			*l++ = o->letter;
			if (o->value)
				*l++ = ':';
		}
	}
	r->longs[r->count] = (struct option){ "help", no_argument, NULL, 'h' };
}

static const struct opt *row_of(const struct reading *r, int c)
{
	if (c >= LONG)
		return &r->cmd->options[c - LONG];
	for (size_t i = 0; i < r->count; i++)
		if (r->cmd->options[i].letter == c)
			return &r->cmd->options[i];
	return NULL;
}

/* ---- words of a list "a|b" or "a b" ---- */

struct words {
	char text[512];
	const char *list[WORDS_MAX + 1];
};

static void split(struct words *out, const char *text)
{
	size_t n = 0;

	assert(strlen(text) < sizeof(out->text));
	memcpy(out->text, text, strlen(text) + 1);
	for (char *p = out->text, *end; *p; p = end) {
		end = p + strcspn(p, "| ");
		assert(n < WORDS_MAX);
		out->list[n++] = p;
		if (*end)
			*end++ = '\0';
	}
	out->list[n] = NULL;
}

static bool has(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static bool is_one_of(const char *words, const char *word)
{
	struct words w;

	split(&w, words);
	return has(w.list, word);
}

static int not_one_of(const struct cmd *cmd, const struct opt *o,
		      const char *value)
{
	struct words w;

	split(&w, o->words);
	begin(cmd);
	fprintf(stderr, "--%s is ", o->name);
	for (size_t i = 0; w.list[i]; i++)
		fprintf(stderr, "%s%s", !i ? "" : w.list[i + 1] ? ", " :
			" or ", w.list[i]);
	fprintf(stderr, ", not '%s'", value);
	args_nearest(value, w.list, "");
	return see_help(cmd);
}

/* ---- reading ---- */

/* An option that there isn't, or a flag with a value: by getopt's optopt. */
static int unknown(const struct reading *r, const char *word)
{
	const char *names[OPTIONS_MAX + 2];
	char name[64];
	size_t n = 0;

	if (optopt >= LONG || optopt == 'h') {
		begin(r->cmd);
		fprintf(stderr, "'--%s' takes no value\n", optopt == 'h' ?
			"help" : row_of(r, optopt)->name);
		return see_help(r->cmd);
	}
	if (optopt) {
		begin(r->cmd);
		fprintf(stderr, "no option '-%c'\n",
			optopt > ' ' && optopt < 127 ? optopt : '?');
		return see_help(r->cmd);
	}
	for (size_t i = 0; i < r->count; i++)
		if (cmd_takes(r->cmd, &r->cmd->options[i]))
			names[n++] = r->cmd->options[i].name;
	names[n++] = "help";
	names[n] = NULL;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	begin(r->cmd);
	fprintf(stderr, "no option '%s'", name);
	args_nearest(name + strspn(name, "-"), names, "--");
	return see_help(r->cmd);
}

static int lacks_value(const struct reading *r)
{
	const struct opt *o = row_of(r, optopt);

	begin(r->cmd);
	fprintf(stderr, "--%s lacks its %s\n", o->name, o->value);
	return see_help(r->cmd);
}

static int keep(struct args *out, struct reading *r, const struct opt *o)
{
	char *to = (char *)out + o->at;
	struct texts *texts = (struct texts *)(void *)to;

	r->given |= 1ull << (o - r->cmd->options);
	if (o->words && !is_one_of(o->words, optarg))
		return not_one_of(r->cmd, o, optarg);
	if (o->kind == OPT_FLAG) {
		*(bool *)to = true;
	} else if (o->kind == OPT_TEXT) {
		memcpy(to, &optarg, sizeof(optarg));
	} else if (texts->count == ARGS_TEXTS_MAX) {
		begin(r->cmd);
		fprintf(stderr, "--%s is given more than %d times\n", o->name,
			ARGS_TEXTS_MAX);
		return see_help(r->cmd);
	} else {
		texts->list[texts->count++] = optarg;
	}
	return 0;
}

static bool is_verb_of(const char *word, const struct cmd *cmd)
{
	for (const struct verb *v = cmd->verbs; v && v->name; v++)
		if (strcmp(v->name, word) == 0)
			return true;
	return false;
}

/* Are the options that were given its verb's? */
static int check_options(const struct args *out, const struct reading *r)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct opt *o = &r->cmd->options[i];

		if (!(r->given >> i & 1) || !o->verbs ||
		    is_one_of(o->verbs, out->verb))
			continue;
		fprintf(stderr, "%s %s%s%s: --%s isn't one of its options\n",
			program_name, r->cmd->name, r->cmd->as ? "" : " ",
			r->cmd->as ? "" : out->verb, o->name);
		return see_help(r->cmd);
	}
	return -1;
}

/* The word behind the command's name. */
static int take_verb(struct args *out, const struct reading *r)
{
	const struct verb *verbs = r->cmd->verbs;
	const char *names[WORDS_MAX + 1];
	size_t n = 0;

	for (; verbs[n].name; n++)
		names[n] = verbs[n].name;
	names[n] = NULL;
	out->verb = names[0];
	if (out->rest_count) {
		if (!is_verb_of(out->rest[0], r->cmd)) {
			begin(r->cmd);
			fprintf(stderr, "no '%s'", out->rest[0]);
			args_nearest(out->rest[0], names, "");
			return see_help(r->cmd);
		}
		out->verb = *out->rest++;
		out->rest_count--;
	}
	return check_options(out, r);
}

/* --help: of the verb, where one is there. */
static int show_help(const struct cmd *cmd, int argc, char **argv)
{
	const char *verb = NULL;

	for (int i = 1; i < argc && !verb; i++)
		if (is_verb_of(argv[i], cmd))
			verb = argv[i];
	help_cmd(stdout, cmd, verb);
	return CMD_OK;
}

bool cmd_takes(const struct cmd *cmd, const struct opt *o)
{
	return !cmd->as || !o->verbs || is_one_of(o->verbs, cmd->as);
}

int args_read(struct args *out, const struct cmd *cmd, int argc, char **argv)
{
	struct reading r = { .cmd = cmd };
	int c, status;

	prepare(&r);
	opterr = 0;
	optind = 0;	/* glibc: begin anew */
	while ((c = getopt_long(argc, argv, r.letters, r.longs, NULL)) != -1) {
		if (c == 'h')
			return show_help(cmd, argc, argv);
		if (c == ':')
			return lacks_value(&r);
		if (c == '?')
			return unknown(&r, argv[optind - 1]);
		status = keep(out, &r, row_of(&r, c));
		if (status)
			return status;
	}
	out->rest = argv + optind;
	out->rest_count = argc - optind;
	if (cmd->verbs)
		return take_verb(out, &r);
	if (cmd->as) {
		out->verb = cmd->as;
		return check_options(out, &r);
	}
	if (cmd->operand == VALUE_NONE && out->rest_count)
		return args_wrong(cmd, "it takes no argument");
	return -1;
}
