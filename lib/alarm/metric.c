#include "alarm/recognise.h"

const struct metric_keys metric_keys_sns = {
	"MetricStat", "Metric",	    "Namespace", "MetricName",
	"Dimensions", "ReturnData", "AccountId",
};
const struct metric_keys metric_keys_event = {
	"metricStat", "metric",	    "namespace", "name",
	"dimensions", "returnData", "accountId",
};

struct str metric_take(struct decoder *d, struct alarm *a,
		       const struct json *queries, const struct metric_keys *k)
{
	const struct json *first = NULL, *query, *metric;

	for (size_t i = 0; i < json_count(queries); i++) {
		query = json_item(queries, i);
		if (!json_is(json_get(query, k->stat), JSON_OBJECT))
			continue;
		if (!first)
			first = query;
		if (json_bool(json_get(query, k->returns), false)) {
			first = query;
			break;
		}
	}
	metric = json_at(first, k->stat, k->metric, NULL);
	a->namespace = field_get(d, metric, k->namespace, FIELD_NAME);
	a->metric = field_get(d, metric, k->name, FIELD_NAME);
	field_pairs(d, &a->dims, &a->dim_count,
		    json_get(metric, k->dimensions));
	return field_get(d, first, k->account, FIELD_WORD);
}

/*
 * Which dimensions name a resource, and how its ARN goes on from them:
 * arn:PARTITION:SERVICE:REGION:ACCOUNT: prefix value [/ value of second].
 * The more exact row of a namespace stands first. From AWS's service
 * authorization reference and the services' lists of metrics.
 */
static const struct resource {
	const char *namespace, *service, *prefix, *first, *second;
} resources[] = {
	{ "AWS/EC2", "ec2", "instance/", "InstanceId", NULL },
	{ "CWAgent", "ec2", "instance/", "InstanceId", NULL },
	{ "AWS/RDS", "rds", "db:", "DBInstanceIdentifier", NULL },
	{ "AWS/RDS", "rds", "cluster:", "DBClusterIdentifier", NULL },
	{ "AWS/DocDB", "rds", "db:", "DBInstanceIdentifier", NULL },
	{ "AWS/DocDB", "rds", "cluster:", "DBClusterIdentifier", NULL },
	{ "AWS/Lambda", "lambda", "function:", "FunctionName", NULL },
	{ "AWS/SQS", "sqs", "", "QueueName", NULL },
	{ "AWS/SNS", "sns", "", "TopicName", NULL },
	{ "AWS/DynamoDB", "dynamodb", "table/", "TableName", NULL },
	{ "AWS/Kinesis", "kinesis", "stream/", "StreamName", NULL },
	{ "AWS/ECS", "ecs", "service/", "ClusterName", "ServiceName" },
	{ "AWS/ECS", "ecs", "cluster/", "ClusterName", NULL },
	{ "AWS/ApplicationELB", "elasticloadbalancing", "loadbalancer/",
	  "LoadBalancer", NULL },
	{ "AWS/NetworkELB", "elasticloadbalancing", "loadbalancer/",
	  "LoadBalancer", NULL },
	{ "AWS/GatewayELB", "elasticloadbalancing", "loadbalancer/",
	  "LoadBalancer", NULL },
	{ "AWS/ELB", "elasticloadbalancing", "loadbalancer/",
	  "LoadBalancerName", NULL },
	{ "AWS/S3", "s3", "", "BucketName", NULL },
};

/* A part of an ARN: visible ASCII, no wildcard, no new field. */
static bool nameable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("*?:\"", s.p[i]))
			return false;
	return s.n > 0 && s.n <= 512;
}

static const struct resource *
resource_find(const struct alarm *a, struct str *first, struct str *second)
{
	for (size_t i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
		const struct resource *r = &resources[i];

		if (!str_is(a->namespace, r->namespace))
			continue;
		*first = alarm_dim(a, str_from(r->first));
		*second = alarm_dim(a, str_from(r->second));
		if (nameable(*first) && (!r->second || nameable(*second)))
			return r;
	}
	return NULL;
}

void metric_resource(struct decoder *d, struct alarm *a, struct str account)
{
	struct str region = a->region, first, second, parts[11];
	const struct resource *r = resource_find(a, &first, &second);
	size_t n = 0;

	if (!account_looks(account))
		account = a->account;
	if (!r || !region_looks(region) || !account_looks(account))
		return;
	/* A bucket's ARN names neither region nor account. */
	if (str_is(str_from(r->service), "s3"))
		region = account = STR("");
	parts[n++] = STR("arn:");
	parts[n++] = alarm_partition(a);
	parts[n++] = STR(":");
	parts[n++] = str_from(r->service);
	parts[n++] = STR(":");
	parts[n++] = region;
	parts[n++] = STR(":");
	parts[n++] = account;
	parts[n++] = STR(":");
	parts[n++] = str_from(r->prefix);
	parts[n++] = first;
	a->resource_arn = field_join(d->arena, parts, n);
	if (r->second)
		a->resource_arn = field_join(
			d->arena,
			(struct str[]){ a->resource_arn, STR("/"), second }, 3);
}
