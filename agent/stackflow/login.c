#include "stackflow/login.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "agent/stackflow/kept.h"
#include "agent/stackflow/say.h"
#include "agent/stackflow/session.h"
#include "base/arena.h"
#include "base/clock.h"
#include "doc/jsonw.h"
#include "stackflow/env.h"

#define LINE_MAX_BYTES 1024

/* One line of stdin, without its end; a byte at a time, so that nothing of
 * the next is kept anywhere. */
static int read_line(struct buf *out)
{
	ssize_t n;
	char c;

	buf_room(out, LINE_MAX_BYTES);
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		buf_putc(out, c);
	if (out->n && out->p[out->n - 1] == '\r')
		buf_truncate(out, out->n - 1);
	return n < 0 || buf_error(out) || !out->n ? -1 : 0;
}

static void interrupted(int sig)
{
	(void)sig;
}

/*
 * A line that isn't shown. Whoever interrupts it has the terminal back as it
 * was: signals are let in while it is waited for, none is missed before.
 */
static int read_hidden(struct buf *out)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct sigaction wake = { .sa_handler = interrupted }, former[4];
	struct pollfd line = { .fd = STDIN_FILENO, .events = POLLIN };
	struct termios before, quiet;
	sigset_t held, let_in;
	void (*stop)(int);
	int rc;

	if (tcgetattr(STDIN_FILENO, &before))
		return -1;
	stop = signal(SIGTSTP, SIG_IGN);
	sigemptyset(&held);
	for (size_t i = 0; i < 4; i++)
		sigaddset(&held, signals[i]);
	sigprocmask(SIG_BLOCK, &held, &let_in);
	for (size_t i = 0; i < 4; i++)
		sigaction(signals[i], &wake, &former[i]);
	quiet = before;
	quiet.c_lflag &= (tcflag_t) ~ECHO;
	rc = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	/* A terminal gives whole lines. */
	if (!rc)
		rc = ppoll(&line, 1, NULL, &let_in) == 1 ? read_line(out) : -1;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	for (size_t i = 0; i < 4; i++)
		sigaction(signals[i], &former[i], NULL);
	sigprocmask(SIG_SETMASK, &let_in, NULL);
	signal(SIGTSTP, stop);
	fputc('\n', stderr);
	return rc;
}

/* From the environment, or stdin: a terminal is asked, without echo where it's
 * secret. 0, or CMD_FAILED, told. */
static int read_word(struct buf *out, const char *given, const char *variable,
		     const char *prompt, bool secret)
{
	bool terminal = isatty(STDIN_FILENO);
	int rc;

	given = given ? given : getenv(variable);
	if (given && *given) {
		buf_room(out, strlen(given) + 1);
		buf_puts(out, given);
		return buf_error(out) ? session_fail("%s is too long", prompt) :
					0;
	}
	if (terminal)
		fprintf(stderr, "%s: ", prompt);
	rc = terminal && secret ? read_hidden(out) : read_line(out);
	return rc ? session_fail("no %s: set %s, or give it on stdin", prompt,
				 variable) : 0;
}

static void put_kept(struct kept *k, const struct sf_options *o)
{
	buf_puts(&k->base_url, o->base_url);
	buf_puts(&k->client_id, o->auth.client_id);
	buf_puts(&k->email, o->auth.email);
	if (o->auth.endpoint_url)
		buf_puts(&k->endpoint, o->auth.endpoint_url);
	if (o->auth.region)
		buf_puts(&k->region, o->auth.region);
}

static int print(const struct session *s, const struct kept *k)
{
	struct buf out = BUF_INIT(64 << 10), when = BUF_INIT(64);
	struct jsonw w = JSONW(&out);
	enum sf_auth_method method;
	int status;

	if (s->words->print) {
		buf_room(&out, k->token.n + 2);
		buf_put_str(&out, buf_str(&k->token));
	} else if (s->words->args.json) {
		jsonw_object(&w);
		jsonw_kstr(&w, "email", buf_str(&k->email));
		jsonw_kstr(&w, "base_url", buf_str(&k->base_url));
		jsonw_ktime(&w, "expires_at", k->expires_ms);
		jsonw_kbool(&w, "renewable", k->refresh.n > 0);
		jsonw_end_object(&w);
	} else {
		clock_put_seconds(&when, k->expires_ms);
		term_put(&out, &s->term, TONE_GOOD, STR("logged in"));
		buf_printf(&out, " at %.*s until ",
			   STR_ARG(buf_str(&k->base_url)));
		term_put_time(&out, &s->term, buf_str(&when));
		buf_puts(&out, k->refresh.n ? ", renewed by itself" : "");
	}
	buf_putc(&out, '\n');
	status = say_out(&out);
	if (sf_env_method(&method))
		session_fail("the environment has credentials of its own, "
			     "which go before this login");
	buf_wipe(&out);
	buf_fini(&when);
	return status;
}

