#include "stackflow/cognito.h"

/*
 * Amazon Cognito user pools API Reference: InitiateAuth, RespondToAuthChallenge
 * (ChallengeName), GetTokensFromRefreshToken.
 */
#define SERVICE_ACCOUNT                                                        \
	"use a service account without one, or client_credentials"

static const struct {
	const char *part, *advice;
} challenges[] = {
	{ "NEW_PASSWORD_REQUIRED",
	  "sign in once as this user and set a lasting password" },
	{ "PASSWORD_RESET",
	  "reset this user's password, and give the new one here" },
	{ "MFA_SETUP",
	  "the pool wants a second factor of this user, who has "
	  "none yet; a service can't answer it: " SERVICE_ACCOUNT },
	{ "SELECT_MFA_TYPE", "this user has several second factors, which a "
			     "service can't answer: " SERVICE_ACCOUNT },
	{ "MFA", "this user has a second factor, which a service can't "
		 "answer: " SERVICE_ACCOUNT },
	{ "OTP", "this user signs in with a one-time password, which a "
		 "service can't answer: use client_credentials" },
	{ "WEB_AUTHN", "this user signs in with a passkey, which a service "
		       "can't: use client_credentials" },
	{ "DEVICE_", "the pool remembers this user's devices: turn that off, "
		     "or use client_credentials" },
	{ "SELECT_CHALLENGE", "the pool asks how this user signs in: allow "
			      "ALLOW_USER_PASSWORD_AUTH, or use "
			      "client_credentials" },
	{ "", "the user pool wants a step that a service can't answer: use "
	      "client_credentials or an API key" },
};

const char *sf_challenge_advice(struct str name)
{
	size_t i = 0;

	while (challenges[i].part[0] &&
	       str_find(name, str_from(challenges[i].part)) < 0)
		i++;
	return challenges[i].advice;
}

/* All that a person has to mend; the first that fits: an error's name, and a
 * part of its message. */
static const struct {
	const char *name, *part, *advice;
} errors[] = {
#define SECRET "the app client has a secret: check client_secret"
#define NO_FLOW "the app client has to allow ALLOW_USER_PASSWORD_AUTH"
	{ "NotAuthorizedException", "SECRET_HASH", SECRET },
	{ "NotAuthorizedException", "ecret hash", SECRET },
	{ "NotAuthorizedException", "SecretHash", SECRET },
	{ "NotAuthorizedException", "attempts exceeded",
	  "check the password; Cognito makes one wait longer each time" },
	{ "NotAuthorizedException", "disabled",
	  "an administrator has to enable this user" },
	{ "NotAuthorizedException", "emporary password",
	  "an administrator has to set a new password" },
	{ "NotAuthorizedException", " flow ", NO_FLOW },
	{ "NotAuthorizedException", "", "check email and password" },
	{ "InvalidPasswordException", "", "check the password" },
	{ "UserNotFoundException", "",
	  "check email, and that client_id is of this user's pool" },
	{ "UserNotConfirmedException", "",
	  "confirm this user; an administrator can" },
	{ "PasswordResetRequiredException", "",
	  "reset this user's password, and give the new one here" },
	{ "InvalidParameterException", " flow ", NO_FLOW },
	{ "InvalidParameterException", "ecret", SECRET },
	{ "InvalidParameterException", "",
	  "check client_id, email and password" },
	{ "UnsupportedOperationException", "", NO_FLOW },
	{ "ResourceNotFoundException", "", "check client_id and region" },
	{ "InvalidUserPoolConfigurationException", "",
	  "the pool's administrator has to mend it" },
	{ "UserLambdaValidationException", "",
	  "a check of the pool's own (a Lambda trigger) refuses this user" },
	{ "ForbiddenException", "",
	  "the pool's firewall (AWS WAF) refuses requests from here" },
};

static bool is_one_of(struct str name, const char *const *list)
{
	while (*list && !str_is(name, *list))
		list++;
	return *list;
}

/* A refresh token is refused, or can't be used by this request. */
static enum sf_grant_end refresh_end(enum sf_grant_kind kind, struct str name,
				     struct str message)
{
	static const char *const elsewhere[] = {
		"InvalidParameterException",
		"UnsupportedOperationException",
		NULL,
	};
	static const char *const stale[] = {
		"NotAuthorizedException",	 "RefreshTokenReuseException",
		"UnknownOperationException",	 "InvalidParameterException",
		"UnsupportedOperationException", NULL,
	};

	/* REFRESH_TOKEN_AUTH is off where the app client rotates them. */
	if (kind == SF_GRANT_REFRESH &&
	    (is_one_of(name, elsewhere) ||
	     (str_is(name, "NotAuthorizedException") &&
	      (str_find(message, STR(" flow ")) >= 0 ||
	       str_find(message, STR("rotation")) >= 0))))
		return SF_GRANT_ROTATES;
	return is_one_of(name, stale) ? SF_GRANT_STALE : SF_GRANT_FAILED;
}

enum sf_grant_end sf_cognito_end(const char **advice, enum sf_grant_kind kind,
				 struct str name, struct str message)
{
	*advice = NULL;
	if (kind == SF_GRANT_REFRESH || kind == SF_GRANT_ROTATE) {
		enum sf_grant_end end = refresh_end(kind, name, message);

		if (end != SF_GRANT_FAILED)
			return end;
	}
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (!str_is(name, errors[i].name) ||
		    str_find(message, str_from(errors[i].part)) < 0)
			continue;
		*advice = errors[i].advice;
		return SF_GRANT_PERMANENT;
	}
	return SF_GRANT_FAILED;
}

const char *sf_oauth_advice(struct str error)
{
	static const struct {
		const char *error, *advice;
	} known[] = {
		{ "invalid_client", "check client_id and client_secret" },
		{ "unauthorized_client",
		  "the app client has to allow client_credentials" },
		{ "unsupported_grant_type",
		  "the app client has to allow client_credentials" },
		{ "invalid_scope", "check scope" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (str_is(error, known[i].error))
			return known[i].advice;
	return NULL;
}
