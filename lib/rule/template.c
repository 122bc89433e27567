#include "rule/template.h"

#include <ctype.h>
#include <errno.h>

#include "base/encode.h"
#include "doc/jsonw.h"
#include "rule/text.h"

#define FILTERS 4
#define PIECES 200
#define FILTERED 16384 /* bytes of a value that filters look at */

enum filter {
	FILTER_NONE,
	FILTER_UPPER,
	FILTER_LOWER,
	FILTER_JSON,
	FILTER_TRUNCATE
};

struct piece {
	struct str literal;    /* before the field */
	const struct ref *ref; /* NULL: the text's end */
	struct str fallback;   /* p == NULL: none */
	enum filter filter[FILTERS];
	size_t truncate[FILTERS];
};

struct template
{
	struct piece *pieces;
	size_t count;
};

static int parse_filter(struct piece *p, size_t i, struct str word,
			struct err *err)
{
	static const char *const names[] = { "upper", "lower", "json", NULL };
	uint64_t n;

	if (i == FILTERS)
		return err_set(err, -EINVAL, "more than %d filters", FILTERS);
	for (int k = 0; names[k]; k++) {
		if (!str_is(word, names[k]))
			continue;
		p->filter[i] = (enum filter)(FILTER_UPPER + k);
		return 0;
	}
	if (str_starts(word, "truncate(") && str_ends(word, ")") &&
	    str_to_u64(&n, str_sub(word, 9, word.n - 10)) == 0 && n >= 1 &&
	    n <= TEMPLATE_MAX) {
		p->filter[i] = FILTER_TRUNCATE;
		p->truncate[i] = (size_t)n;
		return 0;
	}
	return err_set(err, -EINVAL,
		       "`%.*s` is no filter: there are upper, "
		       "lower, json and truncate(N), and a default holds no |",
		       STR_ARG(utf8_cut(word, 40)));
}

/* Sources of secrets that the agent's configuration has. */
static bool forbidden(struct str body)
{
	return str_starts(body, "env:") || str_starts(body, "file:") ||
	       str_starts(body, "credential:");
}

/* What stands between ${ and }: PATH[:-DEFAULT][|FILTER]... */
static int parse_field(struct piece *p, struct str body,
		       const struct template_fields *fields, struct err *err)
{
	struct str word, path, rest = body;
	ssize_t at = str_find(body, STR(":-"));
	size_t i = 0;

	if (at != 3 && forbidden(body))
		return err_set(err, -EINVAL,
			       "`${%.*s}` does not exist in "
			       "rules",
			       STR_ARG(utf8_cut(body, 60)));
	str_cut(&rest, '|', &path);
	at = str_find(path, STR(":-"));
	if (at >= 0) {
		p->fallback =
			str_sub(path, (size_t)at + 2, path.n - (size_t)at - 2);
		path.n = (size_t)at;
	}
	while (str_cut(&rest, '|', &word)) {
		int rc = parse_filter(p, i++, word, err);

		if (rc)
			return rc;
	}
	p->ref = fields->find(path, fields->arg, err);
	return p->ref ? 0 : -EINVAL;
}

/*
 * Cut the text before the next field off *rest into out. 1: a field follows,
 * its inside in *body; 0: the end; -EINVAL.
 */
static int next_field(struct str *rest, struct buf *out, struct str *body,
		      struct err *err)
{
	ssize_t at, end;

	buf_reset(out);
	while ((at = str_find(*rest, STR("${"))) >= 0) {
		size_t n = (size_t)at;
		bool escaped = n > 0 && rest->p[n - 1] == '$';

		buf_put(out, rest->p, escaped ? n - 1 : n);
		*rest = str_sub(*rest, n + 2, rest->n - n - 2);
		if (escaped) {
			buf_puts(out, "${");
			continue;
		}
		end = str_find_char(*rest, '}');
		if (end < 0)
			return err_set(err, -EINVAL,
				       "`${%.*s` has no closing "
				       "brace",
				       STR_ARG(utf8_cut(*rest, 40)));
		*body = str_sub(*rest, 0, (size_t)end);
		*rest = str_sub(*rest, (size_t)end + 1,
				rest->n - (size_t)end - 1);
		return 1;
	}
	buf_put_str(out, *rest);
	return 0;
}

