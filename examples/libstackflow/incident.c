/*
 * Opens an incident, adds a note to it and prints its id:
 *
 *	cc incident.c $(pkg-config --cflags --libs stackflow) -o incident
 *	STACKFLOW_BASE_URL=https://... STACKFLOW_API_KEY=... ./incident "Disk full"
 *
 * A write that may have been carried out is said so and not sent again: look
 * for it first, as this program doesn't.
 */
#include <stdio.h>

#include <stackflow/answer.h>
#include <stackflow/doc/jsonw.h>
#include <stackflow/stackflow.h>

static bool worked(const struct sf_result *r)
{
	if (r->outcome != SF_OK)
		fprintf(stderr, "%s: %s\n", r->outcome == SF_UNKNOWN ?
			"may have been carried out" : "not carried out",
			r->problem);
	return r->outcome == SF_OK;
}

/* made keeps the answer, and so the id, until it is freed. */
static bool open_incident(struct sf_client *c, const char *what,
			  struct sf_answer *made, struct str *id)
{
	struct buf json = BUF_INIT(65536);
	struct jsonw w = JSONW(&json);
	const struct sf_result *r;

	jsonw_object(&w);
	jsonw_kcstr(&w, "short_description", what);
	jsonw_kcstr(&w, "priority", "P3");
	jsonw_end_object(&w);
	r = sf_answer_wait(made, sf_incident_create(c, buf_str(&json), NULL,
						    sf_answer_done, made));
	buf_fini(&json);
	*id = r->id;
	return worked(r);
}

static bool add_note(struct sf_client *c, struct str id, const char *text)
{
	struct sf_answer *a = sf_answer_new(c);
	bool ok = worked(sf_answer_wait(
		a, sf_note_add(c, id, str_from(text), "internal", NULL,
			       sf_answer_done, a)));

	sf_answer_free(a);
	return ok;
}

int main(int argc, char **argv)
{
	struct sf_answer *made;
	struct sf_client *c;
	struct str id;
	struct err err;
	bool ok;

	if (argc != 2) {
		fprintf(stderr, "usage: incident WHAT\n");
		return 2;
	}
	if (sf_client_new_from_env(&c, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	made = sf_answer_new(c);
	ok = open_incident(c, argv[1], made, &id);
	if (ok)
		printf("%.*s\n", STR_ARG(id));
	ok = ok && add_note(c, id, "Opened by an example");
	sf_answer_free(made);
	sf_client_free(c);
	return ok ? 0 : 1;
}
