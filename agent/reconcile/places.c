/* Which regions are asked, and what is known of each. */
#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "agent/reconcile/internal.h"
#include "alarm/drill.h"
#include "aws/partition.h"
#include "base/clock.h"

#define MEMBERS_A_PAGE 500
#define MEMBERS_MAX 50000

static void add_place(struct reconcile *r, struct str name)
{
	struct place *p = &r->places[r->place_count];

	for (size_t i = 0; i < r->place_count; i++)
		if (str_is(name, r->places[i].name)) {
			r->places[i].round = r->round;
			return;
		}
	if (r->place_count == PLACES_MAX || name.n >= sizeof(p->name) ||
	    !partition_of_region(name))
		return;
	*p = (struct place){ .round = r->round };
	memcpy(p->name, name.p, name.n);
	r->place_count++;
}

/* arn:aws:sns:us-east-1:...: a topic's alarms are in its region. */
static void add_topics(struct reconcile *r, const struct conf *c)
{
	for (size_t i = 0; i < c->sns.topic_count; i++) {
		struct str rest = str_from(c->sns.topics[i]), f[4];
		bool whole = true;

		for (int k = 0; k < 4; k++)
			whole = whole && str_cut(&rest, ':', &f[k]);
		if (whole && str_find_char(f[3], '*') < 0 &&
		    str_find_char(f[3], '?') < 0)
			add_place(r, f[3]);
	}
}

static bool is_own(const struct reconcile *r, const struct cw_arn *arn)
{
	return !r->account[0] || str_is(arn->account, r->account);
}

/* CloudWatch knows nothing of it; a contributor stands behind the name. */
static bool is_drill(struct str name)
{
	return str_is(name, DRILL_NAME) || str_starts(name, DRILL_NAME "/");
}

int places_each_open(struct reconcile *r, struct arena *scratch,
		     place_each *each, void *arg)
{
	struct member list[MEMBERS_A_PAGE], last = { .id = 0 };
	int n = MEMBERS_A_PAGE, rc = 0;

	for (int all = 0; n == MEMBERS_A_PAGE && all < MEMBERS_MAX;
	     all += n) {
		arena_reset(scratch);
		n = store_firing_open(list, MEMBERS_A_PAGE, r->reader,
				      last.id ? &last : NULL, scratch);
		if (n < 0)
			return n;
		for (int i = 0; i < n && rc >= 0; i++) {
			struct cw_arn arn;

			if (cloudwatch_arn_read(&arn, list[i].subject) &&
			    is_own(r, &arn) && !is_drill(arn.name))
				rc = each(&list[i], &arn, arg);
		}
		if (rc < 0)
			return rc;
		if (n > 0)
			last = list[n - 1];
	}
	return 0;
}

static int add_open_place(const struct member *m, const struct cw_arn *arn,
			  void *arg)
{
	(void)m;
	add_place(arg, arn->region);
	return 0;
}

int places_find(struct reconcile *r, const struct conf *c)
{
	struct arena *scratch = arena_new(4 << 20);
	int rc;

	if (!scratch)
		return -ENOMEM;
	add_place(r, str_from(cloud_region(r->agent->cloud)));
	add_topics(r, c);
	rc = places_each_open(r, scratch, add_open_place, r);
	arena_free(scratch);
	return rc;
}

/* ---- how it went ---- */

struct lacking_list *lacking_new(void)
{
	struct lacking_list *l = calloc(1, sizeof(*l));

	if (l)
		l->arena = arena_new(1 << 20);
	if (l && !l->arena) {
		free(l);
		l = NULL;
	}
	return l;
}

void lacking_free(struct lacking_list *l)
{
	if (l)
		arena_free(l->arena);
	free(l);
}

void place_audited(struct reconcile *r, struct place *p,
		   struct lacking_list *l)
{
	size_t i = (size_t)(p - r->places);
	struct lacking_list *old;
	bool news;

	pthread_mutex_lock(&r->lock);
	old = r->lacking[i];
	r->lacking[i] = l;
	news = l->total != (old ? old->total : 0);
	pthread_mutex_unlock(&r->lock);
	lacking_free(old);
	p->audit_ms = clock_mono_ms() + AUDIT_MS;
	if (news)
		LOG(WARNING, "alarms without an OK action: nothing but this "
			     "comparison resolves their incidents",
		    LFC("region", p->name),
		    LFN("alarms", (int64_t)l->total),
		    LF("first", l->count ? l->list[0].name : STR("")));
}

void place_failed(struct reconcile *r, struct place *p, int rc,
		  const struct err *err)
{
	bool denied = rc == -EACCES;

	if (denied)
		p->off_until_ms = clock_mono_ms() + OFF_MS;
	pthread_mutex_lock(&r->lock);
	err_set(&r->problem, 0, "%s: %s", p->name, err->text);
	pthread_mutex_unlock(&r->lock);
	/* Without keys it is the same everywhere, and said once for all. */
	if (p->complained || rc == -ENOKEY)
		return;
	p->complained = true;
	LOG(WARNING, denied ? "CloudWatch isn't compared: the right to "
			      "cloudwatch:DescribeAlarms on * is missing; "
			      "asked again in an hour" :
			      "CloudWatch can't be compared now",
	    LFC("region", p->name), LFC("error", err->text));
}

void place_good(struct reconcile *r, struct place *p)
{
	if (p->complained)
		LOG(INFO, "CloudWatch is compared again",
		    LFC("region", p->name));
	p->complained = false;
	pthread_mutex_lock(&r->lock);
	r->problem.text[0] = '\0';
	pthread_mutex_unlock(&r->lock);
}
