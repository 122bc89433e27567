#include "agent/cloud.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/log.h"
#include "aws/partition.h"
#include "aws/sqs.h"
#include "rest/rest.h"

#define REGION_MAX 64

struct cloud {
	struct conf *conf;	/* its strings serve the credentials */
	struct aws_creds *creds;
	struct buf region;
};

bool cloud_wanted(const struct conf *c)
{
	return c->queue_count || c->aws.reconcile_ms > 0 ||
	       c->stackflow.fallback.sns || c->drill.topic;
}

/* ---- the region ---- */

/* arn:PARTITION:SERVICE:REGION:... with a literal region. */
static struct str arn_region(struct str arn)
{
	struct str field = STR_NONE;

	for (int i = 0; i < 4; i++)
		if (!str_cut(&arn, ':', &field))
			return STR_NONE;
	return partition_of_region(field) ? field : STR_NONE;
}

/* What the rest of the configuration says by the way; STR_NONE: nothing. */
static struct str implied_region(const struct conf *c)
{
	struct str region = STR_NONE;

	for (size_t i = 0; i < c->queue_count && !region.p; i++)
		region = sqs_queue_region(str_from(c->queues[i].url));
	if (!region.p && c->stackflow.fallback.sns)
		region = arn_region(str_from(c->stackflow.fallback.sns));
	if (!region.p && c->drill.topic)
		region = arn_region(str_from(c->drill.topic));
	for (size_t i = 0; i < c->sns.topic_count && !region.p; i++)
		region = arn_region(str_from(c->sns.topics[i]));
	return region;
}

/* Are AWS's services played by something on this machine? */
static bool played_here(const struct conf *c)
{
	if (c->aws.endpoint_url)
		return conf_loopback(str_from(c->aws.endpoint_url));
	return c->queue_count && conf_loopback(str_from(c->queues[0].url));
}

static int find_region(struct buf *out, const struct conf *c,
		       const struct aws_creds_options *o, struct err *err)
{
	struct str implied;
	int rc;

	if (c->aws.region) {
		buf_puts(out, c->aws.region);
		return buf_error(out);
	}
	rc = aws_region_find(out, o);
	if (rc)
		return rc < 0 ? err_set(err, rc, "AWS's profile can't be read "
					"for a region; set aws.region") : 0;
	implied = implied_region(c);
	if (!implied.p && played_here(c))
		implied = STR("us-east-1");
	if (implied.p) {
		buf_put_str(out, implied);
		return buf_error(out);
	}
	rc = aws_creds_instance_region(out, o);
	if (rc > 0)
		return 0;
	return err_set(err, rc == -ENOMEM ? rc : -EINVAL,
		       "no AWS region is known: not from aws.region, "
		       "AWS_REGION, AWS_DEFAULT_REGION, the profile, a queue's "
		       "URL or a topic, nor from the instance (IMDSv2); set "
		       "aws.region");
}

/* ---- what is shared ---- */

static void say(bool trouble, const char *text, void *arg)
{
	(void)arg;
	if (trouble)
		LOG(WARNING, "AWS credentials", LFC("problem", text));
	else
		LOG(INFO, "AWS credentials", LFC("said", text));
}

int cloud_new_for(struct cloud **out, const struct conf *conf,
		  void (*listener)(bool trouble, const char *text, void *arg),
		  void *arg, struct err *err)
{
	struct aws_creds_options o = {
		.access_key_id = conf->aws.access_key_id,
		.secret_access_key = conf->aws.secret_access_key,
		.session_token = conf->aws.session_token,
		.profile = conf->aws.profile,
		.sts_endpoint = conf->aws.endpoint_url,
		.credential_process = conf->aws.credential_process,
		.ca_file = conf->network.ca_file,
		.connect_to = conf->network.connect_to,
		.proxy = conf->network.proxy,
		.log = listener,
		.log_arg = arg,
	};
	struct cloud *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return err_set(err, -ENOMEM, "out of memory");
	c->conf = conf_ref((struct conf *)(uintptr_t)conf);
	buf_init(&c->region, REGION_MAX);
	rc = find_region(&c->region, conf, &o, err);
	if (!rc) {
		o.region = c->region.p;
		rc = aws_creds_new(&c->creds, &o, err);
	}
	if (rc)
		cloud_free(c);
	else
		*out = c;
	return rc;
}

int cloud_new(struct cloud **out, const struct conf *conf, struct err *err)
{
	return cloud_new_for(out, conf, say, NULL, err);
}

void cloud_free(struct cloud *c)
{
	if (!c)
		return;
	if (c->creds)
		aws_creds_free(c->creds);
	buf_fini(&c->region);
	conf_free(c->conf);
	free(c);
}

struct aws_creds *cloud_creds(struct cloud *c)
{
	return c->creds;
}

const char *cloud_region(const struct cloud *c)
{
	return c->region.p;
}

int cloud_client_on(struct aws_client **client, struct rest *rest,
		    struct cloud *c, const struct conf *conf, struct err *err)
{
	const struct aws_client_options o = {
		.rest = rest,
		.creds = c->creds,
		.region = buf_str(&c->region),
		.endpoint_url = conf->aws.endpoint_url,
	};

	return aws_client_new(client, &o, err);
}

int cloud_client(struct rest **rest, struct aws_client **client,
		 struct cloud *c, const struct conf *conf, struct err *err)
{
	const struct rest_options o = conf_network(conf);
	struct rest *r;
	int rc = rest_new(&r, &o, err);

	if (rc)
		return rc;
	rc = cloud_client_on(client, r, c, conf, err);
	if (rc)
		rest_free(r);
	else
		*rest = r;
	return rc;
}

/* ---- reload ---- */

static bool same(const char *a, const char *b)
{
	return str_eq(str_from(a), str_from(b));
}

static bool same_queues(const struct conf *a, const struct conf *b)
{
	if (a->queue_count != b->queue_count)
		return false;
	for (size_t i = 0; i < a->queue_count; i++) {
		const struct conf_queue *x = &a->queues[i], *y = &b->queues[i];

		if (!same(x->url, y->url) || x->wait_ms != y->wait_ms ||
		    x->visibility_ms != y->visibility_ms ||
		    x->concurrency != y->concurrency || x->verify != y->verify)
			return false;
	}
	return true;
}

static bool same_aws(const struct conf *a, const struct conf *b)
{
	return same(a->aws.region, b->aws.region) &&
	       same(a->aws.profile, b->aws.profile) &&
	       same(a->aws.endpoint_url, b->aws.endpoint_url) &&
	       same(a->aws.access_key_id, b->aws.access_key_id) &&
	       same(a->aws.secret_access_key, b->aws.secret_access_key) &&
	       same(a->aws.session_token, b->aws.session_token) &&
	       a->aws.credential_process == b->aws.credential_process &&
	       (a->aws.reconcile_ms > 0) == (b->aws.reconcile_ms > 0);
}

const char *cloud_changed(const struct conf *old, const struct conf *fresh)
{
	if (!same_queues(old, fresh))
		return "sqs";
	if (!same_aws(old, fresh))
		return "aws";
	if (fresh->stackflow.fallback.sns && !cloud_wanted(old))
		return "stackflow.fallback.sns";
	/* Without one at the start there is nobody to drill. */
	if (fresh->drill.topic && !old->drill.topic)
		return "drill.topic";
	return NULL;
}
