#include "agent/agent.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "agent/admin/admin.h"
#include "agent/changes.h"
#include "agent/ci.h"
#include "agent/cloud.h"
#include "agent/deliver.h"
#include "agent/drill.h"
#include "agent/erase.h"
#include "agent/handoff.h"
#include "agent/intake/intake.h"
#include "agent/intake/queues.h"
#include "agent/janitor.h"
#include "agent/log.h"
#include "agent/reconcile.h"
#include "agent/rules.h"
#include "agent/service.h"
#include "agent/silences.h"
#include "agent/spare.h"
#include "agent/tags.h"
#include "agent/triage.h"
#include "agent/warnings.h"
#include "agent/watch.h"
#include "aws/cert.h"
#include "base/clock.h"

#define CLOCK_TRUST_MS (5 * 60 * 1000)
#define DRAIN_MS 3000
#define FLIGHT_MS 4000
#define EXIT_CONFIG 78

struct conf *agent_conf(struct agent *a)
{
	struct conf *c;

	pthread_mutex_lock(&a->snapshot_lock);
	c = conf_ref(a->conf);
	pthread_mutex_unlock(&a->snapshot_lock);
	return c;
}

struct ruleset *agent_rules(struct agent *a)
{
	struct ruleset *r;

	pthread_mutex_lock(&a->snapshot_lock);
	r = ruleset_ref(a->rules);
	pthread_mutex_unlock(&a->snapshot_lock);
	return r;
}

void agent_saw_date(struct agent *a, int64_t date_ms)
{
	if (!date_ms)
		return;
	a->date_less_mono_ms = date_ms - clock_mono_ms();
	a->date_known = true;
}

int64_t agent_outside_ms(const struct agent *a)
{
	int64_t ours = clock_wall_ms();
	int64_t theirs = a->date_less_mono_ms + clock_mono_ms();

	return a->date_known && theirs < ours ? theirs : ours;
}

bool agent_clock_trusted(const struct agent *a)
{
	/* That Date, grown older since: our clock may have been set anew. */
	int64_t offset = a->date_less_mono_ms + clock_mono_ms() -
			 clock_wall_ms();

	return a->date_known && offset > -CLOCK_TRUST_MS &&
	       offset < CLOCK_TRUST_MS;
}

static void log_faults(const struct faults *faults)
{
	struct buf line = BUF_INIT(8192);

	for (size_t i = 0; i < faults->count; i++) {
		buf_reset(&line);
		fault_put(&line, &faults->list[i]);
		log_write(faults->list[i].level == FAULT_ERROR ?
				  CONF_LOG_ERROR : CONF_LOG_WARNING,
			  "configuration",
			  &(struct log_field){ .key = "fault",
					       .text = buf_str(&line) }, 1);
	}
	buf_fini(&line);
}

/* Swap in rules; what can't be loaded leaves the last good version. */
static int load_rules(struct agent *a, struct conf *c, struct faults *faults)
{
	struct rule_states *states, *old_states;
	struct ruleset *rules, *old;
	int rc = rules_load(&rules, &states, a->store, c, faults);

	if (rc)
		return rc;
	pthread_mutex_lock(&a->snapshot_lock);
	old = a->rules;
	old_states = a->rule_states;
	a->rules = rules;
	a->rule_states = states;
	pthread_mutex_unlock(&a->snapshot_lock);
	ruleset_free(old);
	rule_states_free(old_states);
	return rule_states_any_stale(states) ? -EINVAL : 0;
}

/* Pollers, credentials and reconciling keep to what they began with. */
static void tell_restart(struct agent *a, const struct conf *fresh,
			 struct faults *faults)
{
	const char *what = cloud_changed(a->first_conf, fresh);

	if (what)
		fault_add(faults, FAULT_WARNING, "restart", fresh->path, 0, 0,
			  "%s has changed since the start: restart tocsin for "
			  "it to take effect", what);
}

int agent_reload(struct agent *a, struct faults *faults)
{
	struct conf *fresh, *old = agent_conf(a);
	struct err err;
	int rc = conf_load(&fresh, old->path, faults), kept = rc;

	if (!rc) {
		pthread_mutex_lock(&a->snapshot_lock);
		conf_free(a->conf);
		a->conf = fresh;
		pthread_mutex_unlock(&a->snapshot_lock);
		conf_free(old);
		old = conf_ref(fresh);
		log_open(fresh->log.level, fresh->log.format);
		tell_restart(a, fresh, faults);
	}
	if (load_rules(a, old, faults))
		rc = -EINVAL;
	conf_free(old);
	if (web_reload(a->web, &err)) {
		fault_add(faults, FAULT_ERROR, "tls", "listen", 0, 0, "%s",
			  err.text);
		rc = kept = -EINVAL;
	}
	/* Of stale rules another one tells. */
	if (kept)
		warning_raise(a, WARNING_RELOAD_FAILED, NULL, NULL);
	else
		warning_clear(a, WARNING_RELOAD_FAILED);
	log_faults(faults);
	if (rc)
		metrics_add(a->metrics, METRIC_RELOADS_FAILED, 1);
	LOG(INFO, rc ? "reloaded in part: what failed stays as it was" :
		       "reloaded");
	return rc ? -EINVAL : 0;
}

