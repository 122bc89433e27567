#include "agent/stackflow/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/stackflow/kept.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"
#include "stackflow/context.h"
#include "stackflow/env.h"

#define TIMEOUT_MAX_MS (600 * 1000)
#define RETRIES 2
#define ARENA_MAX (256 << 20)

int session_fail(const char *fmt, ...)
{
	struct buf raw = BUF_INIT(8192), safe = BUF_INIT(8192);
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	utf8_put_safe(&safe, buf_str(&raw), 4000);
	fprintf(stderr, "%s: %s\n", program_name, buf_str(&safe).p);
	buf_fini(&raw);
	buf_fini(&safe);
	return CMD_FAILED;
}

int session_wrong(const struct session *s, const char *fmt, ...)
{
	struct buf raw = BUF_INIT(8192), safe = BUF_INIT(8192);
	va_list ap;
	int status;

	va_start(ap, fmt);
	buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	utf8_put_safe(&safe, buf_str(&raw), 4000);
	status = args_wrong(s->cmd, buf_str(&safe).p);
	buf_fini(&raw);
	buf_fini(&safe);
	return status;
}

int64_t session_span(const struct session *s, const char *option,
		     const char *text)
{
	int64_t ms;

	if (clock_parse_span(&ms, str_from(text)) == 0 && ms > 0)
		return ms;
	session_wrong(s, "--%s is a time with a unit, as 30s or 30d, not '%s'",
		      option, text);
	return -1;
}

/* ---- open ---- */

static void tell(enum sf_log_level level, const char *text, void *arg)
{
	static const char *const names[] = { "error", "warning", "info",
					     "debug" };
	const struct words *w = arg;

	/* Whoever sits there is told why it takes so long. */
	if (w->verbose || (level <= SF_LOG_WARNING && isatty(STDERR_FILENO)))
		fprintf(stderr, "%s: %s: %s\n", program_name, names[level],
			text);
}

static int from_login(struct sf_options *o, struct kept *k, struct err *err)
{
	int rc = kept_read(k, err);

	if (rc)
		return rc;
	if (o->base_url && !str_is(buf_str(&k->base_url), o->base_url))
		return err_set(err, -EINVAL, "the login is for %s, not for "
			       "%s: `stackflow login` to it, or set "
			       "STACKFLOW_API_KEY", buf_str(&k->base_url).p,
			       o->base_url);
	rc = kept_renew(k, o, err);
	if (rc)
		return rc;
	o->base_url = k->base_url.p;
	o->auth = (struct sf_auth){ .method = SF_AUTH_TOKEN,
				    .token = k->token.p };
	return 0;
}

/* The environment's credentials, else the login's, else none where that is
 * enough. */
static int find_credentials(struct session *s, struct sf_options *o,
			    struct kept *k, bool anyhow, struct err *err)
{
	struct err none = { "" };
	enum sf_auth_method method;
	int rc;

	if (sf_env_method(&method))
		return sf_options_from_env(o, s->arena, err);
	if (!o->base_url)
		o->base_url = getenv("STACKFLOW_BASE_URL");
	if (o->base_url && !*o->base_url)
		o->base_url = NULL;
	rc = from_login(o, k, err);
	if (rc == 0 || (rc < 0 && !anyhow))
		return rc;
	if (anyhow && !o->base_url)
		return err_set(err, -ENOENT, "where is it? --base-url https://"
			       "your-instance.stackflow-tech.com/prod/api, or "
			       "STACKFLOW_BASE_URL");
	if (anyhow) {
		o->auth = (struct sf_auth){ .method = SF_AUTH_TOKEN,
					    .token = "none" };
		return 0;
	}
	rc = sf_options_from_env(o, s->arena, &none);
	return rc == 0 ? 0 : err_set(err, rc, "%s; or `stackflow login`, which "
				     "is remembered", none.text);
}

