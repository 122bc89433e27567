#include <errno.h>

#include "aws/creds_source.h"

const struct creds_source creds_sources[] = {
	{ "configuration", creds_from_configuration },
	{ "environment", creds_from_environment },
	{ "web identity", creds_from_web_identity },
	{ "profile", creds_from_profile },
	{ "container", creds_from_container },
	{ "instance", creds_from_instance },
	{ NULL, NULL },
};

int creds_chain(struct aws_held **out, const struct creds_source **won,
		struct creds_ask *a, struct buf *said)
{
	const struct creds_source *s = creds_sources;
	struct err err;
	int rc = CREDS_NONE;

	for (; s->name && rc == CREDS_NONE; s++) {
		err.text[0] = '\0';
		rc = s->fetch(out, a, &err);
		if (rc == 0)
			*won = s;
		else
			buf_printf(said, "%s%s: %s", said->n ? "; " : "",
				   s->name,
				   rc == -ENOMEM ? "out of memory" : err.text);
	}
	/* Keys of another identity than the one meant would be worse than
	 * none, so what is set up and fails isn't passed over. */
	if (rc < 0 && s->name)
		buf_puts(said, "; what comes after it was not asked");
	return rc;
}