/* In the writer's thread, after a commit. */
static void wake(unsigned what, void *arg)
{
	struct agent *a = arg;

	if (what & 4)
		triage_timers(a->triage);
	if (what & 5)
		triage_wake(a->triage);
	if (what & 2)
		deliver_wake(a->deliver);
}

static void fetch_certificate(const char *url, void *arg)
{
	struct agent *a = arg;

	deliver_fetch_certificate(url, a->deliver);
}

static int fail(int status, const char *what, const struct err *err)
{
	LOG(ERROR, what, LFC("error", err->text));
	if (status == EXIT_CONFIG)
		service_unusable(err->text);
	else
		service_status("%s: %s", what, err->text);
	return status;
}

/* A store that can't be used won't be better by starting again. */
static int store_status(int rc)
{
	return rc == -EBUSY || rc == -ENOMEM || rc == -EIO || rc == -ENOSPC ||
			       rc == -EAGAIN ?
		       1 : EXIT_CONFIG;
}

static int open_store(struct agent *a, struct err *err)
{
	const struct store_options o = {
		.url = a->conf->store.url,
		.max_size = a->conf->store.max_size,
		.retain_ms = a->conf->store.retain_ms,
		.hash_key = a->keys.hash,
	};
	int rc = store_open(&a->store, &o, err);

	if (!rc)
		rc = store_recover(a->store, clock_wall_ms(), err);
	if (rc > 0)
		LOG(WARNING, "writes were under way when tocsin ended: "
			     "looking them up", LFN("writes", rc));
	return rc < 0 ? rc : 0;
}

/* Those that this process may use. */
static unsigned cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 1;
	n = CPU_COUNT(&set);
	return n > 1 ? (unsigned)n : 1;
}

/* Without keys at present all goes on: what needs them tries again. */
static int open_cloud(struct agent *a)
{
	struct err err;
	int rc = 0;

	a->first_conf = conf_ref(a->conf);
	if (cloud_wanted(a->conf))
		rc = cloud_new(&a->cloud, a->conf, &err);
	if (rc && (rc != -EINVAL || !a->conf->listener_count))
		return fail(rc == -EINVAL ? EXIT_CONFIG : 1, "AWS", &err);
	if (rc)
		LOG(ERROR, "AWS is not asked for anything: alarms come by HTTP "
			   "alone", LFC("error", err.text));
	return 0;
}

/* What asks AWS by itself, once all that it feeds is there. */
static int start_cloud(struct agent *a)
{
	struct err err;
	int rc = 0;

	if (a->cloud && a->conf->queue_count)
		rc = queues_start(&a->queues, a, a->conf, &err);
	if (rc)
		return fail(rc == -EINVAL ? EXIT_CONFIG : 1, "queues", &err);
	if (a->cloud && a->conf->aws.reconcile_ms > 0)
		rc = reconcile_start(&a->reconcile, a, a->conf, &err);
	if (rc)
		return fail(1, "reconcile", &err);
	if (a->cloud && a->conf->drill.topic)
		rc = drill_start(&a->drill, a, a->conf, &err);
	return rc ? fail(1, "drill", &err) : 0;
}

/* An address may come, or be free, in a second; what else is wrong stays. */
static int listen_status(int rc)
{
	return rc == -EADDRINUSE || rc == -EADDRNOTAVAIL || rc == -EAGAIN ||
			       rc == -ENOMEM || rc == -EMFILE ||
			       rc == -ENFILE ?
		       1 : EXIT_CONFIG;
}

static int start_listening(struct agent *a)
{
	struct err err;
	int rc = web_new(&a->web, &a->conf->web, cores(), &err);

	if (!rc)
		rc = intake_listen(a, &err);
	if (!rc)
		rc = admin_listen(a, &err);
	if (rc)
		return fail(listen_status(rc), "listen", &err);
	/* Who asks it for readiness is to be told of an intake at work. */
	if (web_start(a->web, &err) || web_start(a->admin, &err))
		return fail(1, "listen", &err);
	return 0;
}

static int start(struct agent *a, struct janitor **janitor)
{
	struct faults faults;
	struct err err;
	int rc;

	rc = keys_load(&a->keys, a->conf->install_key, &err);
	if (rc)
		return fail(EXIT_CONFIG, "install key", &err);
	service_status("opening the journal");
	rc = open_store(a, &err);
	if (rc)
		return fail(store_status(rc), "store", &err);
	faults_init(&faults);
	rc = load_rules(a, a->conf, &faults);
	log_faults(&faults);
	faults_fini(&faults);
	if (rc && rc != -EINVAL)
		return fail(1, "rules can't be read",
			    &(struct err){ "out of memory or store error" });
	a->cis = cis_new();
	a->tags = tags_new();
	a->changes = changes_new(a->metrics);
	a->handoff = handoff_new();
	a->eraser = eraser_new(a);
	if (!a->cis || !a->tags || !a->changes || !a->handoff || !a->eraser ||
	    sns_certs_new(&a->certs, fetch_certificate, a))
		return fail(1, "start", &(struct err){ "out of memory" });
	if (silencing_new(&a->silences, a, &err))
		return fail(1, "silences", &err);
	rc = open_cloud(a);
	if (rc)
		return rc;
	if (deliver_start(&a->deliver, a, &err) ||
	    triage_start(&a->triage, a, &err))
		return fail(1, "start", &err);
	store_on_commit(a->store, wake, a);
	/* What triage has committed by now has woken nobody. */
	wake(~0u, a);
	rc = start_cloud(a);
	if (!rc)
		rc = start_listening(a);
	/* It looks at all of them. */
	if (!rc && janitor_start(janitor, a, &err))
		return fail(1, "start", &err);
	return rc;
}

