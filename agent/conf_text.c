#include "agent/conf_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_MAX (64 << 10) /* bytes of one expanded scalar */

void *conf_alloc(struct conf_walk *w, size_t n)
{
	struct conf_chunk *c = calloc(1, sizeof(*c) + n);

	if (!c) {
		w->no_memory = true;
		return NULL;
	}
	c->size = n;
	c->next = *w->chunks;
	*w->chunks = c;
	return c->bytes;
}

void conf_chunks_free(struct conf_chunk *chunks)
{
	struct conf_chunk *next;

	for (; chunks; chunks = next) {
		next = chunks->next;
		explicit_bzero(chunks->bytes, chunks->size);
		free(chunks);
	}
}

char *conf_keep(struct conf_walk *w, struct str s)
{
	char *p = conf_alloc(w, s.n + 1);

	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

char *conf_keep_path(struct conf_walk *w, struct str s)
{
	struct buf b = BUF_INIT(PATH_MAX + VALUE_MAX);
	char *p;

	if (s.n == 0 || s.p[0] != '/') {
		buf_puts(&b, w->folder);
		if (!str_ends(buf_str(&b), "/"))
			buf_putc(&b, '/');
	}
	buf_put_str(&b, s);
	p = buf_error(&b) ? NULL : conf_keep(w, buf_str(&b));
	w->no_memory |= !p;
	buf_fini(&b);
	return p;
}

int conf_read_file(struct buf *out, const char *path, size_t max,
		   unsigned *mode, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;
	char *to;
	int rc;

	if (fd < 0)
		return err_set(err, -errno, "%m");
	rc = fstat(fd, &st) ? err_set(err, -errno, "%m") : 0;
	if (rc == 0 && !S_ISREG(st.st_mode))
		rc = err_set(err, -EINVAL, "not a regular file");
	if (rc == 0 && (uint64_t)st.st_size > max)
		rc = err_set(err, -EINVAL, "larger than %zu bytes", max);
	if (rc)
		goto out;
	if (mode)
		*mode = st.st_mode;
	/* One allocation, so that no copy of a secret is left behind. */
	to = buf_room(out, (size_t)st.st_size + 1);
	while (to && (n = read(fd, to, (size_t)st.st_size + 1 - out->n)) > 0) {
		buf_added(out, (size_t)n);
		to = out->n > (size_t)st.st_size ? NULL : out->p + out->n;
	}
	rc = buf_error(out);
	if (rc)
		err_set(err, rc, "out of memory");
	else if (!to)
		rc = err_set(err, -EAGAIN, "it grew while it was read");
	else if (n < 0)
		rc = err_set(err, -errno, "%m");
out:
	close(fd);
	return rc;
}

/* Content of a file without one newline at its end. */
static int put_file(struct buf *out, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(VALUE_MAX + 1);
	int rc = conf_read_file(&text, path, VALUE_MAX, NULL, err);
	struct str s = buf_str(&text);

	if (rc == 0 && memchr(s.p, '\0', s.n))
		rc = err_set(err, -EINVAL, "it holds a NUL byte");
	if (rc == 0) {
		s.n -= str_ends(s, "\r\n") ? 2 : str_ends(s, "\n");
		buf_put_str(out, s);
	}
	buf_wipe(&text);
	return rc;
}

static int put_env(struct buf *out, const char *name, struct err *err)
{
	const char *value = getenv(name);

	if (!value)
		return err_set(err, -ENOENT, "it is not set");
	buf_puts(out, value);
	return 0;
}

static int put_named_file(struct conf_walk *w, struct buf *out,
			  const char *name, struct err *err)
{
	const char *path = conf_keep_path(w, str_from(name));

	return path ? put_file(out, path, err)
		    : err_set(err, -ENOMEM, "out of memory");
}

/* systemd.exec(5): one file for each credential, in a folder of the unit. */
static int put_credential(struct buf *out, const char *name, struct err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];
	int n;

	if (!folder)
		return err_set(err, -ENOENT,
			       "$CREDENTIALS_DIRECTORY is not "
			       "set; systemd sets it for the unit");
	if (strchr(name, '/') || name[0] == '.')
		return err_set(err, -EINVAL, "not a credential's name");
	n = snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(err, -ENAMETOOLONG, "the name is too long");
	return put_file(out, path, err);
}

