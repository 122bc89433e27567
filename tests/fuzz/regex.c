/* A pattern before the first newline, the subject behind it, repeated. */
#include <stdlib.h>

#include "base/buf.h"
#include "rule/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, pattern;
	struct buf subject = BUF_INIT(1 << 20);
	struct arena *arena = arena_new(1 << 20);
	struct regex_pool pool = { .limits = 0 };
	struct err err = { "" };
	struct matcher *m = matcher_take(&pool);
	struct regex *re;

	if (!str_cut(&rest, '\n', &pattern))
		pattern = STR("");
	while (rest.n && subject.n < 2 * REGEX_SUBJECT)
		buf_put_str(&subject, rest);
	re = regex_new(arena, pattern, &err);
	regex_has_literal(pattern);
	if (!re && !err.text[0])
		abort();
	if (re && (regex_match(re, m, rest) < 0 ||
		   regex_match(re, m, buf_str(&subject)) < 0))
		abort();
	regex_free(re);
	matcher_give(&pool, m);
	regex_pool_fini(&pool);
	arena_free(arena);
	buf_fini(&subject);
	return 0;
}