static void wait_for_answers(struct web *web)
{
	int64_t end = clock_mono_ms() + DRAIN_MS;

	while (web_open(web) && clock_mono_ms() < end)
		usleep(10 * 1000);
}

/* Queues first, then HTTPS; what is in flight ends, the store closes last. */
static void stop(struct agent *a, struct janitor *janitor)
{
	a->stopping = true;
	/* A poll that is cut short leaves its messages hidden for a while. What
	 * comes by HTTPS needn't wait for the next process meanwhile. */
	queues_stop(a->queues);
	if (a->web)
		web_drain(a->web);
	reconcile_stop(a->reconcile);
	drill_stop(a->drill);
	if (a->web)
		wait_for_answers(a->web);
	if (a->store)
		store_on_commit(a->store, NULL, NULL);
	janitor_stop(janitor);
	if (a->admin) {
		web_drain(a->admin);
		web_stop(a->admin);
	}
	admin_end(a);
	eraser_free(a->eraser);
	triage_stop(a->triage);
	/* A CI look-up that ends here still wakes triage. */
	deliver_stop(a->deliver, FLIGHT_MS);
	triage_free(a->triage);
	if (a->web)
		web_stop(a->web);
	/* Who still waits for one is told: its exchange is there yet. */
	sns_certs_free(a->certs);
	store_close(a->store);
	web_free(a->web);
	web_free(a->admin);
	queues_free(a->queues);
	reconcile_free(a->reconcile);
	drill_free(a->drill);
	cloud_free(a->cloud);
	cis_free(a->cis);
	changes_free(a->changes);
	silencing_free(a->silences);
	tags_free(a->tags);
	handoff_free(a->handoff);
}

/* The first of the errors; `tocsin check` shows all. */
static void tell_unusable(const struct faults *faults)
{
	struct buf line = BUF_INIT(8192);

	for (size_t i = 0; i < faults->count && !line.n; i++)
		if (faults->list[i].level == FAULT_ERROR)
			fault_put(&line, &faults->list[i]);
	service_unusable(line.n ? line.p : "out of memory");
	buf_fini(&line);
}

static int load_conf(struct agent *a, const char *path)
{
	struct buf text = BUF_INIT(1 << 20);
	struct faults faults;
	int rc;

	faults_init(&faults);
	rc = conf_load(&a->conf, path, &faults);
	faults_put_text(&text, &faults);
	fputs(buf_str(&text).p, stderr);
	if (rc)
		tell_unusable(&faults);
	buf_fini(&text);
	faults_fini(&faults);
	return rc ? EXIT_CONFIG : 0;
}

int agent_run(const char *conf_path)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct janitor *janitor = NULL;
	sigset_t signals;
	int status;

	if (!a)
		return 1;
	a->started_ms = clock_wall_ms();
	pthread_mutex_init(&a->snapshot_lock, NULL);
	/* No core ever holds a secret. */
	prctl(PR_SET_DUMPABLE, 0);
	/* TLS buffers by themselves: idle connections leave no holes. libcurl's
	 * are a little smaller, and come and go with each request. */
	mallopt(M_MMAP_THRESHOLD, (16 << 10) + 128);
	/* What a batch takes the next one takes again. */
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
	/* What one thread takes and another gives back would pile up there. */
	mallopt(M_MXFAST, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	status = load_conf(a, conf_path);
	if (!status) {
		log_open(a->conf->log.level, a->conf->log.format);
		a->metrics = metrics_new();
		a->warnings = warnings_new();
		a->watch = watch_new(a);
		status = a->metrics && a->warnings && a->watch ?
				 start(a, &janitor) : 1;
	}
	if (!status) {
		LOG(INFO, "tocsin is ready", LFC("version", TOCSIN_VERSION),
		    LFN("started_in_ms", clock_wall_ms() - a->started_ms));
		spare_start();
		status = service_run(a, &signals);
		LOG(INFO, "stopping");
		service_stopping();
	}
	stop(a, janitor);
	metrics_free(a->metrics);
	watch_free(a->watch);
	warnings_free(a->warnings);
	ruleset_free(a->rules);
	rule_states_free(a->rule_states);
	conf_free(a->conf);
	conf_free(a->first_conf);
	keys_wipe(&a->keys);
	pthread_mutex_destroy(&a->snapshot_lock);
	free(a);
	return status;
}
