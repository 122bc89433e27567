/* What is refused, how, and that nothing behind it is ever looked at. */
#include "tests/unit/web/rig.h"

#define H "Host: h\r\n"
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define NEXT "GET /smuggled HTTP/1.1\r\n" H "\r\n"

static const struct {
	const char *name;
	int status;
	struct str bytes;
} refused[] = {
	/* Two lengths, or one that can be read two ways. */
	{ "CL and TE", 400,
	  STR(POST "Content-Length: 6\r\n"
		   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE and CL", 400,
	  STR(POST "Transfer-Encoding: chunked\r\n"
		   "Content-Length: 6\r\n\r\n0\r\n\r\n" NEXT) },
	{ "two CL", 400,
	  STR(POST "Content-Length: 1\r\n"
		   "Content-Length: 2\r\n\r\nab" NEXT) },
	{ "the same CL twice", 400,
	  STR(POST "Content-Length: 1\r\n"
		   "Content-Length: 1\r\n\r\na" NEXT) },
	{ "CL list", 400, STR(POST "Content-Length: 1, 1\r\n\r\na" NEXT) },
	{ "+CL", 400, STR(POST "Content-Length: +1\r\n\r\na" NEXT) },
	{ "-CL", 400, STR(POST "Content-Length: -1\r\n\r\na" NEXT) },
	{ "hex CL", 400, STR(POST "Content-Length: 0x1\r\n\r\na" NEXT) },
	{ "empty CL", 400, STR(POST "Content-Length: \r\n\r\n" NEXT) },
	{ "CL with blank", 400, STR(POST "Content-Length: 1 0\r\n\r\n" NEXT) },
	{ "CL with junk", 400, STR(POST "Content-Length: 1a\r\n\r\na" NEXT) },
	{ "CL decimal", 400, STR(POST "Content-Length: 1.0\r\n\r\na" NEXT) },
	{ "CL too large", 413,
	  STR(POST "Content-Length: 2097153\r\n\r\n" NEXT) },
	{ "CL overflows", 413,
	  STR(POST "Content-Length: 18446744073709551617\r\n\r\n" NEXT) },
	/* Transfer codings. */
	{ "TE gzip", 400, STR(POST "Transfer-Encoding: gzip\r\n\r\n" NEXT) },
	{ "TE gzip, chunked", 400,
	  STR(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE chunked, chunked", 400,
	  STR(POST
	      "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE twice", 400,
	  STR(POST "Transfer-Encoding: chunked\r\n"
		   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE identity", 400,
	  STR(POST "Transfer-Encoding: identity\r\n\r\n" NEXT) },
	{ "TE xchunked", 400,
	  STR(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE with parameter", 400,
	  STR(POST "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE empty", 400, STR(POST "Transfer-Encoding:\r\n\r\n" NEXT) },
	{ "TE with vertical tab", 400,
	  STR(POST "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "TE quoted", 400,
	  STR(POST "Transfer-Encoding: \"chunked\"\r\n\r\n" NEXT) },
	{ "HTTP/1.0 with TE", 400,
	  STR("POST / HTTP/1.0\r\n" H
	      "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" NEXT) },
	/* Lines. */
	{ "bare LF after the request line", 400,
	  STR("GET / HTTP/1.1\n" H "\r\n" NEXT) },
	{ "bare LF after a field", 400,
	  STR("GET / HTTP/1.1\r\nHost: h\n\r\n" NEXT) },
	{ "bare LF at the end", 400, STR("GET / HTTP/1.1\r\n" H "\n" NEXT) },
	{ "bare CR in a value", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n" NEXT) },
	{ "bare CR for a line end", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\rTransfer-Encoding: chunked\r\n"
	      "\r\n" NEXT) },
	{ "CR CR LF", 400, STR("GET / HTTP/1.1\r\n" H "\r\r\n" NEXT) },
	{ "obs-fold", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n" NEXT) },
	{ "obs-fold with tab", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n\r\n" NEXT) },
	{ "blank before the first field", 400,
	  STR("GET / HTTP/1.1\r\n " H "\r\n" NEXT) },
	{ "two empty lines first", 400, STR("\r\n\r\n" NEXT) },
	/* Field names and values. */
	{ "NUL in a value", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\0c\r\n\r\n" NEXT) },
	{ "NUL in a name", 400,
	  STR("GET / HTTP/1.1\r\n" H "A\0: b\r\n\r\n" NEXT) },
	{ "control character in a value", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n" NEXT) },
	{ "DEL in a value", 400,
	  STR("GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n" NEXT) },
	{ "blank before the colon", 400,
	  STR(POST "Content-Length : 1\r\n\r\na" NEXT) },
	{ "tab before the colon", 400,
	  STR(POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n" NEXT) },
	{ "no colon", 400, STR("GET / HTTP/1.1\r\n" H "Abc\r\n\r\n" NEXT) },
	{ "no name", 400, STR("GET / HTTP/1.1\r\n" H ": b\r\n\r\n" NEXT) },
	{ "blank in a name", 400,
	  STR("GET / HTTP/1.1\r\n" H "A b: c\r\n\r\n" NEXT) },
	{ "high byte in a name", 400,
	  STR("GET / HTTP/1.1\r\n" H "A\xc3\xa4: c\r\n\r\n" NEXT) },
	{ "brace in a name", 400,
	  STR("GET / HTTP/1.1\r\n" H "A{}: c\r\n\r\n" NEXT) },
	/* Host. */
	{ "no Host", 400, STR("GET / HTTP/1.1\r\nA: b\r\n\r\n" NEXT) },
	{ "two Hosts", 400, STR("GET / HTTP/1.1\r\n" H H "\r\n" NEXT) },
	{ "two Hosts in 1.0", 400, STR("GET / HTTP/1.0\r\n" H H "\r\n" NEXT) },
	{ "empty Host", 400, STR("GET / HTTP/1.1\r\nHost:\r\n\r\n" NEXT) },
	{ "Host with user", 400,
	  STR("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n" NEXT) },
	{ "Host with path", 400,
	  STR("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n" NEXT) },
	{ "Host list", 400, STR("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n" NEXT) },
	{ "Host with blank", 400,
	  STR("GET / HTTP/1.1\r\nHost: a b\r\n\r\n" NEXT) },
	{ "Host with a bad port", 400,
	  STR("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n" NEXT) },
	{ "Host with an open bracket", 400,
	  STR("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n" NEXT) },
	/* Request lines. */
	{ "absolute form", 400,
	  STR("GET http://h/ HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "asterisk form", 400, STR("OPTIONS * HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "no target", 400, STR("GET HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "no version (0.9)", 400, STR("GET /\r\n" H "\r\n" NEXT) },
	{ "two blanks", 400, STR("GET  / HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "tab", 400, STR("GET\t/ HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "blank at the end", 400, STR("GET / HTTP/1.1 \r\n" H "\r\n" NEXT) },
	{ "blank in the target", 400,
	  STR("GET /a b HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "fragment", 400, STR("GET /a#b HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "high byte in the target", 400,
	  STR("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "NUL in the target", 400, STR("GET /\0 HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "bad method", 400, STR("G(T / HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "no method", 400, STR(" / HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "lower-case version", 400, STR("GET / http/1.1\r\n" H "\r\n" NEXT) },
	{ "version without dot", 400, STR("GET / HTTP/11\r\n" H "\r\n" NEXT) },
	{ "TLS on a plain port", 400,
	  STR("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") },
	{ "HTTP/1.2", 505, STR("GET / HTTP/1.2\r\n" H "\r\n" NEXT) },
	{ "HTTP/2.0", 505, STR("GET / HTTP/2.0\r\n" H "\r\n" NEXT) },
	{ "HTTP/2 preface", 405, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" NEXT) },
	{ "TRACE", 405, STR("TRACE / HTTP/1.1\r\n" H "\r\n" NEXT) },
	{ "CONNECT", 405, STR("CONNECT h:443 HTTP/1.1\r\n" H "\r\n" NEXT) },
	/* Content. */
	{ "gzip", 415,
	  STR(POST "Content-Encoding: gzip\r\n"
		   "Content-Length: 1\r\n\r\na" NEXT) },
	{ "identity and gzip", 415,
	  STR(POST "Content-Encoding: identity\r\n"
		   "Content-Encoding: br\r\nContent-Length: 1\r\n\r\na" NEXT) },
	{ "another expectation", 417,
	  STR(POST "Expect: 200-ok\r\n"
		   "Content-Length: 1\r\n\r\na" NEXT) },
	/* Chunks. */
	{ "chunk extension", 400, STR(CHUNKED "1;a=b\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size 0x1", 400, STR(CHUNKED "0x1\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size +1", 400, STR(CHUNKED "+1\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size -1", 400, STR(CHUNKED "-1\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size with blank", 400,
	  STR(CHUNKED "1 \r\na\r\n0\r\n\r\n" NEXT) },
	{ "blank before a chunk size", 400,
	  STR(CHUNKED " 1\r\na\r\n0\r\n\r\n" NEXT) },
	{ "no chunk size", 400, STR(CHUNKED "\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size of 9 digits", 400,
	  STR(CHUNKED "000000001\r\na\r\n0\r\n\r\n" NEXT) },
	{ "chunk size overflows", 400,
	  STR(CHUNKED "10000000000000001\r\na\r\n0\r\n\r\n" NEXT) },
	{ "bare LF after a chunk size", 400,
	  STR(CHUNKED "1\na\r\n0\r\n\r\n" NEXT) },
	{ "bare LF after a chunk", 400, STR(CHUNKED "1\r\na\n0\r\n\r\n" NEXT) },
	{ "bare CR after a chunk size", 400,
	  STR(CHUNKED "1\ra\r\n0\r\n\r\n" NEXT) },
	{ "chunk longer than its size", 400,
	  STR(CHUNKED "1\r\nab\r\n0\r\n\r\n" NEXT) },
	{ "trailer", 400, STR(CHUNKED "0\r\nA: b\r\n\r\n" NEXT) },
	{ "bare LF at the end of chunks", 400, STR(CHUNKED "0\r\n\n" NEXT) },
	{ "letter for the last CR of chunks", 400,
	  STR(CHUNKED "0\r\na\n" NEXT) },
	{ "chunk too large", 413, STR(CHUNKED "200001\r\n" NEXT) },
	{ "chunk of 4 GiB", 413, STR(CHUNKED "ffffffff\r\n" NEXT) },
};

/* One answer with that status, the connection ended, nothing served. */
static void expect_refusal(struct rig *rig, const char *name, int status,
			   struct str bytes)
{
	unsigned seen = atomic_load(&rig->seen);
	int fd = dial(rig);
	char said[4096], want[32];
	ssize_t n;

	say_bytes(fd, bytes.p, bytes.n);
	n = hear_all(fd, said, sizeof(said));
	close(fd);
	snprintf(want, sizeof(want), "HTTP/1.1 %d ", status);
	if (n <= 0 || strncmp(said, want, strlen(want)) != 0)
		fail_msg("%s: expected %d, got: %s", name, status,
			 n <= 0 ? "nothing" : said);
	if (strstr(said + 1, "HTTP/1."))
		fail_msg("%s: two answers: %s", name, said);
	if (!strstr(said, "\r\nConnection: close\r\n"))
		fail_msg("%s: no Connection: close: %s", name, said);
	if (atomic_load(&rig->seen) != seen)
		fail_msg("%s: reached the handler", name);
}

static void test_refused(void **state)
{
	size_t count = sizeof(refused) / sizeof(refused[0]);
	struct rig rig;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	for (size_t i = 0; i < count; i++)
		expect_refusal(&rig, refused[i].name, refused[i].status,
			       refused[i].bytes);
	assert_int_equal(atomic_load(&rig.smuggled), 0);
	assert_int_equal(rig_count(&rig).malformed, count);
	rig_stop(&rig);
}

/* The same when every byte comes alone. */
static void test_refused_in_drips(void **state)
{
	struct rig rig;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i += 5) {
		int fd = dial(&rig), one = 1;
		char said[4096], want[32];
		ssize_t n;

		setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one,
			   sizeof(one));
		for (size_t k = 0; k < refused[i].bytes.n; k++)
			if (send(fd, refused[i].bytes.p + k, 1, MSG_NOSIGNAL) !=
			    1)
				break;
		n = hear_all(fd, said, sizeof(said));
		close(fd);
		snprintf(want, sizeof(want), "HTTP/1.1 %d ", refused[i].status);
		if (n <= 0 || strncmp(said, want, strlen(want)) != 0)
			fail_msg("%s", refused[i].name);
	}
	assert_int_equal(atomic_load(&rig.seen), 0);
	rig_stop(&rig);
}

/* What looks odd and is right all the same. */
static const struct {
	const char *answer;
	struct str bytes;
} taken[] = {
	{ "GET /  0", STR(GET("/")) },
	{ "GET /  0", STR("\r\n" GET("/")) },
	{ "GET /a b=c|{d}&e=/? 0",
	  STR("GET /a?b=c|{d}&e=/? HTTP/1.1\r\n" H "\r\n") },
	{ "GET //a/../%zz  0", STR("GET //a/../%zz HTTP/1.1\r\n" H "\r\n") },
	{ "OPTIONS /  0", STR("OPTIONS / HTTP/1.1\r\n" H "\r\n") },
	{ "get /  0", STR("get / HTTP/1.1\r\n" H "\r\n") },
	{ "GET /  0", STR("GET / HTTP/1.1\r\nhOST:\t[::1]:80 \r\n\r\n") },
	{ "GET /  0", STR("GET / HTTP/1.1\r\nHost: 127.0.0.1:\r\n\r\n") },
	{ "GET /  0", STR("GET / HTTP/1.1\r\n" H "A:\r\nB: \xe4\t\"\r\n\r\n") },
	{ "POST /  0", STR(POST "\r\n") },
	{ "POST /  3", STR(POST "Content-Length: 3\r\n\r\nabc") },
	{ "POST /  3", STR(POST "Content-Length: 0003 \r\n\r\nabc") },
	{ "POST /  3", STR(POST "Content-Encoding: Identity\r\n"
				"Content-Length: 3\r\n\r\nabc") },
	{ "POST /  0", STR(CHUNKED "0\r\n\r\n") },
	{ "POST /  0", STR(CHUNKED "00000000\r\n\r\n") },
	{ "POST /  4", STR(CHUNKED "1\r\na\r\n00000003\r\n\r\nb\r\n"
				   "0\r\n\r\n") },
	{ "POST /  10", STR(POST "transfer-encoding:CHUNKED\r\n\r\n"
				 "A\r\n0123456789\r\n0\r\n\r\n") },
};

static void test_taken(void **state)
{
	struct rig rig;
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		char said[4096];

		say_bytes(fd, taken[i].bytes.p, taken[i].bytes.n);
		assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
		assert_string_equal(strstr(said, "\r\n\r\n") + 4,
				    taken[i].answer);
		assert_null(strstr(said, "Connection: close"));
	}
	close(fd);
	rig_stop(&rig);
}

static struct str repeated(struct buf *b, const char *before, char c, size_t n,
			   const char *after)
{
	buf_reset(b);
	buf_puts(b, before);
	for (size_t i = 0; i < n; i++)
		buf_putc(b, c);
	buf_puts(b, after);
	return buf_str(b);
}

static void test_sizes(void **state)
{
	struct buf b = BUF_INIT(1 << 20);
	struct rig rig;
	char said[4096];
	int fd;

	(void)state;
	rig_start(&rig, NULL, NULL, 1);
	expect_refusal(&rig, "target of 2049", 414,
		       repeated(&b, "GET /", 'a', 2048, " HTTP/1.1\r\n" NEXT));
	expect_refusal(&rig, "endless target", 414,
		       repeated(&b, "GET /", 'a', 4000, ""));
	expect_refusal(&rig, "endless method", 400,
		       repeated(&b, "", 'A', 100, ""));
	expect_refusal(&rig, "headers of 16 KiB", 431,
		       repeated(&b, "GET / HTTP/1.1\r\n" H "A: ", 'a', 16384,
				"\r\n\r\n" NEXT));
	expect_refusal(
		&rig, "endless header", 431,
		repeated(&b, "GET / HTTP/1.1\r\n" H "A: ", 'a', 70000, ""));
	buf_reset(&b);
	buf_puts(&b, "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < 64; i++)
		buf_printf(&b, "A%d: b\r\n", i);
	buf_puts(&b, "\r\n" NEXT);
	expect_refusal(&rig, "65 fields", 431, buf_str(&b));
	assert_int_equal(atomic_load(&rig.seen), 0);

	fd = dial(&rig);
	repeated(&b, "GET /", 'a', 2047, " HTTP/1.1\r\n" H "\r\n");
	say_bytes(fd, b.p, b.n);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	buf_reset(&b);
	buf_puts(&b, "GET / HTTP/1.1\r\n" H);
	for (int i = 0; i < 63; i++)
		buf_printf(&b, "A%d: b\r\n", i);
	buf_puts(&b, "\r\n");
	say_bytes(fd, b.p, b.n);
	assert_int_equal(hear_one(fd, said, sizeof(said), false), 200);
	close(fd);
	buf_fini(&b);
	rig_stop(&rig);
}

/* 413 is there to be read though the client is still sending. */
static void test_refused_while_sending(void **state)
{
	char junk[65536], said[4096];
	struct rig rig;
	int fd;

	(void)state;
	memset(junk, 'a', sizeof(junk));
	rig_start(&rig, NULL, NULL, 1);
	fd = dial(&rig);
	say(fd, POST "Content-Length: 3000000\r\n\r\n");
	for (size_t sent = 0; sent < 3000000; sent += sizeof(junk))
		say_bytes(fd, junk, sizeof(junk));
	assert_true(hear_all(fd, said, sizeof(said)) > 0);
	assert_memory_equal(said, "HTTP/1.1 413 ", 13);
	close(fd);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_refused_in_drips),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused_while_sending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
