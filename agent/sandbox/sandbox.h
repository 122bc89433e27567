#ifndef AGENT_SANDBOX_SANDBOX_H
#define AGENT_SANDBOX_SANDBOX_H

#include "base/buf.h"
#include "base/err.h"

/*
 * A StackFlow and an SNS on this computer, for trying rules and for tests.
 * Everything lives in one folder and survives the sandbox's own kill -9.
 */
struct sandbox;

struct sandbox_options {
	const char *listen;	/* plain HTTP: API, control, page */
	const char *sns_listen;	/* HTTPS: certificate, confirmation */
	const char *data;	/* folder, made where absent */
	const char *region, *account;
	const char *trust;	/* PEM: whom SNS trusts beside the system's */
	const char *cis;	/* JSON array of CIs to seed; or NULL */
	const char *articles;	/* the same of knowledge articles */
	const char *record;	/* file for all exchanges, "-": stdout; NULL */
	const char *const *settings;	/* "NAME=VALUE", NULL-ended; or NULL */
	const char *const *faults;	/* "KIND[,KEY=VALUE]..."; or NULL */
};

/* When it returns 0 both listeners answer and DIR/sandbox.json is written. */
int sandbox_start(struct sandbox **out, const struct sandbox_options *o,
		  struct err *err) MUST_CHECK;
/* "sandbox ready stackflow=... sns=... page=... ca=..." */
void sandbox_put_ready(struct buf *out, const struct sandbox *s);
/* The ready line is out: now exchanges may be written behind it. */
void sandbox_is_ready(struct sandbox *s);
void sandbox_stop(struct sandbox *s);

/* What --help says of the settings and of the kinds of faults. */
void sandbox_put_settings_help(struct buf *out);
void sandbox_put_faults_help(struct buf *out);

/* The folder where none is named: $XDG_STATE_HOME/tocsin-sandbox or beneath
 * ~/.local/state, else in /tmp. */
void sandbox_put_default_data(struct buf *out);

#endif
