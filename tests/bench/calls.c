/*
 * What a call by libstackflow costs: COUNT calls, one after the other, lists,
 * gets and creates in turn, each answer's id read. Prints CPU microseconds a
 * call, all threads and the kernel's part included. The client has a thread of
 * its own, or the caller's loop.
 *
 *	calls thread|loop URL COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "doc/json.h"
#include "doc/jsonw.h"
#include "rest/rest.h"
#include "stackflow/answer.h"

#define WARM 50

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int create(struct sf_client *c, struct sf_answer *a)
{
	struct buf json = BUF_INIT(65536);
	struct jsonw w = JSONW(&json);
	int ret;

	jsonw_object(&w);
	jsonw_kcstr(&w, "short_description", "Memory leak on app-server-03");
	jsonw_kcstr(&w, "priority", "P2");
	jsonw_kcstr(&w, "category", "server");
	jsonw_kcstr(&w, "assignment_group", "Platform Engineering");
	jsonw_end_object(&w);
	ret = sf_incident_create(c, buf_str(&json), NULL, sf_answer_done, a);
	buf_fini(&json);
	return ret;
}

static void call(struct sf_client *c, long i)
{
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r;
	const struct json *row;
	int rc;

	if (i % 3 == 0)
		rc = sf_incident_list(c, "state=new&limit=5", STR_NONE,
				      sf_answer_done, a);
	else if (i % 3 == 1)
		rc = sf_incident_get(c, STR("INC0001234"), sf_answer_done, a);
	else
		rc = create(c, a);
	r = sf_answer_wait(a, rc);
	row = i % 3 ? r->body : json_item(sf_page_rows(r->body), 4);
	if (!str_is(json_get_str(row, "id"), "INC0001234")) {
		fprintf(stderr, "calls: %s\n", r->problem ? r->problem : "?");
		exit(1);
	}
	sf_answer_free(a);
}

int main(int argc, char **argv)
{
	long count = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	struct rest_options ro = { .user_agent = "bench" };
	struct sf_options o = {
		.base_url = argc == 4 ? argv[2] : NULL,
		.auth = { .method = SF_AUTH_TOKEN, .token = "bench" },
		.requests_per_second = 1000000,
		.queue = 1,
	};
	struct rest *rest = NULL;
	struct sf_client *c;
	struct err err;
	double from;

	if (count < 1 || (str_is(str_from(argv[1]), "loop") &&
			  rest_new(&rest, &ro, &err)) ||
	    sf_client_new(&c, &o, rest, &err)) {
		fprintf(stderr, "usage: calls thread|loop URL COUNT\n");
		return 2;
	}
	for (long i = 0; i < WARM; i++)
		call(c, i);
	from = cpu_us();
	for (long i = 0; i < count; i++)
		call(c, i);
	printf("%.2f\n", (cpu_us() - from) / (double)count);
	sf_client_free(c);
	rest_free(rest);
	return 0;
}
