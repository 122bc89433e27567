#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/creds_ini.h"
#include "aws/creds_sts.h"

#define STEPS_MAX 8
#define SHOWN(s) (int)((s).n < 80 ? (s).n : 80), (s).p

/*
 * A profile that takes on a role names another one whose keys do so, and that
 * one may be of the same kind: steps, from the profile asked for down to the
 * one that has keys.
 */
struct step {
	struct str name;
	struct creds_profile p;
};

struct walk {
	struct creds_ask *a;
	struct creds_files files;
	struct step step[STEPS_MAX];
	size_t n;
	size_t roles; /* the first so many steps are roles to take on */
};

static struct str value(const struct step *s, enum creds_key key)
{
	return s->p.set[key].value;
}

static bool has(const struct step *s, enum creds_key key)
{
	return value(s, key).p != NULL;
}

/* What is wrong with one setting, where it stands. */
static int fault(const struct step *s, enum creds_key key, const char *why,
		 struct err *err)
{
	const struct creds_setting *at = &s->p.set[key];

	err_set(err, -EINVAL, "%s:%u: profile \"%.*s\": %s: %s", at->file,
		at->line, SHOWN(s->name), creds_key_names[key], why);
	return -EINVAL;
}

static int say_missing(const struct walk *w, struct str name, bool first,
		       struct err *err)
{
	const char *a = w->files.credentials_path, *b = w->files.config_path;
	/* "default" is what people name who mean none. */
	int rc = first && str_is(name, "default") ? CREDS_NONE : -ENOENT;

	if (!*a && !*b)
		return err_set(err, rc,
			       "profile \"%.*s\": HOME is not set, nor are "
			       "AWS_SHARED_CREDENTIALS_FILE and "
			       "AWS_CONFIG_FILE",
			       SHOWN(name));
	return err_set(err, rc,
		       "profile \"%.*s\" is neither in %.300s as [%.*s] nor in "
		       "%.300s as [profile %.*s]",
		       SHOWN(name), *a ? a : "a credentials file", SHOWN(name),
		       *b ? b : "a config file", SHOWN(name));
}

static int say_loop(const struct walk *w, struct str name, struct err *err)
{
	struct buf path = BUF_INIT(800);
	int rc;

	for (size_t i = 0; i < w->n; i++)
		buf_printf(&path, "%.*s, ", SHOWN(w->step[i].name));
	buf_printf(&path, "%.*s again", SHOWN(name));
	rc = fault(&w->step[w->n - 1], CREDS_KEY_SOURCE_PROFILE,
		   buf_str(&path).p, err);
	buf_fini(&path);
	return rc;
}

static bool visited(const struct walk *w, struct str name)
{
	for (size_t i = 0; i < w->n; i++)
		if (str_eq(w->step[i].name, name))
			return true;
	return false;
}

static int check_role(const struct step *s, struct err *err)
{
	if (has(s, CREDS_KEY_MFA_SERIAL))
		return fault(s, CREDS_KEY_MFA_SERIAL,
			     "a service can't type a code; use a role that "
			     "asks for none",
			     err);
	if (!creds_arn_ok(value(s, CREDS_KEY_ROLE_ARN)))
		return fault(s, CREDS_KEY_ROLE_ARN, "expected a role's ARN",
			     err);
	if (has(s, CREDS_KEY_SOURCE_PROFILE) &&
	    has(s, CREDS_KEY_CREDENTIAL_SOURCE))
		return fault(s, CREDS_KEY_CREDENTIAL_SOURCE,
			     "expected either this or source_profile, found "
			     "both",
			     err);
	return 0;
}

/* Add one step. 0: another must follow, named *name; 1: it is the last. */
static int add_step(struct walk *w, struct str *name, struct err *err)
{
	struct step *s = &w->step[w->n];
	int rc;

	rc = creds_files_profile(&s->p, &w->files, *name, err);
	if (rc)
		return rc;
	if (!s->p.found)
		return w->n == 0 ? say_missing(w, *name, true, err)
				 : say_missing(w, *name, false, err);
	s->name = *name;
	w->n++;
	w->roles = w->n - 1;
	/* A profile that was named for its keys gives them. */
	if (w->n > 1 && has(s, CREDS_KEY_ID))
		return 1;
	if (!has(s, CREDS_KEY_ROLE_ARN) || has(s, CREDS_KEY_WEB_TOKEN_FILE))
		return 1;
	rc = check_role(s, err);
	if (rc)
		return rc;
	w->roles = w->n;
	if (!has(s, CREDS_KEY_SOURCE_PROFILE))
		return 1;
	*name = value(s, CREDS_KEY_SOURCE_PROFILE);
	return 0;
}

