#include "store/store.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/encode.h"
#include "store/writer.h"

static const struct store_backend *const backends[] = { &store_sqlite };

/* ---- open and close ---- */

static const struct store_backend *backend_of(const char *url)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (str_starts(str_from(url), backends[i]->scheme))
			return backends[i];
	return NULL;
}

static const struct store_backend *named(const char **where, const char *url,
					 struct err *err)
{
	const struct store_backend *b = backend_of(url);

	*where = b ? url + strlen(b->scheme) : "";
	if (**where)
		return b;
	(void)err_set(err, -EINVAL, "store.url \"%s\": expected "
		      "sqlite:/path/of/a/file", url);
	return NULL;
}

int store_open(struct store **out, const struct store_options *o,
	       struct err *err)
{
	const char *where;
	const struct store_backend *backend = named(&where, o->url, err);
	struct store *s;
	int r;

	if (!backend)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->wake_lock, NULL);
	s->backend = backend;
	memcpy(s->hash_key, o->hash_key, sizeof(s->hash_key));
	/* A small store must not be overshot by what one transaction takes. */
	s->run_bytes = o->max_size / 64 < (8 << 20) ? o->max_size / 64 :
						      8 << 20;
	r = backend->open(&s->db, o, where, &s->made, err);
	if (!r) {
		r = writer_start(s, err);
		if (r)
			backend->close(s->db);
	}
	if (r) {
		pthread_mutex_destroy(&s->wake_lock);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	writer_stop(s);
	s->backend->close(s->db);
	pthread_mutex_destroy(&s->wake_lock);
	pthread_mutex_destroy(&s->lock);
	explicit_bzero(s->hash_key, sizeof(s->hash_key));
	free(s);
}

bool store_failed(const struct store *s)
{
	return atomic_load(&s->failed);
}

bool store_is_new(const struct store *s)
{
	return s->made;
}

/* ---- ids ---- */

void store_put_id(struct buf *out, uint64_t hash)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)(hash >> (56 - 8 * i));
	buf_putc(out, 'e');
	encode_base32(out, b, sizeof(b));
}

int store_id_hash(uint64_t *out, struct str id)
{
	uint64_t hash = 0;

	if (id.n != 14 || id.p[0] != 'e')
		return -EINVAL;
	for (size_t i = 1; i < 14; i++) {
		char c = id.p[i];
		uint64_t v = c >= 'a' && c <= 'z' ? (uint64_t)(c - 'a') :
			     c >= '2' && c <= '7' ? (uint64_t)(c - '2' + 26) :
						    32;

		/* The last character holds four bits and a zero. */
		if (v > 31 || (i == 13 && v & 1))
			return -EINVAL;
		hash = i == 13 ? hash << 4 | v >> 1 : hash << 5 | v;
	}
	*out = hash;
	return 0;
}

void store_event_id(struct buf *out, const struct store *s,
		    struct str identity)
{
	store_put_id(out, hash_sip(s->hash_key, identity.p, identity.n));
}

/* ---- submissions ---- */

void store_accept(struct store *s, struct store_accept *a)
{
	writer_accept(s, a);
}

void store_submit(struct store *s, struct store_batch *b)
{
	writer_batch(s, b);
}

struct waiter {
	sem_t done;
	int result;
};

static void answered(int result, void *arg)
{
	struct waiter *w = arg;

	w->result = result;
	sem_post(&w->done);
}

static int wait_for(struct waiter *w)
{
	while (sem_wait(&w->done) && errno == EINTR)
		;
	sem_destroy(&w->done);
	return w->result;
}

int store_commit(struct store *s, struct store_write *writes, size_t count)
{
	struct waiter w;
	struct store_batch b = { .writes = writes,
				 .count = count,
				 .done = answered,
				 .arg = &w };

	sem_init(&w.done, 0, 0);
	writer_batch(s, &b);
	return wait_for(&w);
}

int store_set_meta(struct store *s, struct str key, struct str value)
{
	struct store_write w = { .kind = WRITE_META, .key = key,
				 .value = value };

	return store_commit(s, &w, 1);
}

