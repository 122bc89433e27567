#include "tests/unit/store/help.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

/*
 * A file system that fails on demand: SQLite's own one behind it, and the n-th
 * write or sync from now on ends with an error.
 */
static sqlite3_vfs shim, *real;
static struct variant {			/* SQLite has some kinds of files */
	sqlite3_io_methods m;
	const sqlite3_io_methods *real;
} variants[4];
static _Atomic int fail_write, fail_sync, fail_code, sticky, syncs;

static const sqlite3_io_methods *real_of(const sqlite3_file *file)
{
	return ((const struct variant *)file->pMethods)->real;
}

static bool strikes(_Atomic int *n)
{
	if (*n == 0)
		return false;
	if (*n > 1) {
		--*n;
		return false;
	}
	if (!sticky)
		*n = 0;
	return true;
}

static int shim_write(sqlite3_file *file, const void *p, int n,
		      sqlite3_int64 at)
{
	if (strikes(&fail_write))
		return fail_code;
	return real_of(file)->xWrite(file, p, n, at);
}

static int shim_sync(sqlite3_file *file, int flags)
{
	syncs++;
	if (strikes(&fail_sync))
		return SQLITE_IOERR_FSYNC;
	return real_of(file)->xSync(file, flags);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
		     int flags, int *out)
{
	int rc = real->xOpen(real, name, file, flags, out);
	struct variant *v = variants;

	(void)vfs;
	if (rc != SQLITE_OK || !file->pMethods)
		return rc;
	while (v->real && v->real != file->pMethods)
		v++;
	if (!v->real) {
		v->m = *file->pMethods;
		v->real = file->pMethods;
		v->m.xWrite = shim_write;
		v->m.xSync = shim_sync;
	}
	file->pMethods = &v->m;
	return rc;
}

static int use_shim(void **state)
{
	(void)state;
	real = sqlite3_vfs_find(NULL);
	shim = *real;
	shim.zName = "tocsin-shim";
	shim.xOpen = shim_open;
	shim.pNext = NULL;
	return sqlite3_vfs_register(&shim, 1);
}

static int calm_setup(void **state)
{
	fail_write = fail_sync = sticky = 0;
	return setup(state);
}

static int put(struct fixture *f, const char *identity)
{
	struct event e = event_of(str_from(identity), NOW);

	return accept_events(f->s, &e, 1);
}

static int owe(struct fixture *f)
{
	struct op op = op_of(0, OP_FALLBACK);

	return write_op(f, &op, 0);
}

static void a_failed_sync_ends_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "before"), 0);
	fail_sync = 1;
	assert_int_equal(put(f, "lost"), -EIO);
	assert_true(store_failed(f->s));
	/* The disk seems well again: not believed, not by this process. */
	assert_int_equal(put(f, "after"), -EIO);
	assert_int_equal(owe(f), -EIO);
	assert_int_equal(store_expire(f->s, NOW, 10), -EIO);
	assert_int_equal(counts(f).events, 1);
	assert_int_equal(counts(f).fsyncs_failed, 1);
	reopen_store(f);
	assert_false(store_failed(f->s));
	assert_int_equal(put(f, "after"), 0);
	assert_int_equal(put(f, "before"), 0);
	assert_int_equal(counts(f).events,
			 counts(f).untriaged);
}

static void a_full_disk_is_over_when_it_is_over(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "before"), 0);
	fail_code = SQLITE_FULL;
	sticky = 1;
	fail_write = 1;
	assert_int_equal(put(f, "a"), -ENOSPC);
	assert_int_equal(put(f, "a"), -ENOSPC);
	assert_int_equal(owe(f), -ENOSPC);
	assert_false(store_failed(f->s));
	fail_write = 0;
	assert_int_equal(put(f, "a"), 0);
	assert_int_equal(owe(f), 0);
	assert_int_equal(counts(f).events, 2);
	reopen_store(f);
	assert_int_equal(counts(f).events, 2);
	assert_int_equal(counts(f).ops_open, 1);
}

