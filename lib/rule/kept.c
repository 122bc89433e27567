/* A rule set's sources as one text, and the set made of it again. */
#include "rule/kept.h"

#include <errno.h>

#include "doc/json.h"
#include "doc/jsonw.h"
#include "rule/set.h"

/* What one set's text may hold; the arena bounds what is read of it. */
#define ARENA_MAX (256 << 20)

struct file {
	struct file *next;
	struct str path, text;
};

struct source {
	struct str name, text;
	struct file *files, **last;
};

struct kept {
	struct arena *arena;
	struct source *list;
	size_t count;
};

struct kept *kept_new(struct arena *arena, const struct rule_source *sources,
		      size_t count)
{
	struct kept *k = arena_alloc(arena, sizeof(*k));

	if (!k)
		return NULL;
	k->arena = arena;
	k->count = count;
	k->list = arena_array(arena, count + 1, sizeof(*k->list));
	for (size_t i = 0; k->list && i < count; i++) {
		k->list[i].name = arena_str(arena, str_from(sources[i].name));
		k->list[i].text = arena_str(arena, sources[i].text);
		k->list[i].last = &k->list[i].files;
	}
	return arena_error(arena) ? NULL : k;
}

void kept_add(struct kept *k, size_t source, struct str path, struct str text)
{
	struct source *s = &k->list[source];
	struct file *f;

	for (f = s->files; f; f = f->next)
		if (str_eq(f->path, path))
			return;
	f = arena_alloc(k->arena, sizeof(*f));
	if (!f)
		return;
	f->path = arena_str(k->arena, path);
	f->text = arena_str(k->arena, text);
	*s->last = f;
	s->last = &f->next;
}

bool kept_find(struct str *out, const struct rule_source *source,
	       struct str path)
{
	for (size_t i = 0; i < source->text_count; i++)
		if (str_eq(source->texts[i].path, path)) {
			*out = source->texts[i].text;
			return true;
		}
	return false;
}

void ruleset_put_sources(struct buf *out, const struct ruleset *r)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_key(&w, "files");
	jsonw_array(&w);
	for (size_t i = 0; i < r->kept->count; i++) {
		const struct source *s = &r->kept->list[i];

		jsonw_object(&w);
		jsonw_kstr(&w, "name", s->name);
		jsonw_kstr(&w, "text", s->text);
		jsonw_key(&w, "texts");
		jsonw_array(&w);
		for (const struct file *f = s->files; f; f = f->next) {
			jsonw_object(&w);
			jsonw_kstr(&w, "path", f->path);
			jsonw_kstr(&w, "text", f->text);
			jsonw_end_object(&w);
		}
		jsonw_end_array(&w);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
}

static bool read_source(struct rule_source *out, struct arena *arena,
			const struct json *v)
{
	const struct json *list = json_get(v, "texts");
	struct str name = json_get_str(v, "name");
	struct rule_text *texts;

	out->text_count = json_count(list);
	texts = arena_array(arena, out->text_count + 1, sizeof(*texts));
	if (!texts)
		return false;
	for (size_t i = 0; i < out->text_count; i++) {
		const struct json *t = json_item(list, i);

		texts[i].path = json_get_str(t, "path");
		texts[i].text = json_get_str(t, "text");
	}
	out->texts = texts;
	out->name = arena_cstr(arena, name);
	out->text = json_get_str(v, "text");
	return name.n && out->text.p && out->name;
}

int ruleset_again(struct ruleset **out, struct str text, struct faults *faults)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct rule_source *sources = NULL;
	struct json *doc = NULL;
	const struct json *list;
	int rc = arena ? json_parse(&doc, text, 0, &(struct err){ "" }) :
			 -ENOMEM;
	size_t n;

	if (rc)
		goto out;
	list = json_get(doc, "files");
	n = json_count(list);
	sources = arena_array(arena, n + 1, sizeof(*sources));
	if (!json_is(list, JSON_ARRAY))
		rc = -EINVAL;
	for (size_t i = 0; !rc && sources && i < n; i++)
		if (!read_source(&sources[i], arena, json_item(list, i)))
			rc = -EINVAL;
	if (arena_error(arena))
		rc = -ENOMEM;
	if (rc)
		goto out;
	*out = ruleset_load(sources, n, faults, NULL);
	rc = *out ? 0 : -ENOMEM;
out:
	json_free(doc);
	arena_free(arena);
	return rc;
}
