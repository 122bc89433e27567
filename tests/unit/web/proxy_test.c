/* The PROXY protocol's header: what is read of it, and whom it is taken of. */
#include "tests/unit/web/rig.h"

#include "web/proxy.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define ADDR4 "\xc6\x33\x64\x07\x0a\0\0\1\x30\x39\x01\xbb" /* 198.51.100.7 */
#define V4 SIG "\x21\x11\0\x0c" ADDR4
#define ADDR6                                                                  \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"                             \
	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x30\x39\x01\xbb"
#define V6 SIG "\x21\x21\0\x24" ADDR6
#define BYTES(s) (s), sizeof(s) - 1

static int read_all(struct proxy *out, const char *p, size_t n)
{
	size_t want = 0;
	char *exact = malloc(n + 1);
	int rc;

	memcpy(exact, p, n);
	rc = proxy_read(out, &want, exact, n);
	if (rc == PROXY_MORE)
		assert_true(want > n && want <= PROXY_MAX);
	free(exact);
	return rc;
}

static const char *source_of(const struct proxy *p)
{
	static char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in6 *in6 = (const void *)&p->source;
	const struct sockaddr_in *in4 = (const void *)&p->source;

	inet_ntop(p->family,
		  p->family == AF_INET ? (const void *)&in4->sin_addr
				       : (const void *)&in6->sin6_addr,
		  text, sizeof(text));
	return text;
}

static void test_families(void **state)
{
	char un[PROXY_FIXED + 216] = SIG "\x21\x31\0\xd8";
	const struct sockaddr_in *in4;
	struct proxy p;

	(void)state;
	assert_int_equal(read_all(&p, BYTES(V4)), 0);
	assert_string_equal(source_of(&p), "198.51.100.7");
	in4 = (const void *)&p.source;
	assert_int_equal(in4->sin_family, AF_INET);
	assert_int_equal(ntohs(in4->sin_port), 12345);
	assert_int_equal(read_all(&p, BYTES(V6)), 0);
	assert_string_equal(source_of(&p), "2001:db8::7");
	assert_int_equal(p.source.ss_family, AF_INET6);
	assert_int_equal(read_all(&p, un, sizeof(un)), 0);
	assert_int_equal(p.family, AF_UNIX);
	/* Unknown: the connection's own end counts. */
	assert_int_equal(read_all(&p, BYTES(SIG "\x21\0\0\0")), 0);
	assert_int_equal(p.family, AF_UNSPEC);
	assert_int_equal(read_all(&p, BYTES(SIG "\x21\0\0\3abc")), 0);
	assert_int_equal(p.family, AF_UNSPEC);
}

/* A health check: whatever else it says is not looked at. */
static void test_local(void **state)
{
	struct proxy p = { .family = AF_INET };

	(void)state;
	assert_int_equal(read_all(&p, BYTES(SIG "\x20\0\0\0")), 0);
	assert_int_equal(p.family, AF_UNSPEC);
	p.family = AF_INET;
	assert_int_equal(read_all(&p, BYTES(SIG "\x20\x11\0\x0c" ADDR4)), 0);
	assert_int_equal(p.family, AF_UNSPEC);
	assert_int_equal(read_all(&p, BYTES(SIG "\x20\xff\0\2xx")), 0);
}

/* At each length there is more to come, and never more is asked for than it
 * has; whole, one byte more is none of it. */