/*
 * The n-th write or sync fails, for every n until one is past the work: what
 * was acknowledged is there afterwards, and the file is sound.
 */
static int work(struct fixture *f, bool *acked, int n)
{
	char id[8];
	int done = 0;

	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "w%d", i);
		acked[i] = put(f, id) == 0;
		done += acked[i];
	}
	return done;
}

static void check_sound(struct fixture *f, const bool *acked, int n)
{
	char id[8];
	sqlite3 *db;
	sqlite3_stmt *st;

	for (int i = 0; i < n; i++) {
		struct event e;

		snprintf(id, sizeof(id), "w%d", i);
		e = event_of(str_from(id), NOW);
		assert_int_equal(accept_events(f->s, &e, 1), 0);
		if (acked[i])
			assert_true(e.duplicate);
	}
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1,
					    &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
	sqlite3_finalize(st);
	sqlite3_close(db);
}

static void sweep(_Atomic int *which, int code, bool stick)
{
	enum { N = 3 };
	bool acked[N], whole = false;
	int n;

	for (n = 1; !whole && n < 200; n++) {
		struct fixture f;
		struct store *s = NULL;

		make_fixture(&f);
		fail_code = code;
		sticky = stick;
		*which = n;
		memset(acked, 0, sizeof(acked));
		if (store_open(&s, &f.o, &f.err) == 0) {
			f.s = s;
			whole = work(&f, acked, N) == N && *which > 0;
			store_close(s);
		}
		*which = 0;
		open_store(&f);
		check_sound(&f, acked, N);
		shut_store(&f);
		drop_fixture(&f);
	}
	assert_true(whole);
}

static void every_sync_may_fail(void **state)
{
	(void)state;
	sweep(&fail_sync, 0, true);
}

static void every_write_may_fail(void **state)
{
	(void)state;
	sweep(&fail_write, SQLITE_IOERR_WRITE, false);
	sweep(&fail_write, SQLITE_FULL, true);
}

/* One fsync a commit, beside those of the checkpoints. */
static void nothing_is_acknowledged_unsynced(void **state)
{
	struct fixture *f = *state;
	char id[8];

	assert_int_equal(put(f, "first"), 0);
	for (int i = 0; i < 20; i++) {
		int before = syncs;

		snprintf(id, sizeof(id), "s%d", i);
		assert_int_equal(put(f, id), 0);
		assert_true(syncs > before);
	}
}

/* ---- kill -9 ---- */

static void tell(int result, void *arg)
{
	if (result == 0 && write(3, &arg, sizeof(arg)) != sizeof(arg))
		_exit(1);
}

/* Accept for ever, telling the parent each number that was acknowledged. */
static void child(struct fixture *f, int fd, intptr_t from)
{
	enum { N = 4096 };
	static struct store_accept a[N];
	static struct event e[N];
	static char id[N][16];

	dup2(fd, 3);
	if (store_open(&f->s, &f->o, &f->err))
		_exit(1);
	for (int i = 0; i < N; i++) {
		snprintf(id[i], sizeof(id[i]), "k%d", (int)from + i);
		e[i] = event_of(str_from(id[i]), NOW);
		a[i] = (struct store_accept){ .events = &e[i], .count = 1,
					      .done = tell,
					      .arg = (void *)(from + i) };
		store_accept(f->s, &a[i]);
		if (i % 8 == 0)
			usleep(100);
	}
	pause();
}

static intptr_t one_life(struct fixture *f, bool *acked, intptr_t from,
			 unsigned ms)
{
	int fd[2], status;
	intptr_t n, last = from;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		child(f, fd[1], from);
		_exit(1);
	}
	close(fd[1]);
	/* Some are acknowledged in each life, however busy the machine is. */
	for (int i = 0; i < 4 && read(fd[0], &n, sizeof(n)) == sizeof(n); i++) {
		acked[n] = true;
		last = n + 1;
	}
	usleep(ms * 1000);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	while (read(fd[0], &n, sizeof(n)) == sizeof(n)) {
		acked[n] = true;
		last = n + 1;
	}
	close(fd[0]);
	return last;
}

