#include "agent/stackflow/fields.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define TEXT_MAX (1 << 20)
#define FIELDS_MAX (ARGS_TEXTS_MAX + 10)

struct field {
	struct str key, value;
};

struct fields {
	struct field list[FIELDS_MAX];
	size_t count;
	struct buf said;	/* what stdin said of "-" */
	bool read;		/* stdin is spent */
};

/* ---- files ---- */

static int read_all(struct buf *out, int fd)
{
	ssize_t n;

	do {
		char *room = buf_room(out, 16384);

		n = room ? read(fd, room, 16384) : 0;
		if (n > 0)
			buf_added(out, (size_t)n);
	} while (n > 0);
	return n < 0 ? -errno : buf_error(out);
}

int fields_file(struct buf *out, const char *path)
{
	bool in = strcmp(path, "-") == 0;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : read_all(out, fd);

	if (!in && fd >= 0)
		close(fd);
	if (!rc)
		return 0;
	return session_fail("%s can't be read: %s", in ? "stdin" : path,
			    rc == -E2BIG ? "it is too large" : strerror(-rc));
}

int fields_text(struct buf *out, const struct session *s, int from,
		const char *how)
{
	const struct args *a = &s->words->args;
	int status = 0;

	if (a->rest_count <= from)
		return session_wrong(s, "%s", how);
	if (a->rest_count == from + 1 && strcmp(a->rest[from], "-") == 0)
		status = fields_file(out, "-");
	else
		for (int i = from; i < a->rest_count; i++)
			buf_printf(out, "%s%s", i > from ? " " : "",
				   a->rest[i]);
	if (status)
		return status;
	if (buf_error(out))
		return session_fail("the text is too long");
	while (out->n && out->p[out->n - 1] == '\n')
		buf_truncate(out, out->n - 1);
	return str_trim(buf_str(out)).n ? 0 :
	       session_wrong(s, "the text is empty");
}

/* ---- the options ---- */

static int add(struct fields *f, const struct session *s, struct str key,
	       struct str value)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->list[i].key, key))
			return session_wrong(s, "%.*s is given twice",
					     STR_ARG(key));
	f->list[f->count++] = (struct field){ key, value };
	return 0;
}

static int add_named(struct fields *f, const struct session *s)
{
	const struct words *w = s->words;
	const struct {
		const char *key, *value;
	} named[] = {
		{ "short_description", w->short_description },
		{ "description", w->description },
		{ "priority", w->priority }, { "state", w->args.state },
		{ "category", w->category }, { "subcategory", w->subcategory },
		{ "assignment_group", w->group },
		{ "assigned_to", w->assigned_to }, { "ci_id", w->ci },
	};
	int status = 0;

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (named[i].value && !status)
			status = add(f, s, str_from(named[i].key),
				     str_from(named[i].value));
	return status;
}

static int add_given(struct fields *f, const struct session *s)
{
	const struct texts *given = &s->words->fields;
	int status = 0;

	for (size_t i = 0; i < given->count && !status; i++) {
		struct str value = str_from(given->list[i]), key;

		if (!str_cut(&value, '=', &key) || !key.n || !value.p)
			return session_wrong(s, "--field is NAME=VALUE, not "
					     "'%s'", given->list[i]);
		status = add(f, s, key, value);
	}
	return status;
}

/* "-" of --description is what stdin says. */
static int read_stdin(struct fields *f, const struct session *s)
{
	for (size_t i = 0; i < f->count; i++) {
		struct field *d = &f->list[i];

		if (!str_is(d->key, "description") || !str_is(d->value, "-"))
			continue;
		if (s->words->from && strcmp(s->words->from, "-") == 0)
			return session_wrong(s, "--from or --description is "
					     "'-', not both");
		if (fields_file(&f->said, "-"))
			return CMD_FAILED;
		d->value = buf_str(&f->said);
		while (d->value.n && d->value.p[d->value.n - 1] == '\n')
			d->value.n--;
	}
	return 0;
}

/* ---- the document ---- */

static bool is_given(const struct fields *f, struct str key)
{
	for (size_t i = 0; i < f->count; i++)
		if (str_eq(f->list[i].key, key))
			return true;
	return false;
}

static int put_document(struct jsonw *w, const struct fields *f,
			const char *path)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct err err = { "" };
	struct json *doc = NULL;
	const struct json *value;
	void *at = NULL;
	struct str key;
	int status = fields_file(&text, path);

	if (!status && json_parse(&doc, buf_str(&text), 0, &err))
		status = session_fail("%s: %s", path, err.text);
	if (!status && !json_is(doc, JSON_OBJECT))
		status = session_fail("%s: expected one JSON object", path);
	while (!status && json_next(doc, &at, &key, &value)) {
		if (is_given(f, key))
			continue;
		jsonw_key_str(w, key);
		json_put(w->out, value);
		w->comma = 1;
	}
	json_free(doc);
	buf_fini(&text);
	return status;
}

int fields_put(struct buf *out, const struct session *s)
{
	struct fields f = { .said = BUF_INIT(TEXT_MAX) };
	struct jsonw w = JSONW(out);
	int status = add_named(&f, s);

	if (!status)
		status = add_given(&f, s);
	if (!status && !f.count && !s->words->from)
		status = session_wrong(s, "no field is given");
	if (!status)
		status = read_stdin(&f, s);
	jsonw_object(&w);
	if (!status && s->words->from)
		status = put_document(&w, &f, s->words->from);
	for (size_t i = 0; i < f.count && !status; i++) {
		jsonw_key_str(&w, f.list[i].key);
		jsonw_str(&w, f.list[i].value);
	}
	jsonw_end_object(&w);
	if (!status && buf_error(out))
		status = session_fail("the record is too large");
	buf_fini(&f.said);
	return status;
}
