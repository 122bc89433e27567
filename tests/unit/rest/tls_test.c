#include "check.h"

#include "ca.h"
#include "server.h"

static void fine(struct server *s, unsigned nth, const char *request,
		 struct reply *out)
{
	(void)s, (void)nth;
	if (strncmp(request, "CONNECT ", 8) == 0)
		reply_set(out, DEED_CLOSE,
			  "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
	else
		reply_json(out, 200, "", "{}");
}

struct side {
	struct ca ours, theirs;
};

static int begin(void **state)
{
	struct side *side = calloc(1, sizeof(*side));

	ca_init(&side->ours);
	ca_init(&side->theirs);
	*state = side;
	return 0;
}

static int end(void **state)
{
	struct side *side = *state;

	ca_fini(&side->ours);
	ca_fini(&side->theirs);
	free(side);
	return 0;
}

/* One POST to a server that holds such a certificate. */
static enum rest_outcome meet(struct ca *issuer, const char *names,
			      bool expired, const char *trusted)
{
	struct rest_options ro = { .ca_file = trusted };
	struct rest_request req = {
		.method = "POST",
		.body = STR("{}"),
		.flags = REST_ONCE,
	};
	SSL_CTX *tls = ca_server(issuer, names, expired);
	struct server s;
	struct outcome o;
	struct rest *r;

	server_start(&s, fine, NULL, tls);
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	call(r, &o, "https://localhost:%u/", s.port, req);
	if (o.res.outcome != REST_ANSWERED)
		assert_int_equal(server_requests(&s), 0);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
	SSL_CTX_free(tls);
	return o.res.outcome;
}

static void certificates_are_checked(void **state)
{
	struct side *x = *state;

	assert_int_equal(meet(&x->ours, "DNS:localhost", false, x->ours.path),
			 REST_ANSWERED);
	assert_int_equal(meet(&x->ours, "DNS:localhost", true, x->ours.path),
			 REST_NOT_SENT);
	assert_int_equal(meet(&x->ours, "DNS:a.example", false, x->ours.path),
			 REST_NOT_SENT);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false, x->ours.path),
			 REST_NOT_SENT);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, NULL),
			 REST_NOT_SENT);
}

static void the_environment_replaces_the_systems_roots(void **state)
{
	struct side *x = *state;
	struct rest_options ro = { .ca_file = x->ours.path };
	struct rest *r;

	setenv("SSL_CERT_FILE", x->ours.path, 1);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, NULL),
			 REST_ANSWERED);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false, NULL),
			 REST_NOT_SENT);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false,
			      x->theirs.path), REST_ANSWERED);
	setenv("SSL_CERT_FILE", "/nonexistent", 1);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, NULL),
			 REST_NOT_SENT);
	assert_int_equal(rest_new(&r, &ro, NULL), -ENOENT);
	setenv("SSL_CERT_FILE", "", 1);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, x->ours.path),
			 REST_ANSWERED);
	unsetenv("SSL_CERT_FILE");
}

/* One root in a folder, under its name's hash: openssl-rehash(1). */
static void a_folder_of_roots_is_searched(void **state)
{
	struct side *x = *state;
	char dir[] = "/tmp/roots-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/%08lx.0", dir,
		 X509_subject_name_hash(x->ours.cert));
	assert_int_equal(symlink(x->ours.path, path), 0);
	setenv("SSL_CERT_DIR", dir, 1);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, NULL),
			 REST_ANSWERED);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false, NULL),
			 REST_NOT_SENT);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false,
			      x->theirs.path), REST_ANSWERED);
	/* Both, where both are set. */
	setenv("SSL_CERT_FILE", x->theirs.path, 1);
	assert_int_equal(meet(&x->theirs, "DNS:localhost", false, NULL),
			 REST_ANSWERED);
	unsetenv("SSL_CERT_FILE");
	unlink(path);
	assert_int_equal(meet(&x->ours, "DNS:localhost", false, NULL),
			 REST_NOT_SENT);
	unsetenv("SSL_CERT_DIR");
	rmdir(dir);
}

static void old_tls_is_refused(void **state)
{
	struct side *x = *state;
	struct rest_options ro = { .ca_file = x->ours.path };
	SSL_CTX *tls = ca_server(&x->ours, "DNS:localhost", false);
	struct server s;
	struct outcome o;
	struct rest *r;

	SSL_CTX_set_security_level(tls, 0);
	SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
	server_start(&s, fine, NULL, tls);
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	call(r, &o, "https://localhost:%u/", s.port,
	     (struct rest_request){ 0 });
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
	SSL_CTX_free(tls);
}

