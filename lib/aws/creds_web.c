#include <errno.h>

#include "aws/creds_sts.h"

#define ARN "AWS_ROLE_ARN"
#define FILE_NAME "AWS_WEB_IDENTITY_TOKEN_FILE"
#define SESSION "AWS_ROLE_SESSION_NAME"

/* What EKS sets for a service account: a token that STS takes for a role. */
int creds_from_web_identity(struct aws_held **out, struct creds_ask *a,
			    struct err *err)
{
	struct str file = creds_env(a->o, FILE_NAME);
	struct creds_role role = {
		.arn = creds_env(a->o, ARN),
		.session = creds_env(a->o, SESSION),
	};
	struct buf region = BUF_INIT(64);
	struct str where = STR_NONE;
	char session[65];
	int rc;

	if (!file.p)
		return err_set(err, CREDS_NONE, FILE_NAME " is not set");
	if (!role.arn.p)
		return err_set(err, -EINVAL,
			       FILE_NAME " is set, " ARN " is not");
	if (!creds_arn_ok(role.arn))
		return err_set(err, -EINVAL, ARN ": expected a role's ARN");
	if (!role.session.p) {
		creds_session_default(session, creds_now_ms(a));
		role.session = str_from(session);
	}
	if (!creds_session_ok(role.session))
		return err_set(err, -EINVAL,
			       SESSION ": expected 2 to 64 letters, digits and "
				       "+=,.@-_");
	rc = creds_region(&where, &region, a->o);
	if (rc == 0)
		rc = creds_assume_web(out, a, file.p, &role, where, err);
	if (rc == 0)
		buf_printf(&a->via, "role %.*s", STR_ARG(role.arn));
	buf_fini(&region);
	return rc;
}
