/* What a value must contain for a pattern to hold. */
#include "rule/required.h"

#include <ctype.h>

struct pieces {
	const struct ref *ref;
	void (*each)(struct str piece, const struct ref *ref, void *arg);
	void *arg;
};

static void put(const struct pieces *to, struct str piece)
{
	if (piece.n)
		to->each(piece, to->ref, to->arg);
}

static void glob_pieces(const struct pieces *to, struct str s)
{
	size_t from = 0;

	for (size_t i = 0; i <= s.n; i++) {
		if (i < s.n && s.p[i] != '*' && s.p[i] != '?')
			continue;
		put(to, str_sub(s, from, i - from));
		from = i + 1;
	}
}

/* ---- regular expressions: what stands outside of groups and classes ---- */

/* Behind the class that begins at i; p.n where it has no end. */
static size_t skip_class(struct str p, size_t i)
{
	i++;
	if (i < p.n && p.p[i] == '^')
		i++;
	if (i < p.n && p.p[i] == ']')
		i++;
	for (; i < p.n && p.p[i] != ']'; i++) {
		char kind = i + 1 < p.n ? p.p[i + 1] : '\0';

		if (p.p[i] == '\\') {
			i++;
		} else if (p.p[i] == '[' && kind && strchr(":.=", kind)) {
			/* [:alpha:] */
			for (i += 2; i + 1 < p.n; i++)
				if (p.p[i] == kind && p.p[i + 1] == ']')
					break;
			i++;
		}
	}
	return i < p.n ? i + 1 : p.n;
}

/* Behind the group that begins at i; p.n where it has no end. */
static size_t skip_group(struct str p, size_t i)
{
	size_t depth = 0;

	while (i < p.n) {
		if (p.p[i] == '\\') {
			i += 2;
			continue;
		}
		if (p.p[i] == '[') {
			i = skip_class(p, i);
			continue;
		}
		depth += p.p[i] == '(';
		if (p.p[i++] == ')' && --depth == 0)
			return i;
	}
	return p.n;
}

/*
 * Is the pattern of the plain kind that is understood here? Not: options and
 * verbs, which change the meaning of what follows or end a match early, and
 * escapes that take more than one character.
 */
static bool plain(struct str p)
{
	for (size_t i = 0; i < p.n; i++) {
		char next = i + 1 < p.n ? p.p[i + 1] : '\0';

		if (p.p[i] == '(' && next == '*')
			return false;
		if (p.p[i] == '(' && next == '?' &&
		    (i + 2 >= p.n || p.p[i + 2] != ':'))
			return false;
		if (p.p[i] != '\\')
			continue;
		if (isalnum((unsigned char)next) &&
		    !strchr("dDwWsSbBAzZhHvVRXntrfe", next))
			return false;
		i++;
	}
	return true;
}

/* Is there an alternative at the top? */
static bool alternates(struct str p)
{
	for (size_t i = 0; i < p.n;) {
		if (p.p[i] == '|')
			return true;
		if (p.p[i] == '[')
			i = skip_class(p, i);
		else if (p.p[i] == '(')
			i = skip_group(p, i);
		else
			i += p.p[i] == '\\' ? 2 : 1;
	}
	return false;
}

/* Behind a `{...}`. */
static size_t skip_braces(struct str p, size_t i)
{
	while (i < p.n && p.p[i] != '}')
		i++;
	return i < p.n ? i + 1 : p.n;
}

static bool is_literal(unsigned char c)
{
	/* What is longer than a byte may be quantified as a whole. */
	return c && c < 0x80 && !strchr(".^$*+?{}[]()|\\", c);
}

static void regex_pieces(const struct pieces *to, struct str p)
{
	size_t from = 0, i = 0;

	if (!plain(p) || alternates(p))
		return;
	while (i < p.n) {
		char c = p.p[i];
		size_t end = i;

		if (is_literal((unsigned char)c)) {
			i++;
			continue;
		}
		/* The quantifier is of the last character alone. */
		if ((c == '?' || c == '*' || c == '{') && end > from)
			end--;
		put(to, str_sub(p, from, end - from));
		if (c == '[')
			i = skip_class(p, i);
		else if (c == '(')
			i = skip_group(p, i);
		else if (c == '{')
			i = skip_braces(p, i);
		else
			i += c == '\\' ? 2 : 1;
		i = i < p.n ? i : p.n;
		from = i;
	}
	put(to, str_sub(p, from, p.n - from));
}

void required_each(const struct pattern *p, const struct ref *ref,
		   void (*each)(struct str piece, const struct ref *ref,
				void *arg),
		   void *arg)
{
	struct pieces to = { ref, each, arg };

	switch (p->kind) {
	case PATTERN_LITERAL:
	case PATTERN_PREFIX:
		put(&to, p->text);
		break;
	case PATTERN_GLOB:
		glob_pieces(&to, p->text);
		break;
	case PATTERN_REGEX:
		regex_pieces(&to, p->text);
		break;
	case PATTERN_RANGE:
	case PATTERN_PRESENT:
	case PATTERN_ABSENT:
	case PATTERN_LIST:
		break;
	}
}