/* CREDS_NONE, 0, or why the profile can't be used. */
static int walk_down(struct walk *w, struct str name, struct err *err)
{
	for (;;) {
		size_t before = w->n;
		int rc = add_step(w, &name, err);

		if (w->n == before || rc < 0)
			return rc;
		if (rc == 1)
			return 0;
		/* A role may be taken on with keys of the same profile. */
		if (str_eq(name, w->step[w->n - 1].name) &&
		    has(&w->step[w->n - 1], CREDS_KEY_ID))
			return 0;
		if (visited(w, name))
			return say_loop(w, name, err);
		if (w->n == STEPS_MAX)
			return fault(&w->step[w->n - 1],
				     CREDS_KEY_SOURCE_PROFILE,
				     "more than 8 profiles in a row", err);
	}
}

static int from_source(struct aws_held **out, struct walk *w,
		       const struct step *s, struct err *err)
{
	static const struct {
		const char *name;
		creds_fetch *fetch;
	} sources[] = {
		{ "Environment", creds_from_environment },
		{ "Ec2InstanceMetadata", creds_from_instance },
		{ "EcsContainer", creds_from_container },
	};
	struct str source = value(s, CREDS_KEY_CREDENTIAL_SOURCE);
	struct err why = { "" };
	int rc;

	for (size_t i = 0; i < 3; i++) {
		if (!str_is(source, sources[i].name))
			continue;
		rc = sources[i].fetch(out, w->a, &why);
		if (rc == 0 || rc == -ECANCELED)
			return rc;
		fault(s, CREDS_KEY_CREDENTIAL_SOURCE, why.text, err);
		return rc == CREDS_NONE ? -ENOENT : rc;
	}
	return fault(s, CREDS_KEY_CREDENTIAL_SOURCE,
		     "expected Environment, Ec2InstanceMetadata or "
		     "EcsContainer",
		     err);
}

static int from_keys(struct aws_held **out, const struct step *s,
		     struct err *err)
{
	struct aws_keys keys = {
		.id = value(s, CREDS_KEY_ID),
		.secret = value(s, CREDS_KEY_SECRET),
		.token = value(s, CREDS_KEY_TOKEN),
	};
	struct err why = { "" };
	int rc;

	if (!keys.secret.p)
		return fault(s, CREDS_KEY_ID,
			     "aws_secret_access_key is missing beside it", err);
	rc = creds_held_new(out, &keys, 0, &why);
	if (rc && rc != -ENOMEM)
		fault(s, CREDS_KEY_ID, why.text, err);
	return rc;
}

/* The role of one step, checked. room is for the session's name. */
static int read_role(struct creds_role *out, const struct step *s,
		     char room[65], int64_t now_ms, struct err *err)
{
	struct creds_role r = {
		.arn = value(s, CREDS_KEY_ROLE_ARN),
		.session = value(s, CREDS_KEY_SESSION_NAME),
		.external_id = value(s, CREDS_KEY_EXTERNAL_ID),
	};
	struct str seconds = value(s, CREDS_KEY_DURATION);

	if (!creds_arn_ok(r.arn))
		return fault(s, CREDS_KEY_ROLE_ARN, "expected a role's ARN",
			     err);
	if (!r.session.p) {
		creds_session_default(room, now_ms);
		r.session = str_from(room);
	}
	if (!creds_session_ok(r.session))
		return fault(s, CREDS_KEY_SESSION_NAME,
			     "expected 2 to 64 letters, digits and +=,.@-_",
			     err);
	if (seconds.p && (str_to_u64(&r.seconds, seconds) || r.seconds < 900 ||
			  r.seconds > 43200))
		return fault(s, CREDS_KEY_DURATION,
			     "expected 900 to 43200 seconds", err);
	if (r.external_id.n > 1224)
		return fault(s, CREDS_KEY_EXTERNAL_ID,
			     "expected at most 1224 characters", err);
	*out = r;
	return 0;
}

static int from_web(struct aws_held **out, struct walk *w, const struct step *s,
		    struct str region, struct err *err)
{
	struct str file = value(s, CREDS_KEY_WEB_TOKEN_FILE);
	struct creds_role role;
	struct buf path = BUF_INIT(4096);
	struct err why = { "" };
	char session[65];
	int rc;

	if (!has(s, CREDS_KEY_ROLE_ARN))
		return fault(s, CREDS_KEY_WEB_TOKEN_FILE,
			     "role_arn is missing beside it", err);
	rc = read_role(&role, s, session, creds_now_ms(w->a), err);
	if (rc)
		return rc;
	role.external_id = STR_NONE;
	buf_put_str(&path, file);
	rc = buf_error(&path);
	if (rc == 0)
		rc = creds_assume_web(out, w->a, path.p, &role, region, &why);
	if (rc && rc != -ENOMEM)
		fault(s, CREDS_KEY_WEB_TOKEN_FILE,
		      rc == -E2BIG ? "the path is too long" : why.text, err);
	buf_fini(&path);
	return rc;
}

