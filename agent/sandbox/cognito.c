#include "agent/sandbox/box.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/sandbox/tokens.h"
#include "base/encode.h"
#include "doc/json.h"
#include "doc/jsonw.h"

/*
 * A user pool with one client and one user, as far as tokens go: InitiateAuth
 * and GetTokensFromRefreshToken (Amazon Cognito user pools API Reference).
 */
static void refuse(struct call *c, const char *type, const char *text)
{
	struct jsonw w = JSONW(&c->reply->body);

	c->reply->status = 400;
	buf_printf(&c->reply->headers, "x-amzn-ErrorType: %s:\r\n", type);
	jsonw_object(&w);
	jsonw_kcstr(&w, "__type", type);
	jsonw_kcstr(&w, "message", text);
	jsonw_end_object(&w);
}

static bool rotating(struct call *c)
{
	return box_setting(&c->s->settings, BOX_REFRESH_ROTATION);
}

/* refresh: NULL, or the token that comes with it. */
static void grant(struct call *c, const char *refresh)
{
	int64_t life_s = box_setting(&c->s->settings, BOX_TOKEN_LIFE);
	int64_t end_ms = c->now_ms + life_s * 1000;
	struct jsonw w = JSONW(&c->reply->body);
	char id[BOX_TOKEN], access[BOX_TOKEN];

	box_tokens_issue(id, c->s->tokens, BOX_USER_PERSON, end_ms);
	box_tokens_issue(access, c->s->tokens, BOX_USER_PERSON, end_ms);
	jsonw_object(&w);
	jsonw_key(&w, "AuthenticationResult");
	jsonw_object(&w);
	jsonw_kcstr(&w, "AccessToken", access);
	jsonw_kint(&w, "ExpiresIn", life_s);
	jsonw_kcstr(&w, "IdToken", id);
	if (refresh)
		jsonw_kcstr(&w, "RefreshToken", refresh);
	jsonw_kcstr(&w, "TokenType", "Bearer");
	jsonw_end_object(&w);
	jsonw_key(&w, "ChallengeParameters");
	jsonw_object(&w);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
}

/* base64(HMAC-SHA256(client secret, user name + client id)) */
static bool hash_fits(const struct box_credentials *cred, struct str hash)
{
	struct buf text = BUF_INIT(256), want = BUF_INIT(128);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	bool fits;

	buf_printf(&text, "%s%s", cred->email, cred->client_id);
	fits = HMAC(EVP_sha256(), cred->client_secret,
		    (int)strlen(cred->client_secret),
		    (const unsigned char *)text.p, text.n, mac, &n);
	encode_base64(&want, mac, n);
	fits = fits && str_eq_secret(hash, buf_str(&want));
	buf_wipe(&want);
	buf_wipe(&text);
	return fits;
}

/* Is the hash of a client with a secret there and right? Answered if not. */
static bool hash_checked(struct call *c, const struct json *parameters)
{
	const struct box_credentials *cred =
		box_tokens_credentials(c->s->tokens);
	struct str hash = json_get_str(parameters, "SECRET_HASH");
	bool ok = !box_setting(&c->s->settings, BOX_SECRET_HASH);

	if (!ok && !hash.n)
		refuse(c, "NotAuthorizedException",
		       "Client sandbox-client is configured with secret but "
		       "SECRET_HASH was not received");
	else if (!ok && !(ok = hash_fits(cred, hash)))
		refuse(c, "NotAuthorizedException",
		       "SecretHash does not match for the client: "
		       "sandbox-client");
	return ok;
}

/* What comes instead of tokens where the setting says so; in its order. */
static const struct {
	const char *type, *text;	/* text NULL: a challenge */
} instead[] = {
	{ NULL, NULL },
	{ "NEW_PASSWORD_REQUIRED", NULL },
	{ "SOFTWARE_TOKEN_MFA", NULL },
	{ "SMS_MFA", NULL },
	{ "EMAIL_OTP", NULL },
	{ "MFA_SETUP", NULL },
	{ "SELECT_MFA_TYPE", NULL },
	{ "PasswordResetRequiredException",
	  "Password reset required for the user" },
	{ "UserNotConfirmedException", "User is not confirmed." },
	{ "NotAuthorizedException", "User is disabled." },
	{ "NotAuthorizedException", "Password attempts exceeded" },
	{ "InvalidParameterException",
	  "USER_PASSWORD_AUTH flow not enabled for this client" },
	{ "TooManyRequestsException", "Rate exceeded" },
};

