/*
 * A PROXY header: read in pieces as large as it asks for, or whole, it must
 * mean the same, and never more be wanted than it has. The first byte says how
 * long the pieces are.
 */
#include <errno.h>
#include <stdlib.h>

#include "web/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static int in_pieces(struct proxy *out, size_t *used, const char *p,
		     size_t size, size_t step)
{
	size_t n = 0, want = 0, before = 0;
	int rc;

	for (;;) {
		char *copy = malloc(n + 1);

		check(copy != NULL);
		memcpy(copy, p, n);
		rc = proxy_read(out, &want, copy, n);
		free(copy);
		check(rc == 0 || rc == PROXY_MORE || rc == -EPROTO);
		if (rc != PROXY_MORE || n == size)
			break;
		check(want > n && want >= before && want <= PROXY_MAX);
		before = want;
		n += want - n < step ? want - n : step;
		n = n < size ? n : size;
	}
	*used = n;
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy whole = { .family = 0xff }, piecewise = whole;
	size_t used, used_again, colon;
	struct network net;
	const char *p;
	int rc;

	if (size < 1)
		return 0;
	p = (const char *)data + 1;
	size--;
	rc = in_pieces(&whole, &used, p, size, PROXY_MAX);
	check(rc == in_pieces(&piecewise, &used_again, p, size,
			      data[0] ? data[0] : 1));
	check(memcmp(&whole, &piecewise, sizeof(whole)) == 0);
	if (rc == 0) {
		check(used == used_again && used >= PROXY_FIXED);
		check(whole.family == AF_UNSPEC || whole.family == AF_INET ||
		      whole.family == AF_INET6 || whole.family == AF_UNIX);
	} else {
		check(whole.family == 0xff);
	}
	/* The same bytes as a network's text. */
	for (colon = 0; colon < size && colon < 64; colon++)
		;
	if (network_read(&net, (struct str){ p, colon }) == 0)
		check(net.bits <= 128);
	return 0;
}
