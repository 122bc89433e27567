#include <stdio.h>
#include <string.h>

#include "agent/stackflow/bulk.h"
#include "agent/stackflow/fields.h"
#include "agent/stackflow/incidents.h"
#include "agent/stackflow/say.h"
#include "agent/stackflow/walk.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"

#define RECORD_MAX (4 << 20)

const struct column incident_columns[] = {
	{ "INCIDENT", "id|number", 0, COLUMN_TEXT },
	{ "PRI", "priority", 0, COLUMN_WORD },
	{ "STATE", "state", 0, COLUMN_WORD },
	{ "GROUP", "assignment_group", 2, COLUMN_TEXT },
	{ "ASSIGNED", "assigned_to", 4, COLUMN_TEXT },
	{ "CI", "ci_id", 3, COLUMN_TEXT },
	{ "CREATED", "created_at", 1, COLUMN_TIME },
	{ "SHORT DESCRIPTION", "short_description", 0, COLUMN_TEXT },
};
const size_t incident_column_count = sizeof(incident_columns) /
				     sizeof(incident_columns[0]);

/* ---- list ---- */

static int list(struct session *s)
{
	const struct words *w = s->words;
	struct buf before = BUF_INIT(64);
	int64_t ms;
	int status = 0;
	size_t most;

	if (w->args.rest_count)
		return session_wrong(s, "list takes no argument");
	status = walk_most(&most, s);
	if (!status && w->created_before)
		status = walk_before(&before, &ms, s, "created-before",
				     w->created_before);
	if (!status)
		status = session_open(s);
	if (!status) {
		const struct filter filters[] = {
			{ "state", "state", w->args.state, false },
			{ "priority", "priority", w->priority, false },
			{ "category", "category", w->category, false },
			{ "assignment_group", "assignment_group", w->group,
			  false },
			{ "ci_id", "ci_id", w->ci, false },
			{ "created_before", NULL,
			  before.n ? before.p : NULL, false },
			{ .param = NULL },
		};

		status = walk_print(s, &(struct walk){
			.list = sf_incident_list, .filters = filters,
			.most = most, .what = "incidents",
			.columns = incident_columns,
			.count = incident_column_count });
	}
	buf_fini(&before);
	return status;
}

/* ---- show ---- */

static int show_one(struct session *s, const char *id, bool first)
{
	struct buf out = BUF_INIT(16 << 20), what = BUF_INIT(512);
	const struct sf_result *r;
	int status;

	buf_printf(&what, "read %s", id);
	r = SESSION_CALL(s, sf_incident_get, str_from(id));
	status = session_end(r, buf_str(&what).p, NULL);
	buf_fini(&what);
	if (status)
		return status;
	if (s->words->args.json)
		return say_json(r->body);
	buf_puts(&out, first ? "" : "\n");
	say_record(&out, &s->term, r->body);
	status = say_out(&out);
	buf_fini(&out);
	return status;
}

/* Each of them is an id? */
static int check_ids(const struct session *s, int count)
{
	for (int i = 0; i < count; i++)
		if (!sf_id_usable(str_from(s->words->args.rest[i])))
			return session_wrong(s, "'%s' can't be an id: one is "
					     "like INC0001234",
					     s->words->args.rest[i]);
	return 0;
}

static int show(struct session *s)
{
	const struct args *a = &s->words->args;
	int status, one;

	if (!a->rest_count)
		return session_wrong(s, "show ID...: the list shows them");
	status = check_ids(s, a->rest_count);
	if (!status)
		status = session_open(s);
	if (status)
		return status;
	for (int i = 0; i < a->rest_count; i++) {
		one = show_one(s, a->rest[i], i == 0);
		status = status ? status : one;
	}
	return status;
}

/* ---- create, update, note ---- */

void incident_key(struct buf *out)
{
	unsigned char bytes[16];

	random_bytes(bytes, sizeof(bytes));
	buf_puts(out, "stackflow-");
	encode_hex(out, bytes, sizeof(bytes));
}

