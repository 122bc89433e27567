#ifndef UNIT_ALARM_HELP_H
#define UNIT_ALARM_HELP_H

/* What the tests of lib/alarm share; each is a program of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alarm/alarm.h"
#include "base/err.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define DATA "tests/data/alarms/"
/* 2026-11-21T10:05:00.000Z, when everything in these tests is received. */
#define NOW INT64_C(1795255500000)
#define TOPIC "arn:aws:sns:us-east-1:111122223333:alarms-payments"

#define assert_str(s, text)                                              \
	do {                                                             \
		struct str s_ = (s);                                     \
		const char *t_ = (text);                                 \
		if (!t_ ? s_.p != NULL : !s_.p || !str_is(s_, t_))       \
			fail_msg("%s is \"%.*s\", expected %s", #s,      \
				 STR_ARG(s_), t_ ? t_ : "nothing");      \
	} while (0)

static inline bool slurp(struct buf *out, const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n = 1;
	char *to;

	if (!f)
		return false;
	while (n) {
		to = buf_room(out, 65536);
		assert_non_null(to);
		n = fread(to, 1, 65536, f);
		buf_added(out, n);
	}
	fclose(f);
	return true;
}

/* With the folder's expected/NAME; TOCSIN_WRITE_EXPECTED=1 writes it anew. */
static inline void as_expected(const char *folder, const char *name,
			       struct str got)
{
	struct buf expected = BUF_INIT(4 << 20);
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%sexpected/%s", folder, name);
	if (getenv("TOCSIN_WRITE_EXPECTED")) {
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(got.p, 1, got.n, f), got.n);
		assert_int_equal(fclose(f), 0);
	}
	if (!slurp(&expected, path))
		fail_msg("no %s", path);
	if (!str_eq(buf_str(&expected), got))
		fail_msg("%s\nexpected: %.*s\ngot:      %.*s", name,
			 STR_ARG(buf_str(&expected)), STR_ARG(got));
	buf_fini(&expected);
}

/* A fixture's text, without its last line break. */
static inline void fixture(struct buf *out, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), DATA "%s", name);
	buf_reset(out);
	if (!slurp(out, path))
		fail_msg("can't read %s", path);
	if (out->n && out->p[out->n - 1] == '\n')
		buf_truncate(out, out->n - 1);
}

static inline struct alarm_input message(struct str body)
{
	return (struct alarm_input){ .body = body,
				     .received_ms = NOW,
				     .intake = "webhook" };
}

struct decoded {
	struct buf text;
	struct alarm_input in;
	struct alarms alarms;
};

static inline const struct alarm *decode_input(struct decoded *d)
{
	assert_int_equal(alarm_decode(&d->alarms, &d->in), 0);
	assert_true(d->alarms.count >= 1);
	return &d->alarms.list[0];
}

/* Decode a text as a webhook's body. */
static inline const struct alarm *decode(struct decoded *d, const char *text)
{
	*d = (struct decoded){ .text = BUF_INIT(4 << 20) };
	buf_puts(&d->text, text);
	d->in = message(buf_str(&d->text));
	return decode_input(d);
}

static inline const struct alarm *decode_file(struct decoded *d,
					      const char *name)
{
	*d = (struct decoded){ .text = BUF_INIT(4 << 20) };
	fixture(&d->text, name);
	d->in = message(buf_str(&d->text));
	return decode_input(d);
}

static inline void decoded_fini(struct decoded *d)
{
	alarms_fini(&d->alarms);
	buf_fini(&d->text);
}

#endif
