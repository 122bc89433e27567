#include <stdio.h>
#include <string.h>

#include "agent/stackflow/bulk.h"
#include "agent/stackflow/fields.h"
#include "agent/stackflow/incidents.h"
#include "agent/stackflow/say.h"
#include "agent/stackflow/walk.h"
#include "base/arena.h"
#include "doc/json.h"
#include "stackflow/changes.h"
#include "stackflow/knowledge.h"

#define IMPORT_MAX (64 << 20)
#define RECORDS_MAX 100000

/* As many rows as are asked for. */
static int print_list(struct session *s, struct walk w)
{
	int status = walk_most(&w.most, s);

	if (!status)
		status = session_open(s);
	return status ? status : walk_print(s, &w);
}

/* ---- changes ---- */

static int changes_list(struct session *s)
{
	static const struct column columns[] = {
		{ "CHANGE", "number|id", 0, COLUMN_TEXT },
		{ "STATE", "state|status", 0, COLUMN_WORD },
		{ "CI", "ci_id|ci", 1, COLUMN_TEXT },
		{ "FROM", "start_at|planned_start|scheduled_start", 2,
		  COLUMN_TIME },
		{ "SHORT DESCRIPTION", "short_description|title|summary", 0,
		  COLUMN_TEXT },
	};
	const struct filter filters[] = {
		{ "state", "state", s->words->args.state, false },
		{ "ci_id", "ci_id", s->words->ci, false },
		{ .param = NULL },
	};

	if (s->words->args.rest_count)
		return session_wrong(s, "list takes no argument");
	return print_list(s, (struct walk){
		.list = sf_change_list, .filters = filters, .what = "changes",
		.columns = columns,
		.count = sizeof(columns) / sizeof(columns[0]) });
}

static int changes_create(struct session *s)
{
	struct buf record = BUF_INIT(4 << 20), key = BUF_INIT(64);
	const struct sf_result *r;
	int status;

	if (s->words->args.rest_count)
		return session_wrong(s, "create takes no argument: the text "
				     "is --short-description");
	status = fields_put(&record, s);
	if (!status)
		status = session_open(s);
	if (!status) {
		incident_key(&key);
		r = SESSION_CALL(s, sf_change_create, buf_str(&record),
				 buf_str(&key).p);
		status = session_end(r, "create the change",
				     "stackflow changes list --limit 10");
		if (!status && s->words->args.json)
			status = say_json(r->body);
		else if (!status)
			printf("%.*s is created\n", STR_ARG(r->id));
	}
	buf_fini(&record);
	buf_fini(&key);
	return status;
}

static int run_changes(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "list", changes_list }, { "create", changes_create },
	};

	return session_run_verb(&cmd_changes, argc, argv, acts);
}

