#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/encode.h"

#define PAGE_SIZE 8192
#define CACHE_KB 4096
#define SPARE_MIN (2ull << 20)
#define SPARE_MAX (64ull << 20)
/*
 * Copied to the database after so many frames: often, so that no copying takes
 * long, always between transactions, and soon when nothing happens.
 */
#define CHECKPOINT_FRAMES 256
#define IDLE_MS 250
#define PINNED_MS 2000
#define WAL_KEPT 8388608
#define ROOMY_COMMITS 16

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char damaged[] =
	"stop and keep a copy; salvage it with sqlite3's .recover, or move it "
	"away with its -wal and -shm: a new store finds its incidents in "
	"StackFlow again by their markers";

uint64_t sqlite_hash(const struct sqlite *d, struct str s)
{
	return hash_sip(d->hash_key, s.p, s.n);
}

/* ---- opening ---- */

static int take_lock(struct sqlite *d, struct err *err)
{
	char *name = sqlite3_mprintf("%s.lock", d->path);
	int r = 0;

	if (!name)
		return -ENOMEM;
	d->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock < 0)
		r = err_set(err, -errno, "%s: %s: the store's folder must "
			    "exist and be writable", name, strerror(errno));
	else if (flock(d->lock, LOCK_EX | LOCK_NB))
		r = err_set(err, errno == EWOULDBLOCK ? -EBUSY : -errno,
			    "%s: another agent has this store open: one SQLite "
			    "store serves one agent", d->path);
	sqlite3_free(name);
	return r;
}

static int sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) :
			       strdup(".");
	int fd, r = 0;

	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		r = -errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

/* SQLite gives its -wal and -shm the mode of the file. */
static int make_file(const char *path, struct err *err)
{
	int r = 0, fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0 || fsync(fd))
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (!r)
		r = sync_folder(path);
	if (r)
		err_set(err, r, "%s: the store can't be made: %s", path,
			strerror(-r));
	return r;
}

static int fault(struct sqlite *d, int r, struct err *err)
{
	if (r == -EUCLEAN)
		return err_set(err, r, "%s is damaged or not a database (%s): "
			       "%s", d->path, sqlite3_errmsg(d->q.db),
			       damaged);
	return err_set(err, r, "%s: %s", d->path, sqlite3_errmsg(d->q.db));
}

static int run(struct sqlite *d, const char *text, struct err *err)
{
	int rc = sqlite3_exec(d->q.db, text, NULL, NULL, NULL);

	return rc ? fault(d, sql_errno(rc), err) : 0;
}

/* The first column of the first row, as text of at most n - 1 bytes. */
static int ask(struct sqlite *d, const char *text, char *out, size_t n,
	       struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(d->q.db, text, -1, &st, NULL);

	out[0] = '\0';
	if (!rc)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		const char *s = (const char *)sqlite3_column_text(st, 0);

		sqlite3_snprintf((int)n, out, "%s", s ? s : "");
		rc = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return rc == SQLITE_OK || rc == SQLITE_DONE ?
		       0 : fault(d, sql_errno(rc), err);
}

static int ask_int(struct sqlite *d, const char *text, int64_t *out,
		   struct err *err)
{
	char word[32];
	int r = ask(d, text, word, sizeof(word), err);

	return r ? r : str_to_i64(out, str_from(word));
}

/* Whose file is it? Before anything of it is changed. */
static int look(struct sqlite *d, bool *made, struct err *err)
{
	int64_t id, version, tables;
	int r = ask_int(d, "PRAGMA application_id", &id, err);

	if (!r)
		r = ask_int(d, "PRAGMA user_version", &version, err);
	if (!r)
		r = ask_int(d, "SELECT count(*) FROM sqlite_master", &tables,
			    err);
	if (r)
		return r;
	*made = !id && !version && !tables;
	if (*made)
		return 0;
	if (id != SQL_APPLICATION_ID || version < 1)
		return err_set(err, -EUCLEAN, "%s is a database of another "
			       "program: give store.url a path of its own",
			       d->path);
	if (version > SQL_SCHEMA_VERSION)
		return err_set(err, -ENOTSUP, "%s has schema version %lld, "
			       "made by a newer tocsin; this one knows up to "
			       "%d: go back to the newer one, or give "
			       "store.url another path", d->path,
			       (long long)version, SQL_SCHEMA_VERSION);
	return 0;
}

