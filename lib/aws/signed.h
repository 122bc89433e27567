#ifndef AWS_SIGNED_H
#define AWS_SIGNED_H

#include "aws/sns.h"

/*
 * What SNS signs: NAME "\n" VALUE "\n" for each part in this order, values
 * as they are after JSON's escapes are undone.
 * docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
struct signed_part {
	struct str name, value;
};

struct signed_parts {
	struct signed_part part[7];
	size_t n;
};

void signed_parts(struct signed_parts *out, const struct sns_message *m);

#endif