static const struct opt change_options[] = {
	{ "state", .value = "STATE", .help = "only those; of a new one: its "
	  "state", ARG_TEXT(args, state) },
	{ "ci", .value = "ID", .help = "of this configuration item",
	  ARG_TEXT(words, ci) },
	{ "limit", .value = "N", .verbs = "list", ARG_TEXT(args, limit) },
	{ "all", .verbs = "list", .help = "at most so many (25); without end",
	  ARG_FLAG(words, all) },
	{ "short-description", .value = "TEXT", .verbs = "create",
	  .help = "what it is, in one line",
	  ARG_TEXT(words, short_description) },
	{ "description", .value = "TEXT", .verbs = "create",
	  .help = "all of it; - is what stdin says",
	  ARG_TEXT(words, description) },
	{ "field", .value = "NAME=TEXT", .verbs = "create",
	  .help = "any other field; also repeated", ARG_TEXTS(words, fields) },
	{ "from", .value = "FILE", .verbs = "create", .is = VALUE_FILE,
	  .help = "a JSON object of fields; - is stdin",
	  ARG_TEXT(words, from) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

static const struct verb change_verbs[] = {
	{ "list", "those that there are", VALUE_NONE },
	{ "create", "file one", VALUE_NONE },
	{ .name = NULL },
};

const struct cmd cmd_changes = {
	.name = "changes",
	.summary = "list and create changes",
	.forms = (const char *const[]){ "[list] [OPTION]...",
					"create [OPTION]...", NULL },
	.about = "Lists changes, or files one.",
	.options = change_options,
	.verbs = change_verbs,
	.examples = (const char *const[]){
		"--ci CI0001234",
		"create --short-description 'Move the database' --ci "
		"CI0001234", NULL },
	.statuses = STATUSES_WRITE,
	.run = run_changes,
};

/* ---- CIs ---- */

static int cis_list(struct session *s)
{
	static const struct column columns[] = {
		{ "CI", "id|ci_id", 0, COLUMN_TEXT },
		{ "CLASS", "class|type|ci_class", 1, COLUMN_TEXT },
		{ "STATE", "state|status", 2, COLUMN_WORD },
		{ "ARN", "arn", 3, COLUMN_TEXT },
		{ "NAME", "name", 0, COLUMN_TEXT },
	};
	const struct filter filters[] = {
		{ "name", "name", s->words->name, false },
		{ "arn", "arn", s->words->arn, false },
		{ .param = NULL },
	};

	if (s->words->args.rest_count)
		return session_wrong(s, "list takes no argument");
	return print_list(s, (struct walk){
		.list = sf_ci_list, .filters = filters, .what = "CIs",
		.columns = columns,
		.count = sizeof(columns) / sizeof(columns[0]) });
}

struct records {
	struct str *list;
	size_t count;
	struct arena *arena;
	const char *file;
};

static int add_record(struct records *r, const struct json *v)
{
	struct buf text = BUF_INIT(IMPORT_MAX);

	if (!json_is(v, JSON_OBJECT))
		return session_fail("%s: record %zu is no JSON object",
				    r->file, r->count + 1);
	if (r->count == RECORDS_MAX)
		return session_fail("%s: more than %d records", r->file,
				    RECORDS_MAX);
	json_put(&text, v);
	r->list[r->count++] = arena_str(r->arena, buf_str(&text));
	buf_fini(&text);
	return r->list[r->count - 1].p ? 0 : session_fail("out of memory");
}

static int read_array(struct records *r, struct str text)
{
	struct json *doc = NULL;
	struct err err = { "" };
	int status = 0;

	if (json_parse(&doc, text, 0, &err))
		return session_fail("%s: %s", r->file, err.text);
	for (size_t i = 0; i < json_count(doc) && !status; i++)
		status = add_record(r, json_item(doc, i));
	json_free(doc);
	return status;
}

static int read_lines(struct records *r, struct str text)
{
	struct str line;
	size_t n = 0;
	int status = 0;

	while (!status && str_cut(&text, '\n', &line)) {
		struct json *doc = NULL;
		struct err err = { "" };

		n++;
		line = str_trim(line);
		if (!line.n)
			continue;
		status = json_parse(&doc, line, 0, &err) ?
			session_fail("%s:%zu: %s", r->file, n, err.text) :
			add_record(r, doc);
		json_free(doc);
	}
	return status;
}

/* All is read before anything is sent: a file with a fault is none. */
static int read_records(struct records *r)
{
	struct buf text = BUF_INIT(IMPORT_MAX);
	struct str s;
	int status;

	r->list = arena_array(r->arena, RECORDS_MAX, sizeof(*r->list));
	if (!r->list)
		return session_fail("out of memory");
	status = fields_file(&text, r->file);
	s = str_trim(buf_str(&text));
	if (!status)
		status = str_starts(s, "[") ? read_array(r, s) :
					      read_lines(r, buf_str(&text));
	if (!status && !r->count)
		status = session_fail("%s: there is no record", r->file);
	buf_fini(&text);
	return status;
}

static int cis_import(struct session *s)
{
	struct records r = { .arena = s->arena };
	int status;

	if (s->words->args.rest_count != 1)
		return session_wrong(s, "import FILE; - is stdin");
	r.file = s->words->args.rest[0];
	status = read_records(&r);
	if (!status && s->words->args.dry_run) {
		printf("%zu CIs to import\n", r.count);
		return CMD_OK;
	}
	if (!status)
		status = session_open(s);
	return status ? status : bulk_import(s, r.list, r.count);
}

static int run_cis(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "list", cis_list }, { "import", cis_import },
	};

	return session_run_verb(&cmd_cis, argc, argv, acts);
}

