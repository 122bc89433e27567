#include "agent/sandbox/cases.h"

#include "agent/sandbox/db.h"
#include "base/encode.h"

#define DESCRIPTION_MAX 1000	/* bytes whose words count */
#define RESOLUTION_MAX 400

#define COLUMNS                                                                \
	"SELECT n,json_extract(fields,'$.short_description'),"                 \
	"json_extract(fields,'$.description'),"                                \
	"json_extract(fields,'$.state'),json_extract(fields,'$.category'),"    \
	"json_extract(fields,'$.subcategory'),"                                \
	"json_extract(fields,'$.priority'),"                                   \
	"json_extract(fields,'$.assignment_group'),created_ms,"                \
	"coalesce(resolved_ms,updated_ms) FROM incident "

static bool is_over(struct str state)
{
	return str_is(state, "resolved") || str_is(state, "closed");
}

static void read_row(struct box_case *out, sqlite3_stmt *st)
{
	int64_t took = sqlite3_column_int64(st, 9) -
		       sqlite3_column_int64(st, 8);

	*out = (struct box_case){
		.n = sqlite3_column_int64(st, 0),
		.minutes = -1,
		.short_description = box_db_column(st, 1),
		.description = box_db_column(st, 2),
		.state = box_db_column(st, 3),
		.category = box_db_column(st, 4),
		.subcategory = box_db_column(st, 5),
		.priority = box_db_column(st, 6),
		.assignment_group = box_db_column(st, 7),
	};
	if (is_over(out->state))
		out->minutes = took < 60000 ? 1 : (took + 30000) / 60000;
}

static double judge(const struct box_case *v, const struct box_words *asked)
{
	struct box_words words = { .n = 0 };
	double alike, whole;

	box_words_add(&words, v->short_description);
	alike = box_words_alike(asked, &words);
	box_words_add(&words, utf8_cut(v->description, DESCRIPTION_MAX));
	whole = 0.9 * box_words_alike(asked, &words);
	return whole > alike ? whole : alike;
}

static bool wanted(const struct box_case *v, const struct box_case_query *q)
{
	return v->n != q->without && (!q->resolved || v->minutes >= 0) &&
	       (!q->category.p || str_eq(v->category, q->category));
}

static void keep(struct box_case *v, struct arena *arena)
{
	struct str *texts[] = { &v->short_description, &v->description,
				&v->state,	       &v->category,
				&v->subcategory,       &v->priority,
				&v->assignment_group };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i]->p)
			*texts[i] = arena_str(arena, *texts[i]);
}

/* Among those found, sorted by how alike; the last may fall off. */
static void rank(struct box_case *out, size_t *count, size_t max,
		 struct box_case *v, struct arena *arena)
{
	size_t at = *count;

	while (at && out[at - 1].alike < v->alike)
		at--;
	if (at == max)
		return;
	keep(v, arena);
	if (*count < max)
		++*count;
	memmove(out + at + 1, out + at, (*count - 1 - at) * sizeof(*out));
	out[at] = *v;
}

int box_cases_find(struct box_case *out, size_t *count, struct box_records *r,
		   const struct box_case_query *q, struct arena *arena,
		   struct err *err)
{
	struct box_case v;
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       COLUMNS "WHERE visible_ms<=?1"
				       " ORDER BY n DESC LIMIT 1000",
			       err);
	int step;

	*count = 0;
	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, q->now_ms);
	while ((step = sqlite3_step(st)) == SQLITE_ROW) {
		read_row(&v, st);
		if (!wanted(&v, q))
			continue;
		v.alike = judge(&v, q->asked);
		if (v.alike >= q->least)
			rank(out, count, q->max, &v, arena);
	}
	if (step != SQLITE_DONE)
		ret = box_db_failed(r, err);
	box_db_done(st, r);
	return ret;
}

int box_case_get(struct box_case *out, struct box_records *r, int64_t n,
		 int64_t now_ms, struct arena *arena, struct err *err)
{
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       COLUMNS "WHERE n=?1 AND visible_ms<=?2", err);
	int step;

	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, n);
	sqlite3_bind_int64(st, 2, now_ms);
	step = sqlite3_step(st);
	if (step == SQLITE_ROW) {
		read_row(out, st);
		keep(out, arena);
	} else {
		ret = step == SQLITE_DONE ? BOX_NOT_FOUND
					  : box_db_failed(r, err);
	}
	box_db_done(st, r);
	return ret;
}

int box_case_resolution(struct str *out, struct box_records *r, int64_t n,
			struct arena *arena, struct err *err)
{
	struct buf line = BUF_INIT(4 * RESOLUTION_MAX), text = BUF_INIT(65536);
	sqlite3_stmt *st;
	int ret = box_db_begin(&st, r,
			       "SELECT body FROM note WHERE n=?1"
			       " ORDER BY seq DESC LIMIT 1",
			       err);
	int step;

	if (ret)
		return ret;
	sqlite3_bind_int64(st, 1, n);
	step = sqlite3_step(st);
	*out = STR_NONE;
	if (step == SQLITE_ROW) {
		struct str rest = utf8_cut(box_db_column(st, 0), 4096), part;

		while (str_cut(&rest, '\n', &part)) {
			part = str_trim(part);
			if (part.n && text.n)
				buf_putc(&text, ' ');
			buf_put_str(&text, part);
		}
		utf8_put_safe(&line, buf_str(&text), RESOLUTION_MAX);
		*out = arena_str(arena, buf_str(&line));
	} else if (step != SQLITE_DONE) {
		ret = box_db_failed(r, err);
	}
	box_db_done(st, r);
	buf_fini(&text);
	buf_fini(&line);
	return ret;
}
