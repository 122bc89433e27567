#include "agent/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"

/* The journal's folder, its disk, the file itself, and the install key. */
#define PROBES 9
#define BLOCK 4096
#define SLOW_US 50000
#define LITTLE (UINT64_C(64) << 20)

static const char *db_path(const struct conf *c)
{
	return c->store.url + strlen("sqlite:");
}

static void put_size(struct buf *out, uint64_t n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double d = (double)n;
	int unit = 0;

	for (; d >= 1024 && unit < 4; unit++)
		d /= 1024;
	buf_printf(out, unit && d < 10 ? "%.1f %s" : "%.0f %s", d,
		   units[unit]);
}

/* In a folder that is somebody else's it may be only us who can't. */
static enum doctor_level or_not_ours(const struct stat *st)
{
	return st->st_uid != geteuid() ? DOCTOR_WARN : DOCTOR_FAIL;
}

static bool check_folder(struct doctor_group *g, const char *folder)
{
	struct stat st;

	if (stat(folder, &st)) {
		doctor_say(g, errno == EACCES ? DOCTOR_WARN : DOCTOR_FAIL,
			   "store",
			   errno == EACCES ? DOCTOR_OWN_USER :
			   "make the folder, owned by the agent's user; the "
			   "systemd unit does so by StateDirectory=tocsin",
			   "%s: %s", folder, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode)) {
		doctor_say(g, DOCTOR_FAIL, "store",
			   "store.url names a file in a folder: mend it",
			   "%s is no folder", folder);
		return false;
	}
	if (access(folder, W_OK | X_OK) == 0)
		return true;
	doctor_say(g, or_not_ours(&st), "store",
		   st.st_uid != geteuid() ? DOCTOR_OWN_USER :
		   "let the agent's user write there",
		   "%s: %s", folder, strerror(errno));
	return false;
}

static void check_kind_of_disk(struct doctor_group *g, const char *folder)
{
	struct statfs fs;

	if (statfs(folder, &fs))
		return;
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		doctor_say(g, DOCTOR_WARN, "disk",
			   "put store.url on a disk: what is accepted must "
			   "outlive a power cut",
			   "%s lies in memory", folder);
	else if (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == SMB_SUPER_MAGIC ||
		 (unsigned)fs.f_type == CIFS_SUPER_MAGIC ||
		 (unsigned)fs.f_type == SMB2_SUPER_MAGIC)
		doctor_say(g, DOCTOR_FAIL, "disk",
			   "put store.url on a local disk: SQLite's journal "
			   "needs memory shared with the file",
			   "%s lies on a network file system", folder);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Microseconds of each write and fsync, sorted. 0 or -errno. */
static int time_syncs(int64_t us[PROBES], int fd)
{
	static const char block[BLOCK];

	for (int i = 0; i < PROBES; i++) {
		int64_t begun = clock_mono_us();

		if (pwrite(fd, block, BLOCK, (off_t)i * BLOCK) != BLOCK ||
		    fsync(fd))
			return -errno;
		us[i] = clock_mono_us() - begun;
	}
	qsort(us, PROBES, sizeof(*us), by_size);
	return 0;
}

static void check_sync(struct doctor_group *g, const char *folder)
{
	char path[PATH_MAX + 32];
	int64_t us[PROBES] = { 0 }, median;
	int fd, rc;

	snprintf(path, sizeof(path), "%s/.doctor-XXXXXX", folder);
	fd = mkostemp(path, O_CLOEXEC);
	rc = fd < 0 ? -errno : time_syncs(us, fd);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	if (rc) {
		doctor_say(g, DOCTOR_FAIL, "disk",
			   "nothing can be accepted like this: free the disk, "
			   "or let the agent's user write there",
			   "%s: a test file can't be written: %s", folder,
			   strerror(-rc));
		return;
	}
	median = us[PROBES / 2];
	doctor_say(g, median < SLOW_US ? DOCTOR_OK : DOCTOR_WARN, "disk",
		   median < SLOW_US ? NULL :
		   "every answer to a sender waits for one: use a faster disk",
		   "writable; fsync takes %.1f ms, %.1f ms at worst",
		   (double)median / 1000, (double)us[PROBES - 1] / 1000);
}

static uint64_t file_size(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size
						      : 0;
}

static void check_space(struct doctor_group *g, const char *folder)
{
	const char *path = db_path(g->conf);
	uint64_t used = file_size(path, "") + file_size(path, "-wal"), left;
	struct buf text = BUF_INIT(256);
	struct statvfs fs;
	bool short_of;

	if (statvfs(folder, &fs))
		return;
	left = (uint64_t)fs.f_bavail * fs.f_frsize;
	short_of = used < g->conf->store.max_size &&
		   left < g->conf->store.max_size - used;
	put_size(&text, left);
	buf_puts(&text, " free; the store has ");
	put_size(&text, used);
	buf_puts(&text, " of ");
	put_size(&text, g->conf->store.max_size);
	doctor_say(g,
		   left < LITTLE ? DOCTOR_FAIL :
		   short_of ? DOCTOR_WARN : DOCTOR_OK, "space",
		   left < LITTLE ? "free the disk: alarms are answered 503 "
				   "when it is full" :
		   short_of ? "the disk fills before store.max_size is "
			      "reached: lower it or free the disk" : NULL,
		   "%s", buf_str(&text).p);
	buf_fini(&text);
	if (fs.f_files && fs.f_favail < 100)
		doctor_say(g, DOCTOR_WARN, "space", "free some",
			   "%llu files are left on this disk",
			   (unsigned long long)fs.f_favail);
}

/*
 * Who holds the lock on this file? From /proc/locks, for a lock of our own,
 * however short, could meet an agent that is just starting. 0: nobody seen.
 */
static long lock_holder(const char *path)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], want[64];
	struct stat st;
	long pid = 0;

	if (!f)
		return 0;
	if (stat(path, &st)) {
		fclose(f);
		return 0;
	}
	snprintf(want, sizeof(want), " %02x:%02x:%lu ", major(st.st_dev),
		 minor(st.st_dev), (unsigned long)st.st_ino);
	while (!pid && fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, want);

		if (!at || !strstr(line, "FLOCK"))
			continue;
		while (at > line && at[-1] != ' ')
			at--;
		pid = strtol(at, NULL, 10);
	}
	fclose(f);
	return pid;
}