/* On whose behalf, where a platform runs this. */
static int bind_context(struct session *s, struct err *err)
{
	struct sf_context x;

	sf_context_from_env(&x);
	return sf_context_bind(&s->bound, s->client, &x, err);
}

static int open_client(struct session *s, bool anyhow)
{
	const struct words *w = s->words;
	struct sf_options o = { .base_url = w->base_url, .retries = RETRIES,
				.user_agent = "stackflow/" TOCSIN_VERSION,
				.log = tell, .log_arg = (void *)(uintptr_t)w };
	struct err err = { "" };
	struct kept kept;
	int64_t ms = 0;
	int rc;

	if (w->timeout) {
		ms = session_span(s, "timeout", w->timeout);
		if (ms < 0)
			return CMD_USAGE;
		if (ms > TIMEOUT_MAX_MS)
			return session_wrong(s, "--timeout is at most 10m, "
					     "not '%s'", w->timeout);
	}
	o.timeout_ms = (unsigned)ms;
	kept_init(&kept);
	rc = find_credentials(s, &o, &kept, anyhow, &err);
	if (rc == 0)
		rc = sf_client_new(&s->client, &o, NULL, &err);
	if (rc == 0)
		rc = bind_context(s, &err);
	kept_fini(&kept);
	if (rc)
		return session_fail("%s", err.text[0] ? err.text :
						 "out of memory");
	s->answer = sf_answer_new(s->client);
	return s->answer ? 0 : session_fail("out of memory");
}

int session_open(struct session *s)
{
	return open_client(s, false);
}

int session_open_anyhow(struct session *s)
{
	return open_client(s, true);
}

static void close_session(struct session *s)
{
	sf_answer_free(s->answer);
	if (s->bound)
		sf_context_reset(s->client, s->bound);
	sf_client_free(s->client);
	arena_free(s->arena);
}

static int run(const struct cmd *cmd, int argc, char **argv,
	       const struct act *acts)
{
	struct words w = { .base_url = NULL };
	struct session s = { .cmd = cmd, .words = &w };
	int status = args_read(&w.args, cmd, argc, argv);

	if (status >= 0)
		return status;
	if (w.no_color)
		w.args.color = "never";
	term_look(&s.term, &w.args);
	while (acts->verb && strcmp(acts->verb, w.args.verb) != 0)
		acts++;
	s.arena = arena_new(ARENA_MAX);
	status = s.arena ? acts->act(&s) : session_fail("out of memory");
	close_session(&s);
	return status;
}

int session_run(const struct cmd *cmd, int argc, char **argv, session_act *act)
{
	return run(cmd, argc, argv, &(const struct act){ NULL, act });
}

int session_run_verb(const struct cmd *cmd, int argc, char **argv,
		     const struct act *acts)
{
	return run(cmd, argc, argv, acts);
}

/* ---- what became of a call ---- */

static const char *advice(const struct sf_result *r)
{
	if (r->status == 401 || r->status == 403)
		return " (are the credentials right? `stackflow login` makes "
		       "others)";
	if (r->status == 0 && r->outcome == SF_NOT_EXECUTED)
		return " (is --base-url right, and can it be reached?)";
	return "";
}

int session_end(const struct sf_result *r, const char *what, const char *look)
{
	const char *why = r->problem ? r->problem : "no answer";

	if (r->outcome == SF_OK)
		return CMD_OK;
	if (r->outcome == SF_UNKNOWN && look) {
		session_fail("it isn't known whether StackFlow did %s: %s",
			     what, why);
		session_fail("it wasn't repeated; look before you do: %s",
			     look);
		return CMD_UNKNOWN;
	}
	if (r->status == 429 && r->retry_after_ms > 0)
		return session_fail("can't %s: %s (again in %lld s)", what,
				    why, (long long)(r->retry_after_ms + 999) /
						 1000);
	return session_fail("can't %s: %s%s", what, why, advice(r));
}
