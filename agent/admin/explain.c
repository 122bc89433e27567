#include "agent/admin/explain.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/admin/api.h"
#include "agent/explain/past.h"
#include "agent/log.h"
#include "agent/thread.h"
#include "doc/jsonw.h"

#define WAITING_MAX 16
#define ANSWERS 32
#define ANSWER_MAX (128 << 10)	/* of what is kept */
#define ARENA_MAX (256 << 20)
#define WIDTH 100
#define ID_MAX 64

struct question {
	struct question *next;
	struct api_answer answer;
	char id[ID_MAX + 1];
};

/* Of one event as it was decided then; a wait's end may change that. */
struct kept {
	struct buf key, body;
};

struct explainer {
	struct agent *agent;
	pthread_t thread;
	pthread_mutex_t lock;	/* of what follows up to the thread's own */
	pthread_cond_t more;
	bool started, stop;
	struct question *first, **last;
	unsigned waiting;
	/* The thread's: */
	struct ruleset *rules;
	char hash[72];		/* of rules */
	struct kept kept[ANSWERS];
	unsigned next;
};

/* ---- answers that are kept ---- */

static void put_key(struct buf *out, const struct event *e)
{
	buf_printf(out, "%.*s %lld %.*s %.*s", STR_ARG(e->id),
		   (long long)e->decided_ms, STR_ARG(e->action),
		   STR_ARG(e->because));
}

static const struct kept *find(const struct explainer *x, struct str key)
{
	for (unsigned i = 0; i < ANSWERS; i++)
		if (x->kept[i].key.n && str_eq(buf_str(&x->kept[i].key), key))
			return &x->kept[i];
	return NULL;
}

static void keep(struct explainer *x, struct str key, struct str body)
{
	struct kept *k = &x->kept[x->next];

	if (body.n > ANSWER_MAX)
		return;
	x->next = (x->next + 1) % ANSWERS;
	buf_fini(&k->key);
	buf_fini(&k->body);
	buf_init(&k->key, key.n);
	buf_init(&k->body, body.n);
	buf_put_str(&k->key, key);
	buf_put_str(&k->body, body);
	if (buf_error(&k->key) || buf_error(&k->body))
		buf_reset(&k->key);
}

/* ---- one question ---- */

/* The rules of that day: 0; 1: they aren't kept; negative. */
static int load_rules(struct explainer *x, struct str hash,
		      struct store_reader *reader, struct arena *arena)
{
	struct ruleset *now = agent_rules(x->agent), *set = now;
	struct faults faults;
	struct str sources;
	int rc = 0;

	if (x->rules && str_is(hash, x->hash)) {
		ruleset_free(now);
		return 0;
	}
	if (!str_is(hash, ruleset_hash(now))) {
		ruleset_free(now);
		rc = store_ruleset(&sources, reader, hash, arena);
		if (rc <= 0)
			return rc < 0 ? rc : 1;
		/* What was wrong with them was told on that day. */
		faults_init(&faults);
		rc = ruleset_again(&set, sources, &faults);
		faults_fini(&faults);
		if (rc)
			return rc == -EINVAL ? 1 : rc;
	}
	ruleset_free(x->rules);
	x->rules = set;
	memset(x->hash, 0, sizeof(x->hash));
	if (hash.n < sizeof(x->hash))
		memcpy(x->hash, hash.p, hash.n);
	return 0;
}

static int put(struct buf *out, struct explainer *x,
	       const struct past_event *past)
{
	struct buf json = BUF_INIT(16 << 20), text = BUF_INIT(16 << 20);
	struct jsonw w = JSONW(out);
	int rc = explain_past(&json, &text, past, x->rules, WIDTH, false);

	if (!rc)
		rc = buf_error(&json) ? buf_error(&json) : buf_error(&text);
	if (!rc) {
		jsonw_object(&w);
		jsonw_key(&w, "explain");
		jsonw_raw(&w, str_trim(buf_str(&json)));
		jsonw_kstr(&w, "text", buf_str(&text));
		jsonw_end_object(&w);
		buf_putc(out, '\n');
		rc = buf_error(out);
	}
	buf_fini(&json);
	buf_fini(&text);
	return rc;
}

static void refuse(struct api_answer *r, const struct event *e, int status,
		   const char *why)
{
	struct buf b = BUF_INIT(1024);

	buf_printf(&b, "event %.*s %s", STR_ARG(e->id), why);
	api_error(r, status, b.p ? b.p : why);
	buf_fini(&b);
}

static int explain(struct explainer *x, struct api_answer *r,
		   struct past_event *past, struct store_reader *reader,
		   struct arena *arena)
{
	const struct event *e = &past->event;
	struct buf key = BUF_INIT(8192);
	struct incident i = { .id = 0 };
	const struct kept *k;
	int rc;

