#include "store/writer.h"

#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * Submissions are a stack of tagged pointers, linked through their own next
 * fields: pushing is one exchange, and the writer takes all at once.
 */
/*
 * After a run of so many the next lets most of as many gather again, as long as
 * some come now and then, in so many steps of so long at most. Not all: the
 * rest comes while these are written, and their senders aren't idle meanwhile.
 */
#define CROWD 4
#define GATHER_STEPS 6
#define GATHER_PATIENCE 2
#define GATHER_US 800

enum kind { ACCEPT = 0, BATCH = 1, JOB = 2, KIND_MASK = 3 };

static enum kind kind_of(uintptr_t item)
{
	return (enum kind)(item & KIND_MASK);
}

static void *thing(uintptr_t item)
{
	return (void *)(item & ~(uintptr_t)KIND_MASK);
}

static uintptr_t next_of(uintptr_t item)
{
	switch (kind_of(item)) {
	case ACCEPT:
		return (uintptr_t)((struct store_accept *)thing(item))->next;
	case BATCH:
		return (uintptr_t)((struct store_batch *)thing(item))->next;
	default:
		return (uintptr_t)((struct store_job *)thing(item))->next;
	}
}

static void set_next(uintptr_t item, uintptr_t next)
{
	switch (kind_of(item)) {
	case ACCEPT:
		((struct store_accept *)thing(item))->next = (void *)next;
		break;
	case BATCH:
		((struct store_batch *)thing(item))->next = (void *)next;
		break;
	default:
		((struct store_job *)thing(item))->next = (void *)next;
	}
}

static void rouse(struct store *s)
{
	if (atomic_load(&s->asleep) && atomic_exchange(&s->asleep, 0))
		syscall(SYS_futex, &s->asleep, FUTEX_WAKE_PRIVATE, 1, NULL,
			NULL, 0);
}

static void push(struct store *s, void *p, enum kind kind)
{
	uintptr_t item = (uintptr_t)p | kind;
	uintptr_t old = atomic_load(&s->top);

	do
		set_next(item, old);
	while (!atomic_compare_exchange_weak(&s->top, &old, item));
	rouse(s);
}

void writer_accept(struct store *s, struct store_accept *a)
{
	push(s, a, ACCEPT);
}

void writer_batch(struct store *s, struct store_batch *b)
{
	push(s, b, BATCH);
}

void writer_job(struct store *s, struct store_job *j)
{
	push(s, j, JOB);
}

/* Append what was submitted to the writer's list, the oldest first. */
static void take(struct store *s)
{
	uintptr_t item = atomic_exchange(&s->top, 0);
	uintptr_t newest = item, oldest = 0, next;

	for (; item; item = next) {
		next = next_of(item);
		set_next(item, oldest);
		oldest = item;
	}
	if (!oldest)
		return;
	if (s->first)
		set_next(s->last, oldest);
	else
		s->first = oldest;
	s->last = newest;
}

static void doze(struct store *s, int wait_ms)
{
	struct timespec t = { wait_ms / 1000, wait_ms % 1000 * 1000000L };

	/*
	 * Who pushes looks at asleep after the push, we look at top after
	 * having set it: one of the two sees the other.
	 */
	atomic_store(&s->asleep, 1);
	if (!atomic_load(&s->top) && !atomic_load(&s->stopping))
		syscall(SYS_futex, &s->asleep, FUTEX_WAIT_PRIVATE, 1,
			wait_ms < 0 ? NULL : &t, NULL, 0);
	atomic_store(&s->asleep, 0);
}

static size_t bytes_of(uintptr_t item)
{
	const struct store_accept *a = thing(item);
	const struct store_batch *b = thing(item);
	size_t n = 0;

	switch (kind_of(item)) {
	case ACCEPT:
		for (size_t i = 0; i < a->count; i++)
			n += 512 + a->events[i].payload.n;
		return n;
	case BATCH:
		for (size_t i = 0; i < b->count; i++)
			n += 512 + (b->writes[i].op ?
					    b->writes[i].op->body.n : 0);
		return n;
	default:
		return 4096;
	}
}

/* It shares no transaction, and has none. */
static bool goes_alone(uintptr_t item)
{
	const struct store_job *j = thing(item);

	return kind_of(item) == JOB && j->kind == JOB_SCRUB;
}

