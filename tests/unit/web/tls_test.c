/* TLS: what is spoken, deadlines, and certificates that change. */
#include "tests/unit/web/rig.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#define H "Host: h\r\n"

struct files {
	char dir[32], certificate[64], key[64];
};

static EVP_PKEY *write_key(const char *path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *f = fopen(path, "w");

	assert_non_null(key);
	assert_non_null(f);
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	return key;
}

/* A certificate of that serial number, which ends in so many seconds. */
static void write_certificate(const char *path, EVP_PKEY *key, long serial,
			      long seconds)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	FILE *f = fopen(path, "w");

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"localhost", -1, -1,
				   0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, x), 1);
	fclose(f);
	X509_free(x);
}

static void write_pair(const struct files *f, long serial, long seconds)
{
	EVP_PKEY *key = write_key(f->key);

	write_certificate(f->certificate, key, serial, seconds);
	EVP_PKEY_free(key);
}

static void set_up(struct files *f, struct web_listener *ln)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/web-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->certificate, sizeof(f->certificate), "%s/c.pem", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/k.pem", f->dir);
	write_pair(f, 1, 3600);
	*ln = (struct web_listener){ .fd = -1,
				     .certificate = f->certificate,
				     .key = f->key };
}

static void tear_down(const struct files *f)
{
	unlink(f->certificate);
	unlink(f->key);
	rmdir(f->dir);
}

struct client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* Connect and shake hands: the outcome of SSL_connect. */
static int tls_dial(struct client *c, const struct rig *rig, int version,
		    const char *alpn, SSL_SESSION *session)
{
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(c->ctx, 0);
	SSL_CTX_set_min_proto_version(c->ctx, version);
	SSL_CTX_set_max_proto_version(c->ctx, version);
	c->fd = dial(rig);
	c->ssl = SSL_new(c->ctx);
	if (alpn)
		SSL_set_alpn_protos(c->ssl, (const unsigned char *)alpn,
				    (unsigned)strlen(alpn));
	if (session)
		SSL_set_session(c->ssl, session);
	SSL_set_fd(c->ssl, c->fd);
	return SSL_connect(c->ssl);
}

static void tls_hang_up(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static void tls_say(struct client *c, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(SSL_write(c->ssl, text, (int)n), (int)n);
}

static int tls_hear(struct client *c, char *to, size_t cap)
{
	size_t n = 0, body = 0;
	char *at;

	for (;;) {
		assert_true(n < cap - 1);
		if (SSL_read(c->ssl, to + n, 1) != 1)
			return -1;
		to[++n] = '\0';
		if (n >= 4 && strcmp(to + n - 4, "\r\n\r\n") == 0)
			break;
	}
	at = strstr(to, "Content-Length: ");
	if (at)
		body = strtoul(at + 16, NULL, 10);
	assert_true(n + body < cap);
	for (size_t got = 0; got < body;) {
		int more = SSL_read(c->ssl, to + n + got, (int)(body - got));

		if (more <= 0)
			return -1;
		got += (size_t)more;
	}
	to[n + body] = '\0';
	return (int)strtol(to + 9, NULL, 10);
}

static long serial_of(const struct client *c)
{
	X509 *x = SSL_get1_peer_certificate(c->ssl);
	long serial = ASN1_INTEGER_get(X509_get0_serialNumber(x));

	X509_free(x);
	return serial;
}

static void expect_ok(struct client *c)
{
	char said[4096];

	tls_say(c, GET("/now"));
	assert_int_equal(tls_hear(c, said, sizeof(said)), 200);
}

static void test_versions(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct web_listener ln;
	struct files f;
	struct client c;
	struct rig rig;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 2);
	for (int i = 0; i < 2; i++) {
		const unsigned char *alpn;
		unsigned n;

		assert_int_equal(tls_dial(&c, &rig, versions[i],
					  "\x02h2\x08http/1.1", NULL),
				 1);
		SSL_get0_alpn_selected(c.ssl, &alpn, &n);
		assert_int_equal(n, 8);
		assert_memory_equal(alpn, "http/1.1", 8);
		expect_ok(&c);
		expect_ok(&c);
		tls_hang_up(&c);
	}
	assert_int_equal(rig_count(&rig).handshake_failed, 0);
	assert_int_equal(tls_dial(&c, &rig, TLS1_1_VERSION, NULL, NULL), -1);
	tls_hang_up(&c);
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, "\x02h2", NULL),
			 -1);
	tls_hang_up(&c);
	rig_until(rig_count(&rig).handshake_failed == 2);
	rig_stop(&rig);
	tear_down(&f);
}