/* ref is what stands between ${ and }. */
static int put_reference(struct conf_walk *w, struct buf *out, struct str ref,
			 struct err *err)
{
	ssize_t colon = str_find_char(ref, ':');
	struct str kind = str_sub(ref, 0, colon < 0 ? 0 : (size_t)colon);
	char name[1024];
	size_t n = ref.n - kind.n - 1;

	if (colon < 0 || n == 0 || n >= sizeof(name))
		return err_set(err, -EINVAL,
			       "expected ${env:NAME}, "
			       "${file:PATH} or ${credential:NAME}");
	memcpy(name, ref.p + colon + 1, n);
	name[n] = '\0';
	if (str_is(kind, "env"))
		return put_env(out, name, err);
	if (str_is(kind, "file"))
		return put_named_file(w, out, name, err);
	if (str_is(kind, "credential"))
		return put_credential(out, name, err);
	return err_set(err, -EINVAL,
		       "expected ${env:NAME}, ${file:PATH} or "
		       "${credential:NAME}");
}

/* The next ${...} of *rest: what stands before it goes to out. 1 found, 0
 * none left, -EINVAL without its end. */
static int next_reference(struct buf *out, struct str *rest, struct str *ref)
{
	ssize_t at = str_find(*rest, STR("${")), end;

	if (at < 0) {
		buf_put_str(out, *rest);
		return 0;
	}
	buf_put(out, rest->p, (size_t)at);
	*rest = str_sub(*rest, (size_t)at + 2, rest->n - (size_t)at - 2);
	end = str_find_char(*rest, '}');
	if (end < 0)
		return -EINVAL;
	*ref = str_sub(*rest, 0, (size_t)end);
	*rest = str_sub(*rest, (size_t)end + 1, rest->n - (size_t)end - 1);
	return 1;
}

static int expand(struct conf_walk *w, const struct yaml *v, struct buf *out)
{
	struct str rest = v->text, ref = STR_NONE;
	struct err err = { "" };
	int found, rc = 0;

	while ((found = next_reference(out, &rest, &ref)) > 0 && rc == 0) {
		rc = put_reference(w, out, ref, &err);
		if (rc == -EINVAL)
			conf_fault(w, v, "reference", "%s: ${%.*s}: %s",
				   w->path, STR_ARG(ref), err.text);
		else if (rc)
			conf_missing(w, v, "unresolved", "%s: ${%.*s}: %s",
				     w->path, STR_ARG(ref), err.text);
	}
	if (found < 0)
		conf_fault(w, v, "reference", "%s: ${ without }", w->path);
	if (buf_error(out))
		conf_fault(w, v, "reference",
			   "%s: longer than 64 KiB, or out "
			   "of memory",
			   w->path);
	return rc || found < 0 || buf_error(out);
}

int conf_expand(struct conf_walk *w, const struct yaml *v, struct yaml *out)
{
	struct buf b = BUF_INIT(VALUE_MAX);
	const char *text;
	int rc = 0;

	*out = *v;
	if (v->type != YAML_SCALAR || str_find(v->text, STR("${")) < 0)
		return 0;
	/* The whole at once: growing would leave copies behind. */
	if (buf_room(&b, VALUE_MAX))
		rc = expand(w, v, &b);
	if (rc == 0) {
		text = conf_keep(w, buf_str(&b));
		rc = !text;
		out->text = (struct str){ text, b.n };
		out->quoted = false;
	}
	buf_wipe(&b);
	return rc;
}
