#include <errno.h>
#include <stdio.h>

#include "aws/creds_ini.h"
#include "aws/creds_source.h"
#include "aws/endpoint.h"

#define FILE_MAX (1u << 20)

/* The variable's path, or the one in the user's home; "": neither is known. */
static int find_path(char *out, size_t size, const struct aws_creds_options *o,
		     const char *variable, const char *usual, struct err *err)
{
	struct str path = creds_env(o, variable);
	struct str home = creds_env(o, "HOME");
	int n;

	if (path.p && str_starts(path, "~/") && home.p)
		n = snprintf(out, size, "%s%s", home.p, path.p + 1);
	else if (path.p)
		n = snprintf(out, size, "%s", path.p);
	else if (home.p)
		n = snprintf(out, size, "%s/.aws/%s", home.p, usual);
	else
		n = snprintf(out, size, "%s", "");
	if (n < 0 || (size_t)n >= size)
		return err_set(err, -ENAMETOOLONG, "%s: the path is too long",
			       variable);
	return 0;
}

static int load(struct buf *out, const char *path, struct err *err)
{
	int rc = *path ? creds_file(out, path, err) : 0;

	return rc == -ENOENT || rc == -ENOTDIR ? 0 : rc;
}

int creds_files_load(struct creds_files *f, const struct aws_creds_options *o,
		     struct err *err)
{
	int rc;

	buf_init(&f->credentials, FILE_MAX);
	buf_init(&f->config, FILE_MAX);
	rc = find_path(f->credentials_path, sizeof(f->credentials_path), o,
		       "AWS_SHARED_CREDENTIALS_FILE", "credentials", err);
	if (rc == 0)
		rc = find_path(f->config_path, sizeof(f->config_path), o,
			       "AWS_CONFIG_FILE", "config", err);
	if (rc == 0)
		rc = load(&f->credentials, f->credentials_path, err);
	if (rc == 0)
		rc = load(&f->config, f->config_path, err);
	return rc;
}

int creds_files_profile(struct creds_profile *p, const struct creds_files *f,
			struct str name, struct err *err)
{
	struct creds_text credentials = { buf_str(&f->credentials),
					  f->credentials_path, false };
	struct creds_text config = { buf_str(&f->config), f->config_path,
				     true };

	return creds_profile_read(p, &credentials, &config, name, err);
}

void creds_files_fini(struct creds_files *f)
{
	buf_wipe(&f->credentials);
	buf_wipe(&f->config);
}

/* From the profile that is in use; without one named, from "default". */
static int profile_region(struct buf *out, const struct aws_creds_options *o)
{
	struct str name = str_from(o->profile);
	struct creds_profile p = { 0 };
	struct creds_files f;
	struct str region;
	bool named;
	int rc;

	if (!name.n)
		name = creds_env(o, "AWS_PROFILE");
	named = name.n > 0;
	if (!named)
		name = STR("default");
	rc = creds_files_load(&f, o, NULL);
	/* Files that nobody named may be another user's. */
	if (rc == -EACCES && !named)
		rc = 0;
	if (rc == 0)
		rc = creds_files_profile(&p, &f, name, NULL);
	region = p.set[CREDS_KEY_REGION].value;
	if (rc == 0 && region.p && endpoint_region_ok(region)) {
		buf_put_str(out, region);
		rc = buf_error(out) ? buf_error(out) : 1;
	}
	creds_files_fini(&f);
	return rc;
}

int aws_region_find(struct buf *out, const struct aws_creds_options *o)
{
	static const char *const names[] = { "AWS_REGION",
					     "AWS_DEFAULT_REGION" };
	struct aws_creds_options mine;
	int rc = 0;

	rc = creds_options_copy(&mine, o);
	if (rc)
		return rc;
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		struct str s = creds_env(&mine, names[i]);

		if (!s.p)
			continue;
		buf_put_str(out, s);
		rc = buf_error(out) ? buf_error(out) : 1;
	}
	if (rc == 0)
		rc = profile_region(out, &mine);
	creds_options_fini(&mine);
	return rc;
}

int creds_region(struct str *out, struct buf *room,
		 const struct aws_creds_options *o)
{
	int rc = 0;

	if (o->region)
		buf_puts(room, o->region);
	else
		rc = aws_region_find(room, o);
	if (rc == -ENOMEM || buf_error(room) == -ENOMEM)
		return -ENOMEM;
	*out = room->n && buf_error(room) == 0 ? buf_str(room) : STR_NONE;
	return 0;
}
