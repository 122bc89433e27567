#define PCRE2_CODE_UNIT_WIDTH 8

#include "rule/regex.h"

#include <ctype.h>
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

#include "base/encode.h"

/*
 * PCRE2's match limit starts anew at every offset of the subject, so it can't
 * bound a match by itself. A callout before every item of the pattern does.
 * Between two callouts the matcher may still run along the subject, which the
 * advance tells afterwards, or fail inside a `{n}`, which is charged ahead.
 */
#define CALLOUT_COST 32u /* so 30,000 callouts are the end in any case */
#define ADVANCE_COST 2u

#define MATCH_LIMIT 100000
#define DEPTH_LIMIT 10000
#define HEAP_LIMIT_KIB 1024

struct regex {
	pcre2_code *code;
	struct str prefix; /* every match begins with it, at offset 0 */
	unsigned repeat;   /* the largest minimum of a `{n}` */
};

struct matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	unsigned cost, each;
	size_t position;
};

/* "^pay-batch-[0-9]+" begins with "pay-batch-". */
static struct str fixed_prefix(struct str p)
{
	size_t n = 1;

	if (p.n < 2 || p.p[0] != '^' || str_find_char(p, '|') >= 0)
		return STR_NONE;
	while (n < p.n &&
	       (isalnum((unsigned char)p.p[n]) ||
		strchr("-_/ :@%,=", p.p[n])) &&
	       p.p[n])
		n++;
	/* A quantifier belongs to the character before it. */
	if (n < p.n && strchr("?*{+", p.p[n]))
		n--;
	return n > 1 ? str_sub(p, 1, n - 1) : STR_NONE;
}

static unsigned largest_repeat(struct str p)
{
	unsigned most = 0;

	for (size_t i = 0; i < p.n; i++) {
		unsigned v = 0;

		if (p.p[i] != '{')
			continue;
		while (i + 1 < p.n && isdigit((unsigned char)p.p[i + 1]) &&
		       v < 100000)
			v = v * 10 + (unsigned)(p.p[++i] - '0');
		most = v > most ? v : most;
	}
	return most < REGEX_SUBJECT ? most : REGEX_SUBJECT;
}

struct regex *regex_new(struct arena *arena, struct str pattern,
			struct err *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
				 PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context;
	struct regex *re;
	PCRE2_SIZE at = 0;
	int code = 0;

	if (pattern.n > REGEX_PATTERN) {
		err_set(err, -EINVAL,
			"the pattern has %zu characters, at most "
			"%d are taken",
			pattern.n, REGEX_PATTERN);
		return NULL;
	}
	re = arena_alloc(arena, sizeof(*re));
	context = pcre2_compile_context_create(NULL);
	if (!re || !context) {
		pcre2_compile_context_free(context);
		err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	pcre2_set_parens_nest_limit(context, 50);
	re->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options,
				 &code, &at, context);
	pcre2_compile_context_free(context);
	if (!re->code) {
		PCRE2_UCHAR text[160] = "";

		pcre2_get_error_message(code, text, sizeof(text));
		err_set(err, -EINVAL, "%s, at character %zu", (char *)text,
			(size_t)at + 1);
		return NULL;
	}
	re->prefix = arena_str(arena, fixed_prefix(pattern));
	re->repeat = largest_repeat(pattern);
	return re;
}

void regex_free(struct regex *re)
{
	if (re)
		pcre2_code_free(re->code);
}

static int callout(pcre2_callout_block *block, void *arg)
{
	struct matcher *m = arg;
	size_t at = block->current_position;
	size_t moved = at > m->position ? at - m->position : m->position - at;

	m->position = at;
	m->cost += m->each + (unsigned)moved * ADVANCE_COST;
	return m->cost > REGEX_BUDGET ? PCRE2_ERROR_CALLOUT : 0;
}

static void matcher_free(struct matcher *m)
{
	if (!m)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	free(m);
}

static struct matcher *matcher_new(void)
{
	struct matcher *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->data = pcre2_match_data_create(1, NULL);
	m->context = pcre2_match_context_create(NULL);
	if (!m->data || !m->context) {
		matcher_free(m);
		return NULL;
	}
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(m->context, callout, m);
	return m;
}

struct matcher *matcher_take(struct regex_pool *pool)
{
	for (int i = 0; i < REGEX_POOL; i++) {
		struct matcher *m = atomic_exchange(&pool->idle[i], NULL);

		if (m)
			return m;
	}
	return matcher_new();
}

void matcher_give(struct regex_pool *pool, struct matcher *m)
{
	for (int i = 0; m && i < REGEX_POOL; i++) {
		struct matcher *none = NULL;

		if (atomic_compare_exchange_strong(&pool->idle[i], &none, m))
			return;
	}
	matcher_free(m);
}

void regex_pool_fini(struct regex_pool *pool)
{
	for (int i = 0; i < REGEX_POOL; i++)
		matcher_free(atomic_exchange(&pool->idle[i], NULL));
}

int regex_match(const struct regex *re, struct matcher *m, struct str subject)
{
	int rc;

	subject = utf8_cut(subject, REGEX_SUBJECT);
	if (re->prefix.n &&
	    (subject.n < re->prefix.n ||
	     memcmp(subject.p, re->prefix.p, re->prefix.n) != 0))
		return REGEX_NO;
	m->cost = 0;
	m->position = 0;
	m->each = CALLOUT_COST + re->repeat;
	rc = pcre2_match(re->code, (PCRE2_SPTR)(subject.p ? subject.p : ""),
			 subject.n, 0, 0, m->data, m->context);
	if (rc >= 0)
		return REGEX_YES;
	if (rc == PCRE2_ERROR_NOMATCH)
		return REGEX_NO;
	return rc == PCRE2_ERROR_NOMEMORY ? -ENOMEM : REGEX_LIMIT;
}

unsigned regex_spent(const struct matcher *m)
{
	return m->cost;
}

bool regex_has_literal(struct str p)
{
	for (size_t i = 0; i < p.n; i++) {
		char close = p.p[i] == '[' ? ']' : p.p[i] == '{' ? '}' : '\0';
		ssize_t end;

		if (p.p[i] == '\\') {
			i++;
		} else if (close) {
			/* A bracket that comes first in a class is a member. */
			size_t from = i + 1 +
				      (i + 1 < p.n && close == ']' &&
				       p.p[i + 1] == '^');

			from += from < p.n && close == ']' && p.p[from] == ']';
			end = from < p.n ? str_find_char(
						   str_sub(p, from, p.n - from),
						   close)
					 : -1;
			if (end < 0)
				return true;
			i = from + (size_t)end;
		} else if (p.p[i] == '(' && i + 1 < p.n && p.p[i + 1] == '?') {
			/* A group's options are letters too. */
			while (i + 1 < p.n && !strchr(":)=!>", p.p[i + 1]))
				i++;
		} else if (isalnum((unsigned char)p.p[i]) ||
			   (unsigned char)p.p[i] >= 0x80) {
			return true;
		}
	}
	return false;
}