static int do_job(struct store *s, struct store_job *j)
{
	struct waiter w;
	int r;

	j->done = answered;
	j->arg = &w;
	sem_init(&w.done, 0, 0);
	writer_job(s, j);
	r = wait_for(&w);
	return r ? r : j->count;
}

int store_recover(struct store *s, int64_t now_ms, struct err *err)
{
	struct store_job j = { .kind = JOB_RECOVER, .ms = now_ms };
	int r = do_job(s, &j);

	return r < 0 ? err_set(err, r, "operations left in flight can't be "
			       "taken up: %s", strerror(-r)) : r;
}

int store_clock_back(struct store *s, int64_t now_ms, int64_t by_ms)
{
	struct store_job j = { .kind = JOB_CLOCK_BACK, .ms = now_ms,
			       .by_ms = by_ms };

	return do_job(s, &j);
}

int store_look_again(struct store *s, int64_t now_ms)
{
	struct store_write w = { .kind = WRITE_LOOK_AGAIN, .from = now_ms,
				 .until_ms = INT64_MAX };

	return store_commit(s, &w, 1);
}

int store_expire(struct store *s, int64_t before_ms, size_t max)
{
	struct store_job j = { .kind = JOB_EXPIRE, .ms = before_ms,
			       .max = max };

	return do_job(s, &j);
}

int store_erase(struct store *s, struct store_erased *out,
		const struct store_erase *what, int64_t *after, size_t max)
{
	struct store_job j = { .kind = JOB_ERASE, .erase = what,
			       .erased = out, .after = after, .max = max };

	return do_job(s, &j);
}

int store_scrub(struct store *s)
{
	struct store_job j = { .kind = JOB_SCRUB };

	return do_job(s, &j);
}

bool store_scrubbing(const struct store *s)
{
	return atomic_load(&s->scrubbing);
}

int store_save_rules(struct store *s, struct str file, struct str text)
{
	struct store_job j = { .kind = JOB_RULES, .file = file, .text = text };

	return do_job(s, &j);
}

int store_put_silence(struct store *s, const struct store_silence *x)
{
	struct store_job j = { .kind = JOB_SILENCE, .silence = x };

	return do_job(s, &j);
}

int store_release(struct store *s, struct str hold, int64_t now_ms)
{
	struct store_job j = { .kind = JOB_RELEASE, .file = hold,
			       .ms = now_ms };

	return do_job(s, &j);
}

int store_keep_ruleset(struct store *s, struct str hash, struct str sources,
		       int64_t now_ms)
{
	struct store_job j = { .kind = JOB_RULESET, .ms = now_ms,
			       .file = hash, .text = sources };

	return do_job(s, &j);
}

/* ---- counts ---- */

void store_count(const struct store *s, struct store_counts *out)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&s->lock;

	pthread_mutex_lock(lock);
	*out = s->counts;
	pthread_mutex_unlock(lock);
}

void store_on_commit(struct store *s, void (*wake)(unsigned what, void *arg),
		     void *arg)
{
	pthread_mutex_lock(&s->wake_lock);
	s->wake = wake;
	s->wake_arg = arg;
	pthread_mutex_unlock(&s->wake_lock);
}

/* ---- reading: whatever the backend is ---- */

int store_reader_open(struct store_reader **out, struct store *s,
		      struct err *err)
{
	int r = s->backend->reader_open(out, s->db, err);

	if (!r)
		(*out)->backend = s->backend;
	return r;
}

int store_look(struct store_reader **out, const char *url, struct err *err)
{
	const char *where;
	const struct store_backend *b = named(&where, url, err);
	int r;

	if (!b)
		return -EINVAL;
	r = b->look(out, where, err);
	if (!r)
		(*out)->backend = b;
	return r;
}

int store_backup(const char *url, const char *to, bool force, struct err *err)
{
	const char *where;
	const struct store_backend *b = named(&where, url, err);

	return b ? b->backup(where, to, force, err) : -EINVAL;
}

