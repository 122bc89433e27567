#include "rule/pattern.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/encode.h"
#include "doc/jsonw.h"

/* str_glob() costs length times length; no name or field worth a glob is
 * longer than this. */
#define GLOB_SUBJECT 65536

static bool wild(struct str s)
{
	return str_find_char(s, '*') >= 0 || str_find_char(s, '?') >= 0;
}

struct pattern pattern_of(struct str text)
{
	struct str head;

	if (!wild(text))
		return (struct pattern){ .kind = PATTERN_LITERAL,
					 .text = text };
	head = str_sub(text, 0, text.n - 1);
	if (text.p[text.n - 1] == '*' && !wild(head))
		return (struct pattern){ .kind = PATTERN_PREFIX, .text = head };
	return (struct pattern){ .kind = PATTERN_GLOB, .text = text };
}

static int order(const void *a, const void *b)
{
	const struct pattern *p = a, *q = b;

	if (p->kind != q->kind)
		return p->kind < q->kind ? -1 : 1;
	return str_cmp(p->text, q->text);
}

void pattern_list_init(struct pattern_list *list, struct pattern *items,
		       size_t count)
{
	*list = (struct pattern_list){ items, count, 0 };
	qsort(items, count, sizeof(*items), order);
	while (list->literals < count &&
	       items[list->literals].kind == PATTERN_LITERAL)
		list->literals++;
}

static bool in_range(const struct range *r, double v)
{
	return (r->low_open ? v > r->low : v >= r->low) &&
	       (r->high_open ? v < r->high : v <= r->high);
}

static bool try_regex(const struct pattern *p, struct run *run,
		      struct str value)
{
	int rc;

	if (!run->matcher)
		run->matcher = matcher_take(run->pool);
	rc = run->matcher ? regex_match(p->regex, run->matcher, value)
			  : -ENOMEM;
	if (rc == REGEX_LIMIT) {
		run->limits++;
		atomic_fetch_add_explicit(&run->pool->limits, 1,
					  memory_order_relaxed);
	}
	if (rc < 0)
		run->error = rc;
	return rc == REGEX_YES;
}

static bool prefix_of(struct str prefix, struct str s)
{
	return s.n >= prefix.n &&
	       (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static bool match_one(const struct pattern *p, struct run *run,
		      const struct ref *ref, struct str value)
{
	double number;

	if (!value.p)
		return p->kind == PATTERN_ABSENT;
	switch (p->kind) {
	case PATTERN_LITERAL:
		return str_eq(p->text, value);
	case PATTERN_PREFIX:
		return prefix_of(p->text, value);
	case PATTERN_GLOB:
		return str_glob(p->text, utf8_cut(value, GLOB_SUBJECT));
	case PATTERN_REGEX:
		return try_regex(p, run, value);
	case PATTERN_RANGE:
		return facts_number(run->facts, ref, &number) &&
		       in_range(p->range, number);
	case PATTERN_PRESENT:
		return true;
	case PATTERN_ABSENT:
	case PATTERN_LIST:
		break;
	}
	return false;
}

static int literal_cmp(const void *key, const void *item)
{
	const struct pattern *p = item;

	return str_cmp(*(const struct str *)key, p->text);
}

bool pattern_match(const struct pattern *p, struct run *run,
		   const struct ref *ref)
{
	struct str value = facts_get(run->facts, ref);
	const struct pattern_list *l;

	if (p->kind != PATTERN_LIST)
		return match_one(p, run, ref, value);
	l = p->list;
	if (value.p && l->literals &&
	    bsearch(&value, l->items, l->literals, sizeof(*l->items),
		    literal_cmp))
		return true;
	for (size_t i = l->literals; i < l->count; i++)
		if (match_one(&l->items[i], run, ref, value))
			return true;
	return false;
}

void run_fini(struct run *run)
{
	matcher_give(run->pool, run->matcher);
	run->matcher = NULL;
}

static void put_range(struct buf *out, const struct range *r)
{
	bool both = isfinite(r->low) && isfinite(r->high);

	if (isfinite(r->low))
		buf_printf(out, "%s %.15g", r->low_open ? ">" : ">=", r->low);
	if (both)
		buf_puts(out, " and ");
	if (isfinite(r->high))
		buf_printf(out, "%s %.15g", r->high_open ? "<" : "<=", r->high);
}

static void put_one(struct buf *out, const struct pattern *p)
{
	switch (p->kind) {
	case PATTERN_LITERAL:
	case PATTERN_GLOB:
		jsonw_put_quoted(out, p->text);
		break;
	case PATTERN_PREFIX:
		jsonw_put_quoted(out, p->text);
		if (buf_error(out) == 0) {
			buf_truncate(out, out->n - 1);
			buf_puts(out, "*\"");
		}
		break;
	case PATTERN_REGEX:
		buf_putc(out, '/');
		buf_put_str(out, p->text);
		buf_putc(out, '/');
		break;
	case PATTERN_RANGE:
		put_range(out, p->range);
		break;
	case PATTERN_PRESENT:
		buf_puts(out, "present");
		break;
	case PATTERN_ABSENT:
		buf_puts(out, "null");
		break;
	case PATTERN_LIST:
		break;
	}
}

void pattern_put(struct buf *out, const struct pattern *p)
{
	const size_t shown = 5;

	if (p->kind != PATTERN_LIST) {
		put_one(out, p);
		return;
	}
	buf_puts(out, "any of ");
	for (size_t i = 0; i < p->list->count && i < shown; i++) {
		buf_puts(out, i ? ", " : "");
		put_one(out, &p->list->items[i]);
	}
	if (p->list->count > shown)
		buf_printf(out, " and %zu more", p->list->count - shown);
}
