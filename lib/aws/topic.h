#ifndef AWS_TOPIC_H
#define AWS_TOPIC_H

#include "aws/partition.h"
#include "base/err.h"

/* The parts of arn:PARTITION:sns:REGION:ACCOUNT:TOPIC, all checked. */
struct topic_arn {
	struct str partition, region, account, topic;
	const struct partition *of;
};

/* 0 or -EINVAL with the reason. The parts borrow from arn. */
int topic_arn_read(struct topic_arn *out, struct str arn,
		   struct err *err) MUST_CHECK;

#endif
