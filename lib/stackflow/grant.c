#include "stackflow/grant.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"
#include "rest/rest.h"
#include "stackflow/cognito.h"

#define LIFE_DEFAULT_S 3600
#define LIFE_MAX_S (30 * 86400)

void sf_granted_init(struct sf_granted *g)
{
	*g = (struct sf_granted){
		.token = BUF_INIT(SF_TOKEN_MAX),
		.refresh = BUF_INIT(SF_TOKEN_MAX),
		.user = BUF_INIT(256),
		.why = BUF_INIT(4096),
	};
}

void sf_granted_fini(struct sf_granted *g)
{
	buf_wipe(&g->token);
	buf_wipe(&g->refresh);
	buf_wipe(&g->user);
	buf_wipe(&g->why);
}

bool sf_token_usable(struct str token)
{
	return token.n > 0 && token.n <= SF_TOKEN_MAX && ascii_visible(token);
}

/* In ms; a text that is no number is as good as absent. 0: it is over. */
static int64_t read_life(const struct json *v)
{
	int64_t s = LIFE_DEFAULT_S;

	if (!json_is(v, JSON_STRING))
		s = json_int(v, s);
	else if (str_to_i64(&s, json_str(v)))
		s = LIFE_DEFAULT_S;
	if (s <= 0)
		return 0;
	return (s < LIFE_MAX_S ? s : LIFE_MAX_S) * 1000;
}

/* What a token says; it came from who made it over TLS, so its signature is
 * not in question. NULL where it can't be read. */
static struct json *read_claims(struct str token)
{
	struct buf text = BUF_INIT(SF_TOKEN_MAX),
		   claims = BUF_INIT(SF_TOKEN_MAX);
	struct json *root = NULL;
	struct str part;

	if (!str_cut(&token, '.', &part) || !str_cut(&token, '.', &part))
		return NULL;
	for (size_t i = 0; i < part.n; i++)
		buf_putc(&text, part.p[i] == '-'   ? '+'
				: part.p[i] == '_' ? '/'
						   : part.p[i]);
	while (text.n % 4)
		buf_putc(&text, '=');
	if (buf_error(&text) || decode_base64(&claims, buf_str(&text)) ||
	    json_parse(&root, buf_str(&claims), JSON_NO_NUL, NULL))
		root = NULL;
	buf_wipe(&text);
	buf_wipe(&claims);
	return root;
}

/* A token's own life, by the clock of who made it; 0: it says none. */
static int64_t claimed_life_ms(const struct json *claims)
{
	int64_t from = json_int(json_get(claims, "iat"), 0);
	int64_t to = json_int(json_get(claims, "exp"), 0);

	if (from <= 0 || to <= from)
		return 0;
	to -= from;
	return (to < LIFE_MAX_S ? to : LIFE_MAX_S) * 1000;
}

/* An id token may live shorter than ExpiresIn, which is the access token's,
 * and stand-ins for Cognito leave that out. */
static void take_claims(struct sf_granted *out, bool told)
{
	struct json *claims = read_claims(buf_str(&out->token));
	int64_t ms = claimed_life_ms(claims);

	if (ms && (!told || ms < out->life_ms))
		out->life_ms = ms;
	buf_put_str(&out->user, json_get_str(claims, "cognito:username"));
	json_free(claims);
}

static enum sf_grant_end take(struct sf_granted *out, struct str token,
			      const struct json *life)
{
	if (!sf_token_usable(token)) {
		buf_puts(&out->why, "the answer holds no usable token");
		return SF_GRANT_FAILED;
	}
	out->life_ms = read_life(life);
	if (out->life_ms == 0) {
		buf_puts(&out->why, "the answer's token has no lifetime");
		return SF_GRANT_FAILED;
	}
	buf_put_str(&out->token, token);
	if (buf_error(&out->token))
		return SF_GRANT_FAILED;
	take_claims(out, life);
	return SF_GRANT_OK;
}

/* Advice has to fit in behind the server's own words. */
static void put_why(struct sf_granted *out, int status, struct str name,
		    struct str words, const char *advice)
{
	size_t most = advice ? 100 : 1000;

	buf_printf(&out->why, "%d", status);
	if (name.n)
		buf_printf(&out->why, " %.*s",
			   (int)(name.n < 200 ? name.n : 200), name.p);
	if (words.n) {
		words = utf8_cut(words, most);
		buf_printf(&out->why, ": %.*s", STR_ARG(words));
	}
	if (advice)
		buf_printf(&out->why, " (%s)", advice);
}

/* RFC 6749 section 5.2; an exchange endpoint may speak in its own words. */
static enum sf_grant_end read_oauth(struct sf_granted *out,
				    enum sf_grant_kind kind, int status,
				    const struct json *body)
{
	struct str token = json_get_str(body, "access_token");
	struct str words = json_get_str(body, "error_description");
	struct str error = json_get_str(body, "error");

	if (status >= 200 && status < 300) {
		if (!token.p && kind == SF_GRANT_EXCHANGE)
			token = json_get_str(body, "token");
		if (!token.p && kind == SF_GRANT_EXCHANGE)
			token = json_get_str(body, "id_token");
		return take(out, token, json_get(body, "expires_in"));
	}
	if (!words.p)
		words = json_get_str(body, "message");
	put_why(out, status, error, words,
		kind == SF_GRANT_CLIENT ? sf_oauth_advice(error) : NULL);
	if (status >= 300 && status < 500 && status != 408 && status != 425 &&
	    status != 429)
		return SF_GRANT_PERMANENT;
	return SF_GRANT_FAILED;
}

