#include "agent/stackflow/bulk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/stackflow/fields.h"
#include "agent/stackflow/incidents.h"
#include "agent/stackflow/say.h"
#include "agent/stackflow/walk.h"
#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "stackflow/bulk.h"

#define PREVIEW 20
#define FAILURES_MAX 1000
#define IDS_MAX 100000
#define BAR 32

/* Records of a job to be, in the session's arena. */
struct ids {
	struct str *list;
	size_t count, room;
	struct arena *arena;
};

static int ids_add(struct ids *ids, struct str id)
{
	if (ids->count == IDS_MAX)
		return session_fail("more than %d incidents: begin with an "
				    "older date", IDS_MAX);
	if (ids->count == ids->room) {
		size_t room = ids->room ? 2 * ids->room : 256;
		struct str *list = arena_array(ids->arena, room,
					       sizeof(*list));

		if (!list)
			return session_fail("out of memory");
		if (ids->count)
			memcpy(list, ids->list, ids->count * sizeof(*list));
		ids->list = list;
		ids->room = room;
	}
	ids->list[ids->count] = arena_str(ids->arena, id);
	return ids->list[ids->count++].p ? 0 : session_fail("out of memory");
}

/* ---- progress ---- */

/* In the client's thread, while this one waits. */
static void show_progress(struct sf_bulk *b, const struct sf_bulk_result *now,
			  bool ended, void *arg)
{
	size_t n = now->done + now->failed + now->unknown;
	size_t filled = now->records ? n * BAR / now->records : BAR;
	char bar[BAR + 1];

	(void)b;
	(void)arg;
	for (size_t i = 0; i < BAR; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\r[%s] %zu of %zu", bar, n, now->records);
	if (now->failed)
		fprintf(stderr, ", %zu failed", now->failed);
	if (ended)
		fputs("\r\033[K", stderr);
}

static sf_bulk_seen *progress(void)
{
	return isatty(STDERR_FILENO) ? show_progress : NULL;
}

/* ---- what became of it ---- */

static void put_json(struct buf *out, const struct sf_bulk_result *r,
		     const struct sf_bulk_failure *failures, size_t n)
{
	static const char *const outcomes[] = {
		[SF_OK] = "ok", [SF_NOT_EXECUTED] = "not_executed",
		[SF_REFUSED] = "refused", [SF_UNKNOWN] = "unknown",
	};
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kcstr(&w, "outcome", outcomes[r->outcome]);
	jsonw_kint(&w, "records", (int64_t)r->records);
	jsonw_kint(&w, "done", (int64_t)r->done);
	jsonw_kint(&w, "failed", (int64_t)r->failed);
	jsonw_kint(&w, "unknown", (int64_t)r->unknown);
	jsonw_kint(&w, "unsent", (int64_t)r->unsent);
	jsonw_kcstr(&w, "problem", r->problem);
	jsonw_key(&w, "failures");
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&w);
		jsonw_kint(&w, "index", (int64_t)failures[i].at);
		jsonw_kstr(&w, "id", failures[i].id);
		jsonw_kstr(&w, "message", failures[i].message);
		jsonw_kbool(&w, "unknown", failures[i].unknown);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	jsonw_end_object(&w);
	buf_putc(out, '\n');
}

static void tell_failures(const struct sf_bulk_failure *list, size_t n,
			  size_t all)
{
	for (size_t i = 0; i < n; i++) {
		const struct sf_bulk_failure *f = &list[i];
		const char *state = f->unknown ? "not known" : "failed";

		if (f->id.n)
			session_fail("%.*s %s: %.*s", STR_ARG(f->id), state,
				     STR_ARG(f->message));
		else
			session_fail("record %zu %s: %.*s", f->at + 1, state,
				     STR_ARG(f->message));
	}
	if (all > n)
		session_fail("and %zu more", all - n);
}

static int print_result(const struct sf_bulk_result *r, const char *done)
{
	struct buf out = BUF_INIT(1024);
	int status;

	buf_printf(&out, "%zu of %zu %s", r->done, r->records, done);
	if (r->failed)
		buf_printf(&out, ", %zu failed", r->failed);
	if (r->unknown)
		buf_printf(&out, ", %zu not known", r->unknown);
	if (r->unsent)
		buf_printf(&out, ", %zu not sent", r->unsent);
	buf_putc(&out, '\n');
	status = say_out(&out);
	buf_fini(&out);
	return status;
}

