/* GET /api/v1/events/{id}/evidence */
#include <errno.h>

#include "agent/admin/api.h"
#include "agent/evidence.h"

#define ARENA_MAX (256 << 20)

void api_evidence(struct agent *a, const struct web_request *req,
		  struct str arg, struct api_answer *r)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct conf *c = agent_conf(a);
	struct store_reader *reader = NULL;
	int rc = arena ? store_reader_open(&reader, a->store, NULL) : -ENOMEM;

	(void)req;
	if (!rc)
		rc = evidence_put(&r->out, reader, c, arg, arena);
	if (rc)
		api_error(r, rc == -ENOENT ? 404 : 503,
			  rc == -ENOENT ? "no such event" :
					  "the store can't be read now");
	store_reader_close(reader);
	arena_free(arena);
	conf_free(c);
}
