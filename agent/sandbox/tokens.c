#include "agent/sandbox/tokens.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/sandbox/counts.h"
#include "agent/sandbox/form.h"
#include "agent/sandbox/records.h"
#include "agent/sandbox/wire.h"
#include "base/encode.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/jsonw.h"

#define KEPT 256     /* issued tokens; the oldest makes room */
#define REFRESH 64   /* refresh tokens, the same */
#define WINDOW 16384 /* requests a second that a limit can tell apart */
#define WINDOW_AI 1024

struct token {
	char text[BOX_TOKEN];
	enum box_user user;
	int64_t end_ms;
};

struct box_tokens {
	pthread_mutex_t lock;
	struct box_credentials cred;
	char refresh[REFRESH][BOX_TOKEN];	/* the first is used again */
	unsigned next_refresh;
	struct token kept[KEPT];
	unsigned next;
	struct box_window window[BOX_USERS][BOX_LIMITS];
};

static void make(char *out, size_t size, const char *prefix)
{
	struct buf text = BUF_INIT(64);
	uint8_t random[20];

	random_bytes(random, sizeof(random));
	encode_base32(&text, random, sizeof(random));
	snprintf(out, size, "%s%.*s", prefix, STR_ARG(buf_str(&text)));
	buf_fini(&text);
}

static void put_credentials(struct buf *out, const struct box_credentials *c)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kcstr(&w, "api_key", c->api_key);
	jsonw_kcstr(&w, "client_secret", c->client_secret);
	jsonw_kcstr(&w, "password", c->password);
	jsonw_end_object(&w);
}

static int copy_member(char *out, size_t size, const struct json *v,
		       const char *key)
{
	struct str s = json_get_str(v, key);

	if (!s.p || s.n >= size)
		return -EINVAL;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return 0;
}

static int read_credentials(struct box_credentials *c, struct str text,
			    struct err *err)
{
	struct json *v;
	int ret = json_parse(&v, text, 0, err);

	if (ret)
		return ret;
	if (copy_member(c->api_key, sizeof(c->api_key), v, "api_key") ||
	    copy_member(c->client_secret, sizeof(c->client_secret), v,
			"client_secret") ||
	    copy_member(c->password, sizeof(c->password), v, "password"))
		ret = err_set(err, -EINVAL,
			      "the sandbox's credentials are "
			      "damaged: remove its folder");
	json_free(v);
	return ret;
}

/* Those of an earlier start, so that an agent's configuration stays right. */
static int load(struct box_tokens *t, struct box_records *records,
		struct err *err)
{
	struct box_credentials *c = &t->cred;
	struct buf text = BUF_INIT(4096);
	int ret = box_text_get(&text, records, "credentials", err);

	snprintf(c->client_id, sizeof(c->client_id), "sandbox-client");
	snprintf(c->email, sizeof(c->email), "sandbox@example.com");
	if (!ret) {
		ret = read_credentials(c, buf_str(&text), err);
	} else if (ret == BOX_NOT_FOUND) {
		make(c->api_key, sizeof(c->api_key), "sfk_sandbox_");
		make(c->client_secret, sizeof(c->client_secret), "");
		make(c->password, sizeof(c->password), "Pw-");
		put_credentials(&text, c);
		ret = box_text_set(records, "credentials", buf_str(&text), err);
	}
	buf_wipe(&text);
	return ret;
}

int box_tokens_new(struct box_tokens **out, struct box_records *records,
		   struct err *err)
{
	struct box_tokens *t = calloc(1, sizeof(*t));
	int ret = t ? 0 : -ENOMEM;

	if (!t)
		return err_set(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&t->lock, NULL);
	for (int i = 0; i < BOX_USERS * BOX_LIMITS && !ret; i++) {
		int which = i % BOX_LIMITS;

		ret = box_window_init(&t->window[i / BOX_LIMITS][which],
				      which ? WINDOW_AI : WINDOW);
	}
	if (!ret)
		ret = load(t, records, err);
	if (ret)
		box_tokens_free(t);
	else
		*out = t;
	return ret;
}

void box_tokens_free(struct box_tokens *t)
{
	if (!t)
		return;
	for (int i = 0; i < BOX_USERS * BOX_LIMITS; i++)
		box_window_fini(&t->window[i / BOX_LIMITS][i % BOX_LIMITS]);
	pthread_mutex_destroy(&t->lock);
	explicit_bzero(t, sizeof(*t));
	free(t);
}

const struct box_credentials *box_tokens_credentials(const struct box_tokens *t)
{
	return &t->cred;
}

/* The text behind "Bearer " or "Basic "; STR_NONE where it isn't that. */
static struct str authorization(const struct wire_request *req,
				const char *scheme)
{
	struct str value = wire_header(req, "Authorization"), word;

	if (!value.p || !str_cut(&value, ' ', &word) ||
	    !str_is_nocase(word, scheme))
		return STR_NONE;
	return str_trim(value);
}

enum box_user box_tokens_user(struct box_tokens *t,
			      const struct wire_request *req, int64_t now_ms)
{
	struct str given = authorization(req, "Bearer");
	enum box_user user = BOX_USERS;

	if (!given.n)
		return BOX_USERS;
	if (str_is(given, t->cred.api_key))
		return BOX_USER_KEY;
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < KEPT && user == BOX_USERS; i++)
		if (t->kept[i].end_ms > now_ms &&
		    str_is(given, t->kept[i].text))
			user = t->kept[i].user;
	pthread_mutex_unlock(&t->lock);
	return user;
}

void box_tokens_expire(struct box_tokens *t, bool refresh)
{
	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < KEPT; i++)
		t->kept[i].end_ms = 0;
	if (refresh)
		explicit_bzero(t->refresh, sizeof(t->refresh));
	pthread_mutex_unlock(&t->lock);
}

