#include "agent/doctor/doctor.h"

#include <errno.h>

#include "base/clock.h"
#include "rest/rest.h"
#include "stackflow/stackflow.h"

/* Is StackFlow there, and does it take our credentials? */
struct look {
	struct doctor_group *g;
	bool ended;
	int status;		/* 0: no answer */
	enum sf_outcome outcome;
	int64_t date_ms, wall_ms, elapsed_us;
	char problem[512];
};

static void looked(const struct sf_result *r, void *arg)
{
	struct look *l = arg;
	struct buf b = BUF_INIT(sizeof(l->problem) - 1);

	l->ended = true;
	l->status = r->status;
	l->outcome = r->outcome;
	l->date_ms = r->date_ms;
	l->wall_ms = clock_wall_ms();
	l->elapsed_us = r->elapsed_us;
	buf_puts(&b, r->problem ? r->problem : "");
	memcpy(l->problem, buf_str(&b).p, b.n + 1);
	buf_fini(&b);
}

/* Until it ended or its time is over. */
static void wait_for(struct look *l, struct rest *rest, struct sf_client *sf)
{
	int64_t end = clock_mono_ms() + DOCTOR_GROUP_MS;

	while (!l->ended && clock_mono_ms() < end) {
		(void)sf_client_wait_ms(sf, clock_mono_ms());
		rest_step(rest, 50);
	}
}

static void tell_token(struct doctor_group *g, const struct look *l,
		       const struct sf_client *sf)
{
	struct sf_stats s;

	sf_client_stats(sf, &s);
	if (l->ended && l->outcome == SF_OK)
		doctor_say(g, DOCTOR_OK, "StackFlow token", NULL,
			   "accepted; incidents can be listed");
	else if (s.auth_problem[0] && !l->status)
		doctor_say(g, DOCTOR_FAIL, "StackFlow token",
			   "look at stackflow.auth: its method, addresses and "
			   "secrets", "%s", s.auth_problem);
	else if (l->status == 401 || l->status == 403)
		doctor_say(g, DOCTOR_FAIL, "StackFlow token",
			   l->status == 401 ?
			   "make a new one in StackFlow and put it into "
			   "stackflow.auth" :
			   "give this user or key the right to read and write "
			   "incidents", "not accepted (%d)%s%s", l->status,
			   s.auth_problem[0] ? ": " : "", s.auth_problem);
	else if (l->status == 404)
		doctor_say(g, DOCTOR_FAIL, "StackFlow",
			   "look at stackflow.base_url; it ends as in "
			   "/prod/api", "no incidents there: %s", l->problem);
	else if (l->status)
		doctor_say(g, l->status == 429 ? DOCTOR_WARN : DOCTOR_FAIL,
			   "StackFlow",
			   "look again later; the agent keeps what it owes",
			   "%s", l->problem);
	if (s.rate_limit > 0)
		doctor_say(g, DOCTOR_OK, "StackFlow rate", NULL,
			   "%lld of %lld requests are left in its window",
			   (long long)s.rate_remaining,
			   (long long)s.rate_limit);
}

static void look(struct doctor_group *g, struct rest *rest,
		 struct sf_client *sf)
{
	struct look l = { .g = g };
	int64_t end = clock_mono_ms() + DOCTOR_CALL_MS;
	int rc;

	do {
		(void)sf_client_wait_ms(sf, clock_mono_ms());
		rc = sf_incident_list(sf, "limit=1", STR_NONE, looked, &l);
		if (rc == -EAGAIN)
			rest_step(rest, 20);
	} while (rc == -EAGAIN && clock_mono_ms() < end);
	if (!rc)
		wait_for(&l, rest, sf);
	if (l.status)
		doctor_say(g, DOCTOR_OK, "StackFlow", NULL,
			   "%s answers in %lld ms",
			   g->conf->stackflow.base_url,
			   (long long)(l.elapsed_us / 1000));
	else if (l.ended && str_starts(str_from(l.problem), "no token"))
		/* Who gives tokens may be another host. */
		;
	else
		doctor_say(g, DOCTOR_FAIL, "StackFlow",
			   "look at stackflow.base_url, the network and its "
			   "proxy (network.proxy); alarms are kept meanwhile",
			   "%s can't be reached: %s",
			   g->conf->stackflow.base_url,
			   l.ended ? l.problem : "no answer in time");
	tell_token(g, &l, sf);
	doctor_clock(g, "StackFlow", l.date_ms, l.wall_ms);
}

void doctor_stackflow(struct doctor_group *g)
{
	const struct conf *c = g->conf;
	const struct rest_options ro = conf_network(c);
	const struct sf_options so = {
		.base_url = c->stackflow.base_url,
		.auth = c->stackflow.auth,
		.requests_per_second = c->stackflow.requests_per_second,
		.concurrency = 2,
		.timeout_ms = DOCTOR_CALL_MS,
	};
	struct sf_client *sf = NULL;
	struct rest *rest = NULL;
	struct err err = { "" };

	if (!so.base_url) {
		doctor_say(g, DOCTOR_FAIL, "StackFlow",
			   "name the instance there, or in STACKFLOW_BASE_URL",
			   "stackflow.base_url isn't set");
		return;
	}
	if (rest_new(&rest, &ro, &err))
		doctor_say(g, DOCTOR_FAIL, "StackFlow",
			   "look at network in the configuration", "%s",
			   err.text);
	else if (sf_client_new(&sf, &so, rest, &err))
		doctor_say(g, DOCTOR_FAIL, "StackFlow token",
			   "look at stackflow.auth; what ${credential:...} "
			   "names exists in the service alone: systemd-run -p "
			   "LoadCredential=... tocsin doctor",
			   "%s", err.text);
	else
		look(g, rest, sf);
	/* The loop ends requests first, while the client still is there. */
	rest_free(rest);
	sf_client_free(sf);
}
