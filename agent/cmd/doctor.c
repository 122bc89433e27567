#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "agent/cmd/args.h"
#include "agent/cmd/term.h"
#include "agent/doctor/doctor.h"
#include "doc/jsonw.h"

/* A dead disk may hold a check in the kernel for ever. */
#define PATIENCE_S 30
#define GROUPS_MAX 8

static void *check(void *arg)
{
	struct doctor_group *g = arg;

	g->check(g);
	return NULL;
}

/* A secret that only the service sees is a finding, not the end. */
static void tell_warnings(struct doctor_group *g, const struct faults *faults)
{
	struct buf line = BUF_INIT(8192);

	for (size_t i = 0; i < faults->count; i++) {
		buf_reset(&line);
		fault_put(&line, &faults->list[i]);
		doctor_say(g, DOCTOR_WARN, "configuration", NULL, "%s",
			   buf_str(&line).p);
	}
	if (!faults->count)
		doctor_say(g, DOCTOR_OK, "configuration", NULL,
			   "%s has no fault; its rules are for tocsin check",
			   g->conf->path);
	buf_fini(&line);
}

static void print_text(const struct doctor_group *g, const struct term *t)
{
	for (const struct doctor_finding *f = g->first; f; f = f->next) {
		struct str level = str_from(doctor_level_name(f->level));
		struct buf shown = BUF_INIT(64);

		term_put(&shown, t, term_tone(level), level);
		printf("%s%*s  %s: %s%s%s\n", buf_str(&shown).p,
		       4 - (int)level.n, "", f->what, f->finding,
		       f->advice ? " \u2014 " : "", f->advice ? f->advice : "");
		buf_fini(&shown);
	}
	fflush(stdout);
}

static void put_json(struct jsonw *w, const struct doctor_group *g)
{
	for (const struct doctor_finding *f = g->first; f; f = f->next) {
		jsonw_object(w);
		jsonw_kcstr(w, "group", g->name);
		jsonw_kcstr(w, "check", f->what);
		jsonw_kcstr(w, "level", f->level == DOCTOR_FAIL ? "fail" :
					doctor_level_name(f->level));
		jsonw_kcstr(w, "finding", f->finding);
		jsonw_kcstr(w, "advice", f->advice);
		jsonw_end_object(w);
	}
}

static bool failed(const struct doctor_group *g)
{
	for (const struct doctor_finding *f = g->first; f; f = f->next)
		if (f->level == DOCTOR_FAIL)
			return true;
	return false;
}

/* Else it may still write its findings, which are not to be looked at. */
static bool ended(const char *name, pthread_t thread,
		  const struct timespec *until, bool show)
{
	int rc;

	if (show)
		fprintf(stderr, "\rlooking at %s ...\033[K", name);
	rc = pthread_timedjoin_np(thread, NULL, until);
	if (show)
		fputs("\r\033[K", stderr);
	return rc == 0;
}

static void start(struct doctor_group *groups, pthread_t *threads, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!groups[i].check ||
		    !pthread_create(&threads[i], NULL, check, &groups[i]))
			continue;
		fputs("tocsin doctor: can't start a thread\n", stderr);
		_exit(CMD_FAILED);
	}
}

/* *late: a check is still at work, with all that it uses. */
static int examine(struct doctor_group *groups, size_t n,
		   const struct args *a, bool *late)
{
	struct buf out = BUF_INIT(4 << 20);
	struct jsonw w = JSONW(&out);
	bool show = !a->json && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO);
	pthread_t threads[GROUPS_MAX] = { 0 };
	struct timespec until;
	struct term term;
	bool fail = false;

	term_look(&term, a);
	start(groups, threads, n);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	jsonw_array(&w);
	for (size_t i = 0; i < n; i++) {
		struct doctor_group lost = { .name = groups[i].name };
		struct doctor_group *g = &groups[i];

		if (g->check && !ended(g->name, threads[i], &until, show)) {
			g = &lost;
			*late = true;
			doctor_say(g, DOCTOR_FAIL, g->name,
				   "look at what it needs: a disk or a name "
				   "server that hangs", "no end within %d s",
				   PATIENCE_S);
		}
		if (a->json)
			put_json(&w, g);
		else
			print_text(g, &term);
		fail |= failed(g);
		doctor_fini(g);
	}
	jsonw_end_array(&w);
	if (a->json)
		puts(buf_str(&out).p);
	buf_fini(&out);
	return fail ? CMD_FAILED : CMD_OK;
}

static int doctor(const struct conf *c, const struct faults *faults,
		  const struct args *a, bool *late)
{
	struct doctor_group groups[GROUPS_MAX] = {
		{ .name = "configuration" },
		{ .name = "store", .check = doctor_store },
		{ .name = "listen", .check = doctor_listen },
		{ .name = "agent", .check = doctor_agent },
		{ .name = "StackFlow", .check = doctor_stackflow },
		{ .name = "SNS", .check = doctor_sns },
		{ .name = "AWS", .check = doctor_aws },
	};
	size_t n = 0;

	for (; n < GROUPS_MAX && groups[n].name; n++)
		groups[n].conf = c;
	tell_warnings(&groups[0], faults);
	return examine(groups, n, a, late);
}

static int run(int argc, char **argv)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	struct conf *c = NULL;
	struct args a = { 0 };
	bool late = false;
	int status = args_read(&a, &cmd_doctor, argc, argv);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);	/* as lib/rest asks */
	faults_init(&faults);
	if (conf_look(&c, a.conf, &faults)) {
		faults_put_text(&text, &faults);
		fputs(buf_str(&text).p, stderr);
		status = CMD_CONFIG;
	} else {
		status = doctor(c, &faults, &a, &late);
	}
	buf_fini(&text);
	faults_fini(&faults);
	fflush(stdout);
	if (late)
		_exit(status);
	conf_free(c);
	return status;
}

static const struct opt options[] = {
	OPT_CONF, OPT_JSON, OPT_COLOR,
	{ .name = NULL },
};

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "look for what a set-up gets wrong",
	.forms = (const char *const[]){ "[OPTION]...", NULL },
	.about =
		"Looks at the store and its disk, the listeners' certificates, the "
		"running agent, StackFlow and its credentials, the clock, AWS's "
		"credentials, queues, subscriptions and alarms. One line each: ok, "
		"warn or FAIL, what was found, and what to do. Nothing is changed, "
		"sent or received, and no secret is shown.",
	.options = options,
	.operand = VALUE_NONE,
	.examples = (const char *const[]){ "", "-c tocsin.yaml --json", NULL },
	.statuses = "0 all is well; 1 a check failed; 2 wrong usage; 78 the "
		    "configuration can't be used.",
	.run = run,
};
