/* A store's copy while it is at work, and a copy that becomes the store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encode.h"
#include "store/sqlite.h"

#define NAME_ROOM 4096

struct name {
	char p[NAME_ROOM];
};

static int say(struct err *err, int r, const char *path)
{
	return err_set(err, r, "%s: %s", path, strerror(-r));
}

static int join(struct name *out, const char *path, const char *tail,
		struct err *err)
{
	int n = snprintf(out->p, sizeof(out->p), "%s%s", path, tail);

	return n > 0 && (size_t)n < sizeof(out->p) ?
		       0 : say(err, -ENAMETOOLONG, path);
}

static int sync_folder_of(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) :
			       strdup(".");
	int fd, r = 0;

	if (!folder)
		return say(err, -ENOMEM, path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		r = say(err, -errno, folder);
	if (fd >= 0)
		close(fd);
	free(folder);
	return r;
}

/* ---- copying ---- */

static int sql_fault(struct err *err, const char *path, sqlite3 *db, int rc)
{
	return err_set(err, sql_errno(rc), "%s: %s", path,
		       db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

/* Made anew, so that it is nobody else's, with no more rights than a store. */
static int open_new(sqlite3 **out, const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	int rc;

	if (fd < 0)
		return say(err, -errno, path);
	close(fd);
	rc = sqlite3_open_v2(path, out,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	return rc ? sql_fault(err, path, *out, rc) : 0;
}

/* One step: a snapshot, which whoever writes meanwhile doesn't disturb. */
static int copy(sqlite3 *to, sqlite3 *from, const char *path, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc = SQLITE_NOMEM;

	if (b) {
		rc = sqlite3_backup_step(b, -1);
		sqlite3_backup_finish(b);
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	/* By itself: a copy has no WAL beside it. */
	if (!rc)
		rc = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL,
				  NULL, NULL);
	return rc ? sql_fault(err, path, to, rc) : 0;
}

static int sync_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), r = 0;

	if (fd < 0 || fsync(fd))
		r = say(err, -errno, path);
	if (fd >= 0)
		close(fd);
	return r;
}

/* ---- backup ---- */

static int put_in_place(const char *made, const char *to, bool force,
			struct err *err)
{
	if (force ? rename(made, to) : link(made, to)) {
		int r = -errno;

		if (r == -EEXIST)
			return err_set(err, r, "%s is there already: --force "
				       "replaces it", to);
		return say(err, r, to);
	}
	if (!force)
		unlink(made);
	return sync_folder_of(to, err);
}

int sqlite_backup(const char *where, const char *to, bool force,
		  struct err *err)
{
	struct store_reader *r = NULL;
	struct name partial;
	char tail[32];
	sqlite3 *db = NULL;
	int rc;

	if (!force && access(to, F_OK) == 0)
		return err_set(err, -EEXIST, "%s is there already: --force "
			       "replaces it", to);
	snprintf(tail, sizeof(tail), ".partial-%ld", (long)getpid());
	rc = join(&partial, to, tail, err);
	if (!rc)
		rc = sqlite_look(&r, where, err);
	if (rc)
		return rc;
	rc = open_new(&db, partial.p, err);
	if (!rc)
		rc = copy(db, ((struct sqlite_reader *)r)->q.db, to, err);
	sqlite3_close(db);
	sqlite_reader_close(r);
	if (!rc)
		rc = sync_file(partial.p, err);
	if (!rc)
		rc = put_in_place(partial.p, to, force, err);
	if (rc)
		unlink(partial.p);
	return rc;
}

/* ---- restore ---- */

static int number(sqlite3 *db, const char *text, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &st, NULL);

	if (!rc)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW) {
		*out = sqlite3_column_int64(st, 0);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_ERROR;
	}
	sqlite3_finalize(st);
	return rc;
}

/* Whole, ours, not of a newer tocsin, and made with this install key. */
static int check(sqlite3 *db, const char *path, const uint8_t *hash_key,
		 struct err *err)
{
	int64_t id = 0, version = 0, key = 0, faults = 1;
	int rc = number(db, "PRAGMA application_id", &id);

	if (!rc)
		rc = number(db, "PRAGMA user_version", &version);
	if (!rc && (id != SQL_APPLICATION_ID || version < 1))
		return err_set(err, -EUCLEAN, "%s is no backup of tocsin's",
			       path);
	if (!rc && version > SQL_SCHEMA_VERSION)
		return err_set(err, -ENOTSUP, "%s has schema version %lld, "
			       "made by a newer tocsin; this one knows up to "
			       "%d", path, (long long)version,
			       SQL_SCHEMA_VERSION);
	if (!rc)
		rc = number(db, "SELECT count(*) FROM pragma_integrity_check"
			    " WHERE integrity_check <> 'ok'", &faults);
	if (!rc && faults)
		return err_set(err, -EUCLEAN, "%s is damaged: its integrity "
			       "check finds faults", path);
	if (!rc)
		rc = number(db, "SELECT value FROM meta WHERE key ="
			    " 'store.key'", &key);
	if (!rc && key != (int64_t)hash_sip(hash_key, "tocsin", 6))
		return err_set(err, -EINVAL, "%s was made with another "
			       "install key: put that key back first", path);
	if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB || rc == SQLITE_ERROR)
		return err_set(err, -EUCLEAN, "%s is damaged, or no backup of "
			       "tocsin's", path);
	return rc ? sql_fault(err, path, db, rc) : 0;
}

