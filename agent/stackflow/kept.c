#include "agent/stackflow/kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "stackflow/login.h"

#define FILE_MAX (128 << 10)
#define NAME "login.json"
#define NAME_NEW "login.json.new"
#define NAME_LOCK "login.lock"

struct member {
	const char *key;
	size_t at;
};
static const struct member members[] = {
	{ "base_url", offsetof(struct kept, base_url) },
	{ "endpoint", offsetof(struct kept, endpoint) },
	{ "region", offsetof(struct kept, region) },
	{ "client_id", offsetof(struct kept, client_id) },
	{ "email", offsetof(struct kept, email) },
	{ "user", offsetof(struct kept, user) },
	{ "token", offsetof(struct kept, token) },
	{ "refresh_token", offsetof(struct kept, refresh) },
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static struct buf *member_of(const struct kept *k, size_t i)
{
	return (struct buf *)(void *)((uintptr_t)k + members[i].at);
}

void kept_init(struct kept *k)
{
	*k = (struct kept){ .expires_ms = 0 };
	for (size_t i = 0; i < MEMBERS; i++)
		buf_init(member_of(k, i), FILE_MAX);
}

void kept_fini(struct kept *k)
{
	for (size_t i = 0; i < MEMBERS; i++)
		buf_wipe(member_of(k, i));
}

/* ---- the folder ---- */

static void put_folder(struct buf *out)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		buf_puts(out, state);
	else
		buf_printf(out, "%s/.local/state", home ? home : "");
	buf_puts(out, "/stackflow");
}

/* Each folder of the path, for its owner alone where it's made. */
static int make_folder(char *path)
{
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
		*p = c;
		if (!c)
			return 0;
	}
}

static int open_folder(bool make, struct err *err)
{
	struct buf path = BUF_INIT(4096);
	int fd = -1, rc;

	put_folder(&path);
	rc = buf_error(&path);
	if (rc == 0 && make)
		rc = make_folder(path.p);
	if (rc == 0) {
		fd = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = fd < 0 ? -errno : 0;
	}
	if (rc && !(rc == -ENOENT && !make))
		err_set(err, rc, "%s: %s", buf_str(&path).p, strerror(-rc));
	buf_fini(&path);
	return rc ? rc : fd;
}

/* ---- read ---- */

static int check_mode(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return err_set(err, -EPERM, "the login's file isn't yours: "
			       "remove it and log in anew");
	if (st.st_mode & 077)
		return err_set(err, -EPERM, "the login's file is open to "
			       "others (mode %03o): `stackflow logout`, and "
			       "log in anew", st.st_mode & 0777u);
	return 0;
}

static int read_text(struct buf *out, int fd)
{
	char *room = buf_room(out, FILE_MAX - 1);
	size_t n = 0;

	while (room && n < FILE_MAX - 1) {
		ssize_t got = read(fd, room + n, FILE_MAX - 1 - n);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	buf_added(out, n);
	return buf_error(out);
}

static int read_members(struct kept *out, const struct json *doc)
{
	int rc = 0;

	for (size_t i = 0; i < MEMBERS; i++) {
		struct buf *to = member_of(out, i);

		buf_wipe(to);
		buf_put_str(to, json_get_str(doc, members[i].key));
		rc = rc ? rc : buf_error(to);
	}
	out->renew_ms = json_get_time(doc, "renew_at");
	out->expires_ms = json_get_time(doc, "expires_at");
	if (rc == 0 && (!out->base_url.n || !out->token.n))
		rc = -EINVAL;
	return rc;
}

int kept_read(struct kept *out, struct err *err)
{
	struct buf text = BUF_INIT(FILE_MAX);
	struct json *doc = NULL;
	int folder = open_folder(false, err), fd, rc;

	if (folder < 0)
		return folder == -ENOENT ? KEPT_NONE : folder;
	fd = openat(folder, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	rc = fd < 0 ? -errno : check_mode(fd, err);
	close(folder);
	if (rc == -ENOENT)
		return KEPT_NONE;
	if (rc == 0)
		rc = read_text(&text, fd);
	if (rc == 0)
		rc = json_parse(&doc, buf_str(&text), JSON_NO_NUL | JSON_SECRET,
				NULL);
	if (rc == 0)
		rc = read_members(out, doc);
	if (rc && !err->text[0])
		err_set(err, rc, "what the login kept can't be read (%s): "
			"`stackflow login` anew", strerror(-rc));
	json_free_wiped(doc);
	buf_wipe(&text);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- write ---- */

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0)
			return -errno;
		s = str_sub(s, (size_t)n, s.n - (size_t)n);
	}
	return fsync(fd) ? -errno : 0;
}

static int put_file(int folder, struct str text)
{
	int fd, rc;

	unlinkat(folder, NAME_NEW, 0);
	fd = openat(folder, NAME_NEW, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			    O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text);
	close(fd);
	if (rc == 0 && renameat(folder, NAME_NEW, folder, NAME))
		rc = -errno;
	return rc;
}

