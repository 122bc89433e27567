/*
 * Opens an incident, adds a note to it and prints its id:
 *
 *	cc incident.c $(pkg-config --cflags --libs stackflow) -o incident
 *	STACKFLOW_BASE_URL=https://... STACKFLOW_API_KEY=... ./incident "Disk full"
 *
 * A write that may have been carried out is said so and not sent again: look
 * for it first, as this program doesn't.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <stackflow/base/buf.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/rest/rest.h>
#include <stackflow/stackflow.h>

struct answer {
	bool came;
	enum sf_outcome outcome;
	char id[65];
};

static void done(const struct sf_result *r, void *arg)
{
	struct answer *a = arg;

	a->came = true;
	a->outcome = r->outcome;
	if (r->id.n < sizeof(a->id) && r->id.n)
		memcpy(a->id, r->id.p, r->id.n);
	if (r->outcome != SF_OK)
		fprintf(stderr, "%s: %s\n", r->outcome == SF_UNKNOWN ?
			"may have been carried out" : "not carried out",
			r->problem);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* One call has begun with rc: until its answer. */
static bool await(struct sf_client *c, struct rest *rest, int rc,
		  struct answer *a)
{
	if (rc) {
		fprintf(stderr, "can't begin: %s\n", strerror(-rc));
		return false;
	}
	while (!a->came) {
		sf_client_wait_ms(c, now_ms());
		rest_step(rest, 100);
	}
	return a->outcome == SF_OK;
}

static bool open_and_note(struct sf_client *c, struct rest *rest,
			  const char *what)
{
	struct answer made = { 0 }, noted = { 0 };
	struct buf json = BUF_INIT(65536);
	struct jsonw w = JSONW(&json);
	bool ok;

	jsonw_object(&w);
	jsonw_kcstr(&w, "short_description", what);
	jsonw_kcstr(&w, "priority", "P3");
	jsonw_end_object(&w);
	sf_client_wait_ms(c, now_ms());
	ok = !buf_error(&json) &&
	     await(c, rest, sf_incident_create(c, buf_str(&json), NULL, done,
					       &made), &made) &&
	     await(c, rest, sf_note_add(c, str_from(made.id),
					STR("Opened by an example"), "internal",
					NULL, done, &noted), &noted);
	buf_fini(&json);
	if (ok)
		puts(made.id);
	return ok;
}

int main(int argc, char **argv)
{
	struct rest_options ro = { .user_agent = "incident-example/1" };
	struct sf_options so = {
		.base_url = getenv("STACKFLOW_BASE_URL"),
		.auth = { .method = SF_AUTH_API_KEY,
			  .api_key = getenv("STACKFLOW_API_KEY") },
	};
	struct sf_client *c = NULL;
	struct rest *rest = NULL;
	struct err err;
	bool ok = false;

	if (argc != 2 || !so.base_url || !so.auth.api_key) {
		fprintf(stderr, "usage: incident WHAT, with STACKFLOW_BASE_URL "
				"and STACKFLOW_API_KEY set\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (rest_new(&rest, &ro, &err) || sf_client_new(&c, &so, rest, &err))
		fprintf(stderr, "%s\n", err.text);
	else
		ok = open_and_note(c, rest, argv[1]);
	sf_client_free(c);
	rest_free(rest);
	return ok ? 0 : 1;
}