static void test_renegotiation(void **state)
{
	struct web_listener ln;
	struct files f;
	struct client c;
	struct rig rig;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 1);
	assert_int_equal(tls_dial(&c, &rig, TLS1_2_VERSION, NULL, NULL), 1);
	expect_ok(&c);
	assert_true(SSL_renegotiate(c.ssl) != 1 ||
		    SSL_do_handshake(c.ssl) != 1);
	tls_hang_up(&c);
	rig_stop(&rig);
	tear_down(&f);
}

static void test_resumption(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct web_listener ln;
	struct files f;
	struct client c;
	struct rig rig;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 2);
	for (int i = 0; i < 2; i++) {
		SSL_SESSION *session;

		assert_int_equal(tls_dial(&c, &rig, versions[i], NULL, NULL),
				 1);
		expect_ok(&c);
		assert_false(SSL_session_reused(c.ssl));
		session = SSL_get1_session(c.ssl);
		SSL_shutdown(c.ssl);
		tls_hang_up(&c);
		assert_int_equal(tls_dial(&c, &rig, versions[i], NULL, session),
				 1);
		assert_true(SSL_session_reused(c.ssl));
		expect_ok(&c);
		SSL_SESSION_free(session);
		tls_hang_up(&c);
	}
	rig_stop(&rig);
	tear_down(&f);
}

/* Requests and answers over many records, a pipeline, a parked answer. */
/* An idle connection gives its buffers back, and takes requests still. */
static void test_rested(void **state)
{
	struct web_limits l = web_limits_default;
	struct web_listener ln;
	struct files f;
	struct client c;
	struct rig rig;
	char said[4096];

	(void)state;
	l.idle_ms = 400;
	set_up(&f, &ln);
	rig_start(&rig, &l, &ln, 1);
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	for (int i = 0; i < 3; i++) {
		tls_say(&c, GET("/now") GET("/now"));
		assert_int_equal(tls_hear(&c, said, sizeof(said)), 200);
		assert_int_equal(tls_hear(&c, said, sizeof(said)), 200);
		poll(NULL, 0, 250);
	}
	assert_int_equal(tls_hear(&c, said, sizeof(said)), -1);
	assert_int_equal(rig_count(&rig).timed_out, 0);
	tls_hang_up(&c);
	rig_stop(&rig);
	tear_down(&f);
}

static void test_large(void **state)
{
	enum { N = 2 << 20 };
	struct web_listener ln;
	struct web_reply r = { .status = 200 };
	const struct web_request *req = NULL;
	struct web_exchange *x;
	struct files f;
	struct client c;
	struct rig rig;
	char *body = malloc(N), *said = malloc(N + 4096), text[4096];

	(void)state;
	for (size_t i = 0; i < N; i++)
		body[i] = (char)(i * 31 + i / 257);
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 1);
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	snprintf(text, sizeof(text),
		 "POST /park HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n", N);
	tls_say(&c, text);
	assert_int_equal(SSL_write(c.ssl, body, N), N);
	x = rig_take(&rig, &req);
	assert_int_equal(req->body.n, N);
	assert_memory_equal(req->body.p, body, N);
	r.body = (struct str){ body, N };
	web_answer(x, &r);
	assert_int_equal(tls_hear(&c, said, N + 4096), 200);
	assert_memory_equal(strstr(said, "\r\n\r\n") + 4, body, N);
	for (int i = 0; i < 200; i++)
		tls_say(&c, GET("/now") GET("/now"));
	for (int i = 0; i < 400; i++)
		assert_int_equal(tls_hear(&c, said, 4096), 200);
	/* A refusal can be read, and close_notify comes after it. */
	tls_say(&c, "POST / HTTP/1.1\r\nHost : h\r\n\r\n" GET("/smuggled"));
	assert_int_equal(tls_hear(&c, said, 4096), 400);
	assert_int_equal(SSL_read(c.ssl, said, 1), 0);
	assert_int_equal(SSL_get_error(c.ssl, 0), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(atomic_load(&rig.smuggled), 0);
	tls_hang_up(&c);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
	tear_down(&f);
	free(body);
	free(said);
}

