/*
 * What the pages' client class does, on one client whose options are a
 * program's own: a person's login, five attempts, a log. It walks one incident
 * through its life and prints each step.
 *
 *	cc client.c $(pkg-config --cflags --libs stackflow) -o client
 *	export SF_URL=https://your-instance.stackflow-tech.com/prod/api
 *	export SF_CLIENT_ID=... SF_EMAIL=you@example.com SF_PASSWORD=...
 *	./client
 *
 * Unlike that class it never sends a write twice that may have been carried
 * out: a 5xx says nothing about that.
 */
#include <stdio.h>
#include <stdlib.h>

#include <stackflow/answer.h>
#include <stackflow/changes.h>
#include <stackflow/doc/json.h>
#include <stackflow/stackflow.h>

/* Another place for Cognito's API, as AWS's own SDKs have it. */
#define COGNITO_URL "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"

/* In the client's thread. */
static void say(enum sf_log_level level, const char *text, void *arg)
{
	(void)arg;
	if (level <= SF_LOG_WARNING)
		fprintf(stderr, "stackflow: %s\n", text);
}

/* Print what came and free it. */
static bool step(const char *what, struct sf_answer *a,
		 const struct sf_result *r)
{
	bool ok = r->outcome == SF_OK;
	struct str state = json_get_str(r->body, "state");

	if (!ok)
		fprintf(stderr, "%s: %s\n", what, r->problem);
	else
		printf("%s: %.*s\n", what, STR_ARG(state));
	sf_answer_free(a);
	return ok;
}

static bool get(struct sf_client *c, struct str id)
{
	struct sf_answer *a = sf_answer_new(c);

	return step("get", a, sf_answer_wait(
		a, sf_incident_get(c, id, sf_answer_done, a)));
}

static bool update(struct sf_client *c, struct str id, struct str json)
{
	struct sf_answer *a = sf_answer_new(c);

	return step("update", a, sf_answer_wait(
		a, sf_incident_update(c, id, json, sf_answer_done, a)));
}

static bool note(struct sf_client *c, struct str id, struct str text)
{
	struct sf_answer *a = sf_answer_new(c);

	return step("note", a, sf_answer_wait(
		a, sf_note_add(c, id, text, "team", NULL, sf_answer_done, a)));
}

static bool change(struct sf_client *c, struct str json)
{
	struct sf_answer *a = sf_answer_new(c);

	return step("change", a, sf_answer_wait(
		a, sf_change_create(c, json, NULL, sf_answer_done, a)));
}

static bool walk(struct sf_client *c)
{
	struct sf_answer *a = sf_answer_new(c);
	const struct sf_result *r = sf_answer_wait(
		a, sf_incident_create(c, STR("{\"short_description\": \"Redis "
			"connection pool exhausted\", \"priority\": \"P2\", "
			"\"category\": \"database\"}"), NULL, sf_answer_done,
			a));
	/* The id is a's: a is freed last. */
	bool ok = r->outcome == SF_OK && get(c, r->id) &&
		update(c, r->id, STR("{\"state\": \"in_progress\"}")) &&
		note(c, r->id, STR("The pool is being raised.")) &&
		change(c, STR("{\"short_description\": \"Raise the pool\"}")) &&
		update(c, r->id, STR("{\"state\": \"resolved\"}"));

	return step("create", a, r) && ok;
}

int main(void)
{
	struct sf_options o = {
		.base_url = getenv("SF_URL"),
		.auth = {
			.method = SF_AUTH_PASSWORD,
			.region = "us-east-1",
			.client_id = getenv("SF_CLIENT_ID"),
			.email = getenv("SF_EMAIL"),
			.password = getenv("SF_PASSWORD"),
			.endpoint_url = getenv(COGNITO_URL),
		},
		.retries = 4,
		.log = say,
		.user_agent = "client-example/1",
	};
	struct sf_client *c;
	struct sf_stats s;
	struct err err;
	bool ok;

	if (sf_client_new(&c, &o, NULL, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	ok = walk(c);
	sf_client_stats(c, &s);
	fprintf(stderr, "%llu requests, %lld left this second\n",
		(unsigned long long)s.requests, (long long)s.rate_remaining);
	sf_client_free(c);
	return ok ? 0 : 1;
}