/* What StackFlow answered, as people or programs read it. */
static int print_created(const struct session *s, const struct sf_result *r)
{
	struct buf out = BUF_INIT(8192);
	struct str priority = json_get_str(r->body, "priority");
	struct str breach = json_get_str(r->body, "sla_breach_at");
	int status;

	if (s->words->args.json)
		return say_json(r->body);
	buf_printf(&out, "%.*s is created", STR_ARG(r->id));
	if (priority.n) {
		buf_puts(&out, ", ");
		utf8_put_safe(&out, priority, 40);
	}
	if (breach.n) {
		buf_puts(&out, ", its SLA ends ");
		term_put_time(&out, &s->term, breach);
	}
	buf_putc(&out, '\n');
	status = say_out(&out);
	buf_fini(&out);
	return status;
}

static int create(struct session *s)
{
	struct buf record = BUF_INIT(RECORD_MAX), key = BUF_INIT(64);
	const struct sf_result *r;
	int status;

	if (s->words->args.rest_count)
		return session_wrong(s, "create takes no argument: the text "
				     "is --short-description");
	if (!s->words->short_description && !s->words->from)
		return session_wrong(s, "--short-description is needed");
	status = fields_put(&record, s);
	if (!status)
		status = session_open(s);
	if (!status) {
		incident_key(&key);
		r = SESSION_CALL(s, sf_incident_create, buf_str(&record),
				 buf_str(&key).p);
		status = session_end(r, "create the incident",
				     "stackflow incidents list --limit 10");
		if (!status)
			status = print_created(s, r);
	}
	buf_fini(&record);
	buf_fini(&key);
	return status;
}

/* A write to one incident has ended. */
static int end_write(const struct session *s, const struct sf_result *r,
		     const char *verb, const char *done)
{
	const char *id = s->words->args.rest[0];
	struct buf what = BUF_INIT(512), look = BUF_INIT(512);
	int status;

	buf_printf(&what, "%s %s", verb, id);
	buf_printf(&look, "stackflow incidents show %s", id);
	status = session_end(r, buf_str(&what).p, buf_str(&look).p);
	if (!status && s->words->args.json)
		status = r->body ? say_json(r->body) : 0;
	else if (!status)
		printf("%s: %s\n", id, done);
	buf_fini(&what);
	buf_fini(&look);
	return status;
}

static int update(struct session *s)
{
	struct buf fields = BUF_INIT(RECORD_MAX);
	int status;

	if (s->words->args.rest_count != 1)
		return session_wrong(s, "update ID, and what changes as "
				     "options");
	status = check_ids(s, 1);
	if (!status)
		status = fields_put(&fields, s);
	if (!status)
		status = session_open(s);
	if (!status)
		status = end_write(s, SESSION_CALL(s, sf_incident_update,
				   str_from(s->words->args.rest[0]),
				   buf_str(&fields)), "update", "updated");
	buf_fini(&fields);
	return status;
}

static int note(struct session *s)
{
	struct buf text = BUF_INIT(1 << 20), key = BUF_INIT(64);
	int status;

	if (!s->words->args.rest_count)
		return session_wrong(s, "note ID TEXT");
	status = check_ids(s, 1);
	if (!status)
		status = fields_text(&text, s, 1, "note ID TEXT; '-' is what "
						  "stdin says");
	if (!status)
		status = session_open(s);
	if (!status) {
		incident_key(&key);
		status = end_write(s, SESSION_CALL(s, sf_note_add,
				   str_from(s->words->args.rest[0]),
				   buf_str(&text), s->words->visibility ?
					   s->words->visibility : "team",
				   buf_str(&key).p), "note on",
				   "the note is added");
	}
	buf_fini(&text);
	buf_fini(&key);
	return status;
}

/* ---- the tables ---- */

static const struct act acts[] = {
	{ "list", list }, { "show", show }, { "create", create },
	{ "note", note }, { "update", update }, { "bulk-close", bulk_close },
	{ "bulk-update", bulk_update },
};

static int run(int argc, char **argv)
{
	return session_run_verb(&cmd_incidents, argc, argv, acts);
}

#define WRITES "create update bulk-update"
#define FILTERS "list bulk-close"

