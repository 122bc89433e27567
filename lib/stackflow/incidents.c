#include "stackflow/client.h"

#include <errno.h>

#include "doc/jsonw.h"

int sf_health(struct sf_client *c, sf_done *done, void *arg)
{
	const struct sf_call_spec spec = {
		.kind = SF_HEALTH,
		.method = "GET",
		.path = STR("/health"),
	};

	return sf_call_start(c, &spec, done, arg);
}

int sf_incident_create(struct sf_client *c, struct str json, const char *key,
		       sf_done *done, void *arg)
{
	const struct sf_call_spec spec = {
		.kind = SF_CREATE,
		.method = "POST",
		.path = STR("/incidents"),
		.body = json,
		.key = key,
		.action = "incident.create",
	};

	return json.n ? sf_call_start(c, &spec, done, arg) : -EINVAL;
}

/* A call about one record: its id stands in the path, after. */
static int start_on(struct sf_client *c, struct sf_call_spec *spec,
		    const char *after, sf_done *done, void *arg)
{
	struct buf path = BUF_INIT(256);
	int rc = -EINVAL;

	if (!sf_id_usable(spec->id))
		return rc;
	buf_printf(&path, "/incidents/%.*s%s", STR_ARG(spec->id), after);
	spec->path = buf_str(&path);
	rc = buf_error(&path);
	if (rc == 0)
		rc = sf_call_start(c, spec, done, arg);
	buf_fini(&path);
	return rc;
}

int sf_incident_get(struct sf_client *c, struct str id, sf_done *done,
		    void *arg)
{
	struct sf_call_spec spec = {
		.kind = SF_GET,
		.method = "GET",
		.id = id,
	};

	return start_on(c, &spec, "", done, arg);
}

int sf_incident_update(struct sf_client *c, struct str id, struct str json,
		       sf_done *done, void *arg)
{
	struct sf_call_spec spec = {
		.kind = SF_UPDATE,
		.method = "PATCH",
		.id = id,
		.body = json,
		.action = "incident.update",
	};

	return json.n ? start_on(c, &spec, "", done, arg) : -EINVAL;
}

int sf_note_add(struct sf_client *c, struct str id, struct str body,
		const char *visibility, const char *key, sf_done *done,
		void *arg)
{
	struct buf text = BUF_INIT(SF_BODY_MAX);
	struct jsonw w = JSONW(&text);
	struct sf_call_spec spec = {
		.kind = SF_NOTE,
		.method = "POST",
		.id = id,
		.key = key,
		.action = "incident.note",
	};
	int rc;

	jsonw_object(&w);
	jsonw_kstr(&w, "body", body.p ? body : STR(""));
	jsonw_kcstr(&w, "visibility", visibility ? visibility : "team");
	jsonw_end_object(&w);
	spec.body = buf_str(&text);
	rc = buf_error(&text);
	if (rc == 0)
		rc = start_on(c, &spec, "/notes", done, arg);
	buf_fini(&text);
	return rc;
}

int sf_incident_list(struct sf_client *c, const char *query, struct str next,
		     sf_done *done, void *arg)
{
	return sf_list_start(c, "/incidents", query, next, done, arg);
}
