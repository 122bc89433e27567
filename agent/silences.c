#include "agent/silences.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "agent/triage.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/random.h"

#define ARENA_MAX (64 << 20)
#define ID_MAX 16

struct ended {			/* or extended: decided anew as well */
	struct ended *next;
	char id[ID_MAX];
};

struct silencing {
	struct agent *agent;
	pthread_mutex_t lock;
	struct silences *compiled;	/* NULL: none in force */
	size_t count;
	int64_t next_ms;		/* wall: when the first of them ends */
	bool stale;			/* the store couldn't be read */
	uint64_t asked, taken;		/* reads of the store, in their order */
	struct ended *ended;		/* early; triage has yet to release */
	pthread_mutex_t change;		/* from a row's read to its write */
};

/* ---- from the store into force ---- */

static struct silence of_store(const struct store_silence *x)
{
	return (struct silence){
		.id = x->id,
		.match = x->match,
		.owner = x->owner,
		.reason = x->reason,
		.begins_ms = x->begins_ms,
		.ends_ms = x->ends_ms,
		.created_ms = x->created_ms,
	};
}

static int compile(struct silences **out, int64_t *next_ms,
		   const struct store_silence *rows, size_t n,
		   struct arena *arena)
{
	struct silence *list = arena_array(arena, n, sizeof(*list));

	*out = NULL;
	*next_ms = INT64_MAX;
	if (!n)
		return 0;
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		list[i] = of_store(&rows[i]);
		if (list[i].ends_ms < *next_ms)
			*next_ms = list[i].ends_ms;
	}
	*out = silences_new(list, n);
	return *out ? 0 : -ENOMEM;
}

static int load(struct silencing *s)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct store_reader *reader = NULL;
	struct store_silence *rows = NULL;
	struct silences *fresh, *old = NULL;
	int64_t next_ms;
	uint64_t ticket;
	int n = -ENOMEM, rc;

	pthread_mutex_lock(&s->lock);
	ticket = ++s->asked;
	pthread_mutex_unlock(&s->lock);
	if (arena)
		rows = arena_array(arena, SILENCES_MAX, sizeof(*rows));
	if (rows)
		n = store_reader_open(&reader, s->agent->store, NULL);
	if (!n)
		n = store_silences(rows, SILENCES_MAX, reader,
				   clock_wall_ms(), arena);
	rc = n < 0 ? n : compile(&fresh, &next_ms, rows, (size_t)n, arena);
	pthread_mutex_lock(&s->lock);
	if (rc < 0) {
		s->stale = true;
	} else if (ticket < s->taken) {
		old = fresh;	/* a read that began later was swifter */
	} else {
		old = s->compiled;
		s->compiled = fresh;
		s->count = (size_t)n;
		s->next_ms = next_ms;
		s->taken = ticket;
		s->stale = false;
	}
	pthread_mutex_unlock(&s->lock);
	silences_free(old);
	store_reader_close(reader);
	arena_free(arena);
	return rc;
}

void silencing_reload(struct silencing *s)
{
	int rc = load(s);

	if (rc)
		LOG(ERROR, "silences can't be read; trying again",
		    LFC("error", strerror(-rc)));
}

int silencing_new(struct silencing **out, struct agent *a, struct err *err)
{
	struct silencing *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	s->agent = a;
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->change, NULL);
	rc = load(s);
	if (rc) {
		silencing_free(s);
		return err_set(err, rc, "the store's silences can't be read: "
			       "%s", strerror(-rc));
	}
	*out = s;
	return 0;
}

void silencing_free(struct silencing *s)
{
	struct ended *e, *next;

	if (!s)
		return;
	for (e = s->ended; e; e = next) {
		next = e->next;
		free(e);
	}
	silences_free(s->compiled);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->change);
	free(s);
}

static void refresh(struct silencing *s)
{
	bool old;

	pthread_mutex_lock(&s->lock);
	old = s->stale || s->next_ms <= clock_wall_ms();
	pthread_mutex_unlock(&s->lock);
	if (old)
		silencing_reload(s);
}

size_t silencing_count(struct silencing *s)
{
	size_t n;

	refresh(s);
	pthread_mutex_lock(&s->lock);
	n = s->count;
	pthread_mutex_unlock(&s->lock);
	return n;
}

