#include "agent/conf_private.h"

#include "aws/sns.h"
#include "aws/topic.h"
#include "base/encode.h"
#include "base/map.h"

/*
 * sqs, aws, drill and stackflow.fallback.sns: what no key shows alone. No message
 * repeats a value, which may stand for a secret; an ARN is shown as written.
 */
#define SECOND_MS 1000
#define RECONCILE_MS (5 * 60 * SECOND_MS)
#define POLLERS_MAX 256

/* Regions that exist, for "did you mean"; others of their form do too. */
static const char *const regions[] = {
	"us-east-1",	  "us-east-2",	    "us-west-1",      "us-west-2",
	"ca-central-1",   "ca-west-1",	    "mx-central-1",   "sa-east-1",
	"eu-west-1",	  "eu-west-2",	    "eu-west-3",      "eu-central-1",
	"eu-central-2",   "eu-north-1",	    "eu-south-1",     "eu-south-2",
	"ap-south-1",	  "ap-south-2",	    "ap-east-1",      "ap-northeast-1",
	"ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2",
	"ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "me-south-1",
	"me-central-1",   "af-south-1",	    "il-central-1",   "cn-north-1",
	"cn-northwest-1", "us-gov-east-1",  "us-gov-west-1",  NULL,
};

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* Up to 80 letters, digits, hyphens, underscores, .fifo at the end counted
 * (Amazon SQS, CreateQueue). */
static bool queue_name(struct str s)
{
	if (s.n == 0 || s.n > 80)
		return false;
	if (str_ends(s, ".fifo"))
		s.n -= 5;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
		      (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
		      (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' ||
		      s.p[i] == '_'))
			return false;
	return s.n > 0;
}

/* The path's last two parts; an emulator may put more before them. */
static bool queue_path(struct str url)
{
	struct str rest = url, part, account = STR_NONE, name = STR_NONE;
	size_t n = 0;

	for (; str_cut(&rest, '/', &part); n++) {
		account = name;
		name = part;
	}
	/* "https:", "", host, account, name */
	return n >= 5 && account.n == 12 && all_digits(account) &&
	       queue_name(name);
}

const char *conf_queue_problem(struct str url)
{
	const char *problem;

	if (str_starts(url, "arn:"))
		return "that is an ARN; a queue's URL is "
		       "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME";
	problem = conf_url_problem(url);
	if (problem)
		return problem;
	if (str_find_char(url, '?') >= 0)
		return "a queue's URL has no query (?)";
	return queue_path(url) ? NULL :
		       "a queue's URL ends in an account of twelve digits and "
		       "a queue's name: https://sqs.REGION.amazonaws.com/"
		       "111122223333/alarms";
}

/* SQS counts whole seconds. */
static void check_whole(struct conf_walk *w, const struct yaml *v, size_t i,
			const char *key, int64_t ms)
{
	if (ms % SECOND_MS)
		conf_fault(w, conf_node(v, key, NULL), "bad-value",
			   "sqs[%zu].%s: SQS takes whole seconds only", i,
			   key);
}

static void check_queue(struct conf_walk *w, const struct yaml *v, size_t i,
			const struct conf_queue *q, struct map *seen)
{
	const struct yaml *at = conf_node(v, "queue_url", NULL);
	struct str url = str_from(q->url);
	const char *problem = url.p ? conf_queue_problem(url) : NULL;

	check_whole(w, v, i, "wait", q->wait_ms);
	check_whole(w, v, i, "visibility", q->visibility_ms);
	if (problem)
		conf_fault(w, at, "bad-url", "sqs[%zu].queue_url: %s", i,
			   problem);
	else if (url.p && map_get(seen, url))
		conf_fault(w, at, "conflict",
			   "sqs[%zu].queue_url: this queue has an entry "
			   "already; concurrency is how to poll it more", i);
	else if (url.p && map_set(seen, url, w) < 0)
		w->no_memory = true;
}

static void check_queues(struct conf_walk *w, const struct yaml *root,
			 const struct conf *c)
{
	const struct yaml *list = yaml_get(root, "sqs"), *v;
	struct map *seen;
	unsigned pollers = 0;
	size_t i = 0;

	if (c->queue_count == 0)
		return;
	seen = map_new();
	w->no_memory |= !seen;
	for (v = list->child; v && seen; v = v->next, i++) {
		if (v->type == YAML_MAP)
			check_queue(w, v, i, &c->queues[i], seen);
		pollers += c->queues[i].concurrency;
	}
	if (pollers > POLLERS_MAX)
		conf_fault(w, list, "out-of-range",
			   "sqs: the concurrency of all queues is %u together; "
			   "at most %d pollers run, each a thread", pollers,
			   POLLERS_MAX);
	map_free(seen);
}