/* What the promises rest on is read back, since a PRAGMA fails in silence. */
static int set_up(struct sqlite *d, struct err *err)
{
	char mode[16];
	int64_t level;
	int r = ask(d, "PRAGMA journal_mode = WAL", mode, sizeof(mode), err);

	if (!r && strcmp(mode, "wal") != 0)
		return err_set(err, -EINVAL, "%s: journal mode WAL can't be "
			       "had here (it is \"%s\"): the store needs a "
			       "local file system", d->path, mode);
	if (!r)
		r = run(d, "PRAGMA synchronous = FULL;"
			"PRAGMA wal_autocheckpoint = 0", err);
	if (!r)
		r = ask_int(d, "PRAGMA synchronous", &level, err);
	if (!r && level != 2)
		r = err_set(err, -EINVAL, "%s: synchronous=FULL wasn't taken",
			    d->path);
	return r;
}

static int make_schema(struct sqlite *d, struct err *err)
{
	char *text = sqlite3_mprintf(
		"BEGIN IMMEDIATE; %s"
		"INSERT INTO meta VALUES ('store.key', %lld);"
		"PRAGMA application_id = %d; PRAGMA user_version = 1; COMMIT",
		sql_schema, (long long)sqlite_hash(d, STR("tocsin")),
		SQL_APPLICATION_ID);
	int r = text ? run(d, text, err) : -ENOMEM;

	sqlite3_free(text);
	return r;
}

/* From an older version to ours, one at a time, each in a transaction. */
static int upgrade(struct sqlite *d, struct err *err)
{
	int64_t at;
	int r = ask_int(d, "PRAGMA user_version", &at, err);

	for (; !r && at < SQL_SCHEMA_VERSION; at++) {
		char *text = sqlite3_mprintf(
			"BEGIN IMMEDIATE; %s PRAGMA user_version = %d; COMMIT",
			sql_upgrade[at], (int)at + 1);

		r = text ? run(d, text, err) : -ENOMEM;
		sqlite3_free(text);
	}
	return r;
}

static int check_key(struct sqlite *d, struct err *err)
{
	int64_t key;
	int r = ask_int(d, "SELECT value FROM meta WHERE key = 'store.key'",
			&key, err);

	if (!r && key != (int64_t)sqlite_hash(d, STR("tocsin")))
		r = err_set(err, -EINVAL, "%s was made with another install "
			    "key: put that key back, or move the store away",
			    d->path);
	return r;
}

static int count(struct sqlite *d, enum sql_statement n, int64_t *out)
{
	struct query u = query_begin(&d->q, n);

	return query_int(&u, 0, out);
}

static int count_ops(struct sqlite *d)
{
	struct store_counts *c = &d->tally.counts;
	struct query u = query_begin(&d->q, SQL_COUNT_OPS);
	int r;

	while ((r = query_row(&u)) > 0) {
		enum op_state state = (enum op_state)get_int(&u);
		int64_t n = get_int(&u), held = get_int(&u);

		if (state == OP_READY)
			c->ops_held = held;
		if (state == OP_IN_DOUBT)
			c->in_doubt = n;
		if (state == OP_DEAD)
			c->dead = n;
		c->ops_open += get_int(&u);
	}
	return r;
}

static int load(struct sqlite *d, struct err *err)
{
	struct store_tally *t = &d->tally;
	struct query u = query_begin(&d->q, SQL_LAST_IDS);
	int r = query_row(&u);

	if (r > 0) {
		t->next_event = get_int(&u) + 1;
		t->next_incident = get_int(&u) + 1;
		t->next_member = get_int(&u) + 1;
		t->next_op = get_int(&u) + 1;
		t->next_tally = get_int(&u) + 1;
		query_end(&u);
		u = query_begin(&d->q, SQL_META);
		put_str(&u, STR("store.dropped"));
		r = query_int(&u, 0, &d->dropped);
	}
	/* Every seq was given to an event that was committed. */
	t->counts.events = t->next_event - 1 - d->dropped;
	if (!r)
		r = count(d, SQL_COUNT_UNTRIAGED, &t->counts.untriaged);
	if (!r)
		r = count(d, SQL_COUNT_OPEN, &t->counts.incidents_open);
	if (!r)
		r = sqlite_count_timers(d);
	if (!r)
		r = count_ops(d);
	return r ? fault(d, r, err) : 0;
}

static uint64_t file_size(struct sqlite *d, int which)
{
	sqlite3_file *f = NULL;
	sqlite3_int64 n = 0;

	if (sqlite3_file_control(d->q.db, "main", which, &f) || !f ||
	    !f->pMethods || f->pMethods->xFileSize(f, &n))
		return 0;
	return (uint64_t)n;
}