static int log_in(const struct session *s, struct sf_options *o)
{
	struct err err = { "" };
	struct sf_login got;
	struct kept kept;
	int64_t begun = clock_wall_ms();
	int rc = sf_login(&got, o, &err), status;

	if (rc)
		return session_fail("%s", err.text[0] ? err.text :
						 "out of memory");
	kept_init(&kept);
	put_kept(&kept, o);
	kept_take(&kept, &got, begun);
	rc = kept_write(&kept, &err);
	status = rc ? session_fail("%s", err.text) : print(s, &kept);
	sf_login_fini(&got);
	kept_fini(&kept);
	return status;
}

/* The words, then the environment, then who sits there. */
static int find_options(struct session *s, struct sf_options *o,
			struct buf *email, struct buf *password)
{
	const struct words *w = s->words;
	struct err err = { "" };
	int status;

	if (!w->base_url && !getenv("STACKFLOW_BASE_URL"))
		return session_fail("where to? --base-url https://your-"
				    "instance.stackflow-tech.com/prod/api, or "
				    "STACKFLOW_BASE_URL");
	status = read_word(email, w->email, "STACKFLOW_EMAIL", "email", false);
	if (!status)
		status = read_word(password, NULL, "STACKFLOW_PASSWORD",
				   "password", true);
	if (status)
		return status;
	*o = (struct sf_options){
		.base_url = w->base_url,
		.auth = { .method = SF_AUTH_PASSWORD,
			  .client_id = w->client_id, .email = email->p,
			  .password = password->p, .region = w->region,
			  .endpoint_url = w->endpoint },
		.user_agent = "stackflow/" TOCSIN_VERSION,
	};
	if (sf_options_from_env(o, s->arena, &err))
		return session_fail("%s", err.text[0] ? err.text :
						 "out of memory");
	return 0;
}

static int login(struct session *s)
{
	struct buf email = BUF_INIT(LINE_MAX_BYTES);
	struct buf password = BUF_INIT(LINE_MAX_BYTES);
	struct sf_options o;
	int64_t ms = 0;
	int status;

	if (s->words->timeout)
		ms = session_span(s, "timeout", s->words->timeout);
	status = ms < 0 ? CMD_USAGE : find_options(s, &o, &email, &password);
	if (!status) {
		o.timeout_ms = (unsigned)ms;
		status = log_in(s, &o);
	}
	buf_wipe(&password);
	buf_fini(&email);
	return status;
}

static int run_login(int argc, char **argv)
{
	return session_run(&cmd_login, argc, argv, login);
}

static const struct opt login_options[] = {
	{ "email", .value = "EMAIL", .help = "who ($STACKFLOW_EMAIL, or asked)",
	  ARG_TEXT(words, email) },
	{ "client-id", .value = "ID",
	  .help = "the app client's ($STACKFLOW_CLIENT_ID)",
	  ARG_TEXT(words, client_id) },
	{ "region", .value = "REGION",
	  .help = "of the pool (that of $STACKFLOW_USER_POOL_ID)",
	  ARG_TEXT(words, region) },
	{ "endpoint-url", .value = "URL", .help = "where Cognito is",
	  ARG_TEXT(words, endpoint) },
	{ "print", .help = "print the token alone", ARG_FLAG(words, print) },
	OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_login = {
	.name = "login",
	.summary = "sign in as a user, for this program to remember",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Signs in by email and password (USER_PASSWORD_AUTH, for people and "
		"development), asked for or from $STACKFLOW_PASSWORD or stdin, and "
		"keeps the token, for you alone, in $XDG_STATE_HOME/stackflow. Other "
		"commands use and renew it where the environment has no "
		"credentials.",
	.options = login_options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){
		"--email you@example.com", "--print", NULL },
	.statuses = STATUSES,
	.run = run_login,
};

/* ---- logout ---- */

static int logout(struct session *s)
{
	struct err err = { "" };
	int rc = kept_remove(&err);

	if (rc < 0)
		return session_fail("%s", err.text);
	if (s->words->args.json)
		printf("{\"logged_out\":%s}\n", rc ? "false" : "true");
	else
		puts(rc ? "nobody was logged in" : "logged out");
	return CMD_OK;
}

static int run_logout(int argc, char **argv)
{
	return session_run(&cmd_logout, argc, argv, logout);
}

static const struct opt logout_options[] = {
	OPTS_GLOBAL,
	{ .name = NULL },
};

const struct cmd cmd_logout = {
	.name = "logout",
	.summary = "forget the login",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Removes the token that login has kept. It stays good until it "
		"expires.",
	.options = logout_options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "--json", NULL },
	.statuses = STATUSES,
	.run = run_logout,
};
