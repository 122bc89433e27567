#include "agent/cmd/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/client.h"
#include "agent/cmd/cmd.h"
#include "agent/conf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"

#define PAGE_MAX (128 << 20)
#define FILE_STEP (1 << 20)
#define LINE_MAX_BYTES (32 << 20)

struct journal {
	const char *conf, *name;
	FILE *file;			/* a file of lines; or */
	struct past_lines store;	/* reader: the store itself; or */
	bool agent;			/* the agent is asked */
	struct buf page;
	size_t at;			/* in page, of the next line */
	bool ended;			/* nothing comes after page */
	int line;
};

/* ---- where it is ---- */

static int open_file(struct journal *j, const char *name)
{
	j->name = name;
	j->file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
	if (j->file)
		return 0;
	fprintf(stderr, "tocsin: %s: %s\n", name, strerror(errno));
	return CMD_FAILED;
}

int journal_look(struct store_reader **out, struct conf **conf,
		 const char *path)
{
	struct err err = { "" };
	struct conf *c = NULL;
	int status = args_conf(&c, path), rc;

	if (status)
		return status;
	rc = store_look(out, c->store.url, &err);
	if (!rc) {
		*conf = c;
		return 0;
	}
	fprintf(stderr, "tocsin: no agent answers at %s, and its store can't "
		"be read: %s\n", c->admin.address,
		err.text[0] ? err.text : strerror(-rc));
	conf_free(c);
	return CMD_FAILED;
}

static int open_store(struct journal *j)
{
	struct conf *c = NULL;
	int rc = journal_look(&j->store.reader, &c, j->conf);

	conf_free(c);
	return rc;
}

/* Does an agent answer? Asked for its state, as nothing else is as cheap. */
static int find(struct journal *j)
{
	struct buf answer = BUF_INIT(1 << 20);
	int status = client_try(&answer, j->conf, "/healthz");

	buf_fini(&answer);
	j->agent = status == 0;
	return status == CLIENT_NOBODY ? open_store(j) :
	       status == CLIENT_NOTHING ? CMD_FAILED : status;
}

int journal_open(struct journal **out, const struct journal_options *o)
{
	struct journal *j = calloc(1, sizeof(*j));
	int status;

	if (!j)
		return CMD_FAILED;
	j->conf = o->conf;
	j->store.since_ms = o->since_ms;
	j->store.whole = true;
	j->store.bare = o->bare;
	buf_init(&j->page, PAGE_MAX);
	status = o->file ? open_file(j, o->file) : find(j);
	if (status)
		journal_close(j);
	else
		*out = j;
	return status;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->file && j->file != stdin)
		fclose(j->file);
	store_reader_close(j->store.reader);
	buf_fini(&j->page);
	free(j);
}

/* ---- line by line ---- */

static int failed(const char *what, int rc)
{
	fprintf(stderr, "tocsin: %s: %s\n", what, strerror(-rc));
	return rc;
}

static int more_of_file(struct journal *j)
{
	size_t n;
	char *to;

	buf_shift(&j->page, j->at);
	j->at = 0;
	if (j->page.n > LINE_MAX_BYTES)
		return failed(j->name, -E2BIG);
	to = buf_room(&j->page, FILE_STEP);
	if (!to)
		return failed(j->name, -ENOMEM);
	n = fread(to, 1, FILE_STEP, j->file);
	buf_added(&j->page, n);
	if (n == 0 && ferror(j->file))
		return failed(j->name, -EIO);
	j->ended = n == 0;
	return 0;
}

static int more_of_agent(struct journal *j)
{
	struct buf path = BUF_INIT(256);
	int status;

	buf_printf(&path, "/api/v1/export?after=%lld&since_ms=%lld%s",
		   (long long)j->store.after, (long long)j->store.since_ms,
		   j->store.bare ? "&payload=false" : "");
	status = client_call(&j->page, j->conf, "GET", path.p);
	buf_fini(&path);
	return status ? -EIO : 0;
}

static int more(struct journal *j)
{
	int rc;

	if (j->file)
		return more_of_file(j);
	buf_reset(&j->page);
	j->at = 0;
	if (j->agent) {
		rc = more_of_agent(j);
	} else {
		rc = past_put(&j->page, &j->store, 1000, 8 << 20);
		if (rc < 0)
			failed("the store can't be read", rc);
	}
	j->ended = j->page.n == 0;
	return rc < 0 ? rc : 0;
}

