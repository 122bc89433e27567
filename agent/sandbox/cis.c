#include "agent/sandbox/box.h"

#include <errno.h>

#include "agent/sandbox/records.h"
#include "doc/json.h"

void box_things_list(struct call *c, const char *kind)
{
	int64_t page = box_param_int(c, "page", 1, 1, 1000000);
	int64_t limit = box_param_int(c, "limit", BOX_LIST, 1, BOX_LIST_MAX);
	int64_t offset = (page - 1) * limit;
	struct box_thing t = {
		.id = box_param(c, "id"),
		.name = box_param(c, "name"),
		.arn = box_param(c, "arn"),
		.resource_id = box_param(c, "resource_id"),
		.state = box_param(c, "state"),
		.ci_id = box_param(c, "ci_id"),
	};
	struct buf rows = BUF_INIT(64 << 20);
	struct box_page found;
	struct err err;

	if (box_param_cursor(&offset, c) < 0)
		return;
	if (box_thing_list(&rows, &found, c->s->records, kind, &t, offset,
			   limit, &err))
		box_broken(c, &err);
	else
		box_list_frame(c, buf_str(&rows), found.total, page, limit,
			       found.more, found.last);
	buf_fini(&rows);
}

static void list(struct call *c)
{
	box_things_list(c, "ci");
}

/* What the fields of a CI must be where they are there. */
static int check(const struct json *ci, struct err *err)
{
	static const char *const names[] = { "id", "name", "arn",
					     "resource_id", "state", NULL };

	if (!json_is(ci, JSON_OBJECT))
		return err_set(err, -EINVAL, "expected an object of fields");
	for (size_t i = 0; names[i]; i++)
		if (json_get(ci, names[i]) &&
		    !json_is(json_get(ci, names[i]), JSON_STRING))
			return err_set(err, -EINVAL, "%s must be text",
				       names[i]);
	return 0;
}

int box_ci_put(struct buf *id, struct box_records *records,
	       const struct json *ci, struct err *err)
{
	struct buf json = BUF_INIT(1 << 20), stored = BUF_INIT(1 << 20);
	struct json *v = NULL;
	struct box_thing t = {
		.id = json_get_str(ci, "id"),
		.name = json_get_str(ci, "name"),
		.arn = json_get_str(ci, "arn"),
		.resource_id = json_get_str(ci, "resource_id"),
		.state = json_get_str(ci, "state"),
	};
	int ret = check(ci, err);

	json_put(&json, ci);
	if (!ret && buf_error(&json))
		ret = err_set(err, -E2BIG, "a CI is too large");
	if (!ret && t.id.n)
		ret = box_thing_put(records, "ci", &t, buf_str(&json), err);
	else if (!ret && !t.name.n)
		ret = err_set(err, -EINVAL, "a CI needs a name or an id");
	else if (!ret)
		ret = box_thing_add(&stored, records, "ci", "CI", &t,
				    buf_str(&json), err);
	if (!ret && !t.id.n)
		ret = json_parse(&v, buf_str(&stored), 0, err);
	if (!ret)
		buf_put_str(id, t.id.n ? t.id : json_get_str(v, "id"));
	json_free(v);
	buf_fini(&stored);
	buf_fini(&json);
	return ret;
}

int box_cis_seed(struct box_records *records, struct str text, struct err *err)
{
	struct buf id = BUF_INIT(1 << 20);
	struct json *v = NULL;
	int ret = json_parse(&v, text, 0, err);
	const struct json *list_of =
		json_is(v, JSON_OBJECT) ? json_get(v, "cis") : v;

	for (size_t i = 0; !ret && i < json_count(list_of); i++) {
		const struct json *ci = json_item(list_of, i);

		buf_reset(&id);
		ret = json_get_str(ci, "id").n
			      ? box_ci_put(&id, records, ci, err)
			      : err_set(err, -EINVAL, "a CI needs an id");
	}
	json_free(v);
	buf_fini(&id);
	return ret;
}

const struct route box_ci_routes[] = {
	{ "GET", "/cmdb/cis", list },
	{ 0 },
};