int store_restore(const struct store_options *o, const char *from,
		  int64_t now_ms, struct buf *aside, struct err *err)
{
	const char *where;
	const struct store_backend *b = named(&where, o->url, err);

	return b ? b->restore(where, from, o->hash_key, now_ms, aside, err) :
		   -EINVAL;
}

void store_reader_close(struct store_reader *r)
{
	if (r)
		r->backend->reader_close(r);
}

int store_reader_begin(struct store_reader *r)
{
	return r->backend->reader_begin(r);
}

void store_reader_end(struct store_reader *r)
{
	r->backend->reader_end(r);
}

int store_new_heads(struct event *out, size_t max, struct store_reader *r,
		    int64_t after, struct arena *arena)
{
	return r->backend->new_heads(out, max, r, after, arena);
}

int store_payload(struct str *out, struct store_reader *r, int64_t first,
		  struct arena *arena)
{
	return r->backend->payload(out, r, first, arena);
}

int store_new_events(struct event *out, size_t max, struct store_reader *r,
		     int64_t after, struct arena *arena)
{
	int n = store_new_heads(out, max, r, after, arena);

	for (int i = 0; i < n; i++) {
		int got;

		/* The events of one message share its payload. */
		if (i && out[i].first == out[i - 1].first) {
			out[i].payload = out[i - 1].payload;
			continue;
		}
		got = store_payload(&out[i].payload, r, out[i].first, arena);
		if (got < 0)
			return got;
	}
	return n;
}

int store_incident_by_key(struct incident *out, struct store_reader *r,
			  struct str key, struct arena *arena)
{
	return r->backend->incident_by_key(out, r, key, arena);
}

int store_incident_by_id(struct incident *out, struct store_reader *r,
			 int64_t id, struct arena *arena)
{
	return r->backend->incident_by_id(out, r, id, arena);
}

int store_unchanged(struct str *remote, struct store_reader *r,
		    const struct incident *i, const struct op *op,
		    struct arena *arena)
{
	return r->backend->unchanged(remote, r, i, op, arena);
}

int store_member(struct member *out, struct store_reader *r,
		 struct str subject, struct arena *arena)
{
	return r->backend->member(out, r, subject, arena);
}

int store_firing_open(struct member *out, size_t max, struct store_reader *r,
		      const struct member *after, struct arena *arena)
{
	return r->backend->firing_open(out, max, r, after, arena);
}

int store_others_firing(unsigned *out, struct store_reader *r,
			int64_t incident, int64_t except)
{
	return r->backend->others_firing(out, r, incident, except);
}

int store_tally(struct tally *out, struct store_reader *r, struct str key,
		struct arena *arena)
{
	return r->backend->tally_of(out, r, key, arena);
}

int store_opened(unsigned *out, struct store_reader *r, struct str team,
		 int64_t from_ms, int64_t to_ms)
{
	return r->backend->opened(out, r, team, from_ms, to_ms);
}

int store_open_behind(struct incident *out, size_t max, struct store_reader *r,
		      struct str policy, const struct field *same,
		      size_t same_count, struct arena *arena)
{
	return r->backend->open_behind(out, max, r, policy, same, same_count,
				       arena);
}

int store_due_waits(struct member *out, size_t max, struct store_reader *r,
		    int64_t now_ms, struct arena *arena)
{
	return r->backend->due_waits(out, max, r, now_ms, arena);
}

int store_due_timers(struct incident *out, size_t max, struct store_reader *r,
		     int64_t now_ms, struct arena *arena)
{
	return r->backend->due_timers(out, max, r, now_ms, arena);
}

int store_next_timer(int64_t *out_ms, struct store_reader *r)
{
	return r->backend->next_timer(out_ms, r);
}

int store_event_at(struct event *out, struct store_reader *r, int64_t seq,
		   struct arena *arena)
{
	return r->backend->event_at(out, r, seq, arena);
}

int store_lane_tail(struct op *out, struct store_reader *r, int64_t incident,
		    struct arena *arena)
{
	return r->backend->lane_tail(out, r, incident, arena);
}

int store_due_ops(struct op *out, size_t max, struct store_reader *r,
		  int64_t now_ms, struct arena *arena)
{
	return r->backend->due_ops(out, max, r, now_ms, arena);
}

