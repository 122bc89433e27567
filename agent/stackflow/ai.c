#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/stackflow/fields.h"
#include "agent/stackflow/say.h"
#include "base/arena.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "stackflow/ai.h"

#define TEXT_MAX (256 << 10)
#define ANSWER_MAX (8 << 20)
#define RESULTS_MAX 20
#define TOP_MAX 100

/* ---- what they share ---- */

/* --results: 1 to most; 0 where it isn't given. CMD_USAGE, told. */
static int read_results(unsigned *out, const struct session *s, unsigned most)
{
	const char *text = s->words->results;
	uint64_t n = 0;

	if (text && (str_to_u64(&n, str_from(text)) || n < 1 || n > most))
		return session_wrong(s, "--results is a number from 1 to %u, "
				     "not '%s'", most, text);
	*out = (unsigned)n;
	return 0;
}

/* What came, as JSON, or by put as people read it. */
static int print(struct session *s, const struct sf_result *r,
		 const char *what,
		 int (*put)(struct buf *out, struct session *s,
			    const struct json *body))
{
	struct buf out = BUF_INIT(ANSWER_MAX);
	int status = session_end(r, what, NULL);

	if (!status && s->words->args.json) {
		status = say_json(r->body);
	} else if (!status) {
		int rc = put(&out, s, r->body);

		status = !rc ? say_out(&out) :
			 session_fail("can't %s: the answer isn't one (%s)",
				      what, strerror(-rc));
	}
	buf_fini(&out);
	return status;
}

/* A table of rows that were written as JSON. */
static int put_table(struct buf *out, struct session *s, struct buf *rows,
		     const struct column *columns, size_t count)
{
	struct json *doc = NULL;
	int rc = buf_error(rows);

	if (rc == 0)
		rc = json_parse(&doc, buf_str(rows), 0, NULL);
	if (rc == 0)
		table_put(out, doc, columns, count, &s->term);
	json_free(doc);
	return rc;
}

static void kshare(struct jsonw *w, const char *key, double share)
{
	struct buf text = BUF_INIT(32);

	say_share(&text, share);
	if (text.n)
		jsonw_kstr(w, key, buf_str(&text));
	buf_fini(&text);
}

static void ktext(struct jsonw *w, const char *key, struct str s)
{
	if (s.n)
		jsonw_kstr(w, key, s);
}

/* ---- ask, query ---- */

static void put_citations(struct buf *out, const struct session *s,
			  const struct sf_ai_said *said)
{
	for (size_t i = 0; i < said->citation_count; i++) {
		const struct sf_ai_citation *c = &said->citations[i];
		struct buf line = BUF_INIT(4096);

		buf_printf(&line, "[%zu] %.*s", i + 1, STR_ARG(c->article_id));
		if (c->title.n)
			buf_printf(&line, "  %.*s", STR_ARG(c->title));
		if (c->relevance >= 0) {
			buf_puts(&line, "  ");
			say_share(&line, c->relevance);
		}
		say_text(out, &s->term, 0, buf_str(&line));
		buf_fini(&line);
	}
}

static int put_said(struct buf *out, struct session *s,
		    const struct json *body)
{
	struct sf_ai_said said;
	int rc = sf_ai_said_read(&said, body, s->arena);

	if (rc)
		return rc;
	say_text(out, &s->term, 0, said.answer);
	buf_putc(out, '\n');
	if (said.citation_count) {
		put_citations(out, s, &said);
		buf_putc(out, '\n');
	}
	say_cost(out, &s->term, &said.cost);
	return 0;
}

/* --record incident:INC0001234, or INC0001234 alone. */
static int read_record(struct sf_ai_question *q, const struct session *s)
{
	struct str rest = str_from(s->words->record), type;

	if (!rest.p)
		return 0;
	q->context_type = "incident";
	if (str_find_char(rest, ':') >= 0) {
		(void)str_cut(&rest, ':', &type);
		q->context_type = arena_cstr(s->arena, type);
	}
	q->context_id = rest;
	if (!q->context_type || !*q->context_type || !sf_id_usable(rest))
		return session_wrong(s, "--record is TYPE:ID, as "
				     "incident:INC0001234, not '%s'",
				     s->words->record);
	return 0;
}

