#ifndef TESTS_UNIT_REST_CHECK_H
#define TESTS_UNIT_REST_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rest/rest.h"

/* What one request came to, kept for the test to look at. */
struct outcome {
	struct rest_response res;
	struct buf copy;
	char url[256];
};

static inline struct rest *rest_plain(void)
{
	struct rest_options o = { .user_agent = "tocsin-test" };
	struct rest *r;

	assert_int_equal(rest_new(&r, &o, NULL), 0);
	return r;
}

/* url_fmt takes the port. */
static inline void call(struct rest *r, struct outcome *o, const char *url_fmt,
			unsigned port, struct rest_request req)
{
	struct err err = { "" };
	int rc;

	buf_init(&o->copy, 4 << 20);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(o->url, sizeof(o->url), url_fmt, port);
#pragma GCC diagnostic pop
	req.url = o->url;
	if (!req.method)
		req.method = "GET";
	rc = rest_call(r, &req, &o->res, &o->copy, &err);
	if (rc)
		fail_msg("rest_call: %d %s", rc, err.text);
}

static inline void done_with(struct outcome *o)
{
	buf_fini(&o->copy);
}

#endif