/* They stand in headers and in a signed string. */
static bool key_text(const char *s)
{
	for (; s && *s; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static void check_keys(struct conf_walk *w, const struct yaml *v,
		       const struct conf *c)
{
	static const char *const names[] = { "access_key_id",
					     "secret_access_key",
					     "session_token" };
	const char *const values[] = { c->aws.access_key_id,
				       c->aws.secret_access_key,
				       c->aws.session_token };
	bool given[3];

	for (size_t i = 0; i < 3; i++) {
		const struct yaml *at = yaml_get(v, names[i]);

		given[i] = at && at->type != YAML_NULL;
		if (!key_text(values[i]))
			conf_fault(w, at, "bad-value",
				   "aws.%s: it holds a blank, a control "
				   "character or one beyond ASCII", names[i]);
	}
	if (given[0] != given[1])
		conf_fault(w, yaml_get(v, names[given[1]]), "missing-key",
			   "aws.%s needs aws.%s beside it", names[given[1]],
			   names[given[0]]);
	else if (given[2] && !given[0])
		conf_fault(w, yaml_get(v, names[2]), "missing-key",
			   "aws.session_token needs aws.access_key_id and "
			   "aws.secret_access_key beside it");
}

static void check_region(struct conf_walk *w, const struct yaml *v,
			 const struct conf *c)
{
	struct str region = str_from(c->aws.region);
	const struct yaml *at = yaml_get(v, "region");
	const char *near;

	/* Who serves AWS's services elsewhere may call places as they like. */
	if (!region.p || c->aws.endpoint_url)
		return;
	near = fault_nearest(region, regions);
	if (near && str_is(region, near))
		return;
	if (!partition_of_region(region))
		conf_fault(w, at, "bad-value",
			   "aws.region: not the form of a region, as in "
			   "us-east-1%s%s%s",
			   near ? " (did you mean \"" : "", near ? near : "",
			   near ? "\"?)" : "");
	else if (near)
		conf_warn(w, at, "unknown-region",
			  "aws.region: this version knows no such region (did "
			  "you mean \"%s\"?)", near);
}

static void check_fallback(struct conf_walk *w, const struct yaml *root,
			   const struct conf *c)
{
	const struct yaml *at =
		conf_node(root, "stackflow", "fallback", "sns", NULL);
	struct str arn = str_from(c->stackflow.fallback.sns);
	struct topic_arn topic;
	struct err err;

	if (!arn.p)
		return;
	if (topic_arn_read(&topic, arn, &err))
		conf_fault(w, at, "bad-topic", "stackflow.fallback.sns: %s",
			   str_find(at->text, STR("${")) < 0
				   ? err.text : "not the ARN of a topic");
	else if (str_ends(topic.topic, ".fifo"))
		conf_fault(w, at, "bad-topic",
			   "stackflow.fallback.sns: a FIFO topic reaches "
			   "queues only, no mail, phone or web hook; name a "
			   "standard topic");
	for (size_t i = 0; i < c->sns.topic_count; i++)
		if (sns_topic_allowed(str_from(c->sns.topics[i]), arn)) {
			conf_warn(w, at, "loop",
				  "stackflow.fallback.sns: sns.topics[%zu] "
				  "allows this topic: tocsin would take its "
				  "own call for help as an alarm", i);
			return;
		}
}

/* What is published has to be let in again. */
static void check_drill(struct conf_walk *w, const struct yaml *root,
			const struct conf *c)
{
	const struct yaml *at = conf_node(root, "drill", "topic", NULL);
	struct str arn = str_from(c->drill.topic);
	struct topic_arn topic;
	bool allowed = false;
	struct err err;

	if (!arn.p)
		return;
	if (topic_arn_read(&topic, arn, &err))
		conf_fault(w, at, "bad-topic", "drill.topic: %s",
			   str_find(at->text, STR("${")) < 0
				   ? err.text : "not the ARN of a topic");
	else if (str_ends(topic.topic, ".fifo"))
		conf_fault(w, at, "bad-topic",
			   "drill.topic: alarms can't be published to a FIFO "
			   "topic; name the one of your alarms");
	for (size_t i = 0; i < c->sns.topic_count && !allowed; i++)
		allowed = sns_topic_allowed(str_from(c->sns.topics[i]), arn);
	if (!allowed)
		conf_fault(w, at, "conflict",
			   "drill.topic: sns.topics doesn't allow this topic: "
			   "the drill's alarm would be refused");
	if (c->drill.every_ms && c->drill.within_ms > c->drill.every_ms)
		conf_fault(w, conf_node(root, "drill", "within", NULL),
			   "out-of-range",
			   "drill.within is longer than drill.every: a drill "
			   "is over before the next begins");
}

void conf_check_aws(struct conf_walk *w, const struct yaml *root,
		    struct conf *c)
{
	const struct yaml *v = yaml_get(root, "aws");
	const char *url = c->aws.endpoint_url;

	check_queues(w, root, c);
	check_fallback(w, root, c);
	check_drill(w, root, c);
	if (v && v->type == YAML_MAP) {
		check_keys(w, v, c);
		check_region(w, v, c);
		if (url && strchr(url, '?'))
			conf_fault(w, yaml_get(v, "endpoint_url"), "bad-url",
				   "aws.endpoint_url: it has no query (?)");
	}
	/*
	 * Who names AWS here has keys for it, and is better off with what
	 * CloudWatch itself says; nobody else is looked for keys.
	 */
	c->aws.reconcile_given = c->aws.reconcile_ms > 0;
	if (c->aws.reconcile_ms < 0)
		c->aws.reconcile_ms =
			c->queue_count || (v && v->type == YAML_MAP) ?
				RECONCILE_MS : 0;
}
