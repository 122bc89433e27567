#include "agent/sandbox/box.h"

#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"

static void list(struct call *c)
{
	box_things_list(c, "change");
}

static void not_found(struct call *c)
{
	box_reply_error(c->reply, 404, "not_found", "No change %.*s",
			STR_ARG(c->id));
}

/* The checked fields with the times that are StackFlow's; NULL where they
 * aren't right, which is answered then. */
static struct json *read_fields(struct buf *out, struct call *c, bool create)
{
	struct buf when = BUF_INIT(64);
	struct json *v = box_body(c);
	struct err err;

	if (v && box_change_fields(out, v, create, &err)) {
		box_reply_error(c->reply, 400, "validation", "%s", err.text);
		json_free(v);
		v = NULL;
	}
	if (v) {
		struct jsonw w = JSONW(out);

		clock_put_seconds(&when, c->now_ms);
		buf_truncate(out, out->n - 1);
		w.comma = out->n > 1;
		if (create)
			jsonw_kstr(&w, "created_at", buf_str(&when));
		jsonw_kstr(&w, "updated_at", buf_str(&when));
		jsonw_end_object(&w);
	}
	buf_fini(&when);
	return v;
}

static void create(struct call *c)
{
	struct buf fields = BUF_INIT(8 << 20);
	struct json *v = read_fields(&fields, c, true);
	struct box_thing t;
	struct err err;

	if (!v)
		goto out;
	t = (struct box_thing){ .state = json_get_str(v, "state"),
				.ci_id = json_get_str(v, "ci_id") };
	if (!t.state.p)
		t.state = STR("new");
	if (box_thing_add(&c->reply->body, c->s->records, "change", "CHG", &t,
			  buf_str(&fields), &err))
		box_broken(c, &err);
	else
		c->reply->status = 201;
	json_free(v);
out:
	buf_fini(&fields);
}

static void get(struct call *c)
{
	struct err err;
	int ret = box_thing_get(&c->reply->body, c->s->records, "change",
				c->id, &err);

	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		not_found(c);
}

static void patch(struct call *c)
{
	struct buf fields = BUF_INIT(8 << 20);
	struct json *v = read_fields(&fields, c, false);
	struct err err;
	int ret;

	if (!v)
		goto out;
	ret = box_thing_patch(&c->reply->body, c->s->records, "change", c->id,
			      buf_str(&fields), &err);
	if (ret < 0)
		box_broken(c, &err);
	else if (ret)
		not_found(c);
	json_free(v);
out:
	buf_fini(&fields);
}

const struct route box_change_routes[] = {
	{ "GET", "/changes", list },
	{ "POST", "/changes", create },
	{ "GET", "/changes/{id}", get },
	{ "PATCH", "/changes/{id}", patch },
	{ 0 },
};
