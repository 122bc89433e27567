/*
 * All incidents of a query, a line each, however many pages they are:
 *
 *	cc paginate.c $(pkg-config --cflags --libs stackflow) -o paginate
 *	./paginate state in_progress priority P1
 *
 * The environment is that of quick_start.c. Whether an instance pages by
 * cursors or by numbers makes no difference here; while one page is printed,
 * the next is under way.
 */
#include <stdio.h>

#include <stackflow/base/buf.h>
#include <stackflow/doc/json.h>
#include <stackflow/pages.h>
#include <stackflow/stackflow.h>

static int print_all(struct sf_client *c, const char *query)
{
	struct sf_pages *pages;
	const struct json *row;
	unsigned long n = 0;
	struct err err;
	int ret = sf_pages_new(&pages, c, sf_incident_list, query, &err);

	if (!ret) {
		while ((ret = sf_pages_next(&row, pages, &err)) > 0) {
			printf("%.*s\t%.*s\t%.*s\t%.*s\n",
			       STR_ARG(json_get_str(row, "id")),
			       STR_ARG(json_get_str(row, "priority")),
			       STR_ARG(json_get_str(row, "state")),
			       STR_ARG(json_get_str(row, "short_description")));
			n++;
		}
		sf_pages_free(pages);
	}
	if (ret)	/* what was printed stands */
		fprintf(stderr, "after %lu incidents: %s\n", n, err.text);
	return ret;
}

int main(int argc, char **argv)
{
	struct buf query = BUF_INIT(4096);
	struct sf_client *c;
	struct err err;
	int ret = 2;

	if (argc % 2 == 0) {
		fprintf(stderr, "usage: paginate [NAME VALUE]...\n");
		return 2;
	}
	/* Encoded as a URL wants it, whatever stands in a value. */
	for (int i = 1; i < argc; i += 2)
		sf_query_put(&query, argv[i], str_from(argv[i + 1]));
	sf_query_put(&query, "limit", STR("100"));
	if (buf_error(&query)) {
		fprintf(stderr, "the query is too long\n");
	} else if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
	} else {
		ret = print_all(c, query.p) ? 1 : 0;
		sf_client_free(c);
	}
	buf_fini(&query);
	return ret;
}
