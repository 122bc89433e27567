#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/journal.h"
#include "agent/cmd/ruleload.h"
#include "agent/cmd/term.h"
#include "agent/replay/engine.h"
#include "agent/replay/report.h"
#include "base/clock.h"
#include "base/map.h"

#define SHOWN 50
#define SHOWN_MAX 100000
#define OUTPUT_MAX (256 << 20)
#define TELL_EVERY 1000

struct replay {
	struct ruleset *rules[2];	/* today's, and those of --rules */
	struct journal *journal;
	struct spool *spool;
	struct engine *engines[2];
	struct map *cis;		/* of an alarm, the newest that one of
					   its incidents had */
	struct arena *names;		/* what cis points to */
	uint64_t events, skipped;
	int64_t first_ms, last_ms;
	bool progress;
};

/* ---- progress, on a terminal ---- */

static void tell_read(const struct replay *r)
{
	if (r->progress && r->events % TELL_EVERY == 0)
		fprintf(stderr, "\r%llu events read ",
			(unsigned long long)r->events);
}

static void tell_done(const struct replay *r)
{
	size_t a = engine_done(r->engines[0]), b = engine_done(r->engines[1]);

	if (r->progress && r->events)
		fprintf(stderr, "\r%llu events, %llu %% decided ",
			(unsigned long long)r->events,
			(unsigned long long)((a < b ? a : b) * 100 /
					     r->events));
}

static void tell_end(const struct replay *r)
{
	if (r->progress)
		fputs("\r\033[K", stderr);
}

/* ---- reading ---- */

/* What the alarm's incident has, or the last one that it had. */
static int ci_of(struct str *out, struct replay *r, const struct past_event *p)
{
	const struct event *e = &p->event;
	struct buf key = BUF_INIT(1 << 20);
	struct str *kept;
	int rc = 0;

	buf_printf(&key, "%.*s/%.*s/%.*s", STR_ARG(e->account),
		   STR_ARG(e->region), STR_ARG(e->name));
	kept = map_get(r->cis, buf_str(&key));
	if (p->ci_id.n && (!kept || !str_eq(*kept, p->ci_id))) {
		kept = arena_alloc(r->names, sizeof(*kept));
		if (kept)
			*kept = arena_str(r->names, p->ci_id);
		if (!kept || arena_error(r->names) ||
		    map_set(r->cis, buf_str(&key), kept) < 0)
			rc = -ENOMEM;
	}
	*out = kept ? *kept : STR_NONE;
	buf_fini(&key);
	return rc;
}

static int take(struct replay *r, const struct past_event *p)
{
	const struct event *e = &p->event;
	struct str ci;
	int rc;

	if (!past_is_alarm(e)) {
		r->skipped++;
		return 0;
	}
	rc = ci_of(&ci, r, p);
	if (!rc)
		rc = spool_add(r->spool, e, ci);
	if (rc == -ENOENT) {
		r->skipped++;
		return 0;
	}
	if (rc)
		return rc;
	if (!r->first_ms || e->received_ms < r->first_ms)
		r->first_ms = e->received_ms;
	if (e->received_ms > r->last_ms)
		r->last_ms = e->received_ms;
	r->events++;
	tell_read(r);
	return 0;
}

static int read_all(struct replay *r, const char *file, int64_t since_ms)
{
	struct past_line line;
	struct str text;
	struct err err;
	int rc;

	while ((rc = journal_line(&text, r->journal)) > 0) {
		err.text[0] = '\0';
		rc = past_read(&line, text, &err);
		if (rc) {
			tell_end(r);
			fprintf(stderr, "%s:%d: this is no event as `tocsin "
				"events --export` writes it: %s\n",
				file ? file : "journal",
				journal_line_number(r->journal),
				err.text[0] ? err.text : strerror(-rc));
			return rc;
		}
		if (line.past.event.received_ms >= since_ms)
			rc = take(r, &line.past);
		past_line_fini(&line);
		if (rc) {
			tell_end(r);
			fprintf(stderr, "tocsin replay: the events can't be "
				"gathered: %s\n", strerror(-rc));
			return rc;
		}
	}
	return rc;
}

/* ---- deciding ---- */

static int run_engines(struct replay *r, const struct args *a,
		       int64_t since_ms)
{
	int rc = 0, failed;

	for (int i = 0; !rc && i < 2; i++)
		rc = engine_start(&r->engines[i], r->rules[i], r->spool,
				  clock_wall_ms());
	if (rc) {
		spool_end(r->spool, -ECANCELED);
		fprintf(stderr, "tocsin replay: %s\n", strerror(-rc));
		return rc;
	}
	rc = read_all(r, a->events, since_ms);
	spool_end(r->spool, rc);
	for (int i = 0; !rc && i < 2; i++)
		while (!engine_wait(r->engines[i], 200))
			tell_done(r);
	tell_end(r);
	for (int i = 0; i < 2; i++) {
		failed = engine_stop(r->engines[i]);
		if (!rc && failed) {
			fprintf(stderr, "tocsin replay: under %s rules: %s\n",
				i ? "the proposed" : "today's",
				strerror(-failed));
			rc = failed;
		}
	}
	return rc;
}

/* ---- what comes of it ---- */

struct examples {
	struct spool *spool;
	struct spool_cursor cursor;
};

static struct str example(size_t n, struct arena *arena, void *arg)
{
	struct examples *x = arg;
	struct spool_event e;

	return spool_get(&e, x->spool, n, &x->cursor) > 0 ?
		       arena_str(arena, e.event.id) : STR_NONE;
}