int store_ops_in(struct op *out, size_t max, struct store_reader *r,
		 enum op_state state, struct arena *arena)
{
	return r->backend->ops_in(out, max, r, state, arena);
}

int store_op(struct op *out, struct store_reader *r, int64_t id,
	     struct arena *arena)
{
	return r->backend->op(out, r, id, arena);
}

int store_next_due(int64_t *out_ms, struct store_reader *r)
{
	return r->backend->next_due(out_ms, r);
}

int store_known(struct str *out, size_t max, struct store_reader *r,
		struct str marker, struct arena *arena)
{
	return r->backend->known(out, max, r, marker, arena);
}

int store_remote_is_ours(struct store_reader *r, struct str remote)
{
	return r->backend->remote_is_ours(r, remote);
}

int store_meta(struct str *out, struct store_reader *r, struct str key,
	       struct arena *arena)
{
	return r->backend->meta(out, r, key, arena);
}

int store_saved_rules(struct str *out, struct store_reader *r, struct str file,
		      struct arena *arena)
{
	return r->backend->saved_rules(out, r, file, arena);
}

int store_silences(struct store_silence *out, size_t max,
		   struct store_reader *r, int64_t after_ms,
		   struct arena *arena)
{
	return r->backend->silences(out, max, r, after_ms, arena);
}

int store_list_incidents(struct incident *out, struct store_reader *r,
			 const struct store_page *p, struct arena *arena)
{
	return r->backend->list_incidents(out, r, p, arena);
}

int store_list_events(struct event *out, struct store_reader *r,
		      const struct store_page *p, struct arena *arena)
{
	return r->backend->list_events(out, r, p, arena);
}

int store_event(struct event *out, struct store_reader *r, struct str id,
		struct arena *arena)
{
	uint64_t hash;

	if (store_id_hash(&hash, id))
		return 0;
	return r->backend->event(out, r, hash, arena);
}

int store_list_ops(struct op *out, struct store_reader *r, enum op_state state,
		   const struct store_page *p, struct arena *arena)
{
	return r->backend->list_ops(out, r, state, p, arena);
}

int store_ruleset(struct str *out, struct store_reader *r, struct str hash,
		  struct arena *arena)
{
	return r->backend->ruleset(out, r, hash, arena);
}

int store_past_events(struct past_event *out, size_t max,
		      struct store_reader *r, int64_t after, int64_t since_ms,
		      struct arena *arena)
{
	return r->backend->past_events(out, max, r, after, since_ms, arena);
}

int store_past_count(int64_t *out, struct store_reader *r, int64_t since_ms)
{
	return r->backend->past_count(out, r, since_ms);
}

int store_list_audit(struct store_audit *out, struct store_reader *r,
		     const struct store_page *p, struct arena *arena)
{
	return r->backend->list_audit(out, r, p, arena);
}

int store_event_ops(struct op *out, size_t max, struct store_reader *r,
		    const struct event *e, struct arena *arena)
{
	return r->backend->event_ops(out, max, r, e, arena);
}

int store_incident_ops(struct op *out, size_t max, struct store_reader *r,
		       int64_t incident, int64_t before, struct arena *arena)
{
	return r->backend->incident_ops(out, max, r, incident, before, arena);
}

int store_series(struct store_bucket *out, size_t n, struct store_reader *r,
		 int64_t from_ms, int64_t step_ms)
{
	return r->backend->series(out, n, r, from_ms, step_ms);
}

int store_search_events(struct event *out, int64_t *next,
			struct store_reader *r, const struct store_page *p,
			const struct store_search *s, struct arena *arena)
{
	return r->backend->search_events(out, next, r, p, s, arena);
}

int store_search_incidents(struct incident *out, int64_t *next,
			   struct store_reader *r, const struct store_page *p,
			   const struct store_search *s, struct arena *arena)
{
	return r->backend->search_incidents(out, next, r, p, s, arena);
}

int store_members(struct member *out, size_t max, struct store_reader *r,
		  int64_t incident, struct arena *arena)
{
	return r->backend->members(out, max, r, incident, arena);
}
