#include "stackflow/stackflow.h"

#include <errno.h>

#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"
#include "stackflow/client.h"

#define CURSOR_MAX 1500 /* encoded it may take three times as much */
#define PAGE_MAX INT32_MAX

const struct json *sf_page_rows(const struct json *body)
{
	const struct json *rows = json_get(body, "data");

	return json_is(rows, JSON_ARRAY) ? rows : NULL;
}

struct str sf_row_str(const struct json *row, const char *const *keys)
{
	for (; *keys; keys++) {
		struct str s = json_get_str(row, *keys);

		if (s.n)
			return s;
	}
	return STR_NONE;
}

int64_t sf_row_count(const struct json *row, const char *key)
{
	const struct json *v = json_get(row, key);
	int64_t n = json_is(v, JSON_NUMBER) ? json_int(v, -1) : -1;

	return n < 0 ? -1 : n;
}

bool sf_one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_is_nocase(s, *words))
			return true;
	return false;
}

static int next_cursor(struct str *out, struct str cursor, struct arena *a)
{
	struct buf text = BUF_INIT(3 * CURSOR_MAX + 16);
	struct str s = STR_NONE;
	int rc = 1;

	if (cursor.n > CURSOR_MAX)
		return -E2BIG;
	buf_puts(&text, "cursor=");
	encode_url(&text, cursor);
	if (buf_error(&text) == 0)
		s = arena_str(a, buf_str(&text));
	buf_fini(&text);
	if (!s.p)
		rc = -ENOMEM;
	else
		*out = s;
	return rc;
}

int sf_page_next(struct str *out, const struct json *body, struct arena *a)
{
	const struct json *cursor = json_get(body, "next_cursor");
	int64_t page;
	struct str s;

	if (json_is(cursor, JSON_STRING) || json_is(cursor, JSON_NUMBER)) {
		s = json_text(cursor, a);
		if (!s.p)
			return -ENOMEM;
		if (s.n)
			return next_cursor(out, s, a);
	} else if (cursor && !json_is(cursor, JSON_BOOL)) {
		return -EINVAL;
	}
	if (!json_bool(json_get(body, "has_more"), false))
		return 0;
	/* Without a number the same page would come for ever. */
	page = json_int(json_get(body, "page"), 0);
	if (page < 1 || page >= PAGE_MAX)
		return -EINVAL;
	s = arena_printf(a, "page=%lld", (long long)page + 1);
	if (!s.p)
		return -ENOMEM;
	*out = s;
	return 1;
}