static void test_stalls(void **state)
{
	struct web_limits l = web_limits_default;
	struct web_listener ln;
	struct files f;
	struct client c;
	struct rig rig;
	char said[4096];
	int64_t since;
	int fd;

	(void)state;
	set_up(&f, &ln);
	l.handshake_ms = l.headers_ms = 200;
	rig_start(&rig, &l, &ln, 1);
	/* A handshake that never begins, one that never ends, no handshake. */
	since = clock_mono_ms();
	fd = dial(&rig);
	assert_true(ended(fd));
	assert_in_range(clock_mono_ms() - since, 190, 2000);
	close(fd);
	fd = dial(&rig);
	say_bytes(fd, "\x16\x03\x01\x02", 4);
	assert_true(ended(fd));
	close(fd);
	assert_int_equal(rig_count(&rig).timed_out, 2);
	fd = dial(&rig);
	say(fd, GET("/now"));
	assert_true(hear_all(fd, said, sizeof(said)) < 100);
	close(fd);
	rig_until(rig_count(&rig).handshake_failed == 1);
	/* Headers that drip in records of their own. */
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	since = clock_mono_ms();
	tls_say(&c, "GET / HTTP/1.1\r\nA: ");
	for (;;) {
		struct pollfd p = { .fd = c.fd, .events = POLLIN };

		if (SSL_write(c.ssl, "a", 1) != 1)
			break;
		poll(NULL, 0, 5);
		if (clock_mono_ms() - since > 300 && poll(&p, 1, 0) > 0 &&
		    tls_hear(&c, said, sizeof(said)) == 408)
			break;
		assert_true(clock_mono_ms() - since < 2000);
	}
	tls_hang_up(&c);
	assert_int_equal(atomic_load(&rig.seen), 0);
	rig_stop(&rig);
	tear_down(&f);
}

static void expect_serial(const struct rig *rig, long serial)
{
	struct client c;

	assert_int_equal(tls_dial(&c, rig, TLS1_3_VERSION, NULL, NULL), 1);
	assert_int_equal(serial_of(&c), serial);
	expect_ok(&c);
	tls_hang_up(&c);
}

