#ifndef AWS_CREDS_INI_H
#define AWS_CREDS_INI_H

#include "base/buf.h"
#include "base/err.h"

/*
 * The two files of AWS's command line, as Python's configparser and the SDKs
 * read them: [section], key = value, lines that begin with # or ;, a blank
 * and # or ; behind a value, deeper lines that belong to the key before them.
 */

/* One profile's settings; names as in the files. */
enum creds_key {
	CREDS_KEY_ID,
	CREDS_KEY_SECRET,
	CREDS_KEY_TOKEN,
	CREDS_KEY_ROLE_ARN,
	CREDS_KEY_SOURCE_PROFILE,
	CREDS_KEY_CREDENTIAL_SOURCE,
	CREDS_KEY_EXTERNAL_ID,
	CREDS_KEY_SESSION_NAME,
	CREDS_KEY_DURATION,
	CREDS_KEY_MFA_SERIAL,
	CREDS_KEY_WEB_TOKEN_FILE,
	CREDS_KEY_PROCESS,
	CREDS_KEY_SSO_START_URL,
	CREDS_KEY_SSO_SESSION,
	CREDS_KEY_SSO_ACCOUNT,
	CREDS_KEY_LOGIN_SESSION,
	CREDS_KEY_REGION,
	CREDS_KEYS
};

extern const char *const creds_key_names[CREDS_KEYS];

struct creds_setting {
	struct str value;	/* borrowed from the text; STR_NONE: absent */
	const char *file;
	unsigned line;
};

struct creds_profile {
	bool found;
	struct creds_setting set[CREDS_KEYS];
};

/* A file's text and name, borrowed. */
struct creds_text {
	struct str text;
	const char *file;
	bool config;		/* sections are [profile NAME] and [default] */
};

/*
 * Find the profile in one text and set what it says in *p, a later key over
 * an earlier. 0 whether or not it is there; -EINVAL with file and line.
 */
int creds_ini_read(struct creds_profile *p, const struct creds_text *t,
		   struct str name, struct err *err) MUST_CHECK;

/*
 * Both texts together. What the credentials file says counts before what the
 * configuration says; keys are never mixed from both.
 */
int creds_profile_read(struct creds_profile *p,
		       const struct creds_text *credentials,
		       const struct creds_text *config, struct str name,
		       struct err *err) MUST_CHECK;

/* Both files as they are on disk; an absent one is empty. */
struct creds_files {
	struct buf credentials, config;
	char credentials_path[4096], config_path[4096];
};

struct aws_creds_options;
int creds_files_load(struct creds_files *f, const struct aws_creds_options *o,
		     struct err *err) MUST_CHECK;
int creds_files_profile(struct creds_profile *p, const struct creds_files *f,
			struct str name, struct err *err) MUST_CHECK;
void creds_files_fini(struct creds_files *f);

#endif