/* Move the next transaction's share to run; at least one. */
static size_t pick(struct store *s)
{
	size_t n = 0, bytes = 0;

	while (s->first && n < WRITER_RUN) {
		if (n && (goes_alone(s->first) || goes_alone(s->run[0])))
			break;
		bytes += bytes_of(s->first);
		if (n && bytes > s->run_bytes)
			break;
		s->run[n++] = s->first;
		s->first = next_of(s->first);
	}
	return n;
}

static int apply(struct store *s, uintptr_t item)
{
	switch (kind_of(item)) {
	case ACCEPT:
		return s->backend->accept(s->db, thing(item));
	case BATCH:
		return s->backend->batch(s->db, thing(item));
	default:
		return s->backend->job(s->db, thing(item));
	}
}

static void undo(struct store *s, const uintptr_t *run, size_t n)
{
	s->backend->rollback(s->db);
	for (size_t i = 0; i < n; i++) {
		if (kind_of(run[i]) == ACCEPT)
			s->backend->undo_accept(s->db, thing(run[i]));
		else if (kind_of(run[i]) == BATCH)
			s->backend->undo_batch(s->db, thing(run[i]));
	}
}

/* Before its commit. */
static int abandon(struct store *s, const uintptr_t *run, size_t n, int r)
{
	undo(s, run, n);
	if (r == -EUCLEAN)
		atomic_store(&s->failed, true);
	return r;
}

static bool has_accept(const uintptr_t *run, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (kind_of(run[i]) == ACCEPT)
			return true;
	return false;
}

/*
 * One transaction. 0: committed, each item with its own result. Negative:
 * nothing of it happened. After a COMMIT that failed for another reason than
 * space, what is on disk can't be known, so that nothing is tried again.
 */
static int attempt(struct store *s, const uintptr_t *run, int *result,
		   size_t n)
{
	bool full;
	int r = s->backend->begin(s->db);

	if (r)
		return r;
	full = has_accept(run, n) && s->backend->full(s->db);
	for (size_t i = 0; i < n; i++) {
		result[i] = full && kind_of(run[i]) == ACCEPT ?
				    -ENOSPC : apply(s, run[i]);
		if (result[i] < 0 && result[i] != -ESTALE &&
		    !(full && kind_of(run[i]) == ACCEPT))
			return abandon(s, run, i + 1, result[i]);
	}
	r = s->backend->accepted(s->db);
	if (r)
		return abandon(s, run, n, r);
	r = s->backend->commit(s->db);
	if (!r) {
		s->what |= s->backend->tally(s->db)->what;
		return 0;
	}
	undo(s, run, n);
	if (r != -ENOSPC) {
		s->fsyncs_failed++;
		atomic_store(&s->failed, true);
	}
	return r;
}

/*
 * A transaction failed: each alone, so that one that can't be written (or
 * events, when the disk is full) doesn't take the others with it.
 */
static void attempt_each(struct store *s, size_t n)
{
	bool full = false;

	for (size_t i = 0; i < n; i++) {
		int r = -EIO;

		if (full && kind_of(s->run[i]) == ACCEPT)
			r = -ENOSPC;
		else if (!atomic_load(&s->failed))
			r = attempt(s, &s->run[i], &s->result[i], 1);
		if (r)
			s->result[i] = r;
		full = full || s->result[i] == -ENOSPC;
	}
}

static void publish(struct store *s)
{
	const struct store_tally *t = s->backend->tally(s->db);

	pthread_mutex_lock(&s->lock);
	s->counts = t->counts;
	s->counts.fsyncs_failed = s->fsyncs_failed;
	pthread_mutex_unlock(&s->lock);
}

static void wake(struct store *s)
{
	unsigned what = s->what;

	s->what = 0;
	if (!what)
		return;
	pthread_mutex_lock(&s->wake_lock);
	if (s->wake)
		s->wake(what, s->wake_arg);
	pthread_mutex_unlock(&s->wake_lock);
}

