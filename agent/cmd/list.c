#include "agent/cmd/list.h"

#include <stdio.h>

#include "agent/cmd/client.h"
#include "base/encode.h"
#include "doc/json.h"

int list_path(struct buf *out, const struct args *a, const char *base,
	      const char *filter, const char *value)
{
	uint64_t n = 50;

	if (a->limit && (str_to_u64(&n, str_from(a->limit)) || n < 1 ||
			 n > 1000)) {
		fprintf(stderr, "tocsin: --limit is a number from 1 to 1000, "
			"not '%s'\n", a->limit);
		return CMD_USAGE;
	}
	buf_printf(out, "%s?limit=%llu", base, (unsigned long long)n);
	if (value) {
		buf_printf(out, "&%s=", filter);
		encode_url(out, str_from(value));
	}
	return 0;
}

int list_run(const struct args *a, const char *path, const char *key,
	     const struct column *columns, size_t count, const char *none)
{
	struct json *answer = NULL;
	struct buf text = BUF_INIT(256 << 20);
	const struct json *rows;
	struct term term;
	int status;

	if (a->json) {
		status = client_call(&text, a->conf, "GET", path);
		if (!status)
			fputs(buf_str(&text).p, stdout);
		buf_fini(&text);
		return status;
	}
	status = client_json(&answer, a->conf, path);
	if (status)
		return status;
	rows = json_get(answer, key);
	if (json_count(rows)) {
		term_look(&term, a);
		table_put(&text, rows, columns, count, &term);
		fputs(buf_str(&text).p, stdout);
	} else {
		puts(none);
	}
	buf_fini(&text);
	json_free(answer);
	return CMD_OK;
}
