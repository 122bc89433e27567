#include "agent/cmd/help.h"

#include <assert.h>
#include <string.h>

#define COLUMNS 79
#define OPTIONS_MAX 40
#define OPTION_WIDTH 28	/* a longer one has its help beneath it */

/* How much of text goes into width columns: up to a blank, or a newline. */
static size_t line_of(const char *text, size_t width)
{
	size_t n = strcspn(text, "\n");

	if (n <= width)
		return n;
	for (n = width; n && text[n] != ' '; n--)
		;
	return n ? n : strcspn(text, " \n");
}

void help_wrap(FILE *to, const char *first, int indent, const char *text)
{
	size_t width = COLUMNS - (size_t)indent;

	fputs(first, to);
	for (;;) {
		size_t n = line_of(text, width);

		fprintf(to, "%.*s\n", (int)n, text);
		text += n;
		if (!*text)
			return;
		text++;
		fprintf(to, "%*s", indent, "");
	}
}

static size_t count_minor(void)
{
	size_t n = 0;

	for (size_t i = 0; cmds[i]; i++)
		n += cmds[i]->minor;
	return n;
}

void help_all(FILE *to)
{
	size_t left = count_minor();
	char also[512] = "Also ";

	fprintf(to, "usage: %s COMMAND [OPTION]... [ARGUMENT]...\n\n",
		program_name);
	for (size_t i = 0; cmds[i]; i++)
		if (!cmds[i]->minor)
			fprintf(to, "  %-10s %s\n", cmds[i]->name,
				cmds[i]->summary);
	for (size_t i = 0, n; cmds[i]; i++) {
		if (!cmds[i]->minor)
			continue;
		n = strlen(also);
		left--;
		snprintf(also + n, sizeof(also) - n, "%s%s", cmds[i]->name,
			 left > 1 ? ", " : left ? " and " : ". ");
	}
	snprintf(also + strlen(also), sizeof(also) - strlen(also),
		 "`%s COMMAND --help` and %s(1) say more.", program_name,
		 program_name);
	help_wrap(to, "", 0, also);
}

/* "-c, --config FILE" */
static void put_option(char *out, size_t size, const struct opt *o)
{
	snprintf(out, size, "%.*s%s--%s%s%s",
		 o->letter ? 2 : 0, (const char[]){ '-', o->letter, '\0' },
		 o->letter ? ", " : "", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
}

/* The rows of one page; NULL ends them. */
struct rows {
	const struct opt *list[OPTIONS_MAX + 1];
};

static void take_rows(struct rows *out, const struct cmd *cmd,
		      const char *verb)
{
	struct cmd as = *cmd;
	size_t n = 0;

	if (verb)
		as.as = verb;
	for (const struct opt *o = cmd->options; o && o->name; o++) {
		if (!cmd_takes(&as, o) || (cmd->more && !verb && o->verbs))
			continue;
		assert(n < OPTIONS_MAX);
		out->list[n++] = o;
	}
	out->list[n] = NULL;
}

/* The row's own and those that share its line; *at moves on to the last. */
static void put_options(char *out, size_t size, const struct opt *const **at)
{
	size_t n = 0;

	for (;; (*at)++) {
		put_option(out + n, size - n, **at);
		n = strlen(out);
		if ((**at)->help || !(*at)[1] || n + 3 >= size)
			return;
		n += (size_t)snprintf(out + n, size - n, ", ");
	}
}

static size_t options_width(const struct opt *const *at)
{
	char text[200];
	size_t width = 0, n;

	for (; *at; at++) {
		put_options(text, sizeof(text), &at);
		n = strlen(text);
		if (n > width && n <= OPTION_WIDTH)
			width = n;
	}
	return width;
}

static void print_options(FILE *to, const struct opt *const *at)
{
	char text[200], first[256];
	int width = (int)options_width(at);

	for (; *at; at++) {
		put_options(text, sizeof(text), &at);
		snprintf(first, sizeof(first), "  %-*s  ", width, text);
		if ((int)strlen(text) > width)
			snprintf(first, sizeof(first), "  %s\n%*s", text,
				 width + 4, "");
		help_wrap(to, first, width + 4,
			  (*at)->help ? (*at)->help : "");
	}
}

static void print_verbs(FILE *to, const struct cmd *cmd)
{
	fputc('\n', to);
	for (const struct verb *v = cmd->verbs; v->name; v++)
		fprintf(to, "  %-12s %s\n", v->name, v->summary);
	fprintf(to, "`%s %s VERB --help` says more of each.\n", program_name,
		cmd->name);
}

static const struct more *more_of(const struct cmd *cmd, const char *verb)
{
	for (const struct more *m = cmd->more; m && verb && m->verb; m++)
		if (strcmp(m->verb, verb) == 0)
			return m;
	return NULL;
}

void help_cmd(FILE *to, const struct cmd *cmd, const char *verb)
{
	const struct more *more = more_of(cmd, verb);
	const struct more page = more ? *more : (struct more){
		NULL, cmd->forms, cmd->about, cmd->examples
	};
	struct rows rows;
	char first[64];

	for (size_t i = 0; page.forms[i]; i++) {
		int n = snprintf(first, sizeof(first), "%s %s %s%s",
				 i ? "      " : "usage:", program_name,
				 cmd->name, *page.forms[i] ? " " : "");

		help_wrap(to, first, n, page.forms[i]);
	}
	fputc('\n', to);
	help_wrap(to, "", 0, page.about);
	if (cmd->more && !more)
		print_verbs(to, cmd);
	take_rows(&rows, cmd, more ? verb : NULL);
	if (*rows.list) {
		fputc('\n', to);
		print_options(to, rows.list);
	}
	fputs("\nExamples:\n", to);
	for (size_t i = 0; page.examples[i]; i++) {
		snprintf(first, sizeof(first), "  %s %s%s", program_name,
			 cmd->name, *page.examples[i] ? " " : "");
		help_wrap(to, first, (int)strlen(first), page.examples[i]);
	}
	fputc('\n', to);
	help_wrap(to, "Exit status: ", 13, cmd->statuses ? cmd->statuses :
		  "0 done; 1 failed; 2 wrong usage; 78 wrong configuration.");
}
