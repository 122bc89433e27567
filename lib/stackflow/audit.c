#include "stackflow/audit.h"

#include <errno.h>

#include "base/clock.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "stackflow/client.h"

#define NAME_MAX_BYTES 128
#define ID_MAX_BYTES 256
#define DETAILS_MAX (64u << 10)

int sf_trail_init(struct sf_trail *t, sf_audit *sink, void *arg)
{
	pthread_mutexattr_t attr;

	*t = (struct sf_trail){ .sink = sink, .arg = arg };
	if (pthread_mutexattr_init(&attr))
		return -ENOMEM;
	/* A sink that logs is told so instead of waiting for itself. */
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
	t->made = pthread_mutex_init(&t->lock, &attr) == 0;
	pthread_mutexattr_destroy(&attr);
	return t->made ? 0 : -ENOMEM;
}

void sf_trail_fini(struct sf_trail *t)
{
	if (t->made)
		pthread_mutex_destroy(&t->lock);
	*t = (struct sf_trail){ 0 };
}

static int tell(struct sf_trail *t, const struct sf_audit_entry *e)
{
	int rc = -pthread_mutex_lock(&t->lock);

	if (rc)
		return rc;
	t->sink(e, t->arg);
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static const char *outcome_name(enum sf_outcome outcome)
{
	switch (outcome) {
	case SF_OK:
		return "ok";
	case SF_NOT_EXECUTED:
		return "not_executed";
	case SF_REFUSED:
		return "refused";
	case SF_UNKNOWN:
		break;
	}
	return "unknown";
}

/* The named ids alone: other headers may be anything, a secret too. */
static void put_bound(struct jsonw *w, struct str lines)
{
	struct str line, name;

	while (lines.n && str_cut(&lines, '\0', &line)) {
		if (!str_cut(&line, ':', &name))
			continue;
		for (size_t i = 0; i < SF_BOUND_NAMES; i++)
			if (str_is_nocase(name, sf_bound_names[i].header))
				jsonw_kstr(w, sf_bound_names[i].field,
					   str_trim(line));
	}
}

static void put_details(struct buf *out, const struct sf_written *w,
			const struct sf_result *r)
{
	struct jsonw j = JSONW(out);

	jsonw_object(&j);
	jsonw_kcstr(&j, "outcome", outcome_name(r->outcome));
	if (r->status)
		jsonw_kint(&j, "status", r->status);
	if (w->key)
		jsonw_kcstr(&j, "idempotency_key", w->key);
	jsonw_kint(&j, "elapsed_ms", r->elapsed_us / 1000);
	if (w->records)
		jsonw_kint(&j, "records", w->records);
	if (r->problem)
		jsonw_kcstr(&j, "problem", r->problem);
	put_bound(&j, w->bound);
	jsonw_end_object(&j);
}

void sf_trail_ended(struct sf_trail *t, const struct sf_written *w,
		    const struct sf_result *r)
{
	struct buf details = BUF_INIT(DETAILS_MAX);
	struct str type = str_from(w->action);
	ssize_t dot = str_find_char(type, '.');
	struct sf_audit_entry e = {
		.action = type,
		.resource_type = dot < 0 ? type : str_sub(type, 0, (size_t)dot),
		.resource_id = r->id.n ? r->id : w->id,
		.result = r,
	};

	if (!t->sink)
		return;
	e.at_ms = clock_wall_ms();
	put_details(&details, w, r);
	e.details = buf_error(&details) ? STR_NONE : buf_str(&details);
	/* It can't be -EDEADLK: a sink waits for no call's end. */
	tell(t, &e);
	buf_fini(&details);
}

static bool visible(struct str s, size_t least, size_t most)
{
	return s.n >= least && s.n <= most && ascii_visible(s);
}

static int check_details(struct str details)
{
	if (!details.p)
		return 0;
	if (details.n > DETAILS_MAX)
		return -E2BIG;
	if (!str_starts(str_trim(details), "{"))
		return -EINVAL;
	return json_scan(details, 0, NULL);
}

int sf_audit_log(struct sf_client *c, struct str action,
		 struct str resource_type, struct str resource_id,
		 struct str details)
{
	struct sf_audit_entry e = {
		.action = action,
		.resource_type = resource_type,
		.resource_id = resource_id,
		.details = details,
	};
	int rc;

	if (!visible(action, 1, NAME_MAX_BYTES) ||
	    !visible(resource_type, 1, NAME_MAX_BYTES) ||
	    !visible(resource_id, 0, ID_MAX_BYTES))
		return -EINVAL;
	rc = check_details(details);
	if (rc || !c->trail.sink)
		return rc;
	e.at_ms = clock_wall_ms();
	return tell(&c->trail, &e);
}
