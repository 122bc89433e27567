#include "rest/trust.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

#define TRUST_MAX (8u << 20)

const char *rest_trust_system(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	const char *own = getenv("SSL_CERT_FILE");

	/* One that can't be read is an error later, not another's roots. */
	if (own && *own)
		return own;
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

int rest_trust_open(int *out_fd, const char *ca_file, struct err *err)
{
	const char *system = rest_trust_system();
	struct buf text = BUF_INIT(TRUST_MAX);
	int rc;

	rc = slurp(&text, ca_file);
	if (rc) {
		err_set(err, rc, "%s: %s", ca_file, strerror(-rc));
		goto out;
	}
	if (str_find(buf_str(&text), STR("-----BEGIN CERTIFICATE-----")) < 0) {
		rc = err_set(err, -EINVAL,
			     "%s: expected certificates in PEM, found none",
			     ca_file);
		goto out;
	}
	buf_putc(&text, '\n');
	if (system)
		rc = slurp(&text, system);
	if (rc == 0)
		rc = store(out_fd, buf_str(&text));
	if (rc)
		err_set(err, rc, "trusted certificates%s%s: %s",
			system ? ", " : "", system ? system : "",
			strerror(-rc));
out:
	buf_fini(&text);
	return rc;
}
