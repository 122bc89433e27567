#include "aws/creds_ini.h"

#include <errno.h>

const char *const creds_key_names[CREDS_KEYS] = {
	[CREDS_KEY_ID] = "aws_access_key_id",
	[CREDS_KEY_SECRET] = "aws_secret_access_key",
	[CREDS_KEY_TOKEN] = "aws_session_token",
	[CREDS_KEY_ROLE_ARN] = "role_arn",
	[CREDS_KEY_SOURCE_PROFILE] = "source_profile",
	[CREDS_KEY_CREDENTIAL_SOURCE] = "credential_source",
	[CREDS_KEY_EXTERNAL_ID] = "external_id",
	[CREDS_KEY_SESSION_NAME] = "role_session_name",
	[CREDS_KEY_DURATION] = "duration_seconds",
	[CREDS_KEY_MFA_SERIAL] = "mfa_serial",
	[CREDS_KEY_WEB_TOKEN_FILE] = "web_identity_token_file",
	[CREDS_KEY_PROCESS] = "credential_process",
	[CREDS_KEY_SSO_START_URL] = "sso_start_url",
	[CREDS_KEY_SSO_SESSION] = "sso_session",
	[CREDS_KEY_SSO_ACCOUNT] = "sso_account_id",
	[CREDS_KEY_LOGIN_SESSION] = "login_session",
	[CREDS_KEY_REGION] = "region",
};

struct reader {
	const struct creds_text *t;
	struct creds_profile *p;
	struct str name;
	unsigned line;
	bool inside; /* the section is the one that is sought */
	bool keyed;  /* a key came in this section, so deep: */
	size_t indent;
};

static size_t indent_of(struct str line)
{
	size_t n = 0;

	while (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
		n++;
	return n;
}

static struct str from(struct str s, size_t n)
{
	return str_sub(s, n, s.n - n);
}

/* name, "name" or 'name' */
static struct str unquote(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') &&
	    s.p[s.n - 1] == s.p[0])
		s = str_sub(s, 1, s.n - 2);
	return s;
}

/* Is what stands between the brackets the profile that is sought? */
static bool section_is(struct str head, bool config, struct str name)
{
	head = str_trim(head);
	if (!config)
		return str_eq(unquote(head), name);
	if (str_starts(head, "profile") && head.n > 7 &&
	    (head.p[7] == ' ' || head.p[7] == '\t'))
		return str_eq(unquote(from(head, 8)), name);
	return str_is(head, "default") && str_is(name, "default");
}

static int bad(struct reader *r, const char *expected, struct err *err)
{
	return err_set(err, -EINVAL, "%s:%u: expected %s", r->t->file, r->line,
		       expected);
}

/* Without what a blank and # or ; begin. */
static struct str without_comment(struct str value)
{
	if (value.n && (value.p[0] == '#' || value.p[0] == ';'))
		return STR_NONE;
	for (size_t i = 1; i < value.n; i++)
		if ((value.p[i] == '#' || value.p[i] == ';') &&
		    (value.p[i - 1] == ' ' || value.p[i - 1] == '\t'))
			return str_trim(str_sub(value, 0, i));
	return value;
}

static int read_pair(struct reader *r, struct str line, struct err *err)
{
	ssize_t equals = str_find_char(line, '=');
	ssize_t colon = str_find_char(line, ':');
	struct str key, value;

	/* configparser takes the first of both. */
	if (equals < 0 || (colon >= 0 && colon < equals))
		equals = colon;
	if (equals <= 0)
		return bad(r, "key = value, a [section] or a comment", err);
	key = str_trim(str_sub(line, 0, (size_t)equals));
	value = str_trim(from(line, (size_t)equals + 1));
	value = without_comment(value);
	if (value.n && memchr(value.p, '\0', value.n))
		return bad(r, "a value without NUL", err);
	for (int i = 0; i < CREDS_KEYS; i++) {
		if (!str_is_nocase(key, creds_key_names[i]))
			continue;
		r->p->set[i] =
			(struct creds_setting){ value.n ? value : STR_NONE,
						r->t->file, r->line };
	}
	return 0;
}

static int read_line(struct reader *r, struct str line, struct err *err)
{
	size_t indent = indent_of(line);
	struct str s = str_trim(line);

	if (s.n == 0 || s.p[0] == '#' || s.p[0] == ';')
		return 0;
	/* Deeper than the key before: what belongs to it, such as s3's. */
	if (r->keyed && indent > r->indent)
		return 0;
	if (s.p[0] == '[') {
		ssize_t end = str_find_char(s, ']');

		if (end < 0)
			return bad(r, "a ] at the end of the section's name",
				   err);
		r->inside = section_is(str_sub(s, 1, (size_t)end - 1),
				       r->t->config, r->name);
		r->p->found |= r->inside;
		r->keyed = false;
		return 0;
	}
	r->keyed = true;
	r->indent = indent;
	return r->inside ? read_pair(r, s, err) : 0;
}

int creds_ini_read(struct creds_profile *p, const struct creds_text *t,
		   struct str name, struct err *err)
{
	struct reader r = { .t = t, .p = p, .name = name };
	struct str rest = t->text, line;
	int rc = 0;

	if (str_starts(rest, "\xef\xbb\xbf"))
		rest = from(rest, 3);
	while (rc == 0 && str_cut(&rest, '\n', &line)) {
		r.line++;
		rc = read_line(&r, line, err);
	}
	return rc;
}

int creds_profile_read(struct creds_profile *p,
		       const struct creds_text *credentials,
		       const struct creds_text *config, struct str name,
		       struct err *err)
{
	struct creds_profile mine = { 0 }, theirs = { 0 };
	int rc;

	rc = creds_ini_read(&theirs, config, name, err);
	if (rc == 0)
		rc = creds_ini_read(&mine, credentials, name, err);
	if (rc)
		return rc;
	/* Id, secret and token are one file's: that which has the id. */
	for (int i = CREDS_KEY_ID; i <= CREDS_KEY_TOKEN; i++)
		if (mine.set[CREDS_KEY_ID].value.p ||
		    !theirs.set[CREDS_KEY_ID].value.p)
			theirs.set[i] = mine.set[i];
	for (int i = CREDS_KEY_TOKEN + 1; i < CREDS_KEYS; i++)
		if (mine.set[i].value.p)
			theirs.set[i] = mine.set[i];
	theirs.found |= mine.found;
	*p = theirs;
	return 0;
}