/* The next whole line of the page; of a file the last may lack its end. */
static bool take_line(struct str *out, struct journal *j)
{
	struct str rest = str_sub(buf_str(&j->page), j->at, j->page.n - j->at);
	const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;

	if (!end && (!j->ended || !rest.n))
		return false;
	*out = str_sub(rest, 0, end ? (size_t)(end - rest.p) : rest.n);
	j->at += out->n + (end != NULL);
	j->line++;
	return true;
}

int journal_line(struct str *out, struct journal *j)
{
	int rc;

	for (;;) {
		while (take_line(out, j)) {
			if (!str_trim(*out).n)
				continue;
			if (!j->file)
				j->store.after = past_seq(*out);
			return 1;
		}
		if (j->ended)
			return 0;
		rc = more(j);
		if (rc)
			return rc;
	}
}

int journal_line_number(const struct journal *j)
{
	return j->line;
}

/* ---- one by one ---- */

static int seq_from_agent(int64_t *out, struct journal *j, struct str id)
{
	struct buf path = BUF_INIT(256), answer = BUF_INIT(PAGE_MAX);
	struct json *doc = NULL;
	struct err err;
	int status;

	buf_puts(&path, "/api/v1/events/");
	encode_url(&path, id);
	status = client_try(&answer, j->conf, path.p);
	if (!status && json_parse(&doc, buf_str(&answer), 0, &err)) {
		fprintf(stderr, "tocsin: the answer can't be read: %s\n",
			err.text);
		status = CMD_FAILED;
	}
	*out = json_int(json_get(doc, "seq"), 0);
	json_free(doc);
	buf_fini(&path);
	buf_fini(&answer);
	return !status ? 1 : status == CLIENT_NOTHING ? 0 : -EIO;
}

static int seq_from_store(int64_t *out, struct journal *j, struct str id)
{
	struct arena *arena = arena_new(256 << 20);
	struct event e;
	int rc = arena ? store_event(&e, j->store.reader, id, arena) : -ENOMEM;

	if (rc > 0)
		*out = e.seq;
	else if (rc < 0)
		failed("the store can't be read", rc);
	arena_free(arena);
	return rc;
}

int journal_at(struct buf *out, struct journal *j, int64_t seq)
{
	struct past_lines one = { .reader = j->store.reader, .whole = true,
				  .after = seq - 1 };
	struct buf path = BUF_INIT(256);
	int rc;

	if (j->agent) {
		buf_printf(&path, "/api/v1/export?limit=1&after=%lld",
			   (long long)seq - 1);
		rc = client_call(out, j->conf, "GET", path.p) ? -EIO : 1;
		buf_fini(&path);
		return rc;
	}
	rc = past_put(out, &one, 1, PAGE_MAX);
	return rc < 0 ? failed("the store can't be read", rc) : rc;
}

int journal_event(struct buf *out, struct journal *j, struct str id)
{
	int64_t seq = 0;
	int rc = id.n > 100 ? 0 : j->agent ? seq_from_agent(&seq, j, id) :
					     seq_from_store(&seq, j, id);

	return rc <= 0 ? rc : journal_at(out, j, seq);
}

struct store_reader *journal_reader(struct journal *j)
{
	return j->store.reader;
}

int journal_ruleset(struct buf *out, struct journal *j, struct str hash)
{
	struct buf path = BUF_INIT(512);
	struct arena *arena;
	struct str sources;
	int rc;

	if (hash.n != 64)
		return 0;
	if (j->agent) {
		buf_puts(&path, "/api/v1/rulesets/");
		encode_url(&path, hash);
		rc = client_try(out, j->conf, path.p);
		buf_fini(&path);
		return !rc ? 1 : rc == CLIENT_NOTHING ? 0 : -EIO;
	}
	arena = arena_new(256 << 20);
	rc = arena ? store_ruleset(&sources, j->store.reader, hash, arena) :
		     -ENOMEM;
	if (rc > 0)
		buf_put_str(out, sources);
	else if (rc < 0)
		failed("the store can't be read", rc);
	arena_free(arena);
	return rc;
}

int journal_since(int64_t *out_ms, const char *command, const char *span)
{
	int64_t ms;

	*out_ms = 0;
	if (!span)
		return 0;
	if (clock_parse_span(&ms, str_from(span)) || ms <= 0) {
		fprintf(stderr, "tocsin %s: --since is a span such as 30d or "
			"12h, not '%s'\n", command, span);
		return CMD_USAGE;
	}
	*out_ms = clock_wall_ms() - ms;
	if (*out_ms < 0)
		*out_ms = 0;
	return 0;
}
