#include "agent/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "agent/admin/admin.h"
#include "agent/audit.h"
#include "agent/deliver.h"
#include "agent/log.h"
#include "agent/pulse.h"
#include "agent/rules.h"
#include "base/clock.h"
#include "base/encode.h"

#define TICK_MS 500
#define STATUS_MS 1000
#define STATUS_MAX 400
/* Where nobody set a watchdog, the log alone tells. */
#define HUNG_MS 30000
/* Bytes a millisecond. */
#define SLOW_DISK 10000

struct service {
	struct agent *agent;
	int64_t hung_ms;		/* at one thing for longer: it hangs */
	int64_t ping_every_ms;		/* 0: no watchdog */
	int64_t ping_ms, status_ms;	/* next; monotonic */
	int64_t scrub_ms;		/* last seen, while others wait for it */
	bool hung;
	char said[STATUS_MAX + 1];	/* the last status */
};

/* A line break would begin another assignment of the message. */
static void put_line(struct buf *out, const char *text)
{
	struct buf safe = BUF_INIT(4 * STATUS_MAX);

	utf8_put_safe(&safe, str_from(text), STATUS_MAX);
	buf_put_str(out, buf_str(&safe));
	buf_fini(&safe);
}

static void tell(const char *state, const char *status)
{
	struct buf b = BUF_INIT(8192);

	buf_printf(&b, "%sSTATUS=", state);
	put_line(&b, status);
	if (!buf_error(&b))
		sd_notify(0, buf_str(&b).p);
	buf_fini(&b);
}

void service_status(const char *format, ...)
{
	char text[STATUS_MAX + 1];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	tell("", text);
}

void service_unusable(const char *why)
{
	service_status("not started, and won't be by itself: %.300s; mend "
		       "that, then start tocsin again", why);
}

void service_stopping(void)
{
	tell("STOPPING=1\n", "stopping: what is under way ends");
}

/* ---- is it alive ---- */

/* How long one thing may take the writer: what writes the files anew ends with
 * a copy of them, of which nothing is heard. */
static int64_t patience_ms(const struct service *s)
{
	struct store_counts n;

	if (!store_scrubbing(s->agent->store))
		return s->hung_ms;
	store_count(s->agent->store, &n);
	return s->hung_ms + (int64_t)(n.bytes / SLOW_DISK);
}

/* Who has been at one thing for too long; NULL: nobody. */
static const char *hangs(struct service *s, int64_t *for_ms)
{
	const struct agent *a = s->agent;
	int64_t now = clock_mono_ms();
	const struct pulse *p;

	*for_ms = store_busy_ms(a->store);
	if (*for_ms > patience_ms(s))
		return "journal";
	*for_ms = web_busy_ms(a->web);
	if (*for_ms > s->hung_ms)
		return "web";
	/* Whoever commits waits for that, for as long as it goes on. */
	if (store_scrubbing(a->store))
		s->scrub_ms = now;
	p = pulse_slowest(a->pulses, now, for_ms);
	if (*for_ms > now - s->scrub_ms)
		*for_ms = now - s->scrub_ms;
	return p && *for_ms > s->hung_ms ? p->name : NULL;
}

/* False: not a sign of life is to be given. */
static bool alive(struct service *s)
{
	int64_t for_ms;
	const char *name = hangs(s, &for_ms);

	if (!name) {
		if (s->hung)
			LOG(WARNING, "the thread that stood still goes on");
		s->hung = false;
		return true;
	}
	if (!s->hung)
		LOG(ERROR, s->ping_every_ms ?
		    "a thread stands still: the watchdog will restart tocsin" :
		    "a thread stands still: restart tocsin",
		    LFC("thread", name), LFN("for_ms", for_ms));
	s->hung = true;
	service_status("the %s thread has stood still for %lld s", name,
		       (long long)for_ms / 1000);
	s->said[0] = '\0';
	return false;
}

/* ---- how is it ---- */

