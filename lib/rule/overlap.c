/* Proofs about patterns: what two of them share, what one holds of another. */
#include "rule/pattern.h"

#include <assert.h>
#include <math.h>

/* Two lists with more pairs of items than this aren't compared: unknown. */
#define PAIRS 1000000

/* One element of a glob: a character, any one, or any run. */
struct token {
	struct str text;
	char wild; /* '*', '?' or 0 */
};

static size_t tokens(struct token *out, const struct pattern *p)
{
	struct str s = p->text;
	size_t n = 0;

	for (size_t i = 0; i < s.n;) {
		size_t len = 1;
		bool literal = p->kind != PATTERN_GLOB;

		if ((unsigned char)s.p[i] >= 0xc0)
			while (i + len < s.n && len < 4 &&
			       ((unsigned char)s.p[i + len] & 0xc0) == 0x80)
				len++;
		out[n].text = str_sub(s, i, len);
		out[n++].wild = !literal && (s.p[i] == '*' || s.p[i] == '?')
					? s.p[i]
					: '\0';
		i += len;
	}
	if (p->kind == PATTERN_PREFIX)
		out[n++] = (struct token){ STR("*"), '*' };
	return n;
}

static bool meet(const struct token *a, const struct token *b)
{
	return a->wild == '?' || b->wild == '?' || str_eq(a->text, b->text);
}

/*
 * Is there a string that both accept? row[j] says whether what is left of a
 * from i on and of b from j on can be met; filled from the ends.
 */
static bool globs_meet(const struct pattern *pa, const struct pattern *pb)
{
	struct token a[PATTERN_TEXT + 1], b[PATTERN_TEXT + 1];
	bool rows[2][PATTERN_TEXT + 2];
	size_t n = tokens(a, pa), m = tokens(b, pb);
	bool *row = rows[0], *below = rows[1], *done;

	assert(n <= PATTERN_TEXT && m <= PATTERN_TEXT);
	for (size_t i = n + 1; i-- > 0;) {
		for (size_t j = m + 1; j-- > 0;) {
			if (i == n && j == m)
				row[j] = true;
			else if (i < n && a[i].wild == '*')
				row[j] = below[j] || (j < m && row[j + 1]);
			else if (j < m && b[j].wild == '*')
				row[j] = row[j + 1] || (i < n && below[j]);
			else
				row[j] = i < n && j < m && meet(&a[i], &b[j]) &&
					 below[j + 1];
		}
		done = row;
		row = below;
		below = done;
	}
	return below[0];
}

static bool textual(const struct pattern *p)
{
	return p->kind == PATTERN_LITERAL || p->kind == PATTERN_PREFIX ||
	       p->kind == PATTERN_GLOB;
}

static size_t one_prefix(const struct pattern *p)
{
	size_t n = 0;

	if (!textual(p))
		return 0;
	while (n < p->text.n && (p->kind != PATTERN_GLOB ||
				 (p->text.p[n] != '*' && p->text.p[n] != '?')))
		n++;
	return n;
}

static bool head_differs(const struct pattern *a, const struct pattern *b)
{
	size_t n = one_prefix(a), m = one_prefix(b);

	n = n < m ? n : m;
	return n && memcmp(a->text.p, b->text.p, n) != 0;
}

static bool texts_meet(const struct pattern *a, const struct pattern *b)
{
	if (a->kind == PATTERN_LITERAL && b->kind == PATTERN_LITERAL)
		return str_eq(a->text, b->text);
	if (head_differs(a, b))
		return false;
	/* Two prefixes that agree as far as both go are nested. */
	if (a->kind == PATTERN_PREFIX && b->kind == PATTERN_PREFIX)
		return true;
	return globs_meet(a, b);
}

static enum overlap ranges_meet(const struct range *a, const struct range *b)
{
	double low = fmax(a->low, b->low), high = fmin(a->high, b->high);
	bool open = (a->low == low && a->low_open) ||
		    (b->low == low && b->low_open) ||
		    (a->high == high && a->high_open) ||
		    (b->high == high && b->high_open);

	return low < high || (low == high && !open) ? OVERLAP_YES : OVERLAP_NO;
}

static enum overlap range_text(const struct range *r, const struct pattern *p)
{
	double v;

	if (p->kind != PATTERN_LITERAL)
		return OVERLAP_UNKNOWN;
	if (str_to_double(&v, p->text))
		return OVERLAP_NO;
	return (r->low_open ? v > r->low : v >= r->low) &&
			       (r->high_open ? v < r->high : v <= r->high)
		       ? OVERLAP_YES
		       : OVERLAP_NO;
}

