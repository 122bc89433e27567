#include "agent/sandbox/mischief.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/sandbox.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define FAULTS 256

static const struct kind {
	const char *name;
	enum box_kind kind;
	int status;
	const char *method, *path;	/* where the fault names none */
	const char *help;
} kinds[] = {
	{ "error", STRIKE_ERROR, 500, "*", "*",
	  "nothing is done; `status` (500)" },
	{ "429", STRIKE_LIMITED, 429, "*", "*",
	  "nothing is done; `retry_after` as Retry-After, else none" },
	{ "401", STRIKE_ERROR, 401, "*", "*", "nothing is done; 401" },
	{ "400", STRIKE_ERROR, 400, "*", "*", "nothing is done; 400" },
	{ "hangup", STRIKE_HANGUP, 0, "*", "*",
	  "nothing is done; a reset instead of an answer" },
	{ "refuse", STRIKE_REFUSE, 0, "*", "*",
	  "a new connection is reset before anything is read" },
	{ "redirect", STRIKE_REDIRECT, 302, "*", "*",
	  "nothing is done; `status` (302) to `location`" },
	{ "answer", STRIKE_ANSWER, 200, "*", "*",
	  "nothing is done; `status` and `body` as given" },
	{ "slow", STRIKE_SLOW, 0, "*", "*", "waits `delay` ms, then as usual" },
	{ "slow-answer", STRIKE_SLOW_ANSWER, 0, "*", "*",
	  "does it, waits `delay` ms, answers" },
	{ "create-then-500", STRIKE_DONE_ERROR, 500, "POST", "/incidents",
	  "does it, answers `status` (500)" },
	{ "create-then-hangup", STRIKE_DONE_HANGUP, 0, "POST", "/incidents",
	  "does it, a reset instead of an answer" },
	{ "cut-headers", STRIKE_CUT_HEAD, 0, "*", "*",
	  "does it, half of the headers, a reset" },
	{ "cut-body", STRIKE_CUT_BODY, 0, "*", "*",
	  "does it, half of the body, a reset" },
	{ "drip", STRIKE_DRIP, 0, "*", "*",
	  "does it, answers a byte each `delay` ms (1000)" },
	{ "endless", STRIKE_ENDLESS, 0, "*", "*",
	  "does it, answers a body of `size` bytes (10 GB)" },
	{ "big-headers", STRIKE_BIG_HEAD, 0, "*", "*",
	  "does it, answers `size` bytes of headers (1 MB)" },
	{ "garbage", STRIKE_GARBAGE, 201, "POST", "/incidents",
	  "does it, answers `status` (201), a body that isn't JSON" },
	{ "no-id", STRIKE_NO_ID, 200, "POST", "/incidents",
	  "does it, answers `status` (200) without an id" },
	{ "done-answer", STRIKE_DONE_ANSWER, 201, "POST", "/incidents",
	  "does it, answers `status` (201) and `body` as given" },
	{ "late", STRIKE_LATE, 0, "POST", "/incidents",
	  "a new incident shows only after `delay` ms" },
};

struct fault {
	int id;
	const struct kind *kind;
	struct box_fault what;
	char method[16], path[128], *body;
	double p;
	int64_t count, skip;	/* count < 0: for ever */
	bool reused;		/* only on a connection used before */
	uint64_t seen, struck;
	bool removed;		/* its body may still be in use */
};

struct box_mischief {
	pthread_mutex_t lock;
	struct fault list[FAULTS];
	int n, next_id;
	uint64_t random;
};

int box_mischief_new(struct box_mischief **out, uint64_t seed, struct err *err)
{
	struct box_mischief *m = calloc(1, sizeof(*m));

	if (!m)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&m->lock, NULL);
	m->random = seed;
	*out = m;
	return 0;
}

void box_mischief_free(struct box_mischief *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->n; i++)
		free(m->list[i].body);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* splitmix64 (Vigna): a step is one number, so that a seed says it all. */
static double chance(struct box_mischief *m)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

