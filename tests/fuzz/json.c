#include <stdint.h>
#include <stdlib.h>

#include "doc/read.h"

/*
 * What json_scan() takes is built, and what is put from it is taken again and
 * is the same text: nothing is lost between scanner, tree and writer. What is
 * read without a tree is the same text as well.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void use(const struct json *v)
{
	struct arena *a = arena_new(64 << 20);
	const struct json *member;
	struct str key;
	void *at = NULL;
	struct err err;

	check(a != NULL);
	json_text(v, a);
	json_double(v, 0);
	json_int(v, 0);
	for (size_t i = 0; i < json_count(v) && i < 8; i++)
		json_text(json_item(v, i), a);
	while (json_next(v, &at, &key, &member)) {
		struct str s;

		check(json_get(v, key.p) == member);
		check(json_want_str(&s, v, key.p, &err) ==
		      (json_is(member, JSON_STRING) ? 1
		       : member			    ? -22
						    : 0));
	}
	arena_free(a);
}

static void read_alike(struct json *flat, struct str want)
{
	struct buf text = BUF_INIT(64 << 20);

	json_put(&text, flat);
	check(str_eq(buf_str(&text), want));
	json_free(flat);
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct buf once = BUF_INIT(64 << 20), twice = BUF_INIT(64 << 20);
	struct json *j = NULL, *k = NULL;
	struct err err;
	int rc = json_scan(text, 0, &err);

	check(json_parse(&j, text, 0, &err) == rc);
	check(json_read(&k, text, 0, &err) == rc);
	check(json_scan(text, JSON_NO_NUL, NULL) == 0 || rc ||
	      memmem(data, size, "\\u0000", 6));
	if (rc)
		return 0;
	use(j);
	json_pointer(j, text);
	json_put(&once, j);
	read_alike(k, buf_str(&once));
	check(json_parse(&k, buf_str(&once), 0, &err) == 0);
	json_put(&twice, k);
	check(str_eq(buf_str(&once), buf_str(&twice)));
	json_free(j);
	json_free(k);
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