/* True: answered. */
static bool challenged(struct call *c)
{
	size_t which = (size_t)box_setting(&c->s->settings, BOX_CHALLENGE);
	struct jsonw w = JSONW(&c->reply->body);
	char session[BOX_TOKEN];

	if (!which || which >= sizeof(instead) / sizeof(*instead))
		return false;
	if (instead[which].text) {
		refuse(c, instead[which].type, instead[which].text);
		return true;
	}
	/* Shaped as one, good for nothing. */
	box_tokens_issue(session, c->s->tokens, BOX_USERS, 0);
	jsonw_object(&w);
	jsonw_kcstr(&w, "ChallengeName", instead[which].type);
	jsonw_kcstr(&w, "Session", session);
	jsonw_key(&w, "ChallengeParameters");
	jsonw_object(&w);
	jsonw_kcstr(&w, "USER_ID_FOR_SRP",
		    box_tokens_credentials(c->s->tokens)->email);
	jsonw_end_object(&w);
	jsonw_end_object(&w);
	return true;
}

static void by_password(struct call *c, const struct json *parameters)
{
	const struct box_credentials *cred =
		box_tokens_credentials(c->s->tokens);
	char refresh[BOX_TOKEN];

	if (!hash_checked(c, parameters))
		return;
	if (!str_is(json_get_str(parameters, "USERNAME"), cred->email) ||
	    !str_is(json_get_str(parameters, "PASSWORD"), cred->password))
		return refuse(c, "NotAuthorizedException",
			      "Incorrect username or password.");
	if (challenged(c))
		return;
	box_tokens_refresh_first(refresh, c->s->tokens, rotating(c));
	grant(c, refresh);
}

static void by_refresh(struct call *c, const struct json *parameters)
{
	struct str token = json_get_str(parameters, "REFRESH_TOKEN");
	char next[BOX_TOKEN];

	if (box_setting(&c->s->settings, BOX_REFRESH_ROTATION) ==
	    BOX_ROTATION_STRICT)
		return refuse(c, "InvalidParameterException",
			      "REFRESH_TOKEN_AUTH flow not enabled for this "
			      "client");
	if (!hash_checked(c, parameters))
		return;
	if (!box_tokens_refresh_use(next, c->s->tokens, token, rotating(c)))
		return refuse(c, "NotAuthorizedException",
			      "Invalid Refresh Token");
	grant(c, rotating(c) ? next : NULL);
}

/* Whose name for the secret is itself, not its hash. */
static void get_tokens(struct call *c, const struct json *v)
{
	const struct box_credentials *cred =
		box_tokens_credentials(c->s->tokens);
	char next[BOX_TOKEN];

	if (box_setting(&c->s->settings, BOX_SECRET_HASH) &&
	    !str_is(json_get_str(v, "ClientSecret"), cred->client_secret))
		return refuse(c, "NotAuthorizedException",
			      "Unable to verify secret hash for client "
			      "sandbox-client");
	if (!box_tokens_refresh_use(next, c->s->tokens,
				    json_get_str(v, "RefreshToken"),
				    rotating(c)))
		return refuse(c, rotating(c) ? "RefreshTokenReuseException"
					     : "NotAuthorizedException",
			      "Invalid Refresh Token");
	grant(c, rotating(c) ? next : NULL);
}

static void initiate(struct call *c, const struct json *v)
{
	const struct json *parameters = json_get(v, "AuthParameters");
	struct str flow = json_get_str(v, "AuthFlow");

	if (str_is(flow, "USER_PASSWORD_AUTH"))
		by_password(c, parameters);
	else if (str_is(flow, "REFRESH_TOKEN_AUTH") ||
		 str_is(flow, "REFRESH_TOKEN"))
		by_refresh(c, parameters);
	else
		refuse(c, "InvalidParameterException",
		       "only USER_PASSWORD_AUTH and REFRESH_TOKEN_AUTH");
}

void box_cognito(struct call *c)
{
	const struct box_credentials *cred =
		box_tokens_credentials(c->s->tokens);
	struct str target = wire_header(c->req, "X-Amz-Target");
	bool tokens = str_ends(target, ".GetTokensFromRefreshToken");
	struct json *v = NULL;

	c->reply->type = "application/x-amz-json-1.1";
	if (!tokens && !str_ends(target, ".InitiateAuth"))
		return refuse(c, "UnknownOperationException",
			      "only InitiateAuth and "
			      "GetTokensFromRefreshToken");
	if (json_parse(&v, c->req->body, 0, NULL))
		return refuse(c, "SerializationException", "not JSON");
	if (!str_is(json_get_str(v, "ClientId"), cred->client_id))
		refuse(c, "ResourceNotFoundException",
		       "User pool client does not exist.");
	else if (tokens)
		get_tokens(c, v);
	else
		initiate(c, v);
	json_free(v);
}