static const char *paths_of(struct buf *out, const struct args *a)
{
	for (size_t i = 0; i < a->rules.count; i++)
		buf_printf(out, "%s%s", i ? ", " : "", a->rules.list[i]);
	return buf_str(out).p;
}

static int print(struct replay *r, const struct args *a, size_t limit)
{
	struct buf out = BUF_INIT(OUTPUT_MAX), paths = BUF_INIT(1 << 20);
	struct examples examples = { .spool = r->spool };
	struct term term;
	struct diff diff;
	struct report report = {
		.diff = &diff, .events = r->events, .skipped = r->skipped,
		.unknown = engine_unknown(r->engines[0]) +
			   engine_unknown(r->engines[1]),
		.first_ms = r->first_ms, .last_ms = r->last_ms,
		.rules = paths_of(&paths, a), .limit = limit,
		.event_id = example, .arg = &examples,
	};
	int status = CMD_FAILED;

	term_look(&term, a);
	report.colour = term.colour;
	spool_cursor_init(&examples.cursor);
	if (diff_make(&diff, engine_side(r->engines[0]),
		      engine_side(r->engines[1]))) {
		fputs("tocsin replay: out of memory\n", stderr);
		goto out;
	}
	if (a->format && strcmp(a->format, "json") == 0)
		report_put_json(&out, &report);
	else if (a->format && strcmp(a->format, "markdown") == 0)
		report_put_markdown(&out, &report);
	else
		report_put_text(&out, &report);
	if (buf_error(&out) || fputs(buf_str(&out).p, stdout) == EOF ||
	    fflush(stdout))
		fputs("tocsin replay: the report can't be written\n", stderr);
	else
		status = diff_any(&diff) ? CMD_DIFFERS : CMD_OK;
	diff_fini(&diff);
out:
	spool_cursor_fini(&examples.cursor);
	buf_fini(&out);
	buf_fini(&paths);
	return status;
}

static int prepare(struct replay *r, const struct args *a, int64_t since_ms)
{
	const struct journal_options o = { .conf = a->conf, .file = a->events,
					   .since_ms = since_ms };
	struct err err = { "out of memory" };
	int status = ruleload_paths(&r->rules[1], "replay", a->rules.list,
				    (int)a->rules.count);

	if (!status)
		status = ruleload_conf(&r->rules[0], a->conf);
	if (!status)
		status = journal_open(&r->journal, &o);
	if (status)
		return status;
	r->cis = map_new();
	r->names = arena_new(SIZE_MAX / 2);
	if (!r->cis || !r->names || spool_new(&r->spool, &err)) {
		fprintf(stderr, "tocsin replay: %s\n", err.text);
		return CMD_FAILED;
	}
	r->progress = isatty(STDERR_FILENO);
	return 0;
}

static void finish(struct replay *r)
{
	for (int i = 0; i < 2; i++)
		engine_free(r->engines[i]);
	spool_free(r->spool);
	journal_close(r->journal);
	map_free(r->cis);
	arena_free(r->names);
	ruleset_free(r->rules[0]);
	ruleset_free(r->rules[1]);
}

static int run(int argc, char **argv)
{
	struct replay r = { 0 };
	struct args a = { 0 };
	int64_t since_ms;
	uint64_t limit = SHOWN;
	int status = args_read(&a, &cmd_replay, argc, argv);

	if (status >= 0)
		return status;
	if (!a.rules.count)
		return args_wrong(&cmd_replay, "the rules to compare with today's are named by "
			     "--rules PATH");
	if (a.limit && (str_to_u64(&limit, str_from(a.limit)) ||
			limit > SHOWN_MAX))
		return args_wrong(&cmd_replay, "--limit is a number up to 100000");
	status = journal_since(&since_ms, "replay", a.since);
	if (!status)
		status = prepare(&r, &a, since_ms);
	if (!status)
		status = run_engines(&r, &a, since_ms) ?
				 CMD_FAILED : print(&r, &a, (size_t)limit);
	finish(&r);
	return status;
}

static const struct opt options[] = {
	{ "config", 'c', .value = "FILE", .is = VALUE_FILE,
	  .help = "configuration with today's rules and journal",
	  ARG_TEXT(args, conf) },
	{ "rules", .value = "PATH", .is = VALUE_FILE,
	  .help = "all that is proposed; may be given repeatedly",
	  ARG_TEXTS(args, rules) },
	{ "since", .value = "SPAN", .help = "events received within it: 30d, 12h",
	  ARG_TEXT(args, since) },
	{ "events", .value = "FILE", .is = VALUE_FILE,
	  .help = "these instead, as `tocsin events --export` wrote them; - for "
		  "standard input", ARG_TEXT(args, events) },
	{ "limit", .value = "N", .help = "alarms that are listed (50)",
	  ARG_TEXT(args, limit) },
	{ "format", .value = "FORM", .words = "text|json|markdown",
	  .help = "text, json, or markdown for a pull request",
	  ARG_TEXT(args, format) },
	OPT_COLOR,
	{ .name = NULL },
};

const struct cmd cmd_replay = {
	.name = "replay",
	.summary = "what other rules would have made of the past events",
	.forms = (const char *const[]){ "[OPTION]... --rules PATH", NULL },
	.about =
		"Runs the journal's events with their own clock through today's "
		"rules and through those of PATH, a file or folder, and prints where "
		"their decisions differ: incidents, priorities, notes, what is held, "
		"by team and alarm. Nothing is sent.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--rules rules.d --since 30d",
		"--rules rules.d --events june.ndjson --format markdown", NULL },
	.statuses = "0 nothing differs; 1 failed; 2 wrong usage; 3 something "
		    "differs; 78 the configuration can't be used.",
	.run = run,
};
