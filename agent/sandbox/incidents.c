#include "agent/sandbox/box.h"

#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

struct str box_incident_marker(struct str description)
{
	struct str line, found = STR_NONE;

	while (str_cut(&description, '\n', &line))
		if (str_starts(line, "tocsin-ref: "))
			found = str_trim(str_sub(line, 12, line.n - 12));
	return found;
}

static void answer(struct call *c, int64_t n, int status, unsigned flags)
{
	struct err err;
	int ret = box_incident_put(&c->reply->body, c->s->records, n, 0, flags,
				   &err);

	if (ret < 0)
		return box_broken(c, &err);
	c->reply->status = status;
}

static void create(struct call *c)
{
	struct buf text = BUF_INIT(8 << 20);
	struct json *v = box_body(c);
	struct box_new new;
	struct err err;
	int64_t n = 0;
	int ret;

	if (!v)
		return;
	ret = box_incident_fields(&text, v, true, &err);
	if (ret) {
		box_reply_error(c->reply, 400, "validation", "%s", err.text);
		goto out;
	}
	new = (struct box_new){
		.fields = buf_str(&text),
		.marker = box_incident_marker(json_get_str(v, "description")),
		.key = wire_header(c->req, "Idempotency-Key"),
		.now_ms = c->now_ms,
		.visible_ms = c->now_ms + c->late_ms,
	};
	ret = box_incident_create(&n, c->s->records, &new, &err);
	if (ret)
		box_broken(c, &err);
	else
		answer(c, n, 201, 0);
out:
	buf_fini(&text);
	json_free(v);
}

static void not_found(struct call *c)
{
	box_reply_error(c->reply, 404, "not_found", "No incident %.*s",
			STR_ARG(c->id));
}

static void get(struct call *c)
{
	unsigned flags =
		box_setting(&c->s->settings, BOX_NOTES) ? BOX_WITH_NOTES : 0;
	struct err err;
	int ret = box_incident_put(&c->reply->body, c->s->records,
				   box_id_read(c->id, "INC"), c->now_ms, flags,
				   &err);

	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		not_found(c);
}

static void patch(struct call *c)
{
	struct buf text = BUF_INIT(8 << 20);
	int64_t n = box_id_read(c->id, "INC");
	struct json *v = box_body(c);
	struct err err;
	int ret;

	if (!v)
		return;
	ret = box_incident_fields(&text, v, false, &err);
	if (ret) {
		box_reply_error(c->reply, 400, "validation", "%s", err.text);
		goto out;
	}
	ret = box_incident_patch(c->s->records, n, buf_str(&text), c->now_ms,
				 &err);
	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		not_found(c);
	else
		answer(c, n, 200, 0);
out:
	buf_fini(&text);
	json_free(v);
}

static void put_note(struct call *c, int64_t seq, struct str body,
		     struct str visibility)
{
	struct jsonw w = JSONW(&c->reply->body);
	struct buf when = BUF_INIT(64);

	c->reply->status = 201;
	clock_put_seconds(&when, c->now_ms);
	jsonw_object(&w);
	jsonw_kint(&w, "id", seq);
	jsonw_kstr(&w, "incident_id", c->id);
	jsonw_kstr(&w, "body", body);
	jsonw_kstr(&w, "visibility", visibility);
	jsonw_kstr(&w, "created_at", buf_str(&when));
	jsonw_end_object(&w);
	buf_fini(&when);
}

static void note(struct call *c)
{
	struct json *v = box_body(c);
	struct str body, visibility;
	struct err err;
	int64_t seq = 0;
	int ret;

	if (!v)
		return;
	body = json_get_str(v, "body");
	visibility = json_get_str(v, "visibility");
	if (!visibility.p)
		visibility = STR("team");
	if (!body.n) {
		box_reply_error(c->reply, 400, "validation",
				"body is required");
		goto out;
	}
	ret = box_note_add(&seq, c->s->records, box_id_read(c->id, "INC"), body,
			   visibility, c->now_ms, &err);
	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		not_found(c);
	else
		put_note(c, seq, body, visibility);
out:
	json_free(v);
}

static void list(struct call *c)
{
	int64_t page = box_param_int(c, "page", 1, 1, 1000000), after = 0;
	int cursor = box_param_cursor(&after, c);
	struct buf rows = BUF_INIT(256 << 20);
	struct box_query q = {
		.state = box_param(c, "state"),
		.priority = box_param(c, "priority"),
		.assignment_group = box_param(c, "assignment_group"),
		.ci_id = box_param(c, "ci_id"),
		.now_ms = c->now_ms,
		.limit = box_param_int(c, "limit", BOX_LIST, 1,
				       BOX_LIST_MAX),
		.order = (int)box_setting(&c->s->settings, BOX_ORDER),
	};
	struct str before = box_param(c, "created_before");
	struct box_page found;
	struct err err;

	if (!box_setting(&c->s->settings, BOX_LIST_DESCRIPTION))
		q.flags = BOX_NO_DESCRIPTION;
	if (before.p && clock_parse(&q.created_before_ms, before))
		return box_reply_error(c->reply, 400, "validation",
				       "created_before: not a point of time");
	if (cursor < 0)
		return;
	if (cursor)
		q.after = &after;
	else
		q.offset = (page - 1) * q.limit;
	if (box_incident_list(&rows, &found, c->s->records, &q, &err))
		box_broken(c, &err);
	else
		box_list_frame(c, buf_str(&rows), found.total, page, q.limit,
			       found.more, found.last);
	buf_fini(&rows);
}

const struct route box_incident_routes[] = {
	{ "GET", "/incidents", list },
	{ "POST", "/incidents", create },
	{ "GET", "/incidents/{id}", get },
	{ "PATCH", "/incidents/{id}", patch },
	{ "POST", "/incidents/{id}/notes", note },
	{ 0 },
};