/* After done the submission is its owner's again: not a look at it. */
static void answer(uintptr_t item, int result)
{
	struct store_accept *a = thing(item);
	struct store_batch *b = thing(item);
	struct store_job *j = thing(item);

	if (kind_of(item) == ACCEPT && a->done)
		a->done(result, a->arg);
	else if (kind_of(item) == BATCH && b->done)
		b->done(result, b->arg);
	else if (kind_of(item) == JOB && j->done)
		j->done(result, j->arg);
}

/* Something new is begun, or what takes long comes along. */
static void go_on(void *arg)
{
	struct store *s = arg;

	atomic_store_explicit(&s->busy_since_ms, clock_mono_ms(),
			      memory_order_relaxed);
}

static int scrub(struct store *s, struct store_job *j)
{
	int r;

	atomic_store(&s->scrubbing, true);
	r = s->backend->scrub(s->db, go_on, s);
	atomic_store(&s->scrubbing, false);
	if (r == -EIO || r == -EUCLEAN)
		atomic_store(&s->failed, true);
	j->count = r > 0;
	return r < 0 ? r : 0;
}

/* How many shared it. */
static size_t transact(struct store *s)
{
	size_t n = pick(s);
	int r = -EIO;

	if (atomic_load(&s->failed))
		r = -EIO;
	else if (goes_alone(s->run[0]))
		s->result[0] = r = scrub(s, thing(s->run[0]));
	else
		r = attempt(s, s->run, s->result, n);
	if (r && n > 1 && !atomic_load(&s->failed))
		attempt_each(s, n);
	else if (r)
		for (size_t i = 0; i < n; i++)
			s->result[i] = atomic_load(&s->failed) ? -EIO : r;
	publish(s);
	/* Senders first: who is woken finds what their answers leave. */
	for (size_t i = 0; i < n; i++)
		answer(s->run[i], s->result[i]);
	wake(s);
	return n;
}

static void tidy(struct store *s, bool idle)
{
	if (atomic_load(&s->failed)) {
		s->wait_ms = -1;
	} else if (s->backend->tidy(s->db, idle, &s->wait_ms)) {
		s->fsyncs_failed++;
		atomic_store(&s->failed, true);
		publish(s);
	}
}

/*
 * A crowd that was just answered is about to come back: a moment's wait saves
 * it most of its transactions. Until the first is back nobody waits, so that
 * this may last. Who comes alone never waits.
 */
static void gather(struct store *s, size_t crowd)
{
	size_t seen = 0, idle = 0;

	for (int i = 0; i < GATHER_STEPS && !atomic_load(&s->stopping); i++) {
		size_t n = 0;

		usleep(GATHER_US);
		for (uintptr_t at = atomic_load(&s->top); at; at = next_of(at))
			n++;
		idle = n > seen ? 0 : idle + 1;
		if (4 * n >= 3 * crowd ||
		    idle == (seen ? GATHER_PATIENCE : GATHER_STEPS))
			return;
		seen = n;
	}
}

static void *writer(void *arg)
{
	struct store *s = arg;
	size_t n = 0;

	for (;;) {
		go_on(s);
		if (n >= CROWD)
			gather(s, n);
		n = 0;
		take(s);
		if (s->first) {
			n = transact(s);
			tidy(s, false);
			continue;
		}
		if (atomic_load(&s->stopping))
			return NULL;
		atomic_store_explicit(&s->busy_since_ms, 0,
				      memory_order_relaxed);
		doze(s, s->wait_ms);
		go_on(s);
		if (!atomic_load(&s->top) && s->wait_ms >= 0)
			tidy(s, true);
	}
}

int64_t store_busy_ms(const struct store *s)
{
	int64_t since = atomic_load_explicit(&s->busy_since_ms,
					     memory_order_relaxed);

	return since ? clock_mono_ms() - since : 0;
}

int writer_start(struct store *s, struct err *err)
{
	sigset_t all, old;
	int r;

	s->wait_ms = -1;
	s->counts = s->backend->tally(s->db)->counts;
	/* Signals are for the threads that expect them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&s->thread, NULL, writer, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return err_set(err, -r, "the journal's thread can't be "
			       "started: %s", strerror(r));
	pthread_setname_np(s->thread, "journal");
	return 0;
}

void writer_stop(struct store *s)
{
	atomic_store(&s->stopping, true);
	rouse(s);
	pthread_join(s->thread, NULL);
}