/*
 * What came after the copy isn't known here: StackFlow's incidents are looked
 * through before the first create, as by a new store, and whatever was owed
 * then may have been carried out since.
 */
static int age(sqlite3 *db, const char *path, struct err *err)
{
	int rc = sqlite3_exec(db,
			      "BEGIN; DELETE FROM meta WHERE key = 'swept';"
			      "DELETE FROM known;"
			      "UPDATE op SET state = 3, held = 0"
			      " WHERE state IN (1, 2)"
			      " AND kind IN (1, 2, 3, 4, 5, 6); COMMIT",
			      NULL, NULL, NULL);

	return rc ? sql_fault(err, path, db, rc) : 0;
}

static int lock(const char *path, struct err *err)
{
	struct name name;
	int r = join(&name, path, ".lock", err), fd;

	if (r)
		return r;
	fd = open(name.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return say(err, -errno, name.p);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		r = errno == EWOULDBLOCK ?
			    err_set(err, -EBUSY, "%s: its agent is running: "
				    "stop it first", path) :
			    say(err, -errno, name.p);
		close(fd);
		return r;
	}
	return fd;
}

/* A restore by root leaves the files to whose they were. */
static int give(const char *path, const char *like, struct err *err)
{
	struct name folder;
	struct stat st;
	char *slash;
	int r;

	if (geteuid() != 0)
		return 0;
	r = join(&folder, like, "", err);
	if (r)
		return r;
	slash = strrchr(folder.p, '/');
	if (stat(like, &st)) {
		if (slash)
			*slash = '\0';
		if (stat(slash ? (slash == folder.p ? "/" : folder.p) : ".",
			 &st))
			return say(err, -errno, like);
	}
	return chown(path, st.st_uid, st.st_gid) ? say(err, -errno, path) : 0;
}

/* Into the file itself, where it can be: then it is one file to keep. */
static void fold_wal(const char *path)
{
	sqlite3 *db = NULL;

	if (access(path, F_OK) == 0 &&
	    !sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL))
		(void)sqlite3_wal_checkpoint_v2(db, NULL,
						SQLITE_CHECKPOINT_TRUNCATE,
						NULL, NULL);
	sqlite3_close(db);
}

static int move(const char *path, const char *aside, const char *tail,
		struct err *err)
{
	struct name from, to;
	int r = join(&from, path, tail, err);

	if (!r)
		r = join(&to, aside, tail, err);
	if (!r && rename(from.p, to.p) && errno != ENOENT)
		r = say(err, -errno, from.p);
	return r;
}

/* The WAL first: a file without it is older, one of another is garbage. */
static int set_aside(const char *path, const char *aside, struct err *err)
{
	struct name shm;
	int r;

	fold_wal(path);
	r = move(path, aside, "-wal", err);
	if (!r)
		r = move(path, aside, "", err);
	if (!r)
		r = join(&shm, path, "-shm", err);
	if (!r && unlink(shm.p) && errno != ENOENT)
		r = say(err, -errno, shm.p);
	return r;
}

static int make(const char *path, const char *from, const uint8_t *hash_key,
		struct err *err)
{
	sqlite3 *source = NULL, *db = NULL;
	int rc = sqlite3_open_v2(from, &source, SQLITE_OPEN_READONLY, NULL);

	rc = rc ? sql_fault(err, from, source, rc) :
		  check(source, from, hash_key, err);
	if (!rc) {
		unlink(path);		/* of one that was cut short */
		rc = open_new(&db, path, err);
	}
	if (!rc)
		rc = copy(db, source, path, err);
	if (!rc)
		rc = age(db, path, err);
	sqlite3_close(db);
	sqlite3_close(source);
	return rc ? rc : sync_file(path, err);
}

int sqlite_restore(const char *where, const char *from,
		   const uint8_t *hash_key, int64_t now_ms, struct buf *aside,
		   struct err *err)
{
	struct name made;
	int r, fd = lock(where, err);

	if (fd < 0)
		return fd;
	r = access(from, R_OK) ? say(err, -errno, from) : 0;
	if (!r)
		r = join(&made, where, ".restoring", err);
	if (!r)
		r = make(made.p, from, hash_key, err);
	if (!r)
		r = give(made.p, where, err);
	buf_printf(aside, "%s.before-restore-", where);
	clock_put_seconds(aside, now_ms);
	if (!r && buf_error(aside))
		r = say(err, -ENOMEM, where);
	if (!r && access(where, F_OK))
		buf_reset(aside);	/* there was none */
	if (!r && aside->n)
		r = set_aside(where, aside->p, err);
	if (!r && rename(made.p, where))
		r = say(err, -errno, where);
	if (!r)
		r = sync_folder_of(where, err);
	close(fd);
	return r;
}