static int end_status(const struct sf_bulk_result *r)
{
	const char *why = r->problem ? r->problem : "no answer";

	if (r->outcome == SF_UNKNOWN || r->unknown) {
		session_fail("it isn't known whether StackFlow did all of it%s"
			     "%s; nothing was repeated: look at those records "
			     "before you do", r->problem ? ": " : "",
			     r->problem ? why : "");
		return CMD_UNKNOWN;
	}
	if (r->outcome != SF_OK)
		return session_fail("can't go on: %s", why);
	return r->failed ? CMD_FAILED : CMD_OK;
}

/* Wait for its end and tell what became of it; rc: of its start. */
static int finish(struct session *s, struct sf_bulk *b, int rc,
		  const char *done)
{
	struct sf_bulk_failure *failures = arena_array(
		s->arena, FAILURES_MAX, sizeof(*failures));
	const struct sf_bulk_result *r;
	struct buf out = BUF_INIT(16 << 20);
	size_t all, n;
	int status, shown;

	if (rc || !failures) {
		sf_bulk_free(b);
		return session_fail("the job can't be made: %s",
				    strerror(rc ? -rc : ENOMEM));
	}
	r = sf_bulk_wait(b);
	all = sf_bulk_failures(failures, FAILURES_MAX, b);
	n = all < FAILURES_MAX ? all : FAILURES_MAX;
	if (s->words->args.json) {
		put_json(&out, r, failures, n);
		shown = say_out(&out);
	} else {
		tell_failures(failures, n, all);
		shown = print_result(r, done);
	}
	status = end_status(r);
	buf_fini(&out);
	sf_bulk_free(b);
	return status ? status : shown;
}

/* ---- may it be? ---- */

/* 0: yes; else the exit status, told. */
static int ask(const struct session *s, const char *what, size_t n)
{
	char line[16];

	if (s->words->args.yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return session_wrong(s, "there is no terminal to ask on: --yes "
				     "goes ahead, --dry-run only shows");
	fprintf(stderr, "%s %zu incident%s? [y/N] ", what, n, n == 1 ? "" :
								       "s");
	if (fgets(line, sizeof(line), stdin) &&
	    (line[0] == 'y' || line[0] == 'Y'))
		return 0;
	fputs("nothing was changed\n", stderr);
	return CMD_FAILED;
}

static int change(struct session *s, const struct ids *ids, struct str fields,
		  const char *done)
{
	struct sf_bulk *b = NULL;
	int rc = sf_bulk_update(&b, s->client, ids->list, ids->count, fields,
				0, progress(), NULL);

	return finish(s, b, rc, done);
}

/* ---- bulk-close ---- */

struct closing {
	struct session *session;
	const struct walk *walk;
	int64_t before_ms;
	struct ids ids;
	struct rows rows;
};

/* StackFlow filters by creation; a row that says more is looked at. */
static bool is_due(const struct closing *c, const struct json *row)
{
	static const char *const keys[] = { "resolved_at", "closed_at" };
	int64_t created = json_get_time(row, "created_at");

	if (!created || created >= c->before_ms)
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_get_time(row, keys[i]) >= c->before_ms)
			return false;
	return true;
}

static int collect(const struct json *row, void *arg)
{
	struct closing *c = arg;
	const struct args *a = &c->session->words->args;
	struct str id = json_get_str(row, "id");

	if (!sf_id_usable(id) || !is_due(c, row))
		return 0;
	if (a->json && a->dry_run) {
		int status = say_json(row);

		if (status)
			return -status;
	}
	if (c->rows.count < PREVIEW)
		rows_add(&c->rows, c->walk, row);
	return -ids_add(&c->ids, id);
}

static int show_preview(struct closing *c)
{
	const struct session *s = c->session;
	int status;

	if (s->words->args.json)
		return 0;
	status = rows_print(&c->rows, c->walk, &s->term);
	if (!status && c->ids.count > PREVIEW)
		printf("and %zu more\n", c->ids.count - PREVIEW);
	if (!status)
		printf("%zu incident%s to close\n", c->ids.count,
		       c->ids.count == 1 ? "" : "s");
	fflush(stdout);
	return status;
}

