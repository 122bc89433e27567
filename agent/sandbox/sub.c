#include "agent/sandbox/sub.h"

#include <errno.h>
#include <stdlib.h>

#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

static const char *const states[] = { "pending", "confirmed", "ended" };

struct box_sub *box_sub_new(void)
{
	struct box_sub *sub = calloc(1, sizeof(*sub));

	if (!sub)
		return NULL;
	buf_init(&sub->arn, 1024);
	buf_init(&sub->topic, 1024);
	buf_init(&sub->url, 4096);
	buf_init(&sub->authorization, 4096);
	buf_init(&sub->token, 1024);
	return sub;
}

void box_sub_free(struct box_sub *sub)
{
	if (!sub)
		return;
	buf_fini(&sub->arn);
	buf_fini(&sub->topic);
	buf_fini(&sub->url);
	buf_wipe(&sub->authorization);
	buf_fini(&sub->token);
	free(sub);
}

bool box_sub_whole(const struct box_sub *sub)
{
	return !buf_error(&sub->arn) && !buf_error(&sub->topic) &&
	       !buf_error(&sub->url) && !buf_error(&sub->authorization) &&
	       !buf_error(&sub->token);
}

void box_sub_put(struct jsonw *w, const struct box_sub *sub, bool secrets)
{
	jsonw_object(w);
	jsonw_kstr(w, "subscription_arn", buf_str(&sub->arn));
	jsonw_kstr(w, "topic_arn", buf_str(&sub->topic));
	jsonw_kstr(w, "endpoint", buf_str(&sub->url));
	jsonw_kcstr(w, "state", states[sub->state]);
	jsonw_kbool(w, "raw", sub->raw);
	jsonw_kint(w, "signature_version", sub->version);
	jsonw_kstr(w, "token", buf_str(&sub->token));
	if (secrets)
		jsonw_kstr(w, "authorization", buf_str(&sub->authorization));
	jsonw_end_object(w);
}

struct box_sub *box_sub_read(const struct json *v)
{
	struct str state = json_get_str(v, "state");
	struct box_sub *sub = box_sub_new();

	if (!sub)
		return NULL;
	buf_put_str(&sub->arn, json_get_str(v, "subscription_arn"));
	buf_put_str(&sub->topic, json_get_str(v, "topic_arn"));
	buf_put_str(&sub->url, json_get_str(v, "endpoint"));
	buf_put_str(&sub->token, json_get_str(v, "token"));
	buf_put_str(&sub->authorization, json_get_str(v, "authorization"));
	sub->raw = json_bool(json_get(v, "raw"), false);
	sub->version = 1;
	if (json_int(json_get(v, "signature_version"), 1) == 2)
		sub->version = 2;
	for (int i = BOX_SUB_PENDING; i <= BOX_SUB_ENDED; i++)
		if (str_is(state, states[i]))
			sub->state = i;
	if (!box_sub_whole(sub) || !sub->url.n) {
		box_sub_free(sub);
		return NULL;
	}
	return sub;
}

int box_sub_endpoint(struct box_sub *sub, struct str endpoint, struct err *err)
{
	bool tls = str_starts(endpoint, "https://");
	size_t from = tls ? 8 : 7;
	struct buf plain = BUF_INIT(1024);
	struct str rest, host;
	ssize_t at;
	int ret = 0;

	if (!tls && !str_starts(endpoint, "http://"))
		return err_set(err, -EINVAL,
			       "endpoint: expected http:// or "
			       "https://");
	rest = str_sub(endpoint, from, endpoint.n - from);
	host = rest;
	str_cut(&(struct str){ rest.p, rest.n }, '/', &host);
	at = str_find_char(host, '@');
	buf_put(&sub->url, endpoint.p, from);
	if (at >= 0) {
		if (decode_url(&plain, str_sub(rest, 0, (size_t)at)))
			ret = err_set(err, -EINVAL,
				      "endpoint: bad escape in the password");
		buf_puts(&sub->authorization, "Basic ");
		encode_base64(&sub->authorization, plain.p, plain.n);
		rest = str_sub(rest, (size_t)at + 1, rest.n - (size_t)at - 1);
	}
	buf_wipe(&plain);
	buf_put_str(&sub->url, rest);
	return ret;
}