struct silences *silencing_current(struct silencing *s)
{
	struct silences *current = NULL;

	refresh(s);
	pthread_mutex_lock(&s->lock);
	if (s->compiled)
		current = silences_ref(s->compiled);
	pthread_mutex_unlock(&s->lock);
	return current;
}

/* ---- new ones ---- */

static void put_id(struct buf *out)
{
	unsigned char bytes[8];

	random_bytes(bytes, sizeof(bytes));
	buf_putc(out, 's');
	encode_base32(out, bytes, sizeof(bytes));
}

/* One line of text, as logs, notes and tables show it. */
static int check_line(struct str s, size_t max, struct err *err)
{
	if (!str_trim(s).n)
		return err_set(err, -EINVAL, "is missing");
	if (s.n > max)
		return err_set(err, -EINVAL, "has %zu bytes, at most %zu are "
			       "taken", s.n, max);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return err_set(err, -EINVAL, "is one line, without "
				       "control characters");
	return utf8_valid(s) ? 0 : err_set(err, -EINVAL, "is no UTF-8");
}

static int check_match(struct str match, struct err *err)
{
	struct faults faults;
	int rc;

	if (!match.n)
		return err_set(err, -EINVAL, "is missing: what shall be "
			       "silenced?");
	if (match.n > SILENCE_MATCH_MAX)
		return err_set(err, -EINVAL, "has %zu bytes, at most %d are "
			       "taken", match.n, SILENCE_MATCH_MAX);
	faults_init(&faults);
	rc = silence_check(match, &faults);
	if (rc && faults.count && faults.list[0].column > 1)
		err_set(err, rc, "can't be taken, column %d: %s",
			faults.list[0].column, faults.list[0].text);
	else if (rc)
		err_set(err, rc, "can't be taken: %s",
			faults.count ? faults.list[0].text : strerror(-rc));
	faults_fini(&faults);
	return rc;
}

static int check_end(int64_t ends_ms, int64_t now_ms, struct err *err)
{
	if (!ends_ms)
		return err_set(err, -EINVAL, "is missing: a silence has an "
			       "end");
	if (ends_ms <= now_ms)
		return err_set(err, -EINVAL, "lies in the past");
	if (ends_ms > now_ms + SILENCE_AHEAD_MS)
		return err_set(err, -EINVAL, "lies more than 30 days ahead");
	return 0;
}

static int check(const struct silence *x, int64_t now_ms, const char **field,
		 struct err *err)
{
	int rc;

	*field = "match";
	rc = check_match(x->match, err);
	if (rc)
		return rc;
	*field = "owner";
	rc = check_line(x->owner, SILENCE_OWNER_MAX, err);
	if (rc)
		return rc;
	*field = "reason";
	rc = check_line(x->reason, SILENCE_REASON_MAX, err);
	if (rc)
		return rc;
	*field = "ends_at";
	return check_end(x->ends_ms, now_ms, err);
}

struct store_silence silence_row(const struct silence *x)
{
	return (struct store_silence){
		.id = x->id,
		.match = x->match,
		.owner = x->owner,
		.reason = x->reason,
		.begins_ms = x->begins_ms,
		.ends_ms = x->ends_ms,
		.created_ms = x->created_ms,
	};
}

static int keep(struct silencing *s, const struct silence *x)
{
	const struct store_silence row = silence_row(x);

	return store_put_silence(s->agent->store, &row);
}

int silencing_add(struct silence *new, struct silencing *s,
		  struct arena *arena, const char **field, struct err *err)
{
	int64_t now = clock_wall_ms();
	struct buf id = BUF_INIT(ID_MAX);
	int rc = check(new, now, field, err);

	if (rc)
		return rc;
	*field = NULL;
	if (silencing_count(s) >= SILENCES_MAX)
		return err_set(err, -ENOSPC, "%d silences are in force: end "
			       "some, or match wider", SILENCES_MAX);
	put_id(&id);
	new->id = arena_str(arena, buf_str(&id));
	buf_fini(&id);
	new->owner = str_trim(new->owner);
	new->reason = str_trim(new->reason);
	new->begins_ms = new->created_ms = now;
	rc = new->id.p ? keep(s, new) : -ENOMEM;
	if (rc < 0)
		return err_set(err, rc, "the store can't keep it: %s",
			       strerror(-rc));
	silencing_reload(s);
	return 0;
}

