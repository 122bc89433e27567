#include "agent/cmd/shells.h"

#include "agent/cmd/cmd.h"
#include "agent/embed.h"

/* What doesn't come from the tables. */
EMBED(shells_bash, "agent/cmd/shells/tocsin.bash");
EMBED(shells_zsh, "agent/cmd/shells/tocsin.zsh");
EMBED(shells_fish, "agent/cmd/shells/tocsin.fish");

/* ---- what the three share ---- */

typedef void put_part(struct buf *out);

/* text with what belongs to its @commands@, @cases@ and @program@. */
static void put_filled(struct buf *out, const char *text, put_part *commands,
		       put_part *cases)
{
	static const char mark_commands[] = "@commands@", mark_cases[] =
		"@cases@", mark_program[] = "@program@";

	while (*text) {
		if (str_starts(str_from(text), mark_commands)) {
			commands(out);
			text += sizeof(mark_commands) - 1;
		} else if (str_starts(str_from(text), mark_cases)) {
			cases(out);
			text += sizeof(mark_cases) - 1;
		} else if (str_starts(str_from(text), mark_program)) {
			buf_puts(out, program_name);
			text += sizeof(mark_program) - 1;
		} else {
			size_t n = 1 + strcspn(text + 1, "@");

			buf_put(out, text, n);
			text += n;
		}
	}
}

/* What `completion --list` calls them; NULL: nothing live. */
static const char *live(enum value v)
{
	switch (v) {
	case VALUE_ALARM: return "alarms";
	case VALUE_DEAD: return "dead";
	case VALUE_EVENT: return "events";
	case VALUE_INCIDENT: return "incidents";
	case VALUE_SILENCE: return "silences";
	default: return NULL;
	}
}

/* text with every one of which behind a backslash, and ' for a quoted word of
 * a shell that knows no escape in one. */
static void put_escaped(struct buf *out, const char *text, const char *which)
{
	for (; *text; text++) {
		if (strchr(which, *text))
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
}

static void put_replaced(struct buf *out, const char *text, char from, char to)
{
	for (; *text; text++)
		buf_putc(out, *text == from ? to : *text);
}

/* The row's, or that of the row whose line it shares. */
static const char *help_of(const struct opt *o)
{
	while (!o->help && o[1].name)
		o++;
	return o->help ? o->help : "";
}

static size_t count_options(const struct cmd *c)
{
	size_t n = 0;

	while (c->options && c->options[n].name)
		n++;
	return n;
}

/* ---- bash ---- */

/* "=file": what follows an option; "" for a flag. */
static void put_bash_kind(struct buf *out, const struct opt *o)
{
	if (!o->value)
		return;
	buf_putc(out, '=');
	if (o->words)
		put_replaced(out, o->words, '|', ',');
	else
		buf_puts(out, o->is == VALUE_FILE ? "file" :
			      o->is == VALUE_FOLDER ? "folder" :
			      live(o->is) ? live(o->is) : "text");
}

static void put_bash_option(struct buf *out, const struct cmd *c,
			    const struct opt *o, const char *dashes,
			    const char *name)
{
	buf_printf(out, " %s%s", dashes, name);
	put_bash_kind(out, o);
	if (o->verbs && !c->as) {
		buf_putc(out, '@');
		put_replaced(out, o->verbs, ' ', ',');
	}
}

static const char *bash_operand(enum value v)
{
	return v == VALUE_FILE ? "file" : v == VALUE_FOLDER ? "folder" :
	       v == VALUE_NONE ? "none" : live(v) ? live(v) : "text";
}

static void put_bash_cmd(struct buf *out, const struct cmd *c)
{
	buf_printf(out, "\t%s)\n\t\toptions='--help", c->name);
	for (size_t i = 0; i < count_options(c); i++) {
		const struct opt *o = &c->options[i];
		const char letter[] = { o->letter, '\0' };

		if (!cmd_takes(c, o))
			continue;
		put_bash_option(out, c, o, "--", o->name);
		if (o->letter)
			put_bash_option(out, c, o, "-", letter);
	}
	buf_puts(out, "'\n");
	if (c->verbs) {
		buf_puts(out, "\t\tverbs='");
		for (const struct verb *v = c->verbs; v->name; v++)
			buf_printf(out, "%s%s=%s", v == c->verbs ? "" : " ",
				   v->name, bash_operand(v->operand));
		buf_puts(out, "'\n");
	} else {
		buf_puts(out, "\t\toperand='");
		if (c->words)
			put_replaced(out, c->words, '|', ',');
		else
			buf_puts(out, bash_operand(c->operand));
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t\t;;\n");
}

static void put_bash_names(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", cmds[i]->name);
}

static void put_bash_cases(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		put_bash_cmd(out, cmds[i]);
}

static void put_bash(struct buf *out)
{
	put_filled(out, shells_bash, put_bash_names, put_bash_cases);
}

/* ---- zsh ---- */

/* Within '': a quote ends it, stands alone, begins it again. */
static void put_zsh_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(out, "'\\'");
		else if (strchr("[]:\\", *text))
			buf_putc(out, '\\');
		buf_putc(out, *text);
	}
}

