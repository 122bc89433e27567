#include "stackflow/client.h"

#include "base/encode.h"

#define PATH_MAX_BYTES 6000

int sf_list_start(struct sf_client *c, const char *resource, const char *query,
		  struct str next, sf_done *done, void *arg)
{
	return sf_list_within(c, resource, query, next, 0, done, arg);
}

int sf_list_within(struct sf_client *c, const char *resource, const char *query,
		   struct str next, unsigned timeout_ms, sf_done *done,
		   void *arg)
{
	struct sf_call_spec spec = { .kind = SF_LIST,
				     .method = "GET",
				     .timeout_ms = timeout_ms };
	struct buf path = BUF_INIT(PATH_MAX_BYTES);
	char sep = '?';
	int rc;

	buf_puts(&path, resource);
	if (query && query[0]) {
		buf_printf(&path, "%c%s", sep, query);
		sep = '&';
	}
	if (next.n) {
		buf_putc(&path, sep);
		buf_put_str(&path, next);
	}
	spec.path = buf_str(&path);
	rc = buf_error(&path);
	if (rc == 0)
		rc = sf_call_start(c, &spec, done, arg);
	buf_fini(&path);
	return rc;
}

void sf_query_put(struct buf *query, const char *name, struct str value)
{
	if (query->n)
		buf_putc(query, '&');
	encode_url(query, str_from(name));
	buf_putc(query, '=');
	encode_url(query, value);
}
