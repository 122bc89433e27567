#include "rig.h"

#include <stdatomic.h>

#include "stackflow/changes.h"
#include "stackflow/knowledge.h"
#include "stackflow/pages.h"

enum style { BY_CURSOR, BY_PAGE };

/* A list of so many rows, a few a page. */
struct book {
	enum style style;
	unsigned rows, each;
	int fail_at;		/* the request of that number fails; 0: none */
	const char *sticks;	/* every page's next_cursor */
	unsigned round;		/* cursors repeat after so many pages */
	atomic_uint asked;
};

static unsigned number_after(const char *request, const char *name)
{
	const char *at = strstr(request, name);

	return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : 0;
}

static void put_rows(struct buf *text, unsigned from, unsigned to)
{
	buf_puts(text, "{\"data\":[");
	for (unsigned i = from; i < to; i++)
		buf_printf(text, "%s{\"id\":\"R%u\"}", i > from ? "," : "", i);
	buf_putc(text, ']');
}

static void book(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	struct book *b = s->arg;
	struct buf text = BUF_INIT(4096);
	unsigned page, from, to;

	(void)nth;
	if ((int)atomic_fetch_add(&b->asked, 1) + 1 == b->fail_at) {
		reply_json(out, 503, "", "{\"message\":\"not now\"}");
		return;
	}
	page = b->style == BY_CURSOR ? number_after(request, "cursor=c%2F") :
				       number_after(request, "page=");
	if (b->style == BY_PAGE && page)
		page--;
	from = page * b->each;
	to = from + b->each < b->rows ? from + b->each : b->rows;
	put_rows(&text, from, to);
	buf_printf(&text, ",\"total\":%u", b->rows);
	if (b->sticks)
		buf_printf(&text, ",\"next_cursor\":\"%s\"", b->sticks);
	else if (b->round)
		buf_printf(&text, ",\"next_cursor\":\"c/%u\"",
			   page + 1 == b->round + 3 ? 3 : page + 1);
	else if (b->style == BY_CURSOR && to < b->rows)
		buf_printf(&text, ",\"next_cursor\":\"c/%u\"", page + 1);
	else if (b->style == BY_PAGE)
		buf_printf(&text, ",\"page\":%u,\"limit\":%u,\"has_more\":%s",
			   page + 1, b->each, to < b->rows ? "true" : "false");
	buf_putc(&text, '}');
	reply_json(out, 200, "", text.p);
	buf_fini(&text);
}

static void open_own(struct rig *g, struct book *b)
{
	struct err err = { "" };

	rig_start(g, book, b);
	g->options.auth.method = SF_AUTH_API_KEY;
	g->options.auth.api_key = "sfk_test_0123456789";
	if (sf_client_new(&g->client, &g->options, NULL, &err))
		fail_msg("%s", err.text);
}

/* All rows in order; what the last call came to. */
static int read_all(struct sf_pages *p, unsigned *count)
{
	const struct json *row;
	struct err err;
	char id[16];
	int rc;

	*count = 0;
	while ((rc = sf_pages_next(&row, p, &err)) == 1) {
		snprintf(id, sizeof(id), "R%u", (*count)++);
		if (*count < 100)
			assert_true(str_is(json_get_str(row, "id"), id));
	}
	return rc;
}

static void every_row_once_in_both_styles_and_modes(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct book b = { .style = k & 1 ? BY_PAGE : BY_CURSOR,
				  .rows = 23,
				  .each = 5 };
		struct sf_pages *p;
		unsigned n;
		struct rig g;

		if (k & 2)
			open_own(&g, &b);
		else
			rig_key(&g, book, &b);
		assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list,
					      "state=new&limit=5", NULL), 0);
		assert_int_equal(sf_pages_total(p), -1);
		assert_int_equal(read_all(p, &n), 0);
		assert_int_equal(n, 23);
		assert_int_equal(sf_pages_total(p), 23);
		assert_int_equal(read_all(p, &n), 0);
		assert_int_equal(n, 0);
		sf_pages_free(p);
		assert_int_equal(server_requests(&g.server), 5);
		assert_int_equal(server_saw(&g.server,
					    "/incidents?state=new&limit=5"),
				 5);
		assert_int_equal(server_saw(&g.server, k & 1 ? "&page=3 " :
						       "&cursor=c%2F2 "),
				 1);
		rig_stop(&g);
	}
}

static void any_list_will_do(void **state)
{
	static const struct {
		sf_list *list;
		const char *line;
	} lists[] = {
		{ sf_incident_list, "GET /prod/api/incidents HTTP" },
		{ sf_change_list, "GET /prod/api/changes HTTP" },
		{ sf_ci_list, "GET /prod/api/cmdb/cis HTTP" },
		{ sf_article_list, "GET /prod/api/knowledge/articles HTTP" },
	};
	struct book b = { .style = BY_CURSOR, .rows = 2, .each = 5 };
	struct rig g;

	(void)state;
	rig_key(&g, book, &b);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct sf_pages *p;
		unsigned n;

		assert_int_equal(sf_pages_new(&p, g.client, lists[i].list,
					      NULL, NULL), 0);
		assert_int_equal(read_all(p, &n), 0);
		assert_int_equal(n, 2);
		sf_pages_free(p);
		assert_int_equal(server_saw(&g.server, lists[i].line), 1);
	}
	rig_stop(&g);
}

