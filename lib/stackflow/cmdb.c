#include "stackflow/bulk.h"
#include "stackflow/client.h"

int sf_ci_list(struct sf_client *c, const char *query, struct str next,
	       sf_done *done, void *arg)
{
	return sf_list_start(c, "/cmdb/cis", query, next, done, arg);
}

int sf_ci_bulk(struct sf_client *c, struct str json, const char *key,
	       sf_done *done, void *arg)
{
	return sf_bulk_start(c, "/cmdb/cis/bulk", "ci.bulk", json, key, done,
			     arg);
}