static int close_them(struct closing *c)
{
	struct session *s = c->session;
	int status = walk_rows(s, c->walk, collect, c, NULL);

	if (!status)
		status = show_preview(c);
	if (status || s->words->args.dry_run)
		return status;
	if (!c->ids.count) {
		struct sf_bulk_result none = { .outcome = SF_OK };
		struct buf out = BUF_INIT(1024);

		if (s->words->args.json)
			put_json(&out, &none, NULL, 0);
		status = say_out(&out);
		buf_fini(&out);
		return status;
	}
	status = ask(s, "Close", c->ids.count);
	return status ? status : change(s, &c->ids,
					STR("{\"state\":\"closed\"}"),
					"closed");
}

int bulk_close(struct session *s)
{
	const struct words *w = s->words;
	struct buf before = BUF_INIT(64);
	struct closing c = { .session = s, .rows = ROWS_INIT };
	int status;

	if (w->args.rest_count)
		return session_wrong(s, "bulk-close takes no argument");
	if (!w->resolved_before)
		return session_wrong(s, "--resolved-before is needed, as 30d");
	if (!w->args.yes && !w->args.dry_run && !isatty(STDIN_FILENO))
		return ask(s, "Close", 0);
	status = walk_before(&before, &c.before_ms, s, "resolved-before",
			     w->resolved_before);
	if (!status)
		status = session_open(s);
	if (!status) {
		const struct filter filters[] = {
			{ "state", "state", "resolved", true },
			{ "created_before", NULL, before.p, false },
			{ "priority", "priority", w->priority, true },
			{ "category", "category", w->category, true },
			{ "assignment_group", "assignment_group", w->group,
			  true },
			{ "ci_id", "ci_id", w->ci, true },
			{ .param = NULL },
		};

		c.walk = &(const struct walk){
			.list = sf_incident_list, .filters = filters,
			.what = "incidents", .columns = incident_columns,
			.count = incident_column_count };
		c.ids.arena = s->arena;
		status = close_them(&c);
	}
	buf_fini(&c.rows.text);
	buf_fini(&before);
	return status;
}

/* ---- bulk-update ---- */

static int add_checked(const struct session *s, struct ids *ids, struct str id)
{
	if (sf_id_usable(id))
		return ids_add(ids, id);
	return session_wrong(s, "'%.*s' can't be an id: one is like "
			     "INC0001234", (int)(id.n < 80 ? id.n : 80), id.p);
}

/* Of stdin, one a line, or of the words. */
static int read_ids(const struct session *s, struct ids *ids)
{
	const struct args *a = &s->words->args;
	struct buf text = BUF_INIT(16 << 20);
	struct str rest, line;
	int status = 0;

	if (!a->rest_count)
		return session_wrong(s, "bulk-update ID..., or - for ids from "
				     "stdin");
	if (a->rest_count > 1 || strcmp(a->rest[0], "-") != 0) {
		for (int i = 0; i < a->rest_count && !status; i++)
			status = add_checked(s, ids, str_from(a->rest[i]));
		return status;
	}
	if (!a->yes && !a->dry_run)
		return session_wrong(s, "stdin has the ids, so it can't be "
				     "asked: --yes goes ahead");
	status = fields_file(&text, "-");
	rest = buf_str(&text);
	while (!status && str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (line.n)
			status = add_checked(s, ids, line);
	}
	buf_fini(&text);
	return status;
}

int bulk_update(struct session *s)
{
	const struct args *a = &s->words->args;
	struct buf fields = BUF_INIT(4 << 20);
	struct ids ids = { .arena = s->arena };
	int status = read_ids(s, &ids);

	if (!status)
		status = fields_put(&fields, s);
	if (!status && !ids.count)
		status = session_wrong(s, "there is no id");
	if (!status && a->dry_run)
		printf("%zu incident%s: %s\n", ids.count,
		       ids.count == 1 ? "" : "s", buf_str(&fields).p);
	else if (!status)
		status = ask(s, "Change", ids.count);
	if (!status && !a->dry_run)
		status = session_open(s);
	if (!status && !a->dry_run)
		status = change(s, &ids, buf_str(&fields), "updated");
	buf_fini(&fields);
	return status;
}

int bulk_import(struct session *s, const struct str *records, size_t n)
{
	struct sf_bulk *b = NULL;
	int rc = sf_bulk_cis(&b, s->client, records, n, 0, progress(), NULL);

	return finish(s, b, rc, "imported");
}