int kept_write(const struct kept *k, struct err *err)
{
	struct buf text = BUF_INIT(FILE_MAX);
	struct jsonw w = JSONW(&text);
	int folder = open_folder(true, err), rc;

	if (folder < 0)
		return folder;
	buf_room(&text, FILE_MAX / 2);	/* growing would leave copies */
	jsonw_object(&w);
	for (size_t i = 0; i < MEMBERS; i++)
		jsonw_kstr(&w, members[i].key, buf_str(member_of(k, i)));
	jsonw_ktime(&w, "renew_at", k->renew_ms);
	jsonw_ktime(&w, "expires_at", k->expires_ms);
	jsonw_end_object(&w);
	buf_putc(&text, '\n');
	rc = buf_error(&text);
	if (rc == 0)
		rc = put_file(folder, buf_str(&text));
	if (rc)
		err_set(err, rc, "the login can't be kept: %s", strerror(-rc));
	buf_wipe(&text);
	close(folder);
	return rc;
}

int kept_remove(struct err *err)
{
	int folder = open_folder(false, err), rc = 0;

	if (folder < 0)
		return folder == -ENOENT ? KEPT_NONE : folder;
	if (unlinkat(folder, NAME, 0))
		rc = errno == ENOENT ? KEPT_NONE :
			err_set(err, -errno, "the login can't be removed: %s",
				strerror(errno));
	unlinkat(folder, NAME_LOCK, 0);
	close(folder);
	return rc;
}

int kept_lock(struct err *err)
{
	int folder = open_folder(true, err), fd;

	if (folder < 0)
		return folder;
	fd = openat(folder, NAME_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	close(folder);
	if (fd < 0 || flock(fd, LOCK_EX)) {
		int rc = -errno;

		if (fd >= 0)
			close(fd);
		return err_set(err, rc, "the login can't be locked: %s",
			       strerror(-rc));
	}
	return fd;
}

/* ---- a token and its renewal ---- */

/* A new value at once: growing would leave copies of a secret behind. */
static void set(struct buf *to, struct str s)
{
	size_t max = to->max;

	buf_wipe(to);
	buf_init(to, max);
	buf_room(to, s.n + 1);
	buf_put_str(to, s);
}

void kept_take(struct kept *k, const struct sf_login *l, int64_t now_ms)
{
	set(&k->token, buf_str(&l->token));
	if (l->refresh.n)
		set(&k->refresh, buf_str(&l->refresh));
	if (l->user.n)
		set(&k->user, buf_str(&l->user));
	k->expires_ms = now_ms + l->life_ms;
	/* Early enough for what takes minutes with one token. */
	k->renew_ms = now_ms + l->life_ms / 5 * 4;
}

static int renew(struct kept *k, const struct sf_options *o, struct err *err)
{
	struct sf_options with = *o;
	struct err why = { "" };
	struct sf_login got;
	int64_t begun = clock_wall_ms();
	int rc;

	with.auth = (struct sf_auth){
		.method = SF_AUTH_PASSWORD,
		.client_id = buf_str(&k->client_id).p,
		.email = buf_str(&k->email).p,
		.endpoint_url = k->endpoint.n ? k->endpoint.p : NULL,
		.region = k->region.n ? k->region.p : NULL,
		.client_secret = getenv("STACKFLOW_CLIENT_SECRET"),
	};
	rc = sf_login_again(&got, &with, buf_str(&k->refresh),
			    buf_str(&k->user), &why);
	if (rc == 0) {
		kept_take(k, &got, begun);
		sf_login_fini(&got);
		return kept_write(k, err);
	}
	/* It may still serve for a while. */
	if (rc < 0 && clock_wall_ms() < k->expires_ms)
		return 0;
	return err_set(err, rc < 0 ? rc : -EACCES, "%s: `stackflow login` anew",
		       why.text);
}

int kept_renew(struct kept *k, const struct sf_options *o, struct err *err)
{
	int lock, rc;

	if (clock_wall_ms() < k->renew_ms)
		return 0;
	if (!k->refresh.n) {
		if (clock_wall_ms() < k->expires_ms)
			return 0;
		return err_set(err, -EACCES, "the login has expired: "
					     "`stackflow login` anew");
	}
	lock = kept_lock(err);
	if (lock < 0)
		return lock;
	/* Another may have renewed it meanwhile, and had a new refresh token
	 * for the old. */
	rc = kept_read(k, err);
	if (rc == KEPT_NONE)
		rc = err_set(err, -EACCES, "the login is gone: `stackflow "
					   "login` anew");
	if (rc == 0 && clock_wall_ms() >= k->renew_ms)
		rc = renew(k, o, err);
	close(lock);
	return rc;
}