void sqlite_measure(struct sqlite *d)
{
	struct store_counts *c = &d->tally.counts;

	c->wal_bytes = file_size(d, SQLITE_FCNTL_JOURNAL_POINTER);
	c->bytes = file_size(d, SQLITE_FCNTL_FILE_POINTER) + c->wal_bytes;
}

static int committed(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct sqlite *d = arg;

	(void)db;
	(void)name;
	d->frames = frames;
	d->tally.counts.commits++;
	return SQLITE_OK;
}

static int open_file(struct sqlite *d, bool *made, struct err *err)
{
	int r = make_file(d->path, err);

	if (r)
		return r;
	if (sqlite3_open_v2(d->path, &d->q.db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		return d->q.db ? fault(d, sql_errno(sqlite3_errcode(d->q.db)),
				       err) : -ENOMEM;
	sqlite3_busy_timeout(d->q.db, 2000);
	r = run(d, "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
		"PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
		"PRAGMA secure_delete = ON", err);
	if (!r)
		r = look(d, made, err);
	if (!r && *made)
		r = run(d, "PRAGMA page_size = " TEXT(PAGE_SIZE), err);
	if (!r)
		r = run(d, "PRAGMA cache_size = -" TEXT(CACHE_KB) ";"
			"PRAGMA journal_size_limit = " TEXT(WAL_KEPT), err);
	if (!r)
		r = set_up(d, err);
	if (!r && *made)
		r = make_schema(d, err);
	if (!r)
		r = check_key(d, err);
	if (!r)
		r = upgrade(d, err);
	if (!r)
		r = ask_int(d, "PRAGMA page_size", &d->page_size, err);
	return r;
}

/* Its count of memory in use takes a lock of the whole process at each
 * allocation: 15 % of the time that threads spend in it here. */
static void without_count(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void sqlite_close(void *db)
{
	struct sqlite *d = db;

	if (!d)
		return;
	sql_fini(&d->q);
	if (d->lock >= 0)
		close(d->lock);
	explicit_bzero(d->hash_key, sizeof(d->hash_key));
	free(d->path);
	free(d);
}

static int sqlite_open(void **out, const struct store_options *o,
		       const char *where, bool *made, struct err *err)
{
	struct sqlite *d = calloc(1, sizeof(*d));
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	bool new_file = false;
	int r = -ENOMEM;

	if (!d)
		return r;
	pthread_once(&once, without_count);
	d->lock = -1;
	d->path = strdup(where);
	d->max_size = o->max_size;
	d->retain_ms = o->retain_ms;
	memcpy(d->hash_key, o->hash_key, sizeof(d->hash_key));
	d->spare = o->max_size / 20;
	if (d->spare < SPARE_MIN)
		d->spare = SPARE_MIN;
	if (d->spare > SPARE_MAX)
		d->spare = SPARE_MAX;
	if (d->path)
		r = take_lock(d, err);
	if (!r)
		r = open_file(d, &new_file, err);
	if (!r)
		r = load(d, err);
	if (r) {
		sqlite_close(d);
		return r;
	}
	sqlite_measure(d);
	sqlite3_wal_hook(d->q.db, committed, d);
	*made = new_file;
	*out = d;
	return 0;
}

/* ---- transactions ---- */

static int run_plain(struct sqlite *d, enum sql_statement n)
{
	struct query u = query_begin(&d->q, n);

	return query_run(&u);
}

static int sqlite_begin(void *db)
{
	struct sqlite *d = db;

	d->tally.what = 0;
	d->mark = d->tally;
	d->dropped_mark = d->dropped;
	return run_plain(d, SQL_BEGIN);
}

static void sqlite_rollback(void *db)
{
	struct sqlite *d = db;

	if (!sqlite3_get_autocommit(d->q.db))
		run_plain(d, SQL_ROLLBACK);
	d->undone = d->tally;
	d->tally = d->mark;
	d->dropped = d->dropped_mark;
}

static int sqlite_commit(void *db)
{
	struct sqlite *d = db;
	int r = run_plain(d, SQL_COMMIT);

	if (!r)
		sqlite_measure(d);
	return r;
}

/* How often what finishing what was taken may need is left on the disk. */
static uint64_t disk_room(const struct sqlite *d)
{
	struct statvfs v;
	uint64_t need;

	if (statvfs(d->path, &v))
		return 1;
	/* On a small disk as much would be more than there is. */
	need = (uint64_t)v.f_blocks * v.f_frsize / 4;
	if (need > d->spare)
		need = d->spare;
	return need ? (uint64_t)v.f_bavail * v.f_frsize / need : 1;
}

/* Asked rarely while there is much room. */
static bool sqlite_full(void *db)
{
	struct sqlite *d = db;
	int64_t pages = 0, unused = 0;
	uint64_t used, room;

	if (d->roomy && d->tally.counts.commits < d->asked + ROOMY_COMMITS)
		return false;
	d->asked = d->tally.counts.commits;
	d->roomy = false;
	if (count(d, SQL_PAGE_COUNT, &pages) ||
	    count(d, SQL_FREE_COUNT, &unused))
		return d->full;
	used = (uint64_t)(pages - unused) * (uint64_t)d->page_size +
	       d->tally.counts.wal_bytes;
	room = disk_room(d);
	d->full = used > d->max_size / 10 * 9 || !room;
	d->roomy = used < d->max_size / 2 && room > 16;
	return d->full;
}

static const struct store_tally *sqlite_tally(void *db)
{
	struct sqlite *d = db;

	d->tally.counts.full = d->full;
	return &d->tally;
}

/*
 * Copy the WAL to the database, PASSIVE: it waits for nobody. A reader that
 * is in the midst of something keeps the rest from being copied; the WAL grows
 * meanwhile, counts as used, and so is bounded by the high-water mark.
 */
static int sqlite_tidy(void *db, bool idle, int *wait_ms)
{
	struct sqlite *d = db;
	int all = 0, copied = 0, rc;

	*wait_ms = -1;
	if (d->frames < d->tried)	/* the WAL began anew */
		d->tried = d->copied = 0;
	if (d->frames == d->copied)
		return 0;
	*wait_ms = d->tried == d->frames ? PINNED_MS : IDLE_MS;
	if (!idle && d->frames - d->tried < CHECKPOINT_FRAMES)
		return 0;
	rc = sqlite3_wal_checkpoint_v2(d->q.db, NULL,
				       SQLITE_CHECKPOINT_PASSIVE, &all,
				       &copied);
	if (rc && rc != SQLITE_BUSY && rc != SQLITE_FULL)
		return sql_errno(rc);
	d->tried = d->frames;
	if (!rc)
		d->copied = copied;
	sqlite_measure(d);
	*wait_ms = d->copied == d->frames ? -1 : PINNED_MS;
	return 0;
}

const struct store_backend store_sqlite = {
	.scheme = "sqlite:",
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.accept = sqlite_accept,
	.batch = sqlite_batch,
	.accepted = sqlite_accepted,
	.job = sqlite_job,
	.undo_accept = sqlite_undo_accept,
	.undo_batch = sqlite_undo_batch,
	.full = sqlite_full,
	.tally = sqlite_tally,
	.tidy = sqlite_tidy,
	.scrub = sqlite_scrub,
	.reader_open = sqlite_reader_open,
	.reader_close = sqlite_reader_close,
	.reader_begin = sqlite_reader_begin,
	.reader_end = sqlite_reader_end,
	.new_heads = sqlite_new_heads,
	.payload = sqlite_payload,
	.incident_by_key = sqlite_incident_by_key,
	.incident_by_id = sqlite_incident_by_id,
	.unchanged = sqlite_unchanged,
	.member = sqlite_member,
	.firing_open = sqlite_firing_open,
	.others_firing = sqlite_others_firing,
	.tally_of = sqlite_tally_of,
	.opened = sqlite_opened,
	.open_behind = sqlite_open_behind,
	.due_waits = sqlite_due_waits,
	.due_timers = sqlite_due_timers,
	.next_timer = sqlite_next_timer,
	.event_at = sqlite_event_at,
	.lane_tail = sqlite_lane_tail,
	.due_ops = sqlite_due_ops,
	.ops_in = sqlite_ops_in,
	.op = sqlite_op,
	.next_due = sqlite_next_due,
	.known = sqlite_known,
	.remote_is_ours = sqlite_remote_is_ours,
	.meta = sqlite_meta,
	.saved_rules = sqlite_saved_rules,
	.silences = sqlite_silences,
	.list_incidents = sqlite_list_incidents,
	.list_events = sqlite_list_events,
	.search_events = sqlite_search_events,
	.search_incidents = sqlite_search_incidents,
	.members = sqlite_members,
	.event = sqlite_event,
	.list_ops = sqlite_list_ops,
	.look = sqlite_look,
	.backup = sqlite_backup,
	.restore = sqlite_restore,
	.ruleset = sqlite_ruleset,
	.past_events = sqlite_past_events,
	.past_count = sqlite_past_count,
	.list_audit = sqlite_list_audit,
	.event_ops = sqlite_event_ops,
	.incident_ops = sqlite_incident_ops,
	.series = sqlite_series,
};
