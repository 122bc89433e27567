#ifndef STACKFLOW_ENV_H
#define STACKFLOW_ENV_H

#include "stackflow/stackflow.h"

/*
 * StackFlow's environment variables (SDK & Code Examples, "Environment
 * Variables"): STACKFLOW_BASE_URL, and the first of these that is whole:
 *
 *	STACKFLOW_TOKEN					token
 *	STACKFLOW_API_KEY				api_key
 *	STACKFLOW_CLIENT_ID, _CLIENT_SECRET, _COGNITO_URL
 *							client_credentials
 *	STACKFLOW_CLIENT_ID, _EMAIL, _PASSWORD, _USER_POOL_ID
 *							password
 *
 * A variable that is empty isn't set. STACKFLOW_CLIENT_SECRET goes with a
 * password, too, where the app client has one. Another place for Cognito's own
 * API is AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER, as AWS's SDKs have it.
 */
struct arena;

/*
 * Fill in what is NULL or zero; strings in arena or the environment's own. A
 * method that is set already (other than 0) is the one that is filled in.
 * -ENOENT: nothing whole is there, err names what is missing; -EINVAL: what
 * is there can't be used, err names the variable; -ENOMEM.
 */
int sf_options_from_env(struct sf_options *o, struct arena *arena,
			struct err *err) MUST_CHECK;

/* On whose behalf, by the variables that FlowSDK's client reads: what isn't
 * set is NULL; strings are the environment's own. */
struct sf_context;
void sf_context_from_env(struct sf_context *out);

/* Which method the environment is whole for; false: none. */
bool sf_env_method(enum sf_auth_method *out);
/* The token endpoint beneath a Cognito hosted UI's URL. */
void sf_env_put_token_url(struct buf *out, struct str cognito_url);
/* us-east-1_AbCdEf: the region; STR_NONE where it isn't of that form. */
struct str sf_env_pool_region(struct str pool_id);

#endif