/* "com.x#NotAuthorizedException" and "NotAuthorizedException:http://..." */
static struct str error_name(const struct json *body,
			     const struct rest_response *r)
{
	struct str name = json_get_str(body, "__type"), part;
	ssize_t hash;

	if (!name.p)
		name = rest_header(r, "x-amzn-ErrorType");
	hash = str_find_char(name, '#');
	if (hash >= 0)
		name = str_sub(name, (size_t)hash + 1,
			       name.n - (size_t)hash - 1);
	return str_cut(&name, ':', &part) ? part : STR_NONE;
}

static enum sf_grant_end read_cognito(struct sf_granted *out,
				      enum sf_grant_kind kind,
				      const struct rest_response *r,
				      const struct json *body)
{
	const struct json *res = json_get(body, "AuthenticationResult");
	struct str name = json_get_str(body, "ChallengeName");
	struct str words = json_get_str(body, "message");
	enum sf_grant_end end;
	const char *advice;

	if (r->status == 200 && json_is(res, JSON_OBJECT)) {
		end = take(out, json_get_str(res, "IdToken"),
			   json_get(res, "ExpiresIn"));
		if (sf_token_usable(json_get_str(res, "RefreshToken")))
			buf_put_str(&out->refresh,
				    json_get_str(res, "RefreshToken"));
		return end;
	}
	/* The status of a challenge is 200, too. */
	if (r->status == 200 && name.n) {
		buf_printf(&out->why, "Cognito asks for %.*s: %s",
			   (int)(name.n < 60 ? name.n : 60), name.p,
			   sf_challenge_advice(name));
		return SF_GRANT_PERMANENT;
	}
	name = error_name(body, r);
	end = sf_cognito_end(&advice, kind, name, words);
	put_why(out, r->status, name, words, advice);
	return end;
}

enum sf_grant_end sf_grant_read(struct sf_granted *out, enum sf_grant_kind kind,
				const struct rest_response *r)
{
	enum sf_grant_end end;
	struct json *body = NULL;

	if (r->outcome != REST_ANSWERED) {
		buf_puts(&out->why, r->problem);
		return SF_GRANT_FAILED;
	}
	if (json_parse(&body, r->body, JSON_NO_NUL | JSON_SECRET, NULL))
		body = NULL;
	if (kind >= SF_GRANT_PASSWORD)
		end = read_cognito(out, kind, r, body);
	else
		end = read_oauth(out, kind, r->status, body);
	json_free_wiped(body);
	return end;
}

/* base64(HMAC-SHA256(client secret, user name + client id)) */
static void put_secret_hash(struct jsonw *w, const struct sf_auth *a,
			    struct str user)
{
	struct buf text = BUF_INIT(8192), hash = BUF_INIT(128);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	/* What fails here stays out of the program's own error queue. */
	ERR_set_mark();
	buf_put_str(&text, user);
	buf_puts(&text, a->client_id);
	if (buf_error(&text) == 0 &&
	    HMAC(EVP_sha256(), a->client_secret, (int)strlen(a->client_secret),
		 (const unsigned char *)text.p, text.n, mac, &n)) {
		encode_base64(&hash, mac, n);
		jsonw_kstr(w, "SECRET_HASH", buf_str(&hash));
	}
	ERR_pop_to_mark();
	/* Without it Cognito would count a login that failed. */
	if (hash.n == 0)
		w->out->error = -ENOMEM;
	buf_wipe(&text);
	buf_wipe(&hash);
}

static void put_initiate_auth(struct buf *out, enum sf_grant_kind kind,
			      const struct sf_auth *a, struct str refresh,
			      struct str user)
{
	struct jsonw w = JSONW(out);
	bool again = kind == SF_GRANT_REFRESH;

	if (!again || user.n == 0)
		user = str_from(a->email);
	jsonw_object(&w);
	jsonw_kcstr(&w, "ClientId", a->client_id);
	jsonw_kcstr(&w, "AuthFlow",
		    again ? "REFRESH_TOKEN_AUTH" : "USER_PASSWORD_AUTH");
	jsonw_key(&w, "AuthParameters");
	jsonw_object(&w);
	if (again) {
		jsonw_kstr(&w, "REFRESH_TOKEN", refresh);
	} else {
		jsonw_kcstr(&w, "USERNAME", a->email);
		jsonw_kcstr(&w, "PASSWORD", a->password);
	}
	if (a->client_secret && a->client_secret[0])
		put_secret_hash(&w, a, user);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
}

/* It takes the secret itself: there is no user name to hash it with. */
static void put_rotate(struct buf *out, const struct sf_auth *a,
		       struct str refresh)
{
	struct jsonw w = JSONW(out);

	jsonw_object(&w);
	jsonw_kstr(&w, "RefreshToken", refresh);
	jsonw_kcstr(&w, "ClientId", a->client_id);
	if (a->client_secret && a->client_secret[0])
		jsonw_kcstr(&w, "ClientSecret", a->client_secret);
	jsonw_end_object(&w);
}

void sf_grant_put_body(struct buf *out, enum sf_grant_kind kind,
		       const struct sf_auth *a, struct str refresh,
		       struct str user)
{
	struct jsonw w = JSONW(out);

	switch (kind) {
	case SF_GRANT_EXCHANGE:
		jsonw_object(&w);
		jsonw_kcstr(&w, "api_key", a->api_key);
		jsonw_end_object(&w);
		break;
	case SF_GRANT_CLIENT:
		buf_puts(out, "grant_type=client_credentials");
		if (a->scope && a->scope[0]) {
			buf_puts(out, "&scope=");
			encode_url(out, str_from(a->scope));
		}
		break;
	case SF_GRANT_PASSWORD:
	case SF_GRANT_REFRESH:
		put_initiate_auth(out, kind, a, refresh, user);
		break;
	case SF_GRANT_ROTATE:
		put_rotate(out, a, refresh);
		break;
	}
}
