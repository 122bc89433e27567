/*
 * A chunked body: whole or in pieces it must mean the same, and never more
 * than its bound. The first byte says how long the pieces are.
 */
#include <stdlib.h>

#include "web/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static void check(int ok)
{
	if (!ok)
		abort();
}

static int in_pieces(struct buf *body, size_t *used, const char *p, size_t size,
		     size_t step)
{
	struct chunked k = CHUNKED_INIT;
	int rc = CHUNKED_MORE;
	size_t n = 0;

	while (n < size && rc == CHUNKED_MORE) {
		size_t some = size - n < step ? size - n : step, took;
		char *copy = malloc(some);

		if (!copy)
			abort();
		memcpy(copy, p + n, some);
		rc = chunked_read(&k, body, &took, copy, some);
		check(took <= some && (rc != CHUNKED_MORE || took == some));
		n += took;
		free(copy);
	}
	*used = n;
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = BUF_INIT(MOST), piecewise = BUF_INIT(MOST);
	size_t used, used_again;
	const char *p;
	int rc;

	if (size < 1)
		return 0;
	p = (const char *)data + 1;
	size--;
	rc = in_pieces(&whole, &used, p, size, size ? size : 1);
	check(rc == in_pieces(&piecewise, &used_again, p, size,
			      data[0] ? data[0] : 1));
	check(rc == 0 || rc == CHUNKED_MORE || rc == 400 || rc == 413);
	check(used == used_again && used <= size && whole.n <= MOST);
	check(str_eq(buf_str(&whole), buf_str(&piecewise)));
	if (rc == 0)
		check(used >= 5 && memcmp(p + used - 4, "\r\n\r\n", 4) == 0);
	buf_fini(&whole);
	buf_fini(&piecewise);
	return 0;
}
