#include <errno.h>
#include <stdlib.h>

#include "aws/creds_source.h"

static const char *from_process(const char *name, void *arg)
{
	(void)arg;
	return getenv(name);
}

static int copy(const char **out, const char *s)
{
	*out = s && *s ? strdup(s) : NULL;
	return s && *s && !*out ? -ENOMEM : 0;
}

static void drop(const char **s)
{
	char *mine = (char *)(uintptr_t)*s;

	if (mine)
		explicit_bzero(mine, strlen(mine));
	free(mine);
	*s = NULL;
}

static int copy_list(const char *const **out, const char *const *list)
{
	const char **mine;
	size_t n = 0;
	int rc = 0;

	*out = NULL;
	if (!list)
		return 0;
	while (list[n])
		n++;
	mine = calloc(n + 1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	*out = mine;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = copy(&mine[i], list[i]);
	return rc;
}

int creds_options_copy(struct aws_creds_options *out,
		       const struct aws_creds_options *in)
{
	int rc = 0;

	*out = *in;
	rc |= copy(&out->access_key_id, in->access_key_id);
	rc |= copy(&out->secret_access_key, in->secret_access_key);
	rc |= copy(&out->session_token, in->session_token);
	rc |= copy(&out->profile, in->profile);
	rc |= copy(&out->region, in->region);
	rc |= copy(&out->sts_endpoint, in->sts_endpoint);
	rc |= copy(&out->ca_file, in->ca_file);
	rc |= copy(&out->proxy, in->proxy);
	rc |= copy_list(&out->connect_to, in->connect_to);
	if (!out->env)
		out->env = from_process;
	if (rc)
		creds_options_fini(out);
	return rc ? -ENOMEM : 0;
}

void creds_options_fini(struct aws_creds_options *o)
{
	const char **list = (const char **)(uintptr_t)o->connect_to;

	drop(&o->access_key_id);
	drop(&o->secret_access_key);
	drop(&o->session_token);
	drop(&o->profile);
	drop(&o->region);
	drop(&o->sts_endpoint);
	drop(&o->ca_file);
	drop(&o->proxy);
	for (size_t i = 0; list && list[i]; i++)
		drop(&list[i]);
	free(list);
	o->connect_to = NULL;
}
