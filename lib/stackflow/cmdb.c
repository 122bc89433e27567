#include "stackflow/client.h"

#define PATH_MAX_BYTES 6000

int sf_ci_list(struct sf_client *c, const char *query, sf_done *done, void *arg)
{
	struct sf_call_spec spec = { .kind = SF_LIST, .method = "GET" };
	struct buf path = BUF_INIT(PATH_MAX_BYTES);
	int rc;

	buf_puts(&path, "/cmdb/cis");
	if (query && query[0])
		buf_printf(&path, "?%s", query);
	spec.path = buf_str(&path);
	rc = buf_error(&path);
	if (rc == 0)
		rc = sf_call_start(c, &spec, done, arg);
	buf_fini(&path);
	return rc;
}