static void plain_text_is_no_tls(void **state)
{
	struct rest *r = rest_plain();
	struct server s;
	struct outcome o;

	(void)state;
	server_start(&s, fine, NULL, NULL);
	call(r, &o, "https://127.0.0.1:%u/", s.port,
	     (struct rest_request){ .timeout_ms = 300 });
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
}

/* A certificate that is swapped for a bad one is seen with the next
 * connection: no resumed session hides it. */
static void swapped_certificate_is_seen(void **state)
{
	struct side *x = *state;
	struct rest_options ro = { .ca_file = x->ours.path };
	SSL_CTX *good = ca_server(&x->ours, "DNS:localhost", false);
	SSL_CTX *bad = ca_server(&x->theirs, "DNS:localhost", false);
	struct rest_request fresh = { .method = "POST", .flags = REST_ONCE };
	struct server s;
	struct outcome o;
	struct rest *r;

	server_start(&s, fine, NULL, good);
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	call(r, &o, "https://localhost:%u/", s.port, fresh);
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	done_with(&o);
	SSL_CTX_use_certificate(good, SSL_CTX_get0_certificate(bad));
	SSL_CTX_use_PrivateKey(good, SSL_CTX_get0_privatekey(bad));
	call(r, &o, "https://localhost:%u/", s.port, fresh);
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
	SSL_CTX_free(good);
	SSL_CTX_free(bad);
}

static void public_means_public(void **state)
{
	struct side *x = *state;
	char entry[64];
	const char *to[] = { entry, NULL };
	struct rest_options ro = { .ca_file = x->ours.path };
	struct rest_request req = { .flags = REST_PUBLIC };
	SSL_CTX *tls = ca_server(&x->ours, "DNS:localhost,IP:127.0.0.1", false);
	struct server s;
	struct outcome o;
	struct rest *r;

	server_start(&s, fine, NULL, tls);
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	/* A kept connection to the same place must not let it through. */
	call(r, &o, "https://localhost:%u/", s.port,
	     (struct rest_request){ 0 });
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	done_with(&o);
	call(r, &o, "https://localhost:%u/", s.port, req);
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	assert_non_null(strstr(o.res.problem, "address"));
	done_with(&o);
	call(r, &o, "https://127.0.0.1:%u/", s.port, req);
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	done_with(&o);
	assert_int_equal(server_conns(&s), 1);
	rest_free(r);
	snprintf(entry, sizeof(entry), "localhost:443:127.0.0.1:%u", s.port);
	ro.connect_to = to;
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	call(r, &o, "https://localhost:%u/", 443, req);
	assert_int_equal(o.res.outcome, REST_ANSWERED);
	done_with(&o);
	rest_free(r);
	server_stop(&s);
	SSL_CTX_free(tls);
}

static void proxies_are_asked_only_by_option(void **state)
{
	struct rest_request req = { .method = "POST",
				    .body = STR("{}"),
				    .flags = REST_ONCE };
	struct rest_options ro = { 0 };
	struct server s;
	struct outcome o;
	struct rest *r;
	char proxy[64];

	(void)state;
	server_start(&s, fine, NULL, NULL);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", s.port);
	setenv("https_proxy", proxy, 1);
	setenv("no_proxy", "*", 1);
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	call(r, &o, "https://127.0.0.1:%u/", 1, req);
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	assert_int_equal(server_requests(&s), 0);
	done_with(&o);
	rest_free(r);
	unsetenv("https_proxy");
	ro.proxy = proxy;
	assert_int_equal(rest_new(&r, &ro, NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		req.flags = i ? REST_ONCE : 0;
		call(r, &o, "https://127.0.0.1:%u/", 1, req);
		/* It refused to connect: nothing reached the server. */
		assert_int_equal(o.res.outcome, REST_NOT_SENT);
		assert_int_equal(server_saw(&s, "CONNECT 127.0.0.1:1 "), i + 1);
		done_with(&o);
	}
	req.flags = REST_NO_PROXY;
	call(r, &o, "https://127.0.0.1:%u/", 1, req);
	assert_int_equal(o.res.outcome, REST_NOT_SENT);
	assert_int_equal(server_requests(&s), 2);
	done_with(&o);
	rest_free(r);
	unsetenv("no_proxy");
	server_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_are_checked),
		cmocka_unit_test(the_environment_replaces_the_systems_roots),
		cmocka_unit_test(a_folder_of_roots_is_searched),
		cmocka_unit_test(old_tls_is_refused),
		cmocka_unit_test(plain_text_is_no_tls),
		cmocka_unit_test(swapped_certificate_is_seen),
		cmocka_unit_test(public_means_public),
		cmocka_unit_test(proxies_are_asked_only_by_option),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
