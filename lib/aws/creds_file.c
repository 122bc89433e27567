#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/creds_source.h"

static int fill(struct buf *out, int fd, const char *path, struct err *err)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st))
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a regular file", path);
	/* All at once: growing would leave copies behind. */
	if (!buf_room(out, out->max - out->n))
		return buf_error(out);
	do {
		got = read(fd, out->p + out->n, out->max - out->n);
		if (got > 0)
			buf_added(out, (size_t)got);
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (got < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (out->n == out->max)
		return err_set(err, -EFBIG, "%s: longer than %zu bytes", path,
			       out->max - 1);
	return 0;
}

int creds_file(struct buf *out, const char *path, struct err *err)
{
	/* A FIFO must not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (fd < 0) {
		rc = -errno;
		return err_set(err, rc, "%s: %s", path, strerror(-rc));
	}
	rc = fill(out, fd, path, err);
	close(fd);
	return rc;
}
