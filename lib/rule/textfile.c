/* description_file: a template in a file of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/encode.h"
#include "rule/digest.h"
#include "rule/kept.h"
#include "rule/loader.h"

#define FILE_MAX 65536

/* Where openat2 can't be had: step by step, through no link at all. */
static int open_by_steps(int dir, const char *path)
{
	struct str rest = str_from(path), step;
	int fd = dup(dir), next;
	char name[256];

	while (fd >= 0 && str_cut(&rest, '/', &step)) {
		if (step.n == 0 || str_is(step, "."))
			continue;
		if (step.n >= sizeof(name) || str_is(step, "..")) {
			close(fd);
			errno = EXDEV;
			return -1;
		}
		memcpy(name, step.p, step.n);
		name[step.n] = '\0';
		next = openat(fd, name,
			      O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
				      O_NOCTTY);
		close(fd);
		fd = next;
	}
	return fd;
}

/* A path that can't leave dir, links included. O_NONBLOCK: it may be a FIFO. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == E2BIG))
		fd = path[0] == '/' ? (errno = EXDEV, -1)
				    : open_by_steps(dir, path);
	return fd;
}

static int read_all(struct buf *out, int fd, size_t max, struct err *err)
{
	struct stat st;
	ssize_t n = 1;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "is no regular file");
	while (n > 0) {
		char *to = buf_room(out, 4096);

		if (!to)
			return err_set(err, -E2BIG, "has more than %zu bytes",
				       max);
		n = read(fd, to, 4096);
		if (n < 0)
			return err_set(err, -errno, "can't be read: %m");
		buf_added(out, (size_t)n);
	}
	if (out->n > max)
		return err_set(err, -E2BIG, "has more than %zu bytes", max);
	if (!utf8_valid(buf_str(out)) || str_find_char(buf_str(out), '\0') >= 0)
		return err_set(err, -EINVAL, "is no UTF-8 text");
	return 0;
}

int load_beneath(struct buf *out, const char *directory, struct str path,
		 size_t max, struct err *err)
{
	int dir, fd, rc;

	if (str_find_char(path, '\0') >= 0)
		return err_set(err, -EINVAL, "holds a NUL");
	dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(err, -errno, "its folder can't be opened: %m");
	fd = open_beneath(dir, path.p);
	if (fd < 0 && (errno == EXDEV || errno == ELOOP))
		rc = err_set(err, -errno,
			     "leads out of the folder");
	else if (fd < 0)
		rc = err_set(err, -errno, "can't be opened: %m");
	else
		rc = read_all(out, fd, max, err);
	if (fd >= 0)
		close(fd);
	close(dir);
	return rc;
}

void load_text_file(struct loader *l, const struct yaml *v, void *to)
{
	struct buf text = BUF_INIT(FILE_MAX + 8192);
	struct err err = { "" };
	struct str kept;

	if (!load_is(l, v, YAML_SCALAR))
		return;
	if (l->source && l->source->texts &&
	    kept_find(&kept, l->source, v->text))
		buf_put_str(&text, kept);
	else if (l->source && l->source->texts)
		err_set(&err, -ENOENT, "wasn't there on that day");
	else if (!l->directory)
		err_set(&err, -EINVAL,
			"can't be read: these rules have no "
			"folder");
	else
		load_beneath(&text, l->directory, v->text, FILE_MAX, &err);
	if (err.text[0])
		load_error(l, v, "bad-file", "`%.*s` %s",
			   STR_ARG(utf8_cut(v->text, 200)), err.text);
	else
		*(const struct template **)to =
			load_template_text(l, v, buf_str(&text));
	if (!err.text[0] && l->kept)
		kept_add(l->kept, l->source_at, v->text, buf_str(&text));
	if (l->digest)
		digest_add(l->digest, buf_str(&text));
	buf_fini(&text);
}