static size_t count_fields(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < text.n; i++)
		n += text.p[i] == '$' && text.p[i + 1] == '{';
	return n;
}

const struct template *template_new(struct arena *arena, struct str text,
				    const struct template_fields *fields,
				    struct err *err)
{
	struct template *t = arena_alloc(arena, sizeof(*t));
	struct buf literal = BUF_INIT(text.n + 1);
	size_t most = count_fields(text);
	struct str rest, body = STR_NONE;
	int rc = 1;

	if (most > PIECES) {
		err_set(err, -EINVAL, "more than %d fields", PIECES);
		return NULL;
	}
	if (t)
		t->pieces = arena_array(arena, most + 1, sizeof(*t->pieces));
	rest = arena_str(arena, text);
	if (!t || !t->pieces || !rest.p) {
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	while (rc == 1) {
		struct piece *p = &t->pieces[t->count];

		rc = next_field(&rest, &literal, &body, err);
		if (rc < 0)
			break;
		p->literal = arena_str(arena, buf_str(&literal));
		t->count++;
		if (rc && parse_field(p, body, fields, err))
			rc = -EINVAL;
	}
	buf_fini(&literal);
	return rc ? NULL : t;
}

static struct str change_case(struct arena *arena, struct str s, int (*to)(int))
{
	char *p = arena_cstr(arena, s);

	for (size_t i = 0; p && i < s.n; i++)
		if ((unsigned char)p[i] < 0x80)
			p[i] = (char)to((unsigned char)p[i]);
	return p ? (struct str){ p, s.n } : STR("");
}

static struct str quoted(struct arena *arena, struct str s)
{
	/* A byte becomes at most six: \u001b. */
	struct buf b = BUF_INIT(s.n * 6 + 2);
	struct str out;

	jsonw_put_quoted(&b, s);
	out = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

static struct str filtered(const struct piece *p, struct facts *f, struct str s)
{
	if (p->filter[0] != FILTER_NONE)
		s = utf8_cut(s, FILTERED);
	for (int i = 0; i < FILTERS; i++) {
		switch (p->filter[i]) {
		case FILTER_NONE:
			return s;
		case FILTER_UPPER:
			s = change_case(f->arena, s, toupper);
			break;
		case FILTER_LOWER:
			s = change_case(f->arena, s, tolower);
			break;
		case FILTER_JSON:
			s = quoted(f->arena, s);
			break;
		case FILTER_TRUNCATE:
			s = text_chars(s, p->truncate[i]);
			break;
		}
	}
	return s;
}

/* Shown as it is, but for |json, which promises a JSON string. */
static struct str missing_text(const struct piece *p, struct arena *arena)
{
	struct str s = arena_printf(arena, "(no %.*s)", STR_ARG(p->ref->path));

	for (int i = 0; i < FILTERS; i++)
		if (p->filter[i] == FILTER_JSON)
			s = quoted(arena, s);
	return s;
}

size_t template_render(const struct template *t, struct facts *f,
		       struct buf *out)
{
	size_t missing = 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct piece *p = &t->pieces[i];
		struct str value;

		text_put(out, p->literal);
		if (!p->ref)
			break;
		value = facts_get(f, p->ref);
		if (value.n == 0 && p->fallback.p)
			value = p->fallback;
		missing += !value.p;
		if (out->n >= out->max)
			continue;
		text_put(out, value.p ? filtered(p, f, value)
				      : missing_text(p, f->arena));
	}
	return missing;
}

const struct ref *template_passing(const struct template *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->pieces[i].ref && t->pieces[i].ref->passing)
			return t->pieces[i].ref;
	return NULL;
}

const struct ref *template_field(const struct template *t, size_t i)
{
	return i < t->count ? t->pieces[i].ref : NULL;
}

struct str template_literal(const struct template *t)
{
	return t->count == 1 ? t->pieces[0].literal : STR_NONE;
}