/* ---- ends ---- */

static int find(struct store_silence *out, struct silencing *s,
		struct str id, struct arena *arena)
{
	struct store_silence *rows = arena_array(arena, SILENCES_MAX,
						 sizeof(*rows));
	struct store_reader *reader;
	int n = rows ? store_reader_open(&reader, s->agent->store, NULL) :
		       -ENOMEM;

	if (n)
		return n;
	n = store_silences(rows, SILENCES_MAX, reader, clock_wall_ms(), arena);
	store_reader_close(reader);
	for (int i = 0; i < n; i++)
		if (str_eq(rows[i].id, id)) {
			*out = rows[i];
			return 1;
		}
	return n < 0 ? n : 0;
}

static void add_ended(struct silencing *s, struct ended *e)
{
	pthread_mutex_lock(&s->lock);
	e->next = s->ended;
	s->ended = e;
	pthread_mutex_unlock(&s->lock);
}

/* What it holds is decided anew, by what is in force now. */
static void look_again(struct silencing *s, struct ended *e, struct str id)
{
	silencing_reload(s);
	memcpy(e->id, id.p, id.n);
	add_ended(s, e);
	triage_wake(s->agent->triage);
}

int silencing_expire(struct silencing *s, struct str id)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct ended *e = calloc(1, sizeof(*e));
	struct store_silence x;
	int rc = -ENOMEM;

	pthread_mutex_lock(&s->change);
	if (arena && e)
		rc = id.n < ID_MAX ? find(&x, s, id, arena) : 0;
	if (rc > 0) {
		x.ends_ms = clock_wall_ms();
		rc = store_put_silence(s->agent->store, &x);
		rc = rc < 0 ? rc : 1;
	}
	pthread_mutex_unlock(&s->change);
	if (rc > 0) {
		look_again(s, e, id);
		e = NULL;
	}
	free(e);
	arena_free(arena);
	return rc;
}

static int lengthen(struct store_silence *x, struct silencing *s,
		    int64_t by_ms, int64_t ends_ms, struct err *err)
{
	int64_t before_ms = x->ends_ms;
	int rc;

	x->ends_ms = by_ms ? before_ms + by_ms : ends_ms;
	rc = check_end(x->ends_ms, clock_wall_ms(), err);
	if (rc)
		return rc;
	if (x->ends_ms <= before_ms)
		return err_set(err, -EINVAL, "is no later than it ends "
			       "anyhow; to end it sooner, expire it");
	rc = store_put_silence(s->agent->store, x);
	return rc < 0 ? err_set(err, rc, "the store can't keep it: %s",
				strerror(-rc)) : 1;
}

int silencing_extend(struct store_silence *out, struct silencing *s,
		     struct str id, int64_t by_ms, int64_t ends_ms,
		     struct arena *arena, struct err *err)
{
	struct ended *e = calloc(1, sizeof(*e));
	int rc = e ? 0 : -ENOMEM;

	err_set(err, rc, "the store can't do it now");
	pthread_mutex_lock(&s->change);
	if (e && id.n < ID_MAX)
		rc = find(out, s, id, arena);
	if (rc > 0)
		rc = lengthen(out, s, by_ms, ends_ms, err);
	pthread_mutex_unlock(&s->change);
	if (rc > 0) {
		look_again(s, e, id);
		e = NULL;
	}
	free(e);
	return rc;
}

int silencing_release(struct silencing *s)
{
	int released = 0;

	for (;;) {
		struct ended *e;
		int rc;

		pthread_mutex_lock(&s->lock);
		e = s->ended;
		if (e)
			s->ended = e->next;
		pthread_mutex_unlock(&s->lock);
		if (!e)
			return released;
		rc = store_release(s->agent->store, str_from(e->id),
				   clock_wall_ms());
		if (rc < 0) {
			add_ended(s, e);
			return rc;
		}
		free(e);
		released += rc;
	}
}
