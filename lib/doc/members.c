#include "doc/json.h"

#include <errno.h>

#include "doc/keyset.h"
#include "doc/listen.h"

struct wanted {
	struct listener listener;
	struct json_member *list;
	size_t count;
	size_t room; /* for all strings and their NULs */
	struct err *err;
};

/* Does the key mean name? 1, 0 or -ENOMEM. */
static int means(const struct scanned *m, struct str name)
{
	struct buf b = BUF_INIT(m->key.n);
	int rc;

	if (!m->key_escaped)
		return str_eq(m->key, name);
	json_unescape(&b, m->key);
	rc = buf_error(&b);
	if (rc == 0)
		rc = str_eq(buf_str(&b), name);
	buf_fini(&b);
	return rc;
}

static int put(struct listener *l, const struct scanned *v)
{
	struct wanted *w = (struct wanted *)l;

	for (size_t i = 0; v->depth == 1 && v->member && i < w->count; i++) {
		struct json_member *to = &w->list[i];
		int rc = means(v, to->key);

		if (rc < 0)
			return err_set(w->err, rc, "out of memory");
		if (!rc)
			continue;
		to->type = v->type;
		if (v->type != JSON_STRING)
			break;
		to->value = v->text;
		to->escaped = v->escaped;
		w->room += v->text.n + 1;
		break;
	}
	return 0;
}

/* From what stands in the document to what it means, in text. */
static void own(struct json_member *m, struct buf *text)
{
	size_t from = text->n;

	if (m->escaped)
		json_unescape(text, m->value);
	else
		buf_put_str(text, m->value);
	m->value = (struct str){ text->p + from, text->n - from };
	buf_putc(text, '\0');
}

int json_members(struct buf *text, struct json_member *list, size_t count,
		 struct str document, unsigned flags, struct err *err)
{
	struct wanted w = { { put, NULL }, list, count, 0, err };
	int rc;

	for (size_t i = 0; i < count; i++)
		list[i] = (struct json_member){ .key = list[i].key };
	rc = json_scan_to(&w.listener, document, flags, err);
	if (rc)
		return rc;
	if (!str_starts(str_trim(document), "{"))
		return err_set(err, -EINVAL, "it is no JSON object");
	buf_init(text, w.room + 1);
	if (!buf_room(text, w.room))
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		if (list[i].type == JSON_STRING)
			own(&list[i], text);
	return 0;
}