void box_tokens_admit(struct box_rate *out, struct box_tokens *t,
		      enum box_user user, const struct box_limit *limit,
		      bool take, int64_t now_us)
{
	struct box_window *w;
	int64_t used;

	*out = (struct box_rate){ .limit = limit->rate,
				  .left = limit->rate,
				  .reset_us = limit->span_us };
	if (!limit->rate || user >= BOX_USERS)
		return;
	pthread_mutex_lock(&t->lock);
	w = &t->window[user][limit->which];
	w->span_us = limit->span_us;
	used = (int64_t)box_window_now(w, now_us);
	out->left -= used;
	if (take && out->left-- > 0)
		box_window_add(w, now_us);
	if (used)
		out->reset_us = w->at_us[w->first] + w->span_us - now_us;
	pthread_mutex_unlock(&t->lock);
}

void box_tokens_issue(char out[BOX_TOKEN], struct box_tokens *t,
		      enum box_user user, int64_t end_ms)
{
	struct token *token;

	make(out, BOX_TOKEN, "eyJzYW5kYm94Ijp0cnVlfQ.");
	pthread_mutex_lock(&t->lock);
	token = &t->kept[t->next++ % KEPT];
	token->user = user;
	token->end_ms = end_ms;
	snprintf(token->text, sizeof(token->text), "%s", out);
	pthread_mutex_unlock(&t->lock);
}

/* Under the lock; NULL: not one of ours, or used up. */
static char *find_refresh(struct box_tokens *t, struct str text)
{
	for (int i = 0; text.n && i < REFRESH; i++)
		if (str_is(text, t->refresh[i]))
			return t->refresh[i];
	return NULL;
}

void box_tokens_refresh_first(char out[BOX_TOKEN], struct box_tokens *t,
			      bool rotating)
{
	char *lasting = t->refresh[0];

	pthread_mutex_lock(&t->lock);
	if (rotating)
		lasting = t->refresh[1 + t->next_refresh++ % (REFRESH - 1)];
	if (rotating || !*lasting)
		make(lasting, BOX_TOKEN, "refresh-");
	memcpy(out, lasting, BOX_TOKEN);
	pthread_mutex_unlock(&t->lock);
}

bool box_tokens_refresh_use(char out[BOX_TOKEN], struct box_tokens *t,
			    struct str text, bool rotating)
{
	char *at;

	pthread_mutex_lock(&t->lock);
	at = find_refresh(t, text);
	if (at && rotating) {
		make(at, BOX_TOKEN, "refresh-");
		memcpy(out, at, BOX_TOKEN);
	}
	pthread_mutex_unlock(&t->lock);
	return at;
}

static void put_token(struct wire_reply *reply, struct box_tokens *t,
		      enum box_user user, int64_t life_s, int64_t now_ms)
{
	struct jsonw w = JSONW(&reply->body);
	char token[BOX_TOKEN];

	box_tokens_issue(token, t, user, now_ms + life_s * 1000);
	jsonw_object(&w);
	jsonw_kcstr(&w, "access_token", token);
	jsonw_kcstr(&w, "token_type", "Bearer");
	jsonw_kint(&w, "expires_in", life_s);
	jsonw_end_object(&w);
}

/* Client id and secret from Basic, each form-encoded (RFC 6749, 2.3.1). */
static bool from_basic(struct str *id, struct str *secret,
		       const struct wire_request *req, struct arena *a)
{
	struct buf plain = BUF_INIT(4096), form = BUF_INIT(8192);
	struct str text = authorization(req, "Basic"), user;
	bool ok = text.p && !decode_base64(&plain, text);

	if (ok) {
		text = buf_str(&plain);
		ok = str_cut(&text, ':', &user);
		buf_printf(&form, "u=%.*s&p=%.*s", STR_ARG(user),
			   STR_ARG(text));
		*id = box_form_get(buf_str(&form), "u", a);
		*secret = box_form_get(buf_str(&form), "p", a);
	}
	buf_wipe(&plain);
	buf_wipe(&form);
	return ok;
}

void box_tokens_oauth(struct box_tokens *t, const struct wire_request *req,
		      struct wire_reply *reply, int64_t life_s, int64_t now_ms)
{
	struct arena *a = arena_new(1 << 20);
	struct str id, secret;

	if (!a)
		return box_reply_error(reply, 500, "server_error", "no memory");
	if (!str_is(box_form_get(req->body, "grant_type", a),
		    "client_credentials")) {
		box_reply_error(reply, 400, "unsupported_grant_type",
				"only client_credentials");
		goto out;
	}
	if (!from_basic(&id, &secret, req, a)) {
		id = box_form_get(req->body, "client_id", a);
		secret = box_form_get(req->body, "client_secret", a);
	}
	if (str_is(id, t->cred.client_id) &&
	    str_is(secret, t->cred.client_secret))
		put_token(reply, t, BOX_USER_CLIENT, life_s, now_ms);
	else
		box_reply_error(reply, 400, "invalid_client",
				"wrong client id or secret");
out:
	arena_free(a);
}

void box_tokens_exchange(struct box_tokens *t, const struct wire_request *req,
			 struct wire_reply *reply, int64_t life_s,
			 int64_t now_ms)
{
	struct str key = authorization(req, "Bearer");
	struct json *v = NULL;

	if (!key.p)
		key = wire_header(req, "X-Api-Key");
	if (!key.p && !json_parse(&v, req->body, 0, NULL))
		key = json_get_str(v, "api_key");
	if (str_is(key, t->cred.api_key))
		put_token(reply, t, BOX_USER_KEY, life_s, now_ms);
	else
		box_reply_error(reply, 401, "unauthorized", "wrong API key");
	json_free(v);
}