static int question(struct session *s, bool ask)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct sf_ai_question q = { .model = s->words->model };
	int status = read_record(&q, s);

	if (!status)
		status = read_results(&q.max_kb_results, s, RESULTS_MAX);
	if (!status)
		status = fields_text(&text, s, 0, "what is the question? - is "
						  "what stdin says");
	if (!status)
		status = session_open(s);
	if (!status) {
		q.text = buf_str(&text);
		status = print(s, ask ? SESSION_CALL(s, sf_ai_ask, &q) :
					SESSION_CALL(s, sf_ai_query, &q),
			       ask ? "ask" : "query", put_said);
	}
	buf_fini(&text);
	return status;
}

static int ask(struct session *s)
{
	return question(s, true);
}

static int query(struct session *s)
{
	return question(s, false);
}

static int run_ask(int argc, char **argv)
{
	return session_run(&cmd_ask, argc, argv, ask);
}

static int run_query(int argc, char **argv)
{
	return session_run(&cmd_query, argc, argv, query);
}

#define OPT_MODEL { "model", .value = "MODEL", .words = MODELS, \
	.help = "claude-3-haiku, claude-3-sonnet or claude-3-opus", \
	ARG_TEXT(words, model) }
#define OPT_RECORD { "record", .value = "TYPE:ID", \
	.help = "the record in question, as incident:INC0001234", \
	ARG_TEXT(words, record) }

