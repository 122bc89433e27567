#include "web/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "web/sock.h"

/* What tells a file from a later one of the same name. */
struct mark {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct tls {
	char *certificate, *key;
	BIO_METHOD *bio;
	pthread_mutex_t refreshing; /* guards marks and failed */
	struct mark marks[2];
	bool failed;
	pthread_mutex_t lock; /* guards what follows; held shortly */
	SSL_CTX *ctx;
	int64_t end_ms;
};

static struct mark mark_of(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return (struct mark){ .size = -1 };
	return (struct mark){ st.st_dev, st.st_ino, st.st_size, st.st_mtim };
}

static bool same(const struct mark *a, const struct mark *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static int bio_read(BIO *b, char *p, int n)
{
	ssize_t got = sock_recv(BIO_get_data(b), p, (size_t)n);

	BIO_clear_retry_flags(b);
	if (got == -EAGAIN)
		BIO_set_retry_read(b);
	return got < 0 ? -1 : (int)got;
}

static int bio_write(BIO *b, const char *p, int n)
{
	ssize_t put = sock_send(BIO_get_data(b), p, (size_t)n);

	BIO_clear_retry_flags(b);
	if (put == -EAGAIN)
		BIO_set_retry_write(b);
	return put < 0 ? -1 : (int)put;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
	const struct sock *s = BIO_get_data(b);

	(void)num;
	(void)ptr;
	if (cmd == BIO_CTRL_EOF)
		return s->eof;
	return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

/* Our own BIO, because OpenSSL's raises SIGPIPE and reads where it needn't. */
static BIO_METHOD *bio_method(void)
{
	BIO_METHOD *m =
		BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "web");

	if (!m)
		return NULL;
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_ctrl(m, bio_ctrl);
	BIO_meth_set_create(m, bio_create);
	return m;
}

/* A key under a password can't be used; never ask a terminal for one. */
static int no_password(char *p, int n, int rw, void *arg)
{
	(void)p;
	(void)n;
	(void)rw;
	(void)arg;
	return -1;
}

/* RFC 7301: who offers protocols, but none of ours, gets the alert. */
static int choose_protocol(SSL *ssl, const unsigned char **out,
			   unsigned char *n, const unsigned char *offered,
			   unsigned offered_n, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";
	unsigned char *chosen;

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto(&chosen, n, ours, sizeof(ours) - 1, offered,
				  offered_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static void settings(SSL_CTX *ctx)
{
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	/* Sessions live in tickets alone; one a handshake is enough. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	/* Buffers go by sock_rest(), not after each record. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
	SSL_CTX_set_default_passwd_cb(ctx, no_password);
}

static const char *reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text ? text : "unknown error";
}

static int use_files(SSL_CTX *ctx, const struct tls *t, struct err *err)
{
	const char *files[] = { t->certificate, t->key };

	for (int i = 0; i < 2; i++)
		if (access(files[i], R_OK))
			return err_set(err, -errno, "%s can't be read: %m",
				       files[i]);
	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(ctx, t->certificate) != 1)
		return err_set(err, -EINVAL,
			       "%s: no certificate in PEM can be read: %s",
			       t->certificate, reason());
	if (SSL_CTX_use_PrivateKey_file(ctx, t->key, SSL_FILETYPE_PEM) != 1)
		return err_set(err, -EINVAL,
			       "%s: no key in PEM without a password that fits "
			       "%s can be read: %s",
			       t->key, t->certificate, reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return err_set(err, -EINVAL, "%s is not the key of %s", t->key,
			       t->certificate);
	return 0;
}

static int64_t end_of(SSL_CTX *ctx)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)),
			    &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm) * 1000;
}

static int load(struct tls *t, struct err *err)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method()), *old;
	int64_t end_ms;
	int rc;

	if (!ctx)
		return err_set(err, -ENOMEM, "TLS can't be set up: %s",
			       reason());
	settings(ctx);
	rc = use_files(ctx, t, err);
	ERR_clear_error();
	if (rc) {
		SSL_CTX_free(ctx);
		return rc;
	}
	end_ms = end_of(ctx);
	pthread_mutex_lock(&t->lock);
	old = t->ctx;
	t->ctx = ctx;
	t->end_ms = end_ms;
	pthread_mutex_unlock(&t->lock);
	SSL_CTX_free(old);
	return 0;
}

int tls_refresh(struct tls *t, bool retry, struct err *err)
{
	struct mark now[2] = { mark_of(t->certificate), mark_of(t->key) };
	int rc = 0;

	pthread_mutex_lock(&t->refreshing);
	if (!same(&now[0], &t->marks[0]) || !same(&now[1], &t->marks[1]) ||
	    (retry && t->failed)) {
		/* Marked as before the reading: a later change shows. */
		t->marks[0] = now[0];
		t->marks[1] = now[1];
		rc = load(t, err);
		t->failed = rc < 0;
		if (rc == 0)
			rc = TLS_CHANGED;
	}
	pthread_mutex_unlock(&t->refreshing);
	return rc;
}

int tls_new(struct tls **out, const char *certificate, const char *key,
	    struct err *err)
{
	struct tls *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&t->refreshing, NULL);
	pthread_mutex_init(&t->lock, NULL);
	t->certificate = strdup(certificate);
	t->key = strdup(key);
	t->bio = bio_method();
	if (t->certificate && t->key && t->bio)
		rc = tls_refresh(t, true, err);
	else
		rc = err_set(err, -ENOMEM, "out of memory");
	if (rc < 0) {
		tls_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	BIO_meth_free(t->bio);
	pthread_mutex_destroy(&t->lock);
	pthread_mutex_destroy(&t->refreshing);
	free(t->certificate);
	free(t->key);
	free(t);
}

int64_t tls_end_ms(struct tls *t)
{
	int64_t end_ms;

	pthread_mutex_lock(&t->lock);
	end_ms = t->end_ms;
	pthread_mutex_unlock(&t->lock);
	return end_ms;
}

int tls_wrap(struct tls *t, struct sock *s)
{
	BIO *bio = BIO_new(t->bio);
	SSL_CTX *ctx;

	if (!bio)
		return -ENOMEM;
	pthread_mutex_lock(&t->lock);
	ctx = t->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&t->lock);
	s->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!s->ssl) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_data(bio, s);
	SSL_set_bio(s->ssl, bio, bio);
	SSL_set_accept_state(s->ssl);
	return 0;
}