static void test_truncated(void **state)
{
	static const char all[] = SIG "\x21\x11\0\x10" ADDR4 "\4\0\1x";
	size_t want, n = sizeof(all) - 1;
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(read_all(&p, all, i), PROXY_MORE);
		assert_int_equal(proxy_read(&p, &want, all, i), PROXY_MORE);
		assert_int_equal(want, i < PROXY_FIXED ? PROXY_FIXED : n);
	}
	assert_int_equal(read_all(&p, all, n), 0);
	assert_int_equal(read_all(&p, all, n + 1), -EPROTO);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		{ BYTES("G") },
		{ BYTES("\r\n\r\n\0\r\nQUIT\r") },
		{ BYTES("PROXY TCP4 198.51.100.7 10.0.0.1 1 2\r\n") },
		{ BYTES("\x16\x03\x01") },
		{ BYTES(SIG "\x11") },	/* version 1 */
		{ BYTES(SIG "\x31") },
		{ BYTES(SIG "\x22") },	/* neither LOCAL nor PROXY */
		{ BYTES(SIG "\x21\x12\0\x0c" ADDR4) }, /* UDP */
		{ BYTES(SIG "\x21\x10\0\x0c" ADDR4) },
		{ BYTES(SIG "\x21\x41\0\x0c" ADDR4) },
		{ BYTES(SIG "\x21\x01\0\x0c" ADDR4) },
		{ BYTES(SIG "\x21\x11\0\0") },
		{ BYTES(SIG "\x21\x11\0\x0b" "\xc6\x33\x64\7\x0a\0\0\1\1\1\1") },
		{ BYTES(SIG "\x21\x21\0\x0c" ADDR4) },
		{ BYTES(SIG "\x21\x31\0\x0c" ADDR4) },
		{ BYTES(SIG "\x21\x11\x0f\xf1") },	/* 4,097 bytes in all */
		{ BYTES(SIG "\x21\x11\xff\xff") },
		/* What follows the addresses. */
		{ BYTES(SIG "\x21\x11\0\x0d" ADDR4 "\4") },
		{ BYTES(SIG "\x21\x11\0\x0e" ADDR4 "\4\0") },
		{ BYTES(SIG "\x21\x11\0\x0f" ADDR4 "\4\0\1") },
		{ BYTES(SIG "\x21\x11\0\x10" ADDR4 "\4\0\2x") },
		{ BYTES(SIG "\x21\x11\0\x10" ADDR4 "\4\xff\xffx") },
		{ BYTES(SIG "\x21\x11\0\x0f" ADDR4 "\3\0\0") },
		{ BYTES(SIG "\x21\x11\0\x13" ADDR4 "\3\0\4\0\0\0\0") },
	};
	struct proxy p = { .family = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (read_all(&p, bad[i].p, bad[i].n) != -EPROTO)
			fail_msg("the %zuth was taken", i);
	assert_int_equal(p.family, 77);
}

/* The longest there may be, made of what nobody knows. */
static void test_longest(void **state)
{
	char all[PROXY_MAX] = SIG "\x21\x11\x0f\xf0" ADDR4;
	size_t value = PROXY_MAX - PROXY_FIXED - 12 - 3;
	struct proxy p;

	(void)state;
	all[PROXY_FIXED + 12] = (char)0xe0;
	all[PROXY_FIXED + 13] = (char)(value >> 8);
	all[PROXY_FIXED + 14] = (char)(value & 0xff);
	assert_int_equal(read_all(&p, all, sizeof(all)), 0);
	all[PROXY_FIXED + 14]++;
	assert_int_equal(read_all(&p, all, sizeof(all)), -EPROTO);
}

/* Computed by hand from RFC 3720's polynomial, over the header with zeros. */
static void test_checksum(void **state)
{
	char all[] = SIG "\x21\x11\0\x17" ADDR4 "\3\0\4\0\0\0\0\4\0\1x";
	size_t at = PROXY_FIXED + 12 + 3, n = sizeof(all) - 1;
	uint32_t crc = ~0U;
	struct proxy p;

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (int bit = 0; bit < 8; bit++) {
			bool in = (unsigned char)all[i] >> bit & 1;

			crc = crc >> 1 ^ ((crc & 1) != in ? 0x82f63b78U : 0);
		}
	crc = ~crc;
	assert_int_equal(read_all(&p, all, n), -EPROTO);
	for (int i = 0; i < 4; i++)
		all[at + (size_t)i] = (char)(crc >> (24 - 8 * i));
	assert_int_equal(read_all(&p, all, n), 0);
	all[PROXY_FIXED] ^= 1;
	assert_int_equal(read_all(&p, all, n), -EPROTO);
}

