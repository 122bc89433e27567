/*
 * Closes what was resolved long ago, the pages' second pattern: incidents that
 * are resolved and older than so many days, 30 by itself.
 *
 *	cc bulk_close.c $(pkg-config --cflags --libs stackflow) -o bulk_close
 *	./bulk_close --preview
 *	./bulk_close 90
 *
 * The environment is that of quick_start.c. Any number of incidents becomes
 * requests of a hundred, each a job that StackFlow carries out later; this
 * waits for them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stackflow/bulk.h>
#include <stackflow/doc/json.h>
#include <stackflow/pages.h>
#include <stackflow/stackflow.h>

#define SHOWN 20

struct ids {
	struct str *list;
	size_t n, room;
	struct arena *arena;	/* holds their text */
};

static bool add(struct ids *ids, struct str id)
{
	if (ids->n == ids->room) {
		size_t room = ids->room ? 2 * ids->room : 256;
		struct str *more = realloc(ids->list, room * sizeof(*more));

		if (!more)
			return false;
		ids->list = more;
		ids->room = room;
	}
	ids->list[ids->n++] = arena_str(ids->arena, id);
	return !arena_error(ids->arena);
}

/* A row is gone with the next one: its id is copied. */
static int find(struct ids *ids, struct sf_client *c, const char *query,
		struct err *err)
{
	struct sf_pages *pages;
	const struct json *row;
	int ret = sf_pages_new(&pages, c, sf_incident_list, query, err);

	if (ret)
		return ret;
	while ((ret = sf_pages_next(&row, pages, err)) > 0)
		if (!add(ids, json_get_str(row, "id"))) {
			ret = err_set(err, -1, "out of memory");
			break;
		}
	sf_pages_free(pages);
	return ret;
}

static void seen(struct sf_bulk *b, const struct sf_bulk_result *now,
		 bool ended, void *arg)
{
	(void)b;
	(void)arg;
	if (!ended)
		fprintf(stderr, "%zu of %zu\n", now->done, now->records);
}

static bool close_all(struct sf_client *c, const struct ids *ids)
{
	struct sf_bulk_failure failed[SHOWN];
	const struct sf_bulk_result *r;
	struct sf_bulk *b;
	size_t n;
	bool ok;

	if (sf_bulk_update(&b, c, ids->list, ids->n,
			   STR("{\"state\":\"closed\"}"), 0, seen, NULL)) {
		fprintf(stderr, "out of memory\n");
		return false;
	}
	r = sf_bulk_wait(b);
	ok = r->outcome == SF_OK && r->done == r->records;
	printf("closed %zu of %zu\n", r->done, r->records);
	if (r->problem)
		fprintf(stderr, "%s\n", r->problem);
	n = sf_bulk_failures(failed, SHOWN, b);
	for (size_t i = 0; i < n && i < SHOWN; i++)
		fprintf(stderr, "%.*s: %.*s\n", STR_ARG(failed[i].id),
			STR_ARG(failed[i].message));
	sf_bulk_free(b);
	return ok;
}

static void put_query(struct buf *out, int64_t days)
{
	time_t cutoff = time(NULL) - days * 86400;
	char text[32];
	struct tm tm;

	gmtime_r(&cutoff, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	sf_query_put(out, "state", STR("resolved"));
	sf_query_put(out, "created_before", str_from(text));
	sf_query_put(out, "limit", STR("200"));
}

static bool clean_up(struct sf_client *c, int64_t days, bool preview)
{
	struct ids ids = { .arena = arena_new(64 << 20) };
	struct buf query = BUF_INIT(4096);
	struct err err = { "out of memory" };
	bool ok = false;

	put_query(&query, days);
	if (!ids.arena || buf_error(&query) || find(&ids, c, query.p, &err))
		fprintf(stderr, "%s\n", err.text);
	else if (preview || !ids.n)
		ok = printf("%zu to close\n", ids.n) > 0;
	else
		ok = close_all(c, &ids);
	buf_fini(&query);
	arena_free(ids.arena);
	free(ids.list);
	return ok;
}

int main(int argc, char **argv)
{
	bool preview = false, usable = true;
	struct sf_client *c;
	int64_t days = 30;
	struct err err;
	bool ok;

	for (int i = 1; i < argc; i++)
		if (str_is(str_from(argv[i]), "--preview"))
			preview = true;
		else
			usable = !str_to_i64(&days, str_from(argv[i])) &&
				days >= 0 && days < 100000 && usable;
	if (!usable) {
		fprintf(stderr, "usage: bulk_close [--preview] [DAYS]\n");
		return 2;
	}
	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	ok = clean_up(c, days, preview);
	sf_client_free(c);
	return ok ? 0 : 1;
}