static enum overlap one_overlap(const struct pattern *a,
				const struct pattern *b)
{
	if (a->kind == PATTERN_ABSENT || b->kind == PATTERN_ABSENT)
		return a->kind == b->kind ? OVERLAP_YES : OVERLAP_NO;
	if (a->kind == PATTERN_PRESENT || b->kind == PATTERN_PRESENT)
		return a->kind == PATTERN_REGEX || b->kind == PATTERN_REGEX
			       ? OVERLAP_UNKNOWN
			       : OVERLAP_YES;
	if (textual(a) && textual(b))
		return texts_meet(a, b) ? OVERLAP_YES : OVERLAP_NO;
	if (a->kind == PATTERN_RANGE && b->kind == PATTERN_RANGE)
		return ranges_meet(a->range, b->range);
	if (a->kind == PATTERN_RANGE && textual(b))
		return range_text(a->range, b);
	if (b->kind == PATTERN_RANGE && textual(a))
		return range_text(b->range, a);
	return OVERLAP_UNKNOWN;
}

static size_t members(const struct pattern *p, const struct pattern **items)
{
	*items = p->kind == PATTERN_LIST ? p->list->items : p;
	return p->kind == PATTERN_LIST ? p->list->count : 1;
}

static size_t sorted(const struct pattern *p)
{
	return p->kind == PATTERN_LIST ? p->list->literals : 0;
}

/* Do two sorted runs of literals share one? */
static bool literals_meet(const struct pattern *a, size_t n,
			  const struct pattern *b, size_t m)
{
	size_t i = 0, j = 0;

	while (i < n && j < m) {
		int c = str_cmp(a[i].text, b[j].text);

		if (c == 0)
			return true;
		i += c < 0;
		j += c > 0;
	}
	return false;
}

enum overlap pattern_overlap(const struct pattern *a, const struct pattern *b)
{
	const struct pattern *p, *q;
	size_t n = members(a, &p), m = members(b, &q);
	size_t ln = sorted(a), lm = sorted(b);
	enum overlap found = OVERLAP_NO;

	if (literals_meet(p, ln, q, lm))
		return OVERLAP_YES;
	if (n * m > PAIRS)
		return OVERLAP_UNKNOWN;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i < ln ? lm : 0; j < m; j++) {
			enum overlap o = one_overlap(&p[i], &q[j]);

			if (o == OVERLAP_YES)
				return o;
			found = o == OVERLAP_UNKNOWN ? o : found;
		}
	return found;
}

static bool range_covers(const struct range *a, const struct range *b)
{
	return (a->low < b->low ||
		(a->low == b->low && (!a->low_open || b->low_open))) &&
	       (a->high > b->high ||
		(a->high == b->high && (!a->high_open || b->high_open)));
}

static bool one_covers(const struct pattern *a, const struct pattern *b)
{
	if (a->kind == PATTERN_ABSENT || b->kind == PATTERN_ABSENT)
		return a->kind == b->kind;
	if (a->kind == PATTERN_PRESENT)
		return true;
	if (a->kind == PATTERN_RANGE && b->kind == PATTERN_RANGE)
		return range_covers(a->range, b->range);
	if (a->kind == PATTERN_PREFIX && textual(b))
		return one_prefix(b) >= a->text.n && !head_differs(a, b);
	if (a->kind == PATTERN_GLOB && b->kind == PATTERN_LITERAL)
		return str_glob(a->text, b->text);
	return a->kind == b->kind && (textual(a) || a->kind == PATTERN_REGEX) &&
	       str_eq(a->text, b->text);
}

bool pattern_covers(const struct pattern *a, const struct pattern *b)
{
	const struct pattern *p, *q;
	size_t n = members(a, &p), m = members(b, &q);

	if (n * m > PAIRS)
		return false;
	for (size_t j = 0; j < m; j++) {
		bool covered = false;

		for (size_t i = 0; i < n && !covered; i++)
			covered = one_covers(&p[i], &q[j]);
		if (!covered)
			return false;
	}
	return true;
}

size_t pattern_prefix(const struct pattern *p)
{
	const struct pattern *items;
	size_t n = members(p, &items), least = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		size_t len = one_prefix(&items[i]);

		least = len < least ? len : least;
	}
	return n ? least : 0;
}
