#include "stackflow/client.h"

int sf_ci_list(struct sf_client *c, const char *query, struct str next,
	       sf_done *done, void *arg)
{
	return sf_list_start(c, "/cmdb/cis", query, next, done, arg);
}
