#include <errno.h>

#include "aws/creds_source.h"

struct str creds_env(const struct aws_creds_options *o, const char *name)
{
	const char *value = o->env(name, o->env_arg);

	return value && *value ? str_from(value) : STR_NONE;
}

int creds_from_configuration(struct aws_held **out, struct creds_ask *a,
			     struct err *err)
{
	struct aws_keys keys = {
		.id = str_from(a->o->access_key_id),
		.secret = str_from(a->o->secret_access_key),
		.token = str_from(a->o->session_token),
	};

	if (!keys.id.p)
		return err_set(err, CREDS_NONE, "no keys given");
	return creds_held_new(out, &keys, 0, err);
}

int creds_from_environment(struct aws_held **out, struct creds_ask *a,
			   struct err *err)
{
	struct aws_keys keys = {
		.id = creds_env(a->o, "AWS_ACCESS_KEY_ID"),
		.secret = creds_env(a->o, "AWS_SECRET_ACCESS_KEY"),
		.token = creds_env(a->o, "AWS_SESSION_TOKEN"),
	};

	if (!keys.id.p)
		return err_set(
			err, CREDS_NONE, "AWS_ACCESS_KEY_ID is not set%s",
			keys.secret.p ? ", though AWS_SECRET_ACCESS_KEY is"
				      : "");
	if (!keys.secret.p)
		return err_set(err, -EINVAL,
			       "AWS_ACCESS_KEY_ID is set, "
			       "AWS_SECRET_ACCESS_KEY is not");
	return creds_held_new(out, &keys, 0, err);
}