static const struct opt options[] = {
	{ "short-description", .value = "TEXT", .verbs = WRITES,
	  .help = "what it is, in one line", ARG_TEXT(words,
						      short_description) },
	{ "description", .value = "TEXT", .verbs = WRITES,
	  .help = "all of it; - is what stdin says",
	  ARG_TEXT(words, description) },
	{ "priority", .value = "P", .words = PRIORITIES,
	  .verbs = WRITES " " FILTERS, .help = "P1 to P4",
	  ARG_TEXT(words, priority) },
	{ "state", .value = "STATE", .words = STATES,
	  .verbs = "list update bulk-update",
	  .help = "new, in_progress, resolved or closed",
	  ARG_TEXT(args, state) },
	{ "category", .value = "TEXT", .verbs = WRITES " " FILTERS,
	  ARG_TEXT(words, category) },
	{ "subcategory", .value = "TEXT", .verbs = WRITES,
	  ARG_TEXT(words, subcategory) },
	{ "group", .value = "NAME", .verbs = WRITES " " FILTERS,
	  ARG_TEXT(words, group) },
	{ "ci", .value = "ID", .verbs = WRITES " " FILTERS,
	  .help = "as StackFlow has them", ARG_TEXT(words, ci) },
	{ "assigned-to", .value = "USER", .verbs = "update bulk-update",
	  .help = "who works on it", ARG_TEXT(words, assigned_to) },
	{ "field", .value = "NAME=TEXT", .verbs = WRITES,
	  .help = "any other field; also repeated",
	  ARG_TEXTS(words, fields) },
	{ "from", .value = "FILE", .verbs = WRITES, .is = VALUE_FILE,
	  .help = "a JSON object of fields; - is stdin",
	  ARG_TEXT(words, from) },
	{ "created-before", .value = "WHEN", .verbs = "list",
	  .help = "older than an age as 30d, or before a date",
	  ARG_TEXT(words, created_before) },
	{ "limit", .value = "N", .verbs = "list", ARG_TEXT(args, limit) },
	{ "all", .verbs = "list", .help = "at most so many (25); without end",
	  ARG_FLAG(words, all) },
	{ "visibility", .value = "WHO", .verbs = "note",
	  .help = "who may read it (team)", ARG_TEXT(words, visibility) },
	{ "resolved-before", .value = "WHEN", .verbs = "bulk-close",
	  .help = "an age as 30d, or a date",
	  ARG_TEXT(words, resolved_before) },
	{ "dry-run", .verbs = "bulk-close bulk-update",
	  ARG_FLAG(args, dry_run) },
	{ "yes", .verbs = "bulk-close bulk-update",
	  .help = "only show which; don't ask", ARG_FLAG(args, yes) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

static const struct verb verbs[] = {
	{ "list", "those that filters let through", VALUE_NONE },
	{ "show", "all of one, with its notes", VALUE_INCIDENT },
	{ "create", "open one", VALUE_NONE },
	{ "note", "append a note", VALUE_INCIDENT },
	{ "update", "change fields of one", VALUE_INCIDENT },
	{ "bulk-close", "close what has been resolved for long", VALUE_NONE },
	{ "bulk-update", "change fields of many", VALUE_INCIDENT },
	{ .name = NULL },
};

#define ABOUT_CREATE \
	"Opens one and prints its id. It's never sent twice: where the answer " \
	"leaves it open whether it was carried out, that is said and the " \
	"status is 3."
#define ABOUT_NOTE \
	"Appends a note; - is what stdin says. Never sent twice."
#define ABOUT_UPDATE "Changes what is given, and leaves the rest."
#define ABOUT_CLOSE \
	"Closes what is resolved and was created before WHEN (and resolved " \
	"before it, where StackFlow says when): shows which, asks on a " \
	"terminal, and closes them in jobs of a hundred."

static const struct more more[] = {
	{ "list", (const char *const[]){ "list [OPTION]...", NULL },
	  "Lists incidents as StackFlow orders them, page by page. With --json, "
	  "one a line.",
	  (const char *const[]){ "list --priority P1 --state new",
				 "list --state new --all --json", NULL } },
	{ "show", (const char *const[]){ "show ID...", NULL },
	  "Shows all that StackFlow says of incidents, and their notes.",
	  (const char *const[]){ "show INC0001234",
				 "show INC0001234 --json", NULL } },
	{ "create", (const char *const[]){ "create [OPTION]...", NULL },
	  ABOUT_CREATE,
	  (const char *const[]){
		"create --short-description 'Disk full' --priority P2",
		"create --from incident.json", NULL } },
	{ "note", (const char *const[]){ "note ID TEXT|-", NULL }, ABOUT_NOTE,
	  (const char *const[]){ "note INC0001234 'The vendor is on it.'",
				 "note INC0001234 - <log.txt", NULL } },
	{ "update", (const char *const[]){ "update ID [OPTION]...", NULL },
	  ABOUT_UPDATE,
	  (const char *const[]){ "update INC0001234 --state in_progress",
				 "update INC0001234 --field impact=high",
				 NULL } },
	{ "bulk-close", (const char *const[]){
		"bulk-close --resolved-before WHEN [OPTION]...", NULL },
	  ABOUT_CLOSE,
	  (const char *const[]){ "bulk-close --resolved-before 30d",
				 "bulk-close --resolved-before 30d --dry-run",
				 NULL } },
	{ "bulk-update", (const char *const[]){
		"bulk-update ID...|- [OPTION]...", NULL },
	  "Changes the same fields of all these; - reads ids from stdin, one "
	  "a line.",
	  (const char *const[]){
		"bulk-update INC0001234 INC0001235 --state closed --yes",
		"bulk-update - --group Storage --yes <ids.txt", NULL } },
	{ .verb = NULL },
};

const struct cmd cmd_incidents = {
	.name = "incidents",
	.summary = "list, show, create, note, update, bulk-close, bulk-update",
	.forms = (const char *const[]){ "VERB [OPTION]... [ARGUMENT]...",
					NULL },
	.about = "Incidents. list is meant where no verb is given.",
	.options = options,
	.verbs = verbs,
	.more = more,
	.examples = (const char *const[]){
		"list --priority P1 --state new", "show INC0001234", NULL },
	.statuses = STATUSES_WRITE,
	.run = run,
};

/* ---- short forms ---- */

static int run_create(int argc, char **argv)
{
	return session_run(&cmd_create, argc, argv, create);
}

static int run_note(int argc, char **argv)
{
	return session_run(&cmd_note, argc, argv, note);
}

static int run_update(int argc, char **argv)
{
	return session_run(&cmd_update, argc, argv, update);
}

static int run_bulk_close(int argc, char **argv)
{
	return session_run(&cmd_bulk_close, argc, argv, bulk_close);
}

const struct cmd cmd_create = {
	.name = "create", .as = "create", .minor = true,
	.summary = "short for `incidents create`",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about = ABOUT_CREATE, .options = options, .operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--short-description 'Disk full' --priority P2",
		"--from incident.json", NULL },
	.statuses = STATUSES_WRITE, .run = run_create,
};

const struct cmd cmd_note = {
	.name = "note", .as = "note", .minor = true,
	.summary = "short for `incidents note`",
	.forms = (const char *const[]){ "ID TEXT|-", NULL },
	.about = ABOUT_NOTE, .options = options, .operand = VALUE_INCIDENT,
	.examples = (const char *const[]){
		"INC0001234 'The vendor is on it.'", "INC0001234 - <log.txt",
		NULL },
	.statuses = STATUSES_WRITE, .run = run_note,
};

const struct cmd cmd_update = {
	.name = "update", .as = "update", .minor = true,
	.summary = "short for `incidents update`",
	.forms = (const char *const[]){ "ID [OPTION]...", NULL },
	.about = ABOUT_UPDATE, .options = options, .operand = VALUE_INCIDENT,
	.examples = (const char *const[]){
		"INC0001234 --state in_progress",
		"INC0001234 --field impact=high", NULL },
	.statuses = STATUSES_WRITE, .run = run_update,
};

const struct cmd cmd_bulk_close = {
	.name = "bulk-close", .as = "bulk-close", .minor = true,
	.summary = "short for `incidents bulk-close`",
	.forms = (const char *const[]){
		"--resolved-before WHEN [OPTION]...", NULL },
	.about = ABOUT_CLOSE, .options = options, .operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--resolved-before 30d", "--resolved-before 30d --dry-run",
		NULL },
	.statuses = STATUSES_WRITE, .run = run_bulk_close,
};
