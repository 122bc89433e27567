#include "stackflow/client.h"

int sf_ci_list(struct sf_client *c, const char *query, sf_done *done, void *arg)
{
	return sf_list_start(c, "/cmdb/cis", query, STR_NONE, done, arg);
}