static unsigned stale_rules(struct agent *a)
{
	unsigned n = 0;

	pthread_mutex_lock(&a->snapshot_lock);
	for (size_t i = 0; i < rule_states_count(a->rule_states); i++) {
		struct rule_state r;

		rule_states_get(a->rule_states, i, &r);
		n += r.stale || r.missing;
	}
	pthread_mutex_unlock(&a->snapshot_lock);
	return n;
}

static void put_health(struct buf *out, struct agent *a)
{
	struct buf why = BUF_INIT(1024);
	struct deliver_state d;
	unsigned stale = stale_rules(a);

	deliver_state(a->deliver, &d);
	if (!admin_ready(a, &why)) {
		buf_puts(out, "alarms are refused: ");
		buf_put_str(out, str_trim(buf_str(&why)));
	} else if (d.breaker_open) {
		buf_printf(out, "degraded: StackFlow can't be reached "
				"(%.200s)", d.problem);
	} else if (!stale) {
		buf_puts(out, "healthy");
	}
	if (stale)
		buf_printf(out, "%s%u rule file%s can't be used as %s",
			   out->n ? "; " : "degraded: ", stale,
			   stale == 1 ? "" : "s",
			   stale == 1 ? "it stands" : "they stand");
	buf_fini(&why);
}

static void put_status(struct buf *out, struct agent *a)
{
	struct store_counts n;

	store_count(a->store, &n);
	put_health(out, a);
	buf_printf(out, "; %lld open incident%s, backlog %lld",
		   (long long)n.incidents_open,
		   n.incidents_open == 1 ? "" : "s",
		   (long long)(n.untriaged + n.ops_open));
	if (n.in_doubt)
		buf_printf(out, ", %lld in doubt", (long long)n.in_doubt);
	if (n.dead)
		buf_printf(out, ", %lld dead letter%s", (long long)n.dead,
			   n.dead == 1 ? "" : "s");
}

static void say_status(struct service *s, const char *state)
{
	struct buf b = BUF_INIT(2048);

	put_status(&b, s->agent);
	if (!buf_error(&b) && (*state || strncmp(b.p, s->said,
						 STATUS_MAX) != 0)) {
		tell(state, b.p);
		snprintf(s->said, sizeof(s->said), "%s", b.p);
	}
	buf_fini(&b);
}

/* ---- the run ---- */

static void reload(struct service *s)
{
	struct timespec now;
	struct faults faults;
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\n"
		      "STATUS=reading configuration and rules again",
		   (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	faults_init(&faults);
	rc = agent_reload(s->agent, &faults);
	audit_reload(s->agent, !rc, faults.count, STR("SIGHUP"));
	faults_fini(&faults);
	say_status(s, "READY=1\n");
}

static void tick(struct service *s)
{
	int64_t now = clock_mono_ms();

	if (!alive(s))
		return;
	if (s->ping_every_ms && now >= s->ping_ms) {
		sd_notify(0, "WATCHDOG=1");
		s->ping_ms = now + s->ping_every_ms;
	}
	if (now >= s->status_ms) {
		say_status(s, "");
		s->status_ms = now + STATUS_MS;
	}
}

int service_run(struct agent *a, const sigset_t *signals)
{
	struct service s = { .agent = a, .hung_ms = HUNG_MS };
	uint64_t watchdog_us = 0;

	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		s.hung_ms = (int64_t)(watchdog_us / 1000);
		s.ping_every_ms = s.hung_ms / 3;
	}
	say_status(&s, "READY=1\n");
	for (;;) {
		struct timespec wait = { .tv_nsec = TICK_MS * 1000000 };
		int signal = sigtimedwait(signals, NULL, &wait);

		if (signal == SIGTERM || signal == SIGINT)
			return 0;
		if (signal == SIGHUP)
			reload(&s);
		if (store_failed(a->store)) {
			/* Never again after a failed fsync: what was
			 * acknowledged is read anew by the next start. */
			LOG(ERROR, "the journal's disk failed: ending");
			return 1;
		}
		tick(&s);
	}
}
