#include "rest/trust.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

#define TRUST_MAX (8u << 20)
/* Beside a folder the file is parsed anew for every connection. */
#define BESIDE_MAX (32u << 10)

static const char *env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

const char *rest_trust_system(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	/* One that can't be read is an error later, not another's roots. */
	if (env("SSL_CERT_FILE"))
		return env("SSL_CERT_FILE");
	if (v->age < CURLVERSION_SEVENTH || !v->cainfo ||
	    access(v->cainfo, R_OK) != 0)
		return NULL;
	return v->cainfo;
}

static int slurp(struct buf *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		char *to = buf_room(out, 16384);

		n = to ? read(fd, to, 16384) : 0;
		if (n > 0)
			buf_added(out, (size_t)n);
		else if (n < 0 && errno != EINTR)
			rc = -errno;
	} while (n > 0 || (n < 0 && rc == 0));
	close(fd);
	return rc ? rc : buf_error(out);
}

static int store(int *out_fd, struct str text)
{
	int fd = memfd_create("ca", MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno != EINTR) {
			rc = -errno;
			close(fd);
			return rc;
		}
		if (n > 0)
			text = str_sub(text, (size_t)n, text.n - (size_t)n);
	}
	*out_fd = fd;
	return 0;
}

static bool is_hash(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 &&
	       strcmp(name + 8, ".0") == 0;
}

/* Where libcurl was built to look, if roots stand there under their hashes. */
static const char *hashed_dir(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	bool found = false;
	struct dirent *e;
	DIR *d;

	if (v->age < CURLVERSION_SEVENTH || !v->capath)
		return NULL;
	d = opendir(v->capath);
	while (d && !found && (e = readdir(d)))
		found = is_hash(e->d_name);
	if (d)
		closedir(d);
	return found ? v->capath : NULL;
}

static int slurp_file(struct buf *text, const char *ca_file, struct err *err)
{
	int rc = slurp(text, ca_file);

	if (rc)
		return err_set(err, rc, "%s: %s", ca_file, strerror(-rc));
	if (str_find(buf_str(text), STR("-----BEGIN CERTIFICATE-----")) < 0)
		return err_set(err, -EINVAL,
			       "%s: expected certificates in PEM, found none",
			       ca_file);
	buf_putc(text, '\n');
	return buf_error(text);
}

static int set_path(char *to, size_t size, const char *path)
{
	size_t n = strlen(path);

	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(to, path, n + 1);
	return 0;
}

int rest_trust_open(struct trust *out, const char *ca_file, struct err *err)
{
	const char *dir = env("SSL_CERT_DIR"), *file = env("SSL_CERT_FILE");
	struct buf text = BUF_INIT(TRUST_MAX);
	int rc = 0;

	*out = (struct trust){ .fd = -1 };
	if (ca_file)
		rc = slurp_file(&text, ca_file, err);
	if (rc)
		goto out;
	if (!dir && !file && text.n <= BESIDE_MAX)
		dir = hashed_dir();
	if (!dir)
		file = rest_trust_system();
	if (dir)
		rc = set_path(out->dir, sizeof(out->dir), dir);
	if (rc == 0 && file && !ca_file)
		rc = set_path(out->file, sizeof(out->file), file);
	else if (rc == 0 && file)
		rc = slurp(&text, file);
	if (rc == 0 && ca_file) {
		rc = store(&out->fd, buf_str(&text));
		snprintf(out->file, sizeof(out->file), "/proc/self/fd/%d",
			 out->fd);
	}
	if (rc)
		err_set(err, rc, "trusted certificates%s%s: %s",
			file ? ", " : "", file ? file : "", strerror(-rc));
out:
	buf_fini(&text);
	return rc;
}

void rest_trust_close(struct trust *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}