static void kill_9_loses_nothing(void **state)
{
	struct fixture *f = *state;
	bool *acked = calloc(30 * 4096, sizeof(*acked));
	unsigned seed = 11;
	intptr_t from = 0;
	int64_t count = 0;

	shut_store(f);
	for (int life = 0; life < 30; life++)
		from = one_life(f, acked, from, 5 + rand_r(&seed) % 40);
	open_store(f);
	for (intptr_t i = 0; i < from; i++) {
		struct event e;
		char id[16];

		if (!acked[i])
			continue;
		snprintf(id, sizeof(id), "k%d", (int)i);
		e = event_of(str_from(id), NOW);
		assert_int_equal(accept_events(f->s, &e, 1), 0);
		assert_true(e.duplicate);
		count++;
	}
	assert_true(count > 100);
	assert_true(counts(f).events >= count);
	free(acked);
}

/* ---- many threads ---- */

enum { THREADS = 4, EACH = 150 };

struct hammer {
	struct fixture *f;
	int number;
	_Atomic int *left;
};

static void *intake(void *arg)
{
	struct hammer *h = arg;
	char id[32];

	for (int i = 0; i < EACH; i++) {
		/* Each identity comes from two threads. */
		snprintf(id, sizeof(id), "t%d-%d", h->number / 2, i);
		if (put(h->f, id))
			break;
		--*h->left;
	}
	return NULL;
}

static void *triage(void *arg)
{
	struct hammer *h = arg;
	struct store_reader *r;
	struct arena *a = arena_new(1 << 20);
	struct event e[16];
	struct store_write w[32];
	struct op op[16];
	int64_t done = 0, n;

	if (store_reader_open(&r, h->f->s, NULL))
		return NULL;
	while (done < THREADS / 2 * EACH) {
		n = store_new_events(e, 16, r, 0, a);
		for (int64_t i = 0; i < n; i++) {
			op[i] = op_of(0, OP_FALLBACK);
			w[2 * i] = (struct store_write){
				.kind = WRITE_EVENT_DONE, .event = &e[i] };
			w[2 * i + 1] = (struct store_write){
				.kind = WRITE_OP, .op = &op[i] };
		}
		if (n < 0 || (n && store_commit(h->f->s, w, 2 * (size_t)n)))
			break;
		done += n;
		arena_reset(a);
	}
	store_reader_close(r);
	arena_free(a);
	return NULL;
}

static void *watch(void *arg)
{
	struct hammer *h = arg;
	struct store_counts c;

	do {
		store_count(h->f->s, &c);
		/* An event is owed until its operation is: never neither. */
		if (c.untriaged + c.ops_open != c.events)
			return h;
	} while (*h->left > 0);
	return NULL;
}

static void threads(void **state)
{
	struct fixture *f = *state;
	pthread_t t[THREADS + 2];
	_Atomic int left = THREADS * EACH;
	struct hammer h[THREADS + 2];
	void *out[THREADS + 2];

	for (int i = 0; i < THREADS + 2; i++) {
		h[i] = (struct hammer){ f, i, &left };
		pthread_create(&t[i], NULL,
			       i < THREADS ? intake :
			       i == THREADS ? triage : watch, &h[i]);
	}
	for (int i = 0; i < THREADS + 2; i++) {
		pthread_join(t[i], &out[i]);
		assert_null(out[i]);
	}
	assert_int_equal(left, 0);
	assert_int_equal(counts(f).events, THREADS / 2 * EACH);
	assert_int_equal(counts(f).untriaged, 0);
	assert_int_equal(counts(f).ops_open, THREADS / 2 * EACH);
	assert_true(counts(f).commits < 2 * THREADS * EACH);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, calm_setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_failed_sync_ends_it),
		T(a_full_disk_is_over_when_it_is_over),
		cmocka_unit_test(every_sync_may_fail),
		cmocka_unit_test(every_write_may_fail),
		T(nothing_is_acknowledged_unsynced),
		T(kill_9_loses_nothing),
		T(threads),
	};

	return cmocka_run_group_tests(tests, use_shim, NULL);
}
