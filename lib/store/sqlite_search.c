/* What people look for: a part of a text, among the newest rows. */
#include "base/encode.h"
#include "store/sqlite.h"

/* A walk of so many rows takes some tenths of a second at most. */
#define ROWS_MAX 50000
#define TEXT_MAX 200

/* %TEXT%, where TEXT's own wildcards are characters; see ESCAPE. */
static struct str pattern_of(struct str text, struct arena *arena)
{
	struct buf b = BUF_INIT(2 * TEXT_MAX + 3);
	struct str out;

	if (!text.n)
		return STR("");
	text = utf8_cut(text, TEXT_MAX);
	buf_putc(&b, '%');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '%' || text.p[i] == '_' || text.p[i] == '\\')
			buf_putc(&b, '\\');
		buf_putc(&b, text.p[i]);
	}
	buf_putc(&b, '%');
	out = arena_str(arena, buf_str(&b));
	buf_fini(&b);
	return out;
}

/* What is absent is empty rather than NULL, which equals nothing. */
static struct str given(struct str s)
{
	return s.p ? s : STR("");
}

/* Rows from *floor on, below p->before, are looked through; *first: the oldest
 * there is. */
static int find_floor(int64_t *floor, int64_t *first, struct store_reader *r,
		      enum sql_statement n, const struct store_page *p)
{
	struct query u = reader_query(r, n, NULL);
	int got;

	put_int(&u, p->before > 0 ? p->before : INT64_MAX);
	put_int(&u, ROWS_MAX);
	got = query_row(&u);
	if (got > 0) {
		*floor = get_int(&u);
		*first = get_int(&u);
	}
	return reader_found(&u, got);
}

static void put_range(struct query *u, const struct store_page *p,
		      int64_t floor)
{
	put_int(u, p->before > 0 ? p->before : INT64_MAX);
	put_int(u, floor);
}

int sqlite_search_events(struct event *out, int64_t *next,
			 struct store_reader *r, const struct store_page *p,
			 const struct store_search *s, struct arena *arena)
{
	struct sqlite_reader *reader = (struct sqlite_reader *)r;
	struct query u;
	int64_t floor = 0, first = 0;
	size_t n = 0;
	int got = find_floor(&floor, &first, r, SQL_EVENT_FLOOR, p);

	if (got < 0)
		return got;
	u = reader_query(r, SQL_SEARCH_EVENTS, arena);
	put_range(&u, p, floor);
	put_str(&u, pattern_of(s->text, arena));
	put_str(&u, given(s->team));
	put_str(&u, given(p->filter));
	put_int(&u, (int64_t)p->limit);
	while (n < p->limit && (got = query_row(&u)) > 0) {
		sqlite_get_event(&out[n], &u, &reader->id);
		sqlite_get_outcome(&out[n++], &u);
	}
	got = reader_found(&u, got);
	if (got < 0)
		return got;
	*next = n == p->limit ? out[n - 1].seq : floor > first ? floor : 0;
	return (int)n;
}

int sqlite_search_incidents(struct incident *out, int64_t *next,
			    struct store_reader *r, const struct store_page *p,
			    const struct store_search *s, struct arena *arena)
{
	struct query u;
	int64_t floor = 0, first = 0;
	size_t n = 0;
	int got = find_floor(&floor, &first, r, SQL_INCIDENT_FLOOR, p);

	if (got < 0)
		return got;
	u = reader_query(r, SQL_SEARCH_INCIDENTS, arena);
	put_range(&u, p, floor);
	put_str(&u, pattern_of(s->text, arena));
	put_str(&u, given(s->team));
	put_int(&u, sqlite_state_of(p->filter));
	put_int(&u, s->priority);
	put_int(&u, (int64_t)p->limit);
	while (n < p->limit && (got = query_row(&u)) > 0)
		get_incident(&out[n++], &u);
	got = reader_found(&u, got);
	if (got < 0)
		return got;
	*next = n == p->limit ? out[n - 1].id : floor > first ? floor : 0;
	return (int)n;
}

int sqlite_members(struct member *out, size_t max, struct store_reader *r,
		   int64_t incident, struct arena *arena)
{
	struct query u = reader_query(r, SQL_MEMBERS, arena);
	size_t n = 0;
	int got = 0;

	put_int(&u, incident);
	put_int(&u, (int64_t)max);
	while (n < max && (got = query_row(&u)) > 0)
		get_member(&out[n++], &u);
	got = reader_found(&u, got);
	return got < 0 ? got : (int)n;
}