static const struct opt ci_options[] = {
	{ "name", .value = "NAME", .verbs = "list", ARG_TEXT(words, name) },
	{ "arn", .value = "ARN", .verbs = "list",
	  .help = "only the one of this name; of this ARN",
	  ARG_TEXT(words, arn) },
	{ "limit", .value = "N", .verbs = "list", ARG_TEXT(args, limit) },
	{ "all", .verbs = "list", .help = "at most so many (25); without end",
	  ARG_FLAG(words, all) },
	{ "dry-run", .verbs = "import", .help = "only read the file",
	  ARG_FLAG(args, dry_run) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

static const struct verb ci_verbs[] = {
	{ "list", "those of the CMDB", VALUE_NONE },
	{ "import", "add those of a file", VALUE_FILE },
	{ .name = NULL },
};

const struct cmd cmd_cis = {
	.name = "cis",
	.summary = "list the CMDB's items, import many",
	.forms = (const char *const[]){ "[list] [OPTION]...",
					"import FILE|- [OPTION]...", NULL },
	.about =
		"Lists configuration items, or imports those of FILE in jobs of a "
		"hundred: a JSON array of objects, or an object a line. A file "
		"with a fault imports nothing.",
	.options = ci_options,
	.verbs = ci_verbs,
	.examples = (const char *const[]){
		"--name pay-db-1", "import cis.json", NULL },
	.statuses = STATUSES_WRITE,
	.run = run_cis,
};

/* ---- articles ---- */

static int articles(struct session *s, const char *search)
{
	static const struct column columns[] = {
		{ "ARTICLE", "id|article_id|number", 0, COLUMN_TEXT },
		{ "UPDATED", "updated_at|created_at", 1, COLUMN_TIME },
		{ "TITLE", "title|short_description", 0, COLUMN_TEXT },
	};
	const struct filter filters[] = {
		{ "search", NULL, search, false }, { .param = NULL },
	};

	return print_list(s, (struct walk){
		.list = sf_article_list, .filters = filters,
		.what = "articles", .columns = columns,
		.count = sizeof(columns) / sizeof(columns[0]) });
}

static int articles_list(struct session *s)
{
	if (s->words->args.rest_count)
		return session_wrong(s, "list takes no argument");
	return articles(s, NULL);
}

static int articles_search(struct session *s)
{
	struct buf text = BUF_INIT(4096);
	int status = fields_text(&text, s, 0, "search TEXT");

	if (!status)
		status = articles(s, text.p);
	buf_fini(&text);
	return status;
}

static int run_articles(int argc, char **argv)
{
	static const struct act acts[] = {
		{ "list", articles_list }, { "search", articles_search },
	};

	return session_run_verb(&cmd_articles, argc, argv, acts);
}

static const struct opt article_options[] = {
	{ "limit", .value = "N", ARG_TEXT(args, limit) },
	{ "all", .help = "at most so many (25); without end",
	  ARG_FLAG(words, all) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

static const struct verb article_verbs[] = {
	{ "list", "all articles", VALUE_NONE },
	{ "search", "those that speak of something", VALUE_TEXT },
	{ .name = NULL },
};

const struct cmd cmd_articles = {
	.name = "articles",
	.summary = "list and search knowledge articles",
	.forms = (const char *const[]){ "[list] [OPTION]...",
					"search TEXT [OPTION]...", NULL },
	.about = "Lists the knowledge base, or searches it.",
	.options = article_options,
	.verbs = article_verbs,
	.examples = (const char *const[]){
		"--limit 10", "search 'connection pool'", NULL },
	.statuses = STATUSES,
	.run = run_articles,
};
