/* What was, for tools that decide it again. */
#include <errno.h>

#include "agent/admin/api.h"
#include "agent/past.h"

#define EVENTS_MAX 1000
#define BYTES_MAX (8 << 20)

/* The number that a parameter of the query holds; 0 where absent. */
static bool number(int64_t *out, const struct web_request *req,
		   const char *name)
{
	struct str rest = req->query, pair, key;

	*out = 0;
	while (str_cut(&rest, '&', &pair))
		if (str_cut(&pair, '=', &key) && str_is(key, name))
			return pair.p && !str_to_i64(out, pair) && *out >= 0;
	return true;
}

/* Is a parameter that is true without it given as false? */
static bool without(const struct web_request *req, const char *name)
{
	struct str rest = req->query, pair, key;

	while (str_cut(&rest, '&', &pair))
		if (str_cut(&pair, '=', &key) && str_is(key, name))
			return str_is(pair, "false");
	return false;
}

void api_export(struct agent *a, const struct web_request *req, struct str arg,
		struct api_answer *r)
{
	struct past_lines lines = { .whole = true,
				    .bare = without(req, "payload") };
	int64_t limit;
	int rc;

	(void)arg;
	if (!number(&lines.after, req, "after") ||
	    !number(&limit, req, "limit") ||
	    !number(&lines.since_ms, req, "since_ms")) {
		api_error(r, 400, "after is an event's seq, since_ms a time, "
				  "limit a number");
		return;
	}
	if (limit == 0 || limit > EVENTS_MAX)
		limit = EVENTS_MAX;
	rc = store_reader_open(&lines.reader, a->store, NULL);
	if (!rc)
		rc = past_put(&r->out, &lines, (size_t)limit, BYTES_MAX);
	store_reader_close(lines.reader);
	r->type = "application/x-ndjson";
	if (rc < 0) {
		r->type = "application/json";
		api_error(r, 503, "the store can't be read now");
	}
}

void api_ruleset(struct agent *a, const struct web_request *req,
		 struct str arg, struct api_answer *r)
{
	struct arena *arena = arena_new(256 << 20);
	struct store_reader *reader = NULL;
	struct str sources = STR_NONE;
	int rc = arena ? store_reader_open(&reader, a->store, NULL) : -ENOMEM;

	(void)req;
	if (!rc)
		rc = store_ruleset(&sources, reader, arg, arena);
	if (rc > 0) {
		buf_put_str(&r->out, sources);
		buf_putc(&r->out, '\n');
	} else {
		api_error(r, rc ? 503 : 404,
			  rc ? "the store can't be read now" :
			       "no such rule set is kept");
	}
	store_reader_close(reader);
	arena_free(arena);
}