static int refuse_login(const struct step *s, struct err *err)
{
	static const enum creds_key keys[] = {
		CREDS_KEY_SSO_START_URL,
		CREDS_KEY_SSO_SESSION,
		CREDS_KEY_SSO_ACCOUNT,
		CREDS_KEY_LOGIN_SESSION,
	};

	for (size_t i = 0; i < 4; i++)
		if (has(s, keys[i]))
			return fault(s, keys[i],
				     "this way in needs a person at a browser; "
				     "give the service a role or keys of its "
				     "own",
				     err);
	return 0;
}

/* The keys that the last step has of its own. */
static int from_last(struct aws_held **out, struct walk *w, struct str region,
		     struct err *err)
{
	const struct step *s = &w->step[w->n - 1];
	const struct creds_setting *process = &s->p.set[CREDS_KEY_PROCESS];
	char where[4200];
	int rc;

	if (w->roles == w->n && !has(s, CREDS_KEY_SOURCE_PROFILE)) {
		if (has(s, CREDS_KEY_CREDENTIAL_SOURCE))
			return from_source(out, w, s, err);
		return fault(s, CREDS_KEY_ROLE_ARN,
			     "source_profile, credential_source or "
			     "web_identity_token_file is missing beside it",
			     err);
	}
	if (w->roles == w->n || (w->n > 1 && has(s, CREDS_KEY_ID)))
		return from_keys(out, s, err);
	if (has(s, CREDS_KEY_WEB_TOKEN_FILE))
		return from_web(out, w, s, region, err);
	if (has(s, CREDS_KEY_ID))
		return from_keys(out, s, err);
	rc = refuse_login(s, err);
	if (rc)
		return rc;
	if (process->value.p) {
		(void)snprintf(where, sizeof(where), "%s:%u", process->file,
			       process->line);
		return creds_process(out, w->a, process->value, where, err);
	}
	return err_set(err, w->n > 1 ? -EINVAL : CREDS_NONE,
		       "profile \"%.*s\" has neither keys nor a role",
		       SHOWN(s->name));
}

static int take_roles(struct aws_held **held, struct walk *w, struct str region,
		      struct err *err)
{
	int rc = 0;

	for (size_t i = w->roles; i > 0 && rc == 0; i--) {
		const struct step *s = &w->step[i - 1];
		struct aws_held *next = NULL;
		struct err why = { "" };
		struct creds_role role;
		char session[65];

		rc = read_role(&role, s, session, creds_now_ms(w->a), err);
		if (rc)
			break;
		rc = creds_assume(&next, w->a, &(*held)->keys, &role, region,
				  &why);
		if (rc) {
			fault(s, CREDS_KEY_ROLE_ARN, why.text, err);
			break;
		}
		aws_held_drop(*held);
		*held = next;
		buf_printf(&w->a->via, ", role %.*s", STR_ARG(role.arn));
	}
	return rc;
}

static int resolve(struct aws_held **out, struct walk *w, struct str name,
		   struct err *err)
{
	struct buf room = BUF_INIT(64);
	struct aws_held *held = NULL;
	struct str region = STR_NONE;
	int rc;

	rc = walk_down(w, name, err);
	if (rc)
		return rc;
	buf_printf(&w->a->via, "\"%.*s\"", SHOWN(name));
	for (size_t i = 1; i < w->n; i++)
		buf_printf(&w->a->via, " by \"%.*s\"", SHOWN(w->step[i].name));
	rc = creds_region(&region, &room, w->a->o);
	if (rc == 0)
		rc = from_last(&held, w, region, err);
	if (rc == 0)
		rc = take_roles(&held, w, region, err);
	if (rc)
		aws_held_drop(held);
	else
		*out = held;
	buf_fini(&room);
	return rc;
}

int creds_from_profile(struct aws_held **out, struct creds_ask *a,
		       struct err *err)
{
	struct str name = str_from(a->o->profile);
	struct walk *w;
	int rc;

	if (!name.n)
		name = creds_env(a->o, "AWS_PROFILE");
	if (!name.n)
		return err_set(err, CREDS_NONE, "AWS_PROFILE is not set");
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->a = a;
	rc = creds_files_load(&w->files, a->o, err);
	if (rc == 0)
		rc = resolve(out, w, name, err);
	creds_files_fini(&w->files);
	free(w);
	return rc;
}