static void test_swap(void **state)
{
	struct web_listener ln;
	struct err err = { "" };
	struct files f;
	struct client open;
	struct rig rig;
	EVP_PKEY *key;
	int64_t end;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 2);
	end = web_certificate_end_ms(rig.web);
	assert_in_range(end - clock_wall_ms(), 3500000, 3600000);
	assert_int_equal(tls_dial(&open, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	expect_ok(&open);
	assert_int_equal(web_reload(rig.web, &err), 0);

	write_pair(&f, 2, 7200);
	assert_int_equal(web_reload(rig.web, &err), 0);
	expect_serial(&rig, 2);
	assert_in_range(web_certificate_end_ms(rig.web) - clock_wall_ms(),
			7100000, 7200000);
	expect_ok(&open);

	/* A key that isn't the certificate's, and then no PEM at all. */
	key = write_key(f.key);
	assert_true(web_reload(rig.web, &err) < 0);
	assert_non_null(strstr(err.text, f.key));
	assert_true(web_reload(rig.web, &err) < 0);
	expect_serial(&rig, 2);
	unlink(f.certificate);
	assert_true(web_reload(rig.web, &err) < 0);
	assert_non_null(strstr(err.text, f.certificate));
	expect_serial(&rig, 2);
	assert_true(rig_count(&rig).certificates_failed >= 3);

	/* Without being told. */
	write_certificate(f.certificate, key, 3, 3600);
	EVP_PKEY_free(key);
	rig_until(web_certificate_end_ms(rig.web) - clock_wall_ms() < 3600001);
	expect_serial(&rig, 3);
	expect_ok(&open);
	assert_int_equal(serial_of(&open), 1);
	tls_hang_up(&open);
	rig_stop(&rig);
	tear_down(&f);
}

static void test_bad_files(void **state)
{
	static const char locked[] =
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		"MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBCIiSX1J0tIq8Mb\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n";
	struct web_listener ln;
	struct err err;
	struct files f;
	struct web *web;
	FILE *file;

	(void)state;
	set_up(&f, &ln);
	ln.address = "127.0.0.1:0";
	ln.handle = rig_handle;
	assert_int_equal(web_new(&web, &web_limits_default, 1, &err), 0);
	ln.certificate = "/nonexistent/c.pem";
	assert_int_equal(web_listen(web, &ln, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/c.pem"));
	ln.certificate = f.key;
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.certificate = f.certificate;
	file = fopen(f.key, "w");
	fputs(locked, file);
	fclose(file);
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	ln.key = NULL;
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	web_free(web);
	tear_down(&f);
}

/* Connections while the certificate is exchanged over and over. */
static void test_swap_loses_nothing(void **state)
{
	struct web_listener ln;
	struct files f;
	struct client open;
	struct rig rig;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 2);
	assert_int_equal(tls_dial(&open, &rig, TLS1_2_VERSION, NULL, NULL), 1);
	for (long i = 2; i < 30; i++) {
		write_pair(&f, i, 3600);
		assert_int_equal(web_reload(rig.web, NULL), 0);
		expect_serial(&rig, i);
		expect_ok(&open);
	}
	tls_hang_up(&open);
	assert_int_equal(rig_count(&rig).handshake_failed, 0);
	rig_stop(&rig);
	tear_down(&f);
}

/* An answer that goes on, one record for each thing that is said. */
static void test_stream(void **state)
{
	static const struct web_reply begins = { .status = 200 };
	static char piece[65536];
	struct web_listener ln;
	struct web_stream *s;
	struct files f;
	struct client c;
	struct rig rig;
	char said[4096];
	size_t n = 0;
	int got;

	(void)state;
	set_up(&f, &ln);
	rig_start(&rig, NULL, &ln, 2);
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	tls_say(&c, GET("/park"));
	s = web_stream_begin(rig_take(&rig, NULL), &begins, 1 << 20);
	assert_int_equal(tls_hear(&c, said, sizeof(said)), 200);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(web_stream_send(s, STR("data: x\n\n")), 0);
		assert_int_equal(SSL_read(c.ssl, said, sizeof(said)), 9);
	}
	for (int i = 0; i < 15; i++)
		assert_int_equal(web_stream_send(s, (struct str){ piece,
					sizeof(piece) }), 0);
	web_stream_end(s);
	while ((got = SSL_read(c.ssl, piece, sizeof(piece))) > 0)
		n += (size_t)got;
	assert_int_equal(n, 15 * sizeof(piece));
	/* An end in order, not a cut. */
	assert_int_equal(SSL_get_error(c.ssl, got), SSL_ERROR_ZERO_RETURN);
	tls_hang_up(&c);
	/* One that leaves. */
	assert_int_equal(tls_dial(&c, &rig, TLS1_3_VERSION, NULL, NULL), 1);
	tls_say(&c, GET("/park"));
	s = web_stream_begin(rig_take(&rig, NULL), &begins, 1 << 20);
	assert_int_equal(tls_hear(&c, said, sizeof(said)), 200);
	tls_hang_up(&c);
	rig_until(web_stream_send(s, STR("x")) == -EPIPE);
	web_stream_end(s);
	rig_stop(&rig);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_rested),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_stalls),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_swap_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