static void check_file(struct doctor_group *g)
{
	const char *path = db_path(g->conf);
	char head[16] = "", lock[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st = { .st_uid = geteuid() };
	ssize_t n = -1;
	long pid;

	if (fd < 0 && errno == ENOENT) {
		doctor_say(g, DOCTOR_OK, "store", NULL,
			   "%s isn't there yet: the first start makes it",
			   path);
		return;
	}
	if (fd >= 0) {
		n = read(fd, head, sizeof(head));
		close(fd);
	}
	if (fd < 0) {
		(void)!stat(path, &st);
		doctor_say(g, or_not_ours(&st), "store", DOCTOR_OWN_USER,
			   "%s: %s", path, strerror(errno));
		return;
	}
	if (n != 0 && (n != 16 || memcmp(head, "SQLite format 3", 16) != 0)) {
		doctor_say(g, DOCTOR_FAIL, "store",
			   "move it away and put the right file back, or let "
			   "the agent begin with an empty store",
			   "%s is no SQLite database", path);
		return;
	}
	snprintf(lock, sizeof(lock), "%s.lock", path);
	pid = lock_holder(lock);
	if (pid > 0)
		doctor_say(g, DOCTOR_OK, "store", NULL,
			   "%s is in use by process %ld, as it should be",
			   path, pid);
	else
		doctor_say(g, DOCTOR_OK, "store", NULL,
			   "%s is there; no agent is seen to use it", path);
}

static void check_install_key(struct doctor_group *g)
{
	const char *path = g->conf->install_key;
	struct stat st;

	if (stat(path, &st) == 0) {
		if (st.st_mode & S_IROTH)
			doctor_say(g, DOCTOR_WARN, "install key", "chmod o-r",
				   "everybody may read %s", path);
		else
			doctor_say(g, DOCTOR_OK, "install key", NULL,
				   "%s; keep a copy elsewhere", path);
		return;
	}
	if (errno != ENOENT)
		doctor_say(g, DOCTOR_WARN, "install key", DOCTOR_OWN_USER,
			   "%s: %s", path, strerror(errno));
	else if (file_size(db_path(g->conf), ""))
		doctor_say(g, DOCTOR_FAIL, "install key",
			   "put its copy back: with a new key the agent won't "
			   "open this store, and open incidents aren't found "
			   "again", "%s is missing, but the store is there",
			   path);
	else
		doctor_say(g, DOCTOR_OK, "install key", NULL,
			   "%s isn't there yet: the first start makes it",
			   path);
}

void doctor_store(struct doctor_group *g)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", db_path(g->conf));
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (check_folder(g, folder)) {
		check_kind_of_disk(g, folder);
		check_sync(g, folder);
		check_space(g, folder);
		check_file(g);
	}
	check_install_key(g);
}