/* While the first page is read the second comes, and no third. */
static void one_page_is_fetched_ahead(void **state)
{
	struct book b = { .style = BY_CURSOR, .rows = 40, .each = 10 };
	const struct json *row;
	struct sf_pages *p;
	struct rig g;

	(void)state;
	open_own(&g, &b);
	assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list, NULL,
				      NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(sf_pages_next(&row, p, NULL), 1);
	while (server_requests(&g.server) < 2)
		sched_yield();
	for (int i = 3; i < 10; i++)
		assert_int_equal(sf_pages_next(&row, p, NULL), 1);
	assert_int_equal(server_requests(&g.server), 2);
	assert_int_equal(sf_pages_next(&row, p, NULL), 1);
	assert_true(str_is(json_get_str(row, "id"), "R10"));
	while (server_requests(&g.server) < 3)
		sched_yield();
	/* Freed with a request under way. */
	sf_pages_free(p);
	assert_int_equal(server_requests(&g.server), 3);
	rig_stop(&g);
}

static void a_failed_page_is_tried_again(void **state)
{
	(void)state;
	for (int at = 1; at <= 3; at++) {
		struct book b = { .style = BY_CURSOR, .rows = 12, .each = 5,
				  .fail_at = at };
		struct err err = { "" };
		const struct json *row;
		struct sf_pages *p;
		unsigned before, after;
		struct rig g;

		rig_key(&g, book, &b);
		assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list,
					      "limit=5", NULL), 0);
		assert_int_equal(read_all(p, &before), -EIO);
		assert_int_equal(before, (unsigned)(at - 1) * 5);
		for (after = 0; sf_pages_next(&row, p, &err) == 1; after++)
			;
		assert_int_equal(before + after, 12);
		sf_pages_free(p);
		rig_stop(&g);
	}
}

static void the_error_says_what_was_wrong(void **state)
{
	struct book b = { .style = BY_CURSOR, .rows = 12, .each = 5,
			  .fail_at = 1 };
	struct err err = { "" };
	const struct json *row;
	struct sf_pages *p;
	struct rig g;

	(void)state;
	rig_key(&g, book, &b);
	assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list, "a b",
				      NULL), 0);
	assert_int_equal(sf_pages_next(&row, p, &err), -EINVAL);
	assert_string_equal(err.text, "not sent: unusable arguments");
	sf_pages_free(p);
	assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list, NULL,
				      NULL), 0);
	assert_int_equal(sf_pages_next(&row, p, &err), -EIO);
	assert_non_null(strstr(err.text, "not now"));
	sf_pages_free(p);
	rig_stop(&g);
}

static void pages_that_repeat_end(void **state)
{
	static const struct book books[] = {
		/* The same cursor with every page. */
		{ .rows = 1000000, .each = 2, .sticks = "c/0" },
		/* Rounds of two, five and twenty pages. */
		{ .rows = 1000000, .each = 2, .round = 2 },
		{ .rows = 1000000, .each = 2, .round = 5 },
		{ .rows = 1000000, .each = 2, .round = 20 },
		/* A next that can't be asked for. */
		{ .style = BY_PAGE, .rows = 1000000, .each = 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(books) / sizeof(*books); i++) {
		struct book b = { .style = books[i].style,
				  .rows = books[i].rows,
				  .each = books[i].each,
				  .sticks = books[i].sticks,
				  .round = books[i].round };
		const struct json *row;
		struct sf_pages *p;
		struct err err = { "" };
		unsigned asked;
		int rc;
		struct rig g;

		rig_key(&g, book, &b);
		assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list,
					      NULL, NULL), 0);
		while ((rc = sf_pages_next(&row, p, &err)) == 1)
			;
		assert_int_equal(rc, b.each ? -ELOOP : -EBADMSG);
		assert_true(err.text[0]);
		/* 4 times the round and what leads there, or 100 empty ones. */
		assert_true(b.asked <= 101);
		/* It stays so, without another request. */
		asked = b.asked;
		assert_int_equal(sf_pages_next(&row, p, &err), rc);
		assert_int_equal(b.asked, asked);
		sf_pages_free(p);
		rig_stop(&g);
	}
}

/* A client that may send little waits for its turn. */
static void the_rate_is_kept(void **state)
{
	struct book b = { .style = BY_CURSOR, .rows = 6, .each = 2 };
	struct sf_pages *p;
	unsigned n;
	struct rig g;

	(void)state;
	rig_start(&g, book, &b);
	g.options.auth.method = SF_AUTH_API_KEY;
	g.options.auth.api_key = "sfk_test_0123456789";
	g.options.requests_per_second = 20;
	rig_open(&g);
	assert_int_equal(sf_pages_new(&p, g.client, sf_incident_list, NULL,
				      NULL), 0);
	assert_int_equal(read_all(p, &n), 0);
	assert_int_equal(n, 6);
	sf_pages_free(p);
	rig_stop(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_once_in_both_styles_and_modes),
		cmocka_unit_test(any_list_will_do),
		cmocka_unit_test(one_page_is_fetched_ahead),
		cmocka_unit_test(a_failed_page_is_tried_again),
		cmocka_unit_test(the_error_says_what_was_wrong),
		cmocka_unit_test(pages_that_repeat_end),
		cmocka_unit_test(the_rate_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