/* ":message:action" */
static void put_zsh_value(struct buf *out, const char *message, enum value is,
			  const char *words)
{
	buf_putc(out, ':');
	put_zsh_text(out, message);
	buf_putc(out, ':');
	if (words) {
		buf_putc(out, '(');
		put_replaced(out, words, '|', ' ');
		buf_putc(out, ')');
	} else if (is == VALUE_FILE) {
		buf_puts(out, "_files");
	} else if (is == VALUE_FOLDER) {
		buf_puts(out, "_files -/");
	} else if (live(is)) {
		/* A blank before it: as it stands, without compadd's words. */
		buf_printf(out, " _%s_live %s", program_name, live(is));
	} else {
		buf_putc(out, ' ');
	}
}

static void put_zsh_option(struct buf *out, const struct opt *o)
{
	buf_puts(out, "'");
	if (o->kind == OPT_TEXTS)
		buf_puts(out, "*");
	else if (o->letter)
		buf_printf(out, "(-%c --%s)", o->letter, o->name);
	if (o->letter)
		buf_printf(out, "'{-%c,--%s}'[", o->letter, o->name);
	else
		buf_printf(out, "--%s[", o->name);
	put_zsh_text(out, help_of(o));
	buf_putc(out, ']');
	if (o->value)
		put_zsh_value(out, o->value, o->is, o->words);
	buf_puts(out, "'\n");
}

/* The options that a verb has and not all do, and what it takes. */
static void put_zsh_verb(struct buf *out, const struct cmd *c,
			 const struct verb *v)
{
	buf_printf(out, "\t\t%s)\n\t\t\tspecs+=(\n", v->name);
	for (size_t i = 0; i < count_options(c); i++) {
		const struct opt *o = &c->options[i];
		struct str rest = str_from(o->verbs), word;

		while (o->verbs && str_cut(&rest, ' ', &word))
			if (str_is(word, v->name)) {
				buf_puts(out, "\t\t\t\t");
				put_zsh_option(out, o);
			}
	}
	if (v->operand != VALUE_NONE) {
		buf_puts(out, "\t\t\t\t'*");
		put_zsh_value(out, live(v->operand) ? live(v->operand) :
						      "argument",
			      v->operand, NULL);
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t\t\t)\n\t\t\t;;\n");
}

static void put_zsh_verbs(struct buf *out, const struct cmd *c)
{
	buf_puts(out, "\t\tverbs=(");
	for (const struct verb *v = c->verbs; v->name; v++)
		buf_printf(out, "%s%s", v == c->verbs ? "" : " ", v->name);
	buf_puts(out, ")\n\t\tspecs+=('1:what to do:((");
	for (const struct verb *v = c->verbs; v->name; v++) {
		buf_printf(out, "%s%s\\:\"", v == c->verbs ? "" : " ",
			   v->name);
		put_zsh_text(out, v->summary);
		buf_putc(out, '"');
	}
	buf_puts(out, "))')\n\t\tcase ${${words[2,CURRENT-1]:*verbs}[1]:-"
		 "$verbs[1]} in\n");
	for (const struct verb *v = c->verbs; v->name; v++)
		put_zsh_verb(out, c, v);
	buf_puts(out, "\t\tesac\n");
}

static void put_zsh_cmd(struct buf *out, const struct cmd *c)
{
	buf_printf(out, "\t%s)\n\t\tspecs=(\n"
		   "\t\t\t'(- *)--help[say how it is used]'\n", c->name);
	for (size_t i = 0; i < count_options(c); i++)
		if (c->as ? cmd_takes(c, &c->options[i]) :
			    !c->options[i].verbs) {
			buf_puts(out, "\t\t\t");
			put_zsh_option(out, &c->options[i]);
		}
	if (!c->verbs && c->operand != VALUE_NONE) {
		buf_puts(out, "\t\t\t'*");
		put_zsh_value(out, live(c->operand) ? live(c->operand) :
						      "argument",
			      c->operand, c->words);
		buf_puts(out, "'\n");
	}
	buf_puts(out, "\t\t)\n");
	if (c->verbs)
		put_zsh_verbs(out, c);
	buf_puts(out, "\t\t;;\n");
}

