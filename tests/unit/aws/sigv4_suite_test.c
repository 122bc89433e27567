/*
 * AWS's own signing test suite, where TOCSIN_CORPUS names a copy: sigv4/ in
 * it or beside it.
 */
#include "aws/sigv4.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "doc/json.h"

#define CASES 38
#define HEADERS 16

static char folder[4096];

static struct buf slurp(const char *name, const char *file)
{
	struct buf path = BUF_INIT(8192), text = BUF_INIT(1 << 20);
	FILE *f;
	char *to;

	buf_printf(&path, "%s/%s/%s", folder, name, file);
	f = fopen(path.p, "rb");
	if (!f)
		fail_msg("cannot open %s", path.p);
	to = buf_room(&text, 65536);
	buf_added(&text, fread(to, 1, 65536, f));
	(void)fclose(f);
	buf_fini(&path);
	return text;
}

struct example {
	struct buf text, token, hash;
	struct json *context;
	struct sigv4_header headers[HEADERS];
	struct sigv4_request r;
	struct aws_keys keys;
	bool normalize;
	int64_t time_ms;
};

static void add(struct example *e, struct str name, struct str value)
{
	assert_true(e->r.header_count < HEADERS);
	e->headers[e->r.header_count++] = (struct sigv4_header){ name, value };
}

static void read_request(struct example *e)
{
	struct str rest = buf_str(&e->text), line, target;

	assert_true(str_cut(&rest, '\n', &line));
	assert_true(str_ends(line, " HTTP/1.1"));
	line.n -= strlen(" HTTP/1.1");
	assert_true(str_cut(&line, ' ', &e->r.method));
	target = line;
	assert_true(str_cut(&target, '?', &e->r.path));
	e->r.query = str_find_char(line, '?') >= 0 ? target : STR_NONE;
	while (str_cut(&rest, '\n', &line) && line.n) {
		struct sigv4_header *last =
			&e->headers[e->r.header_count ? e->r.header_count - 1
						      : 0];
		struct str name;

		if (line.p[0] == ' ') { /* a folded value goes on */
			last->value.n =
				(size_t)(line.p + line.n - last->value.p);
			continue;
		}
		assert_true(str_cut(&line, ':', &name));
		add(e, name, line);
	}
	e->r.body = rest;
}

static void add_own_headers(struct example *e, struct str canonical)
{
	static const char date[] = "20150830T123600Z";
	char mine[17];

	sigv4_date(mine, e->time_ms);
	assert_string_equal(mine, date);
	add(e, STR("X-Amz-Date"), STR("20150830T123600Z"));
	if (e->keys.token.n &&
	    !json_bool(json_get(e->context, "omit_session_token"), false))
		add(e, STR("X-Amz-Security-Token"), e->keys.token);
	/* The hash is the last line of the canonical form. */
	if (json_bool(json_get(e->context, "sign_body"), false))
		add(e, STR("x-amz-content-sha256"),
		    str_sub(canonical, canonical.n - 64, 64));
}

static void open_example(struct example *e, const char *name,
			 struct str canonical)
{
	struct buf context = slurp(name, "context.json");
	const struct json *c;

	*e = (struct example){ .text = slurp(name, "request.txt") };
	assert_int_equal(json_parse(&e->context, buf_str(&context), 0, NULL),
			 0);
	c = json_get(e->context, "credentials");
	e->keys.id = json_get_str(c, "access_key_id");
	e->keys.secret = json_get_str(c, "secret_access_key");
	e->keys.token = json_get_str(c, "token");
	e->normalize = json_bool(json_get(e->context, "normalize"), true);
	assert_int_equal(
		clock_parse(&e->time_ms, json_get_str(e->context, "timestamp")),
		0);
	read_request(e);
	add_own_headers(e, canonical);
	e->r.headers = e->headers;
	buf_fini(&context);
}

static void check(const char *name)
{
	struct buf canonical = slurp(name, "header-canonical-request.txt");
	struct buf signature = slurp(name, "header-signature.txt");
	struct buf signed_request = slurp(name, "header-signed-request.txt");
	struct buf out = BUF_INIT(65536);
	struct str region, service;
	struct sigv4 *s = NULL;
	struct example e;

	open_example(&e, name, buf_str(&canonical));
	region = json_get_str(e.context, "region");
	service = json_get_str(e.context, "service");
	assert_int_equal(sigv4_new(&s), 0);
	assert_int_equal(sigv4_canonical(&out, &e.r, e.normalize), 0);
	if (!str_eq(buf_str(&out), buf_str(&canonical)))
		fail_msg("%s: expected\n%s\nfound\n%s", name, canonical.p,
			 out.p);
	buf_reset(&out);
	assert_int_equal(sigv4_signature(&out, s, buf_str(&canonical),
					 e.keys.secret, region, service,
					 e.time_ms),
			 0);
	assert_string_equal(out.p, signature.p);
	if (e.normalize) {
		buf_reset(&out);
		buf_puts(&out, "\nAuthorization:");
		assert_int_equal(sigv4_sign(&out, s, &e.r, &e.keys, region,
					    service, e.time_ms),
				 0);
		buf_putc(&out, '\n');
		if (str_find(buf_str(&signed_request), buf_str(&out)) < 0)
			fail_msg("%s: found %s", name, out.p);
	}
	sigv4_free(s);
	json_free(e.context);
	buf_fini(&e.text);
	buf_fini(&out);
	buf_fini(&canonical);
	buf_fini(&signature);
	buf_fini(&signed_request);
}

static DIR *find(const char *corpus)
{
	static const char *const places[] = { "sigv4", "../sigv4" };
	DIR *dir = NULL;

	for (size_t i = 0; i < 2 && !dir; i++) {
		(void)snprintf(folder, sizeof(folder), "%s/%s", corpus,
			       places[i]);
		dir = opendir(folder);
	}
	return dir;
}

static void all_cases(void **state)
{
	const char *corpus = getenv("TOCSIN_CORPUS");
	DIR *dir = corpus ? find(corpus) : NULL;
	struct dirent *d;
	int seen = 0;

	(void)state;
	if (!dir)
		skip();
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		check(d->d_name);
		seen++;
	}
	(void)closedir(dir);
	assert_true(seen >= CASES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
