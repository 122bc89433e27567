/*
 * StackFlow's quick start in C: a health check, the number of open P1
 * incidents, and a new incident.
 *
 *	cc quick_start.c $(pkg-config --cflags --libs stackflow) -o quick_start
 *	export STACKFLOW_BASE_URL=https://your-instance.stackflow-tech.com/prod/api
 *	export STACKFLOW_API_KEY=sfk_...
 *	./quick_start
 *
 * In place of a key, STACKFLOW_CLIENT_ID, STACKFLOW_CLIENT_SECRET and
 * STACKFLOW_COGNITO_URL are the login of a service; STACKFLOW_CLIENT_ID,
 * STACKFLOW_EMAIL, STACKFLOW_PASSWORD and STACKFLOW_USER_POOL_ID that of a
 * person. The client fetches the token and renews it.
 */
#include <stdio.h>

#include <stackflow/answer.h>
#include <stackflow/doc/json.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/stackflow.h>

/* problem says in one line what was wrong, never with a secret. */
static bool worked(const char *what, const struct sf_result *r)
{
	if (r->outcome == SF_OK)
		return true;
	fprintf(stderr, "%s: %s\n", what, r->problem);
	return false;
}

/* 1. Is StackFlow there? This needs no token. */
static bool check_health(struct sf_client *c)
{
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r =
		sf_answer_wait(a, sf_health(c, sf_answer_done, a));
	bool ok = worked("health", r);

	if (ok)
		printf("StackFlow is %.*s\n",
		       STR_ARG(json_get_str(r->body, "status")));
	sf_answer_free(a);
	return ok;
}

/* 2. The first call with the token. */
static bool count_open_p1(struct sf_client *c)
{
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r = sf_answer_wait(
		a, sf_incident_list(c, "priority=P1&state=new", STR_NONE,
				    sf_answer_done, a));
	bool ok = worked("list", r);

	if (ok)
		printf("Open P1 incidents: %lld\n",
		       (long long)json_int(json_get(r->body, "total"), -1));
	sf_answer_free(a);
	return ok;
}

/* 3. The record's fields are one JSON object, written into a buffer. */
static bool create_incident(struct sf_client *c)
{
	struct buf json = BUF_INIT(65536);
	struct jsonw w = JSONW(&json);
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r;
	bool ok;

	jsonw_object(&w);
	jsonw_kcstr(&w, "short_description", "Memory leak on app-server-03");
	jsonw_kcstr(&w, "priority", "P2");
	jsonw_kcstr(&w, "category", "server");
	jsonw_kcstr(&w, "assignment_group", "Platform Engineering");
	jsonw_end_object(&w);
	r = sf_answer_wait(a, sf_incident_create(c, buf_str(&json), NULL,
						 sf_answer_done, a));
	ok = worked("create", r);
	if (ok)
		printf("Created: %.*s\n", STR_ARG(r->id));
	sf_answer_free(a);
	buf_fini(&json);
	return ok;
}

int main(void)
{
	struct sf_client *c;
	struct err err;
	bool ok;

	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	ok = check_health(c) && count_open_p1(c) && create_incident(c);
	sf_client_free(c);
	return ok ? 0 : 1;
}