static void put_zsh_names(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++) {
		buf_printf(out, "\t\t'%s:", cmds[i]->name);
		put_zsh_text(out, cmds[i]->summary);
		buf_puts(out, "'\n");
	}
}

static void put_zsh_cases(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		put_zsh_cmd(out, cmds[i]);
}

static void put_zsh(struct buf *out)
{
	put_filled(out, shells_zsh, put_zsh_names, put_zsh_cases);
}

/* ---- fish ---- */

/* complete, where the command and one of the verbs stand before. */
static void put_fish_begin(struct buf *out, const struct cmd *c,
			   const char *verbs)
{
	buf_printf(out, "complete -c %s -n '__%s_is %s%s%s'", program_name,
		   program_name, c->name, verbs ? " " : "",
		   verbs ? verbs : "");
}

static void put_fish_value(struct buf *out, enum value is, const char *words)
{
	if (words) {
		buf_puts(out, " -a '");
		put_replaced(out, words, '|', ' ');
		buf_putc(out, '\'');
	} else if (live(is)) {
		buf_printf(out, " -a '(__%s_live %s)'", program_name,
			   live(is));
	} else if (is == VALUE_FILE) {
		buf_puts(out, " -F");
	} else if (is == VALUE_FOLDER) {
		buf_puts(out, " -a '(__fish_complete_directories)'");
	}
}

static void put_fish_text(struct buf *out, const char *text)
{
	buf_puts(out, " -d '");
	put_escaped(out, text, "'\\");
	buf_puts(out, "'\n");
}

static void put_fish_option(struct buf *out, const struct cmd *c,
			    const struct opt *o)
{
	put_fish_begin(out, c, c->as ? NULL : o->verbs);
	if (o->letter)
		buf_printf(out, " -s %c", o->letter);
	buf_printf(out, " -l %s", o->name);
	if (o->value) {
		buf_puts(out, o->is == VALUE_FILE ? " -r" : " -x");
		put_fish_value(out, o->is, o->words);
	}
	put_fish_text(out, help_of(o));
}

static void put_fish_cmd(struct buf *out, const struct cmd *c)
{
	buf_printf(out, "complete -c %s -n __%s_first -a %s", program_name,
		   program_name, c->name);
	put_fish_text(out, c->summary);
	for (const struct verb *v = c->verbs; v && v->name; v++) {
		buf_printf(out, "complete -c %s -n '__%s_lacks %s' -a %s",
			   program_name, program_name, c->name, v->name);
		put_fish_text(out, v->summary);
		if (v->operand == VALUE_NONE)
			continue;
		put_fish_begin(out, c, v->name);
		put_fish_value(out, v->operand, NULL);
		buf_putc(out, '\n');
	}
	if (!c->verbs && (c->words || (c->operand != VALUE_NONE &&
				       c->operand != VALUE_TEXT))) {
		put_fish_begin(out, c, NULL);
		put_fish_value(out, c->operand, c->words);
		buf_putc(out, '\n');
	}
	for (size_t i = 0; i < count_options(c); i++)
		if (cmd_takes(c, &c->options[i]))
			put_fish_option(out, c, &c->options[i]);
}

static void put_fish_verbs(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++) {
		if (!cmds[i]->verbs)
			continue;
		buf_printf(out, "\t\tcase %s\n\t\t\tprintf '%%s\\n'",
			   cmds[i]->name);
		for (const struct verb *v = cmds[i]->verbs; v->name; v++)
			buf_printf(out, " %s", v->name);
		buf_putc(out, '\n');
	}
}

static void put_fish_commands(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		put_fish_cmd(out, cmds[i]);
}

static void put_fish(struct buf *out)
{
	put_filled(out, shells_fish, put_fish_commands, put_fish_verbs);
}

/* ---- all of them ---- */

void shells_put(struct buf *out, const char *shell)
{
	static const struct {
		const char *name;
		put_part *put;
	} shells[] = {
		{ "bash", put_bash }, { "zsh", put_zsh }, { "fish", put_fish },
	};

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (strcmp(shells[i].name, shell) == 0)
			shells[i].put(out);
}

void shells_put_commands(struct buf *out)
{
	for (size_t i = 0; cmds[i]; i++)
		buf_printf(out, "%s\t%s\n", cmds[i]->name,
			   cmds[i]->summary);
}