void box_mischief_seed(struct box_mischief *m, uint64_t seed)
{
	pthread_mutex_lock(&m->lock);
	m->random = seed;
	pthread_mutex_unlock(&m->lock);
}

static const struct kind *find_kind(struct str name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (str_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static int copy(char *out, size_t size, struct str s, const char *key,
		struct err *err)
{
	if (!s.p || s.n >= size)
		return err_set(err, -EINVAL, "%s: too long or no text", key);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ')
			return err_set(err, -EINVAL,
				       "%s: a control character", key);
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int set_number(int64_t *out, struct str text, struct str key,
		      struct err *err)
{
	if (str_to_i64(out, text))
		return err_set(err, -EINVAL, "%.*s: expected a number, found "
			       "\"%.*s\"", STR_ARG(key), STR_ARG(text));
	return 0;
}

static int set_member(struct fault *f, struct str key, struct str v,
		      struct err *err)
{
	int64_t n = f->what.status;
	int ret = 0;

	if (str_is(key, "method"))
		return copy(f->method, sizeof(f->method), v, "method", err);
	if (str_is(key, "path"))
		return copy(f->path, sizeof(f->path), v, "path", err);
	if (str_is(key, "retry_after"))
		return copy(f->what.retry_after, sizeof(f->what.retry_after),
			    v, "retry_after", err);
	if (str_is(key, "location"))
		return copy(f->what.location, sizeof(f->what.location), v,
			    "location", err);
	if (str_is(key, "delay"))
		return set_number(&f->what.delay_ms, v, key, err);
	if (str_is(key, "size"))
		return set_number(&f->what.size, v, key, err);
	if (str_is(key, "count"))
		return set_number(&f->count, v, key, err);
	if (str_is(key, "skip"))
		return set_number(&f->skip, v, key, err);
	if (str_is(key, "p"))
		return str_to_double(&f->p, v) ?
			       err_set(err, -EINVAL, "p: expected a number") :
			       0;
	if (str_is(key, "reused")) {
		f->reused = str_is(v, "true");
	} else if (str_is(key, "body")) {
		free(f->body);
		f->body = strndup(v.p ? v.p : "", v.n);
		f->what.body = (struct str){ f->body, f->body ? v.n : 0 };
	} else if (str_is(key, "status")) {
		ret = set_number(&n, v, key, err);
		f->what.status = n >= 200 && n <= 599 ? (int)n : 500;
	} else if (!str_is(key, "kind")) {
		ret = err_set(err, -EINVAL, "a fault has no \"%.*s\"",
			      STR_ARG(key));
	}
	return ret;
}

static int init(struct fault *f, struct str name, struct err *err)
{
	const struct kind *k = find_kind(name);

	if (!k)
		return err_set(err, -EINVAL, "no fault is called \"%.*s\"",
			       STR_ARG(name));
	*f = (struct fault){ .kind = k, .p = 1, .count = -1,
			     .what = { .kind = k->kind,
				       .status = k->status,
				       .delay_ms = 1000 } };
	f->what.size = k->kind == STRIKE_ENDLESS ? 10000000000 : 1000000;
	snprintf(f->method, sizeof(f->method), "%s", k->method);
	snprintf(f->path, sizeof(f->path), "%s", k->path);
	return 0;
}

/* Take f, whose body is then m's. A removed one makes room. */
static int add(struct box_mischief *m, const struct fault *f, struct err *err)
{
	int at = 0, id = -ENOSPC;

	pthread_mutex_lock(&m->lock);
	while (at < m->n && !(m->list[at].removed && !m->list[at].body))
		at++;
	if (at < FAULTS) {
		m->list[at] = *f;
		m->list[at].id = id = ++m->next_id;
		if (at == m->n)
			m->n++;
	}
	pthread_mutex_unlock(&m->lock);
	return id > 0 ? id : err_set(err, id, "at most %d faults", FAULTS);
}

int box_mischief_add(struct box_mischief *m, const struct json *v,
		     struct err *err)
{
	struct arena *a = arena_new(4 << 20);
	struct fault f = { 0 };
	const struct json *value;
	void *at = NULL;
	struct str key;
	int ret = a ? init(&f, json_get_str(v, "kind"), err) : -ENOMEM;

	while (!ret && json_next(v, &at, &key, &value))
		ret = set_member(&f, key, json_text(value, a), err);
	if (!ret)
		ret = add(m, &f, err);
	if (ret < 0)
		free(f.body);
	arena_free(a);
	return ret;
}

int box_mischief_add_text(struct box_mischief *m, struct str text,
			  struct err *err)
{
	struct str pair = STR_NONE, key;
	struct fault f = { 0 };
	int ret;

	str_cut(&text, ',', &pair);
	ret = init(&f, pair, err);
	while (!ret && str_cut(&text, ',', &pair)) {
		str_cut(&pair, '=', &key);
		ret = set_member(&f, key, pair, err);
	}
	if (!ret)
		ret = add(m, &f, err);
	if (ret < 0)
		free(f.body);
	return ret;
}

int box_mischief_remove(struct box_mischief *m, int id)
{
	int removed = 0;

	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < m->n; i++)
		if (!m->list[i].removed && (!id || m->list[i].id == id)) {
			m->list[i].removed = true;
			removed++;
		}
	pthread_mutex_unlock(&m->lock);
	return removed;
}

void box_mischief_put(struct buf *out, struct box_mischief *m)
{
	struct jsonw w = JSONW(out);

	jsonw_array(&w);
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < m->n; i++) {
		const struct fault *f = &m->list[i];

		if (f->removed)
			continue;
		jsonw_object(&w);
		jsonw_kint(&w, "id", f->id);
		jsonw_kcstr(&w, "kind", f->kind->name);
		jsonw_kcstr(&w, "method", f->method);
		jsonw_kcstr(&w, "path", f->path);
		jsonw_key(&w, "p");
		jsonw_double(&w, f->p);
		jsonw_kint(&w, "count", f->count);
		jsonw_kint(&w, "seen", (int64_t)f->seen);
		jsonw_kint(&w, "struck", (int64_t)f->struck);
		jsonw_end_object(&w);
	}
	pthread_mutex_unlock(&m->lock);
	jsonw_end_array(&w);
}

static bool strikes(struct box_mischief *m, struct fault *f)
{
	f->seen++;
	if (f->skip > 0) {
		f->skip--;
		return false;
	}
	if (!f->count || (f->p < 1 && chance(m) >= f->p))
		return false;
	if (f->count > 0)
		f->count--;
	f->struck++;
	return true;
}

struct box_fault box_mischief_strike(struct box_mischief *m, struct str method,
				     struct str path, bool reused)
{
	struct box_fault what = { .kind = STRIKE_NONE };
	/* Other listeners than StackFlow's are hit only by name, not by "*". */
	const char *other = str_starts(path, "/sns/")	  ? "/sns/"
			    : str_starts(path, "/cognito") ? "/cognito"
							   : NULL;

	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < m->n && what.kind == STRIKE_NONE; i++) {
		struct fault *f = &m->list[i];

		if (f->removed || f->what.kind == STRIKE_REFUSE ||
		    (f->reused && !reused) ||
		    (other && !str_starts(str_from(f->path), other)) ||
		    !str_glob(str_from(f->method), method) ||
		    !str_glob(str_from(f->path), path))
			continue;
		if (strikes(m, f))
			what = f->what;
	}
	pthread_mutex_unlock(&m->lock);
	return what;
}

bool box_mischief_refuse(struct box_mischief *m)
{
	bool refuse = false;

	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < m->n && !refuse; i++) {
		struct fault *f = &m->list[i];

		refuse = !f->removed && f->what.kind == STRIKE_REFUSE &&
			 strikes(m, f);
	}
	pthread_mutex_unlock(&m->lock);
	return refuse;
}

void sandbox_put_faults_help(struct buf *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		buf_printf(out, "  %-18s %s\n", kinds[i].name, kinds[i].help);
}
