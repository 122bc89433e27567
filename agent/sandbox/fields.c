#include "agent/sandbox/box.h"

#include <errno.h>

#include "doc/json.h"
#include "doc/jsonw.h"

/* Text fields that the pages name; words: the only values. */
struct field {
	const char *name, *words;
};

/* What one kind of record takes. Lists end with NULL. */
struct kind {
	const struct field *fields;
	const char *const *reserved;	/* what StackFlow itself sets */
	const char *const *given;	/* "name", "value" where absent */
};

static const struct kind incident = {
	.fields = (const struct field[]){
		{ "short_description", NULL },
		{ "description", NULL },
		{ "priority", "|P1|P2|P3|P4|" },
		{ "state", "|new|in_progress|resolved|closed|" },
		{ "category", NULL },
		{ "subcategory", NULL },
		{ "assignment_group", NULL },
		{ "assigned_to", NULL },
		{ "ci_id", NULL },
		{ 0 },
	},
	.reserved = (const char *const[]){
		"id", "number", "created_at", "updated_at", "sla_breach_at",
		"notes", "marker", "idempotency_key", "note_count", NULL,
	},
	.given = (const char *const[]){
		"priority", "P3", "state", "new", NULL,
	},
};

/* The pages name no states of a change. */
static const struct kind change = {
	.fields = (const struct field[]){
		{ "short_description", NULL },
		{ "description", NULL },
		{ "priority", "|P1|P2|P3|P4|" },
		{ "state", NULL },
		{ "category", NULL },
		{ "assignment_group", NULL },
		{ "assigned_to", NULL },
		{ "type", NULL },
		{ "risk", NULL },
		{ 0 },
	},
	.reserved = (const char *const[]){
		"id", "number", "created_at", "updated_at", NULL,
	},
	.given = (const char *const[]){ "state", "new", NULL },
};

static bool is_reserved(const struct kind *kind, struct str key)
{
	for (size_t i = 0; kind->reserved[i]; i++)
		if (str_is(key, kind->reserved[i]))
			return true;
	return false;
}

static bool is_word(const char *words, struct str s)
{
	struct str rest = str_from(words), word;

	while (str_cut(&rest, '|', &word))
		if (word.n && str_eq(word, s))
			return true;
	return false;
}

static int check(const struct kind *kind, struct str key, const struct json *v,
		 struct err *err)
{
	for (const struct field *f = kind->fields; f->name; f++) {
		if (!str_is(key, f->name))
			continue;
		if (!json_is(v, JSON_STRING) && !json_is(v, JSON_NULL))
			return err_set(err, -EINVAL, "%s must be text",
				       f->name);
		if (f->words && !is_word(f->words, json_str(v)))
			return err_set(err, -EINVAL,
				       "%s: no such value \"%.*s\"", f->name,
				       STR_ARG(json_str(v)));
	}
	return 0;
}

static int copy(struct buf *out, const struct kind *kind, const struct json *v,
		bool create, struct err *err)
{
	struct str summary = json_get_str(v, "short_description");
	struct jsonw w = JSONW(out);
	const struct json *value;
	void *at = NULL;
	struct str key;
	int ret = 0;

	if (!json_is(v, JSON_OBJECT))
		return err_set(err, -EINVAL, "expected an object of fields");
	if ((create || json_get(v, "short_description")) &&
	    !str_trim(summary).n)
		return err_set(err, -EINVAL, "short_description is required");
	jsonw_object(&w);
	while (!ret && json_next(v, &at, &key, &value)) {
		ret = check(kind, key, value, err);
		/* A stored null would come back as a null member. */
		if (ret || is_reserved(kind, key) ||
		    (create && json_is(value, JSON_NULL)))
			continue;
		jsonw_key_str(&w, key);
		json_put(out, value);
		w.comma = 1;
	}
	for (size_t i = 0; create && kind->given[i]; i += 2)
		if (!json_get(v, kind->given[i]))
			jsonw_kcstr(&w, kind->given[i], kind->given[i + 1]);
	jsonw_end_object(&w);
	return ret;
}

int box_incident_fields(struct buf *out, const struct json *v, bool create,
			struct err *err)
{
	return copy(out, &incident, v, create, err);
}

int box_change_fields(struct buf *out, const struct json *v, bool create,
		      struct err *err)
{
	return copy(out, &change, v, create, err);
}
