#include "agent/cmd/help.h"

#include <string.h>

#define COLUMNS 79
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

void help_all(FILE *to)
{
	const char *sep = "Also ";

	fputs("usage: tocsin COMMAND [OPTION]... [ARGUMENT]...\n\n", to);
	for (size_t i = 0; cmds[i]; i++)
		if (!cmds[i]->minor)
			fprintf(to, "  %-10s %s\n", cmds[i]->name,
				cmds[i]->summary);
	for (size_t i = 0; cmds[i]; i++)
		if (cmds[i]->minor) {
			fprintf(to, "%s%s", sep, cmds[i]->name);
			sep = " and ";
		}
	fputs(". `tocsin COMMAND --help` and tocsin(1) say more.\n", to);
}

/* "-c, --config FILE" */
static void put_option(char *out, size_t size, const struct opt *o)
{
	snprintf(out, size, "%.*s%s--%s%s%s",
		 o->letter ? 2 : 0, (const char[]){ '-', o->letter, '\0' },
		 o->letter ? ", " : "", o->name, o->value ? " " : "",
		 o->value ? o->value : "");
}

/* The row's own and those that share its line; *o moves on to the last. */
static void put_options(char *out, size_t size, const struct opt **o)
{
	size_t n = 0;

	for (;; (*o)++) {
		put_option(out + n, size - n, *o);
		n = strlen(out);
		if ((*o)->help || !(*o)[1].name || n + 3 >= size)
			return;
		n += (size_t)snprintf(out + n, size - n, ", ");
	}
}

static size_t options_width(const struct opt *o)
{
	char text[200];
	size_t width = 0, n;

	for (; o->name; o++) {
		put_options(text, sizeof(text), &o);
		n = strlen(text);
		if (n > width && n <= OPTION_WIDTH)
			width = n;
	}
	return width;
}

static void print_options(FILE *to, const struct opt *o)
{
	char text[200], first[256];
	int width = (int)options_width(o);

	for (; o->name; o++) {
		put_options(text, sizeof(text), &o);
		snprintf(first, sizeof(first), "  %-*s  ", width, text);
		if ((int)strlen(text) > width)
			snprintf(first, sizeof(first), "  %s\n%*s", text,
				 width + 4, "");
		help_wrap(to, first, width + 4, o->help ? o->help : "");
	}
}

void help_cmd(FILE *to, const struct cmd *cmd)
{
	char first[64];

	for (size_t i = 0; cmd->forms[i]; i++) {
		int n = snprintf(first, sizeof(first), "%s tocsin %s%s",
				 i ? "      " : "usage:", cmd->name,
				 *cmd->forms[i] ? " " : "");

		help_wrap(to, first, n, cmd->forms[i]);
	}
	fputc('\n', to);
	help_wrap(to, "", 0, cmd->about);
	if (cmd->options && cmd->options->name) {
		fputc('\n', to);
		print_options(to, cmd->options);
	}
	fputs("\nExamples:\n", to);
	for (size_t i = 0; cmd->examples[i]; i++) {
		snprintf(first, sizeof(first), "  tocsin %s%s", cmd->name,
			 *cmd->examples[i] ? " " : "");
		help_wrap(to, first, (int)strlen(first), cmd->examples[i]);
	}
	fputc('\n', to);
	help_wrap(to, "Exit status: ", 13, cmd->statuses ? cmd->statuses :
		  "0 done; 1 failed; 2 wrong usage; 78 wrong configuration.");
}
