/* GET /api/v1/audit: who did what, the newest first. */
#include "agent/admin/api.h"

#include <errno.h>

#include "doc/json.h"
#include "doc/jsonw.h"

#define LIMIT 100
#define LIMIT_MAX 1000
#define ARENA_MAX (64 << 20)

static bool read_page(struct store_page *page, const struct web_request *req,
		      struct arena *arena)
{
	struct str limit = api_param(req, "limit", arena);
	struct str before = api_param(req, "before", arena);
	uint64_t n = LIMIT, b = 0;

	if ((limit.p && (str_to_u64(&n, limit) || !n || n > LIMIT_MAX)) ||
	    (before.p && (str_to_u64(&b, before) || b > INT64_MAX)))
		return false;
	*page = (struct store_page){ (size_t)n, (int64_t)b,
				     api_param(req, "resource", arena) };
	return true;
}

void api_put_audit(struct jsonw *w, const struct store_audit *row)
{
	jsonw_object(w);
	jsonw_kint(w, "id", row->id);
	jsonw_ktime(w, "at", row->at_ms);
	jsonw_kstr(w, "who", row->who);
	jsonw_kstr(w, "action", row->action);
	jsonw_kstr(w, "resource_type", row->resource_type);
	jsonw_kstr(w, "resource_id", row->resource_id);
	jsonw_key(w, "details");
	if (row->details.n && !json_scan(row->details, 0, NULL))
		jsonw_raw(w, row->details);
	else
		jsonw_null(w);
	jsonw_end_object(w);
}

static int put_rows(struct buf *out, struct agent *a,
		    const struct store_page *page, struct arena *arena)
{
	struct store_audit *rows = arena_array(arena, page->limit,
					       sizeof(*rows));
	struct store_reader *reader = NULL;
	struct jsonw w = JSONW(out);
	int n = rows ? store_reader_open(&reader, a->store, NULL) : -ENOMEM;

	if (!n)
		n = store_list_audit(rows, reader, page, arena);
	store_reader_close(reader);
	jsonw_object(&w);
	jsonw_key(&w, "audit");
	jsonw_array(&w);
	for (int i = 0; i < n; i++)
		api_put_audit(&w, &rows[i]);
	jsonw_end_array(&w);
	if (n > 0 && (size_t)n == page->limit)
		jsonw_kint(&w, "next_before", rows[n - 1].id);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
	return n;
}

void api_audit(struct agent *a, const struct web_request *req, struct str arg,
	       struct api_answer *r)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct store_page page;

	(void)arg;
	if (!arena)
		api_error(r, 503, "out of memory");
	else if (!read_page(&page, req, arena))
		api_error(r, 400, "limit is a number from 1 to 1000, before "
				  "one from an earlier page");
	else if (put_rows(&r->out, a, &page, arena) < 0)
		api_error(r, 503, "the store can't be read now");
	arena_free(arena);
}
