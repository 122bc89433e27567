#ifndef STACKFLOW_COGNITO_H
#define STACKFLOW_COGNITO_H

#include "stackflow/grant.h"

/*
 * What a token endpoint's refusals mean: may it pass, and what can a person
 * do? Texts are short: behind the server's own words they have to fit into
 * sf_stats.auth_problem.
 */

/* Of a challenge, which no daemon can answer; never NULL. */
const char *sf_challenge_advice(struct str name);

/* Of an error of Amazon Cognito's own API; *advice is NULL where there is
 * nothing to do but to wait. */
enum sf_grant_end sf_cognito_end(const char **advice, enum sf_grant_kind kind,
				 struct str name, struct str message);

/* Of an error by RFC 6749 section 5.2; NULL: none. */
const char *sf_oauth_advice(struct str error);

#endif