static bool within(const char *net, const char *address)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct network n;

	assert_int_equal(network_read(&n, str_from(net)), 0);
	if (inet_pton(AF_INET, address, &in4.sin_addr) == 1)
		return network_has(&n, (struct sockaddr *)&in4);
	assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return network_has(&n, (struct sockaddr *)&in6);
}

static void test_networks(void **state)
{
	static const char *const bad[] = {
		"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0/8",
		"10.0.0.0/8/8", "10.0.0.1/8", "fd00::/129", "fd00::1/8",
		"nowhere", " 10.0.0.0/8", "10.0.0.0/8 ", "[::1]", "010.0.0.1",
	};
	struct network n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!network_read(&n, str_from(bad[i])))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_true(within("10.0.0.0/8", "10.255.0.1"));
	assert_false(within("10.0.0.0/8", "11.0.0.0"));
	assert_true(within("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_false(within("10.0.0.0/8", "a00::"));
	assert_true(within("192.0.2.7", "192.0.2.7"));
	assert_false(within("192.0.2.7", "192.0.2.6"));
	assert_true(within("0.0.0.0/0", "203.0.113.9"));
	assert_false(within("0.0.0.0/0", "2001:db8::1"));
	assert_true(within("::/0", "203.0.113.9"));
	assert_true(within("fd00::/9", "fd7f::1"));
	assert_false(within("fd00::/9", "fd80::1"));
	assert_true(within("2001:db8::1", "2001:db8::1"));
}

/* ---- on a listener ---- */

static const char *const loopback[] = { "127.0.0.0/8", NULL };

static void tell_peer(struct web_exchange *x, const struct web_request *req,
		      void *arg)
{
	(void)arg;
	web_answer(x, &(struct web_reply){ .status = 200, .body = req->peer });
}

static struct web_listener proxied(const char *const *from)
{
	return (struct web_listener){ .fd = -1, .proxy = true,
				      .proxy_from = from,
				      .handle = tell_peer };
}

/* Who asks behind these bytes? */
static void expect_peer(const struct rig *rig, const void *p, size_t n,
			const char *peer)
{
	char said[4096];
	int fd = dial(rig);

	say_bytes(fd, p, n);
	say(fd, GET("/"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_string_equal(strstr(said, "\r\n\r\n") + 4, peer);
	/* One connection, one header. */
	say(fd, GET("/"));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
}

static void test_peer(void **state)
{
	const struct web_listener ln = proxied(loopback);
	char un[PROXY_FIXED + 216] = SIG "\x21\x31\0\xd8";
	struct rig rig;

	(void)state;
	rig_start(&rig, NULL, &ln, 2);
	expect_peer(&rig, BYTES(V4), "198.51.100.7");
	expect_peer(&rig, BYTES(V6), "2001:db8::7");
	expect_peer(&rig, un, sizeof(un), "unix");
	expect_peer(&rig, BYTES(SIG "\x20\0\0\0"), "127.0.0.1");
	assert_int_equal(rig_count(&rig).proxy_refused, 0);
	rig_stop(&rig);
}

/* Byte by byte, the request in one piece with the end of it. */
static void test_pieces(void **state)
{
	static const char all[] = V4 GET("/");
	const struct web_listener ln = proxied(loopback);
	char said[4096];
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	fd = dial(&rig);
	for (size_t i = 0; i < sizeof(V4) - 2; i++) {
		say_bytes(fd, all + i, 1);
		poll(NULL, 0, 1);
	}
	say_bytes(fd, all + sizeof(V4) - 2, sizeof(all) - 1 - (sizeof(V4) - 2));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	assert_string_equal(strstr(said, "\r\n\r\n") + 4, "198.51.100.7");
	close(fd);
	rig_stop(&rig);
}

static void expect_end(const struct rig *rig, const void *p, size_t n)
{
	int fd = dial(rig);

	say_bytes(fd, p, n);
	assert_true(ended(fd));
	close(fd);
}

/* Without a header nothing is answered at all. */
static void test_required(void **state)
{
	const struct web_listener ln = proxied(loopback);
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	expect_end(&rig, BYTES(GET("/")));
	expect_end(&rig, BYTES("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n" GET("/")));
	expect_end(&rig, BYTES(SIG "\x21\x11\xff\xff"));
	rig_until(rig_count(&rig).proxy_refused == 3);
	/* A look whether the port is open is no fault. */
	fd = dial(&rig);
	shutdown(fd, SHUT_WR);
	assert_true(ended(fd));
	close(fd);
	fd = dial(&rig);
	say_bytes(fd, V4, 5);
	shutdown(fd, SHUT_WR);
	assert_true(ended(fd));
	close(fd);
	rig_until(rig_count(&rig).proxy_refused == 4);
	assert_int_equal(rig_count(&rig).requests, 0);
	rig_until(web_open(rig.web) == 0);
	rig_stop(&rig);
}

static void test_strangers(void **state)
{
	static const char *const from[] = { "10.0.0.0/8", "127.0.0.2", NULL };
	const struct web_listener ln = proxied(from);
	char said[4096];
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, &ln, 1);
	fd = dial_from(rig.port, "127.0.0.3");
	assert_true(ended(fd));
	close(fd);
	rig_until(rig_count(&rig).proxy_refused == 1);
	fd = dial_from(rig.port, "127.0.0.2");
	say_bytes(fd, BYTES(V4 GET("/")));
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	rig_stop(&rig);
}

static void test_bad_network(void **state)
{
	static const char *const from[] = { "10.0.0.0/8", "10.0.0.0/99", NULL };
	struct web_listener ln = proxied(from);
	struct err err = { "" };
	struct web *web;

	(void)state;
	ln.address = "127.0.0.1:0";
	assert_int_equal(web_new(&web, &web_limits_default, 1, &err), 0);
	assert_int_equal(web_listen(web, &ln, &err), -EINVAL);
	assert_non_null(strstr(err.text, "10.0.0.0/99"));
	web_free(web);
}

/* The address of the header has the number, not the balancer's. */
static void test_per_address(void **state)
{
	struct web_limits l = web_limits_default;
	const struct web_listener ln = proxied(loopback);
	char said[4096];
	struct rig rig;
	int first, other;

	(void)state;
	l.per_address = 1;
	rig_start(&rig, &l, &ln, 1);
	first = dial(&rig);
	say_bytes(first, BYTES(V4 GET("/")));
	assert_int_equal(hear_one(first, said, sizeof(said), false), 200);
	expect_end(&rig, BYTES(V4));
	rig_until(rig_count(&rig).refused_connections == 1);
	other = dial(&rig);
	say_bytes(other, BYTES(V6 GET("/")));
	assert_int_equal(hear_one(other, said, sizeof(said), false), 200);
	close(other);
	close(first);
	rig_until(web_open(rig.web) == 0);
	expect_peer(&rig, BYTES(V4), "198.51.100.7");
	assert_int_equal(rig_count(&rig).proxy_refused, 0);
	rig_stop(&rig);
}

/* However steadily it drips: the handshake's deadline is of the whole. */
static void test_drip(void **state)
{
	struct web_limits l = web_limits_default;
	const struct web_listener ln = proxied(loopback);
	int64_t begun = clock_mono_ms();
	struct rig rig;
	int fd;

	(void)state;
	l.handshake_ms = 200;
	rig_start(&rig, &l, &ln, 1);
	fd = dial(&rig);
	for (size_t i = 0; rig_count(&rig).timed_out == 0; i++) {
		assert_true(i < sizeof(V4) - 1);
		assert_true(clock_mono_ms() - begun < PATIENCE_MS);
		if (send(fd, &V4[i], 1, MSG_NOSIGNAL) != 1)
			break;
		poll(NULL, 0, 20);
	}
	assert_true(ended(fd));
	assert_true(clock_mono_ms() - begun >= 200);
	rig_until(rig_count(&rig).timed_out == 1);
	close(fd);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_per_address),
		cmocka_unit_test(test_drip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
