/*
 * What STS, a container's endpoint, IMDS or a credential_process answers. The
 * first line of the input is a letter for who, and a status; then the body.
 */
#include "must.h"

#include <errno.h>

#include "aws/creds_sts.h"

#define NOW_MS INT64_C(1795341600000)
#define SENT "canary-0123456789-secret"

/* What may be put into a header or be signed with. */
static void usable(struct str s, size_t max)
{
	MUST(s.n <= max);
	for (size_t i = 0; i < s.n; i++)
		MUST(s.p[i] > ' ' && s.p[i] < 0x7f);
}

static void try_answer(char who, const struct creds_answer *res)
{
	struct str body = buf_str(&res->body);
	struct aws_held *h = NULL;
	struct err err = { "" };
	int rc;

	if (who == 's')
		rc = creds_sts_read(&h, res, STR(SENT), NOW_MS, &err);
	else if (res->status != 200)
		rc = creds_refused(res, "it", &err);
	else
		rc = creds_json(&h, body,
				who == 'i'   ? CREDS_JSON_CODE
				: who == 'p' ? CREDS_JSON_VERSION
					     : 0,
				res->date_ms, NOW_MS, &err);
	MUST(rc <= 0 && (rc == 0) == (h != NULL));
	if (rc == 0) {
		const struct aws_keys *k = aws_held_keys(h);

		MUST(k->id.n > 0 && k->secret.n > 0);
		MUST(who == 'p' || h->expire_ms > 0);
		usable(k->id, CREDS_ID_MAX);
		usable(k->secret, CREDS_SECRET_MAX);
		usable(k->token, CREDS_TOKEN_MAX);
	} else {
		MUST(err.text[0]);
		for (const char *c = err.text; *c; c++)
			MUST((unsigned char)*c >= ' ' && *c != 0x7f);
		if (who == 's')
			MUST(!strstr(err.text, SENT));
	}
	aws_held_drop(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size }, first;
	struct creds_answer res = { .body = BUF_INIT(CREDS_ANSWER_MAX) };
	uint64_t status;

	if (!str_cut(&in, '\n', &first) || first.n < 2 ||
	    str_to_u64(&status, str_sub(first, 1, first.n - 1)) || status > 999)
		return 0;
	res.status = (int)status;
	if (status % 2)
		res.date_ms = NOW_MS - 3600000;
	buf_put_str(&res.body, in);
	if (!buf_error(&res.body))
		try_answer(first.p[0], &res);
	creds_answer_fini(&res);
	return 0;
}