static const struct opt ask_options[] = {
	OPT_MODEL, OPT_RECORD,
	{ "results", .value = "N",
	  .help = "articles to look into, 1 to 20 (5)",
	  ARG_TEXT(words, results) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

static const struct opt query_options[] = {
	OPT_MODEL, OPT_RECORD, OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_ask = {
	.name = "ask",
	.summary = "an answer out of the knowledge base, with its sources",
	.forms = (const char *const[]){ "TEXT|- [OPTION]...", NULL },
	.about =
		"Asks the knowledge base, and prints the answer, the articles it "
		"rests on and what it took. What an AI says may be wrong.",
	.options = ask_options,
	.examples = (const char *const[]){
		"'What is the procedure for a P1 major incident?'",
		"--record incident:INC0001234 'Has this been seen before?'",
		NULL },
	.statuses = STATUSES,
	.run = run_ask,
};

const struct cmd cmd_query = {
	.name = "query",
	.summary = "ask the copilot",
	.forms = (const char *const[]){ "TEXT|- [OPTION]...", NULL },
	.about =
		"Asks StackFlow's copilot, and prints its answer and what it took. "
		"What an AI says may be wrong.",
	.options = query_options,
	.examples = (const char *const[]){
		"'Which P1 incidents are open?'", "- <question.txt", NULL },
	.statuses = STATUSES,
	.run = run_query,
};

/* ---- analyze ---- */

static void put_list(struct buf *out, const struct term *t, const char *name,
		     const struct str *list, size_t n, const char *sep)
{
	struct buf text = BUF_INIT(64 << 10);

	for (size_t i = 0; i < n; i++) {
		if (*sep == '\n')
			buf_printf(&text, "%s%zu. ", i ? sep : "", i + 1);
		else
			buf_puts(&text, i ? sep : "");
		buf_put_str(&text, list[i]);
	}
	if (n)
		say_named(out, t, name, buf_str(&text));
	buf_fini(&text);
}

static void put_text(struct buf *out, const struct term *t, const char *name,
		     struct str text)
{
	if (text.n)
		say_named(out, t, name, text);
}

static int put_findings(struct buf *out, struct session *s,
			const struct json *body)
{
	const struct term *t = &s->term;
	struct buf text = BUF_INIT(256);
	struct sf_ai_findings f;
	int rc = sf_ai_findings_read(&f, body, s->arena);

	if (rc)
		return rc;
	put_text(out, t, "Record", f.record_id);
	put_text(out, t, "Analysis", f.analysis_type);
	put_text(out, t, "Probable cause", f.probable_root_cause);
	say_share(&text, f.confidence);
	put_text(out, t, "Confidence", buf_str(&text));
	put_text(out, t, "Risk", f.risk);
	put_list(out, t, "To do", f.resolution_steps, f.step_count, "\n");
	put_text(out, t, "Related problem", f.related_problem);
	put_list(out, t, "Similar", f.similar_incidents, f.similar_count,
		 ", ");
	buf_reset(&text);
	if (f.estimated_minutes >= 0)
		buf_printf(&text, "%lld minute%s",
			   (long long)f.estimated_minutes,
			   f.estimated_minutes == 1 ? "" : "s");
	put_text(out, t, "Estimated", buf_str(&text));
	buf_putc(out, '\n');
	say_cost(out, t, &f.cost);
	buf_fini(&text);
	return 0;
}

static const char *record_type(const struct session *s)
{
	return s->words->record_type ? s->words->record_type : "incident";
}

static int analyze(struct session *s)
{
	const struct args *a = &s->words->args;
	int status;

	if (a->rest_count != 1)
		return session_wrong(s, "analyze ID");
	if (!sf_id_usable(str_from(a->rest[0])))
		return session_wrong(s, "'%s' can't be an id", a->rest[0]);
	status = session_open(s);
	return status ? status :
	       print(s, SESSION_CALL(s, sf_ai_analyze, record_type(s),
				     str_from(a->rest[0]), s->words->type,
				     s->words->model, 0),
		     "analyze it", put_findings);
}

static int run_analyze(int argc, char **argv)
{
	return session_run(&cmd_analyze, argc, argv, analyze);
}

static const struct opt analyze_options[] = {
	{ "type", .value = "TYPE", .help = "of analysis, as root_cause",
	  ARG_TEXT(words, type) },
	{ "record-type", .value = "TYPE", .help = "what ID is of (incident)",
	  ARG_TEXT(words, record_type) },
	OPT_MODEL, OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_analyze = {
	.name = "analyze",
	.summary = "an incident's probable cause, and what to do",
	.forms = (const char *const[]){ "ID [OPTION]...", NULL },
	.about =
		"Has a record analysed: its probable cause, steps, similar ones. "
		"What an AI says may be wrong.",
	.options = analyze_options,
	.operand = VALUE_INCIDENT,
	.examples = (const char *const[]){
		"INC0001234", "INC0001234 --type root_cause --json", NULL },
	.statuses = STATUSES,
	.run = run_analyze,
};

/* ---- exemplars ---- */

static int put_exemplars(struct buf *out, struct session *s,
			 const struct json *body)
{
	static const struct column columns[] = {
		{ "INCIDENT", "id", 0, COLUMN_TEXT },
		{ "LIKE", "score", 0, COLUMN_NUMBER },
		{ "MIN", "minutes", 1, COLUMN_NUMBER },
		{ "DESCRIPTION", "description", 0, COLUMN_TEXT },
		{ "RESOLUTION", "resolution", 0, COLUMN_TEXT },
	};
	struct buf rows = BUF_INIT(ANSWER_MAX);
	struct jsonw w = JSONW(&rows);
	const struct sf_ai_exemplar *list;
	size_t n;
	int rc = sf_ai_exemplars_read(&list, &n, body, s->arena);

	if (rc)
		return rc;
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		jsonw_object(&w);
		ktext(&w, "id", list[i].incident_id);
		kshare(&w, "score", list[i].similarity);
		if (list[i].resolution_minutes >= 0)
			jsonw_kint(&w, "minutes", list[i].resolution_minutes);
		ktext(&w, "description", list[i].description);
		ktext(&w, "resolution", list[i].resolution);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	if (n)
		rc = put_table(out, s, &rows, columns,
			       sizeof(columns) / sizeof(columns[0]));
	else
		buf_puts(out, "no similar incidents\n");
	buf_fini(&rows);
	return rc;
}

static int exemplars(struct session *s)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	unsigned top = 0;
	int status = read_results(&top, s, TOP_MAX);

	if (!status)
		status = fields_text(&text, s, 0, "similar to what? - is what "
						  "stdin says");
	if (!status)
		status = session_open(s);
	if (!status)
		status = print(s, SESSION_CALL(s, sf_ai_exemplars,
					       record_type(s), buf_str(&text),
					       str_from(s->words->category),
					       top),
			       "find exemplars", put_exemplars);
	buf_fini(&text);
	return status;
}

static int run_exemplars(int argc, char **argv)
{
	return session_run(&cmd_exemplars, argc, argv, exemplars);
}

static const struct opt exemplar_options[] = {
	{ "category", .value = "TEXT", .help = "only of this one",
	  ARG_TEXT(words, category) },
	{ "results", .value = "N", .help = "at most so many",
	  ARG_TEXT(words, results) },
	{ "record-type", .value = "TYPE", .help = "of records (incident)",
	  ARG_TEXT(words, record_type) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_exemplars = {
	.name = "exemplars",
	.summary = "similar incidents of the past, and what helped",
	.forms = (const char *const[]){ "TEXT|- [OPTION]...", NULL },
	.about = "Finds resolved incidents that are like TEXT.",
	.options = exemplar_options,
	.examples = (const char *const[]){
		"'connection timeouts under load'",
		"--category database --results 5 'timeouts'", NULL },
	.statuses = STATUSES,
	.run = run_exemplars,
};

/* ---- suggest ---- */

static const char *const suggested[] = { "category", "subcategory", "priority",
					 "assignment_group", NULL };

static int put_suggestions(struct buf *out, struct session *s,
			   const struct json *body)
{
	static const struct column columns[] = {
		{ "FIELD", "field", 0, COLUMN_TEXT },
		{ "SURE", "confidence", 0, COLUMN_NUMBER },
		{ "VALUE", "value", 0, COLUMN_WORD },
		{ "REASON", "reasoning", 0, COLUMN_TEXT },
	};
	struct buf rows = BUF_INIT(ANSWER_MAX);
	struct jsonw w = JSONW(&rows);
	bool any = false;
	int rc = 0;

	jsonw_array(&w);
	for (size_t i = 0; suggested[i]; i++) {
		struct sf_ai_suggestion g;

		if (!sf_ai_suggestion_read(&g, body, suggested[i]))
			continue;
		any = true;
		jsonw_object(&w);
		jsonw_kcstr(&w, "field", suggested[i]);
		ktext(&w, "value", g.value);
		kshare(&w, "confidence", g.confidence);
		ktext(&w, "reasoning", g.reasoning);
		jsonw_end_object(&w);
	}
	jsonw_end_array(&w);
	if (any)
		rc = put_table(out, s, &rows, columns,
			       sizeof(columns) / sizeof(columns[0]));
	else
		buf_puts(out, "no suggestions\n");
	buf_fini(&rows);
	return rc;
}

static int suggest(struct session *s)
{
	const struct texts *wanted = &s->words->wanted;
	struct buf text = BUF_INIT(TEXT_MAX);
	int status = fields_text(&text, s, 0, "suggestions for what? - is what "
					      "stdin says");

	if (!status)
		status = session_open(s);
	if (!status)
		status = print(s, SESSION_CALL(s, sf_ai_suggest, buf_str(&text),
					       wanted->count ? wanted->list :
							       suggested,
					       s->words->model, 0),
			       "have a suggestion", put_suggestions);
	buf_fini(&text);
	return status;
}

static int run_suggest(int argc, char **argv)
{
	return session_run(&cmd_suggest, argc, argv, suggest);
}

static const struct opt suggest_options[] = {
	{ "for", .value = "FIELD",
	  .words = "category|subcategory|priority|assignment_group",
	  .help = "category, subcategory, priority or assignment_group; also "
		  "repeated (all)", ARG_TEXTS(words, wanted) },
	OPT_MODEL, OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_suggest = {
	.name = "suggest",
	.summary = "category, priority and group for a new incident",
	.forms = (const char *const[]){ "TEXT|- [OPTION]...", NULL },
	.about =
		"Suggests fields for an incident of this short description, and how "
		"sure that is. What an AI says may be wrong.",
	.options = suggest_options,
	.examples = (const char *const[]){
		"'Cache hit rate dropped to 5 %'",
		"--for priority 'Cache hit rate dropped to 5 %'", NULL },
	.statuses = STATUSES,
	.run = run_suggest,
};
