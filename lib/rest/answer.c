#include "rest/rest.h"

#include <errno.h>

#include "base/clock.h"

#define RETRY_MAX_MS INT64_C(3600000)

struct str rest_header(const struct rest_response *r, const char *name)
{
	struct str rest = r->headers, line, key;

	while (str_cut(&rest, '\n', &line)) {
		ssize_t colon = str_find_char(line, ':');

		if (colon <= 0)
			continue;
		key = str_sub(line, 0, (size_t)colon);
		if (str_is_nocase(key, name))
			return str_trim(
				str_sub(line, key.n + 1, line.n - key.n - 1));
	}
	return STR_NONE;
}

int64_t rest_retry_after_ms(const struct rest_response *r, int64_t now_ms)
{
	struct str v = rest_header(r, "Retry-After");
	uint64_t seconds;
	int64_t at;
	int rc;

	if (v.n == 0)
		return -1;
	rc = str_to_u64(&seconds, v);
	if (rc == -ERANGE || (rc == 0 && seconds > RETRY_MAX_MS / 1000))
		return RETRY_MAX_MS;
	if (rc == 0)
		return (int64_t)seconds * 1000;
	if (clock_parse_http(&at, v))
		return -1;
	if (at <= now_ms)
		return 0;
	return at - now_ms < RETRY_MAX_MS ? at - now_ms : RETRY_MAX_MS;
}
