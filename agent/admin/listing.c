#include "agent/admin/listing.h"

#include "base/encode.h"

#define LIMIT 100
#define LIMIT_MAX 1000
#define ARENA_MAX (256 << 20)

void listing_unreadable(struct api_answer *r)
{
	api_error(r, 503, "the store can't be read now");
}

static bool read_page(struct store_page *page, const struct web_request *req,
		      const char *filter, struct arena *arena)
{
	struct str limit = api_param(req, "limit", arena);
	struct str before = api_param(req, "before", arena);
	uint64_t n = LIMIT, b = 0;

	if ((limit.p && (str_to_u64(&n, limit) || !n || n > LIMIT_MAX)) ||
	    (before.p && (str_to_u64(&b, before) || b > INT64_MAX)))
		return false;
	*page = (struct store_page){
		.limit = (size_t)n,
		.before = (int64_t)b,
		.filter = filter ? api_param(req, filter, arena) : STR_NONE,
	};
	return true;
}

bool listing_init(struct listing *l, struct agent *a,
		  const struct web_request *req, const char *filter,
		  size_t row, struct api_answer *r)
{
	*l = (struct listing){ .arena = arena_new(ARENA_MAX) };
	if (!l->arena || store_reader_open(&l->reader, a->store, NULL)) {
		listing_unreadable(r);
		return false;
	}
	if (!read_page(&l->page, req, filter, l->arena)) {
		api_error(r, 400, "limit is a number from 1 to 1000, before "
				  "one from an earlier page");
		return false;
	}
	l->rows = arena_array(l->arena, l->page.limit, row);
	if (!l->rows)
		api_error(r, 503, "out of memory");
	return l->rows != NULL;
}

void listing_fini(struct listing *l)
{
	store_reader_close(l->reader);
	arena_free(l->arena);
}

static bool one_line(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return utf8_valid(s);
}

bool listing_text(struct str *out, struct listing *l,
		  const struct web_request *req, const char *name, size_t max,
		  struct api_answer *r)
{
	struct buf why = BUF_INIT(256);
	struct str rest = req->query, pair, key;

	*out = STR_NONE;
	while (!out->p && str_cut(&rest, '&', &pair)) {
		if (!str_cut(&pair, '=', &key) || !str_is(key, name) ||
		    !pair.n)
			continue;
		*out = api_param(req, name, l->arena);
		if (out->p && out->n <= max && one_line(*out))
			break;
		buf_printf(&why, "%s is UTF-8 text of at most %zu bytes, "
			   "percent-encoded, without control characters",
			   name, max);
		api_error(r, 400, why.p ? why.p : "a bad parameter");
		buf_fini(&why);
		return false;
	}
	buf_fini(&why);
	return true;
}

int64_t listing_next(const struct listing *l, int n, int64_t last)
{
	return n > 0 && (size_t)n == l->page.limit ? last : 0;
}

void listing_end(struct jsonw *w, struct api_answer *r, int n, int64_t next)
{
	jsonw_end_array(w);
	if (next > 0)
		jsonw_kint(w, "next_before", next);
	jsonw_end_object(w);
	buf_putc(&r->out, '\n');
	if (n < 0)
		listing_unreadable(r);
}
