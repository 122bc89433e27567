#ifndef AWS_PARTITION_H
#define AWS_PARTITION_H

#include "base/str.h"

/*
 * What AWS calls a partition: regions that share a name server suffix and no
 * accounts with the others. From botocore's partitions.json; the names of
 * signing certificates from aws-sdk-java-v2's SnsHostProvider.
 */
struct partition;

/* "aws", "aws-cn", ...; NULL where unknown. */
const struct partition *partition_find(struct str name);

/*
 * Does region have the form of this partition's regions? A region that AWS
 * opens tomorrow does; s3-us-west-2, which names a host as well, doesn't.
 */
bool partition_has_region(const struct partition *p, struct str region);

/* The partition whose regions have this form; NULL where none has. */
const struct partition *partition_of_region(struct str region);

/* "amazonaws.com" */
const char *partition_suffix(const struct partition *p);

/* May a certificate of this DNS name sign for SNS in region? */
bool partition_signs(const struct partition *p, struct str region,
		     struct str name);

#endif
