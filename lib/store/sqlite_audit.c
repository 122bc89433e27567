/* Who did what: appended with what it tells of, read by people. */
#include "store/sqlite.h"

int sqlite_put_audit(struct sqlite *d, const struct store_audit *a)
{
	struct query u = query_begin(&d->q, SQL_PUT_AUDIT);

	put_int(&u, a->at_ms);
	put_str(&u, a->who);
	put_str(&u, a->action);
	put_str(&u, a->resource_type);
	put_str(&u, a->resource_id);
	put_str(&u, a->details);
	return query_run(&u);
}

int sqlite_list_audit(struct store_audit *out, struct store_reader *r,
		      const struct store_page *p, struct arena *arena)
{
	struct query u = reader_query(r, p->filter.n ? SQL_LIST_AUDIT_OF :
						       SQL_LIST_AUDIT, arena);
	int got = 0;
	size_t n = 0;

	put_int(&u, p->before > 0 ? p->before : INT64_MAX);
	if (p->filter.n)
		put_str(&u, p->filter);
	put_int(&u, (int64_t)p->limit);
	while (n < p->limit && (got = query_row(&u)) > 0) {
		struct store_audit *a = &out[n++];

		a->id = get_int(&u);
		a->at_ms = get_int(&u);
		a->who = get_str(&u);
		a->action = get_str(&u);
		a->resource_type = get_str(&u);
		a->resource_id = get_str(&u);
		a->details = get_str(&u);
	}
	got = reader_found(&u, got);
	return got < 0 ? got : (int)n;
}
