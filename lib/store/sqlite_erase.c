/* What an event carried, taken out of the files while its outcome stays. */
#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/sqlite.h"

#define STEP_MAX 256
#define TRIES 8
#define TRY_MS 250
/* Of SQLite's machine; milliseconds pass between two signs of life. */
#define STEPS 100000

/* Why an event's message stays; the first that holds. */
enum reason { NONE, UNDECIDED, OPEN, WAITS, OWED };

struct looked {
	int64_t matching;
	enum reason reason;
};

/* A message that was refused is what its dead letter is tried again with. */
static int is_dead_letter(struct sqlite *d, int64_t hash)
{
	struct buf id = BUF_INIT(32);
	struct query u = query_begin(&d->q, SQL_DEAD_LETTER_OF);
	int64_t found = 0;
	int r;

	store_put_id(&id, (uint64_t)hash);
	put_str(&u, buf_str(&id));
	r = query_int(&u, 0, &found);
	buf_fini(&id);
	return r ? r : found > 0;
}

/* All events of a message: how many are meant, and why none may go. */
static int look_at(struct looked *out, struct sqlite *d, int64_t first,
		   int64_t count, const struct store_erase *what)
{
	struct query u = query_begin(&d->q, SQL_ERASE_EVENTS);
	int64_t rejected = 0;
	int got;

	put_int(&u, first);
	put_int(&u, first + count);
	put_int(&u, what->before_ms);
	put_str(&u, what->account.n ? what->account : STR_NONE);
	while ((got = query_row(&u)) > 0) {
		int64_t hash = get_int(&u);
		enum reason reason;

		out->matching += get_int(&u);
		rejected = get_int(&u) ? hash : rejected;
		reason = (enum reason)get_int(&u);
		if (out->reason == NONE)
			out->reason = reason;
	}
	if (got < 0 || !rejected || out->reason != NONE)
		return got;
	got = is_dead_letter(d, rejected);
	if (got > 0)
		out->reason = OWED;
	return got < 0 ? got : 0;
}

static int erase_message(struct sqlite *d, int64_t first, int64_t count)
{
	static const enum sql_statement parts[] = {
		SQL_ERASE_PAYLOAD, SQL_ERASE_SUBJECTS, SQL_ERASE_WORLDS,
	};
	int r = 0;

	for (size_t i = 0; i < 3 && !r; i++) {
		struct query u = query_begin(&d->q, parts[i]);

		put_int(&u, first);
		if (i > 0)
			put_int(&u, first + count);
		r = query_run(&u);
	}
	return r;
}

static void count(struct store_erased *sum, const struct looked *l)
{
	int64_t *const at[] = {
		[NONE] = &sum->events,
		[UNDECIDED] = &sum->undecided,
		[OPEN] = &sum->open,
		[WAITS] = &sum->waiting,
		[OWED] = &sum->owed,
	};

	*at[l->reason] += l->matching;
}

int sqlite_erase(struct sqlite *d, struct store_job *j)
{
	const struct store_erase *what = j->erase;
	int64_t first[STEP_MAX], of[STEP_MAX];
	size_t n = 0, max = j->max < STEP_MAX ? j->max : STEP_MAX;
	struct query u = query_begin(&d->q, SQL_ERASE_WINDOW);
	int got = 0;

	put_int(&u, *j->after);
	put_int(&u, (int64_t)max);
	while (n < max && (got = query_row(&u)) > 0) {
		first[n] = get_int(&u);
		of[n++] = get_int(&u);
	}
	if (got > 0)
		query_end(&u);
	if (got < 0)
		return got;
	*j->erased = (struct store_erased){ 0 };
	for (size_t i = 0; i < n; i++) {
		struct looked l = { 0, NONE };
		int r = look_at(&l, d, first[i], of[i], what);

		if (!r && l.matching && l.reason == NONE && !what->dry)
			r = erase_message(d, first[i], of[i]);
		if (r)
			return r;
		count(j->erased, &l);
	}
	if (n)
		*j->after = first[n - 1];
	j->count = n == max;
	return 0;
}

/* ---- the files ---- */

/* A copy in the WAL, and one in a temporary file beside it. */
static bool has_room(const struct sqlite *d)
{
	struct statvfs v;
	uint64_t used = d->tally.counts.bytes;

	return !statvfs(d->path, &v) &&
	       (uint64_t)v.f_bavail * v.f_frsize > used * 2 + (64 << 20);
}

static int run(struct sqlite *d, const char *text)
{
	return sqlite3_exec(d->q.db, text, NULL, NULL, NULL);
}

/* 0; 1 where it can't be done, for want of room or of a temporary file, which
 * changes nothing; or negative. */
static int write_anew(struct sqlite *d)
{
	int rc = run(d, "PRAGMA temp_store = FILE");

	if (!rc)
		rc = run(d, "VACUUM");
	if (rc && sqlite3_extended_errcode(d->q.db) == SQLITE_IOERR_FSYNC)
		return -EIO;
	if (run(d, "PRAGMA temp_store = MEMORY"))
		return -EIO;
	return rc == SQLITE_CORRUPT ? -EUCLEAN : rc != 0;
}

/* All of the WAL to the database, and nothing left in it: readers come to
 * their ends in between. */
static int empty_wal(struct sqlite *d)
{
	int rc = SQLITE_BUSY;

	for (int i = 0; i < TRIES && rc == SQLITE_BUSY; i++) {
		if (i)
			usleep(TRY_MS * 1000);
		rc = sqlite3_wal_checkpoint_v2(d->q.db, NULL,
					       SQLITE_CHECKPOINT_TRUNCATE,
					       NULL, NULL);
	}
	if (!rc)
		d->frames = d->copied = d->tried = 0;
	return sql_errno(rc);
}

struct steps {
	void (*goes_on)(void *arg);
	void *arg;
};

static int tell_step(void *arg)
{
	const struct steps *s = arg;

	s->goes_on(s->arg);
	return 0;
}

/*
 * Deleted content is overwritten with zeros, but pages that were balanced may
 * hold copies of rows that moved to a neighbour: only writing all anew is sure
 * to leave none. Not in memory: a store is larger than that.
 */
int sqlite_scrub(void *db, void (*goes_on)(void *arg), void *arg)
{
	struct steps steps = { goes_on, arg };
	struct sqlite *d = db;
	int r = 1, emptied;

	sqlite3_progress_handler(d->q.db, STEPS, tell_step, &steps);
	if (has_room(d))
		r = write_anew(d);
	sqlite3_progress_handler(d->q.db, 0, NULL, NULL);
	if (r < 0)
		return r;
	emptied = empty_wal(d);
	sqlite_measure(d);
	return emptied ? emptied : r;
}