	put_key(&key, e);
	k = find(x, buf_str(&key));
	if (k) {
		buf_put_str(&r->out, buf_str(&k->body));
		buf_fini(&key);
		return 0;
	}
	rc = load_rules(x, e->ruleset, reader, arena);
	if (rc > 0) {
		refuse(r, e, 410, "was decided by rules that aren't kept any "
				  "more");
		rc = 0;
		goto out;
	}
	if (!rc && e->incident)
		rc = store_incident_by_id(&i, reader, e->incident, arena);
	if (rc > 0)
		past->ci_id = i.ci_id;
	if (rc >= 0)
		rc = put(&r->out, x, past);
	if (!rc && !buf_error(&key))
		keep(x, buf_str(&key), buf_str(&r->out));
out:
	buf_fini(&key);
	return rc;
}

static int answer(struct explainer *x, struct question *q,
		  struct store_reader *reader, struct arena *arena)
{
	struct past_event past = { .ci_id = STR_NONE };
	struct event *e = &past.event;
	const char *problem;
	int rc = store_event(e, reader, str_from(q->id), arena);

	if (rc < 0)
		return rc;
	problem = rc ? explain_past_problem(e) : NULL;
	if (!rc) {
		api_error(&q->answer, 404, "no such event");
	} else if (problem) {
		refuse(&q->answer, e, 409, problem);
	} else if (!e->payload.p) {
		refuse(&q->answer, e, 410, "has lost its bytes "
					   "(store.retain)");
	} else {
		return explain(x, &q->answer, &past, reader, arena);
	}
	return 0;
}

static void serve(struct explainer *x, struct question *q)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct store_reader *reader = NULL;
	int rc = arena ? store_reader_open(&reader, x->agent->store, NULL) :
			 -ENOMEM;

	if (!rc)
		rc = answer(x, q, reader, arena);
	if (rc)
		api_error(&q->answer, 503, rc == -ENOMEM ? "out of memory" :
			  "the store can't be read now");
	store_reader_close(reader);
	arena_free(arena);
	api_send(&q->answer);
	free(q);
}

/* ---- the thread ---- */

static struct question *take(struct explainer *x)
{
	struct question *q = x->first;

	if (q) {
		x->first = q->next;
		x->waiting--;
		if (!x->first)
			x->last = &x->first;
	}
	return q;
}

static void *run(void *arg)
{
	struct explainer *x = arg;
	struct question *q;

	pthread_mutex_lock(&x->lock);
	while (!x->stop) {
		q = take(x);
		if (!q) {
			pthread_cond_wait(&x->more, &x->lock);
			continue;
		}
		pthread_mutex_unlock(&x->lock);
		serve(x, q);
		pthread_mutex_lock(&x->lock);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

struct explainer *explainer_new(struct agent *a)
{
	struct explainer *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->agent = a;
	x->last = &x->first;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->more, NULL);
	return x;
}

void explainer_free(struct explainer *x)
{
	struct question *q;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	x->stop = true;
	pthread_cond_signal(&x->more);
	pthread_mutex_unlock(&x->lock);
	if (x->started)
		pthread_join(x->thread, NULL);
	while ((q = take(x))) {
		api_error(&q->answer, 503, "stopping");
		api_send(&q->answer);
		free(q);
	}
	for (unsigned i = 0; i < ANSWERS; i++) {
		buf_fini(&x->kept[i].key);
		buf_fini(&x->kept[i].body);
	}
	ruleset_free(x->rules);
	pthread_cond_destroy(&x->more);
	pthread_mutex_destroy(&x->lock);
	free(x);
}

/* 0; -EAGAIN: too many wait, or no thread is to be had. */
static int submit(struct explainer *x, struct question *q)
{
	struct err err;
	int rc = 0;

	pthread_mutex_lock(&x->lock);
	if (x->stop || x->waiting >= WAITING_MAX)
		rc = -EAGAIN;
	if (!rc && !x->started) {
		rc = thread_start(&x->thread, "admin-explain", run, x, &err);
		x->started = !rc;
	}
	if (!rc) {
		*x->last = q;
		x->last = &q->next;
		x->waiting++;
		pthread_cond_signal(&x->more);
	}
	pthread_mutex_unlock(&x->lock);
	return rc;
}

void api_event_explain(struct agent *a, const struct web_request *req,
		       struct str arg, struct api_answer *r)
{
	struct question *q = arg.n <= ID_MAX ? calloc(1, sizeof(*q)) : NULL;

	(void)req;
	if (!q) {
		api_error(r, arg.n <= ID_MAX ? 503 : 404,
			  arg.n <= ID_MAX ? "out of memory" : "no such event");
		return;
	}
	memcpy(q->id, arg.p, arg.n);
	api_answer_init(&q->answer, r->x);
	if (submit(a->explainer, q)) {
		api_answer_fini(&q->answer);
		free(q);
		r->headers = "Retry-After: 1\r\n";
		api_error(r, 503, "too many wait for an explanation");
		return;
	}
	r->parked = true;
}
