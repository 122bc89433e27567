#include "agent/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/random.h"
#include "incident/incident.h"

static void hmac(const struct keys *k, struct str text, uint8_t out[32])
{
	unsigned n = 32;

	if (!HMAC(EVP_sha256(), k->install, sizeof(k->install),
		  (const unsigned char *)text.p, text.n, out, &n))
		abort();	/* no SHA-256: nothing of tocsin can work */
}

static int make(const char *path, struct keys *k, struct err *err)
{
	struct buf text = BUF_INIT(128), temp = BUF_INIT(4096);
	int fd, rc = 0;

	random_bytes(k->install, sizeof(k->install));
	encode_hex(&text, k->install, sizeof(k->install));
	buf_putc(&text, '\n');
	buf_printf(&temp, "%s.%d", path, (int)getpid());
	fd = open(temp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n ||
	    fsync(fd) || link(temp.p, path))
		rc = -errno;
	if (fd >= 0)
		close(fd);
	unlink(temp.p);
	if (rc && rc != -EEXIST)
		err_set(err, rc, "%s: can't make the install key: %s; give "
			"tocsin a folder it may write, or set install_key",
			path, strerror(-rc));
	buf_wipe(&text);
	buf_fini(&temp);
	return rc;
}

static int read_key(const char *path, struct keys *k, struct err *err)
{
	struct buf bytes = BUF_INIT(64);
	char text[80];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT :
			err_set(err, -errno, "%s: can't read the install key: "
				"%s", path, strerror(errno));
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0 || decode_hex(&bytes, str_trim((struct str){ text,
							      (size_t)n })) ||
	    bytes.n != sizeof(k->install))
		rc = err_set(err, -EINVAL, "%s: not an install key (64 hex "
			     "digits); put the right file back: a new key "
			     "loses sight of the incidents that are open",
			     path);
	else
		memcpy(k->install, bytes.p, sizeof(k->install));
	explicit_bzero(text, sizeof(text));
	buf_wipe(&bytes);
	return rc;
}

int keys_load(struct keys *out, const char *path, struct err *err)
{
	uint8_t digest[32];
	int rc = read_key(path, out, err);

	if (rc == -ENOENT) {
		rc = make(path, out, err);
		/* Another start may have made it at this moment. */
		if (rc == -EEXIST)
			rc = read_key(path, out, err);
	}
	if (rc)
		return rc;
	hmac(out, STR("tocsin identities"), digest);
	memcpy(out->hash, digest, sizeof(out->hash));
	return 0;
}

void keys_wipe(struct keys *k)
{
	explicit_bzero(k, sizeof(*k));
}

void keys_marker(struct buf *out, const struct keys *k, struct str dedup_key)
{
	uint8_t digest[32];

	hmac(k, dedup_key, digest);
	buf_puts(out, MARKER_PREFIX);
	encode_base32(out, digest, 10);		/* 80 bits: 16 characters */
}
