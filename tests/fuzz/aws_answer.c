/*
 * An answer of an AWS service, JSON or XML. The input's first line is `j` or
 * `q` for what was asked and a status, then header lines, a blank line and the
 * body, as in the stackflow target.
 */
#include "must.h"

#include <errno.h>

#include "aws/reply.h"
#include "base/encode.h"
#include "doc/json.h"

#define SECRET "canary-0123456789-secret"
#define TOKEN "canary-9876543210-token"

static void safe_line(struct str s, size_t max)
{
	MUST(s.n < max);
	MUST(utf8_valid(s));
	for (size_t i = 0; i < s.n; i++)
		MUST((unsigned char)s.p[i] >= ' ' && s.p[i] != 0x7f);
	MUST(str_find(s, STR(SECRET)) < 0);
	MUST(str_find(s, STR(TOKEN)) < 0);
}

static void code_line(struct str s)
{
	MUST(s.n < 128);
	for (size_t i = 0; i < s.n; i++)
		MUST(s.p[i] > ' ' && s.p[i] < 0x7f && s.p[i] != '<');
}

static void try_xml(struct str body)
{
	static const char *const names[] = { "AccessKeyId", "Code",
					     "MessageId" };

	for (size_t i = 0; i < 3; i++) {
		struct buf out = BUF_INIT(1000);
		int rc;

		buf_puts(&out, "before");
		rc = aws_xml_text(&out, body, names[i]);
		MUST(rc <= 1);
		MUST(str_starts(buf_str(&out), "before"));
		if (rc > 0)
			MUST(utf8_valid(buf_str(&out)));
		else if (rc != -E2BIG)
			MUST(out.n == 6);
		buf_fini(&out);
	}
}

static void try_reply(const struct rest_response *r, bool json)
{
	const struct aws_keys keys = { STR("AKIATEST"), STR(SECRET),
				       STR(TOKEN) };
	bool good = r->status >= 200 && r->status < 300;
	struct reply reply;

	reply_read(&reply, r, json, 0, &keys, 0);
	MUST(reply.a.status == r->status);
	MUST(reply.a.retry_after_ms >= -1 && reply.a.retry_after_ms <= 3600000);
	MUST(good || reply.a.outcome != AWS_OK);
	MUST(!good || reply.a.outcome == AWS_OK ||
	     reply.a.outcome == AWS_TRANSIENT);
	MUST((reply.a.json != NULL) == (json && reply.a.outcome == AWS_OK));
	MUST(!reply.a.json || json_is(reply.a.json, JSON_OBJECT));
	MUST(reply.a.outcome == AWS_OK || reply.a.message.n);
	MUST(reply.cure == REPLY_NONE || (!good && reply.a.code.n) ||
	     reply.a.query_code.n);
	safe_line(reply.a.message, sizeof(reply.message));
	code_line(reply.a.code);
	code_line(reply.a.query_code);
	reply_close(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, first;
	struct rest_response r = { .outcome = REST_ANSWERED,
				   .http_version = 11 };
	uint64_t status;
	ssize_t blank;

	if (!str_cut(&in, '\n', &first) || first.n < 2 ||
	    str_to_u64(&status, str_sub(first, 1, first.n - 1)) || status > 999)
		return 0;
	r.status = (int)status;
	blank = str_find(in, STR("\n\n"));
	if (blank >= 0) {
		r.headers = str_sub(in, 0, (size_t)blank + 1);
		in = str_sub(in, (size_t)blank + 2, in.n - (size_t)blank - 2);
	}
	r.body = in;
	try_reply(&r, first.p[0] == 'j');
	try_xml(in);
	return 0;
}
