#include "stackflow/changes.h"

#include <errno.h>

#include "stackflow/client.h"

int sf_change_list(struct sf_client *c, const char *query, struct str next,
		   sf_done *done, void *arg)
{
	return sf_list_start(c, "/changes", query, next, done, arg);
}

int sf_change_list_within(struct sf_client *c, const char *query,
			  struct str next, unsigned timeout_ms, sf_done *done,
			  void *arg)
{
	return sf_list_within(c, "/changes", query, next, timeout_ms, done,
			      arg);
}

int sf_change_create(struct sf_client *c, struct str json, const char *key,
		     sf_done *done, void *arg)
{
	const struct sf_call_spec spec = {
		.kind = SF_CREATE,
		.method = "POST",
		.path = STR("/changes"),
		.body = json,
		.key = key,
		.action = "change.create",
	};

	return json.n ? sf_call_start(c, &spec, done, arg) : -EINVAL;
}

/* A CI as its id, or as an object that holds it. */
static bool is_ci(const struct json *v, struct str ci_id)
{
	static const char *const keys[] = { "id", "ci_id", "value", "sys_id",
					    NULL };

	if (str_eq(json_str(v), ci_id))
		return true;
	for (size_t i = 0; keys[i]; i++)
		if (str_eq(json_get_str(v, keys[i]), ci_id))
			return true;
	return false;
}

static bool on_ci(const struct json *row, struct str ci_id)
{
	static const char *const keys[] = { "ci_id", "ci", "cmdb_ci",
					    "configuration_item", "ci_ids",
					    "cis", "affected_cis",
					    "configuration_items", NULL };

	for (size_t i = 0; keys[i]; i++) {
		const struct json *v = json_get(row, keys[i]);
		bool list = json_is(v, JSON_ARRAY);

		if (!list && is_ci(v, ci_id))
			return true;
		for (size_t k = 0; list && k < json_count(v); k++)
			if (is_ci(json_item(v, k), ci_id))
				return true;
	}
	return false;
}

bool sf_change_of(struct sf_change *out, const struct json *row,
		  struct str ci_id)
{
	static const char *const ids[] = { "number", "id", NULL };
	static const char *const titles[] = { "short_description", "title",
					      "summary", NULL };
	static const char *const states[] = { "state", "status", NULL };
	struct sf_change c = {
		.id = sf_row_str(row, ids),
		.title = sf_row_str(row, titles),
		.state = sf_row_str(row, states),
	};

	if (!ci_id.n || !sf_id_usable(c.id) || !on_ci(row, ci_id))
		return false;
	*out = c;
	return true;
}

bool sf_change_open(struct str state)
{
	static const char *const ended[] = { "closed",	  "complete",
					     "completed", "cancelled",
					     "canceled",  "rejected",
					     "failed",	  "resolved",
					     "review",	  NULL };

	return state.n > 0 && !sf_one_of(state, ended);
}
