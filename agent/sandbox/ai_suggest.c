#include "agent/sandbox/ai.h"

#include "base/encode.h"

#define LIKE 10

/* What words of a text say about where it belongs. */
static const struct topic {
	const char *category, *subcategory, *group;
	const char *words[16];
} topics[] = {
	{ "cache", "elasticache", "Platform Engineering",
	  { "redis", "cache", "elasticache", "memcached", "evictions",
	    "hit" } },
	{ "database", "dynamodb", "Database Operations",
	  { "dynamodb", "table", "partition", "gsi" } },
	{ "database", "rds", "Database Operations",
	  { "rds", "aurora", "database", "db", "postgres", "mysql", "sql",
	    "replica", "deadlock", "connections", "queries" } },
	{ "compute", "lambda", "Platform Engineering",
	  { "lambda", "function", "invocations", "concurrency", "throttles" } },
	{ "container", "ecs", "Platform Engineering",
	  { "ecs", "eks", "kubernetes", "pod", "container", "fargate", "task",
	    "oomkilled" } },
	{ "network", "api_gateway", "Network Operations",
	  { "api", "gateway", "5xx", "502", "503", "504", "4xx" } },
	{ "network", "load_balancer", "Network Operations",
	  { "elb", "alb", "nlb", "balancer", "unhealthy", "target" } },
	{ "network", "dns", "Network Operations",
	  { "dns", "route53", "vpn", "vpc", "network", "packet", "nat",
	    "cloudfront" } },
	{ "messaging", "sqs", "Platform Engineering",
	  { "sqs", "queue", "backlog", "dlq", "kinesis", "sns", "kafka",
	    "consumer" } },
	{ "storage", "ebs", "Platform Engineering",
	  { "disk", "volume", "ebs", "filesystem", "storage", "inode" } },
	{ "storage", "s3", "Platform Engineering",
	  { "s3", "bucket", "object" } },
	{ "storage", "backup", "Platform Engineering",
	  { "backup", "snapshot", "recovery", "vault" } },
	{ "security", "guardduty", "Security Operations",
	  { "guardduty", "security", "credentials", "breach", "iam",
	    "compromised", "malware", "suspicious" } },
	{ "security", "certificate", "Security Operations",
	  { "certificate", "tls", "ssl", "acm", "expiry" } },
	{ "server", "ec2", "Platform Engineering",
	  { "ec2", "cpu", "memory", "server", "host", "instance", "reboot",
	    "status" } },
};

/* The first whose word is there says how urgent it is. */
static const struct {
	const char *word, *priority, *reasoning;
} urgent[] = {
	{ "outage", "P1", "an outage" },
	{ "down", "P1", "something is down" },
	{ "unavailable", "P1", "something is unavailable" },
	{ "breach", "P1", "a breach" },
	{ "compromised", "P1", "something is compromised" },
	{ "everyone", "P1", "it affects everyone" },
	{ "all", "P1", "it affects all of them" },
	{ "critical", "P1", "it is called critical" },
	{ "cosmetic", "P4", "it is cosmetic" },
	{ "staging", "P4", "it isn't production" },
	{ "test", "P4", "it isn't production" },
	{ "exhausted", "P2", "something is used up" },
	{ "full", "P2", "something is used up" },
	{ "timeouts", "P2", "requests time out" },
	{ "spike", "P2", "a sudden rise" },
	{ "errors", "P2", "requests fail" },
	{ "failed", "P2", "something failed" },
	{ "slow", "P2", "it is slow for users" },
	{ "degraded", "P2", "it is slow for users" },
	{ "high", "P3", "a value is high, nothing failed yet" },
	{ "warning", "P3", "it is a warning" },
};

enum field { CATEGORY, SUBCATEGORY, PRIORITY, GROUP, FIELDS };

static const char *const names[FIELDS] = {
	"category", "subcategory", "priority", "assignment_group",
};

struct guess {
	struct str value;
	double confidence;
	struct buf reasoning;	/* of a priority */
};

struct suggestion {
	struct ai *a;
	bool wanted[FIELDS];
	struct guess field[FIELDS];
	struct box_case like[LIKE];
	size_t like_count;
};

static void by_words(struct suggestion *s, const struct box_words *words)
{
	const struct topic *best = NULL;
	size_t most = 0;
	double sure;

	for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++) {
		const struct topic *t = &topics[i];
		size_t n = 0;

		for (size_t k = 0; k < 16 && t->words[k]; k++)
			n += box_words_has(words, t->words[k]);
		if (n > most) {
			most = n;
			best = t;
		}
	}
	sure = most >= 3 ? 0.93 : most == 2 ? 0.86 : 0.74;
	if (!best)
		return;
	s->field[CATEGORY].value = str_from(best->category);
	s->field[CATEGORY].confidence = sure;
	s->field[SUBCATEGORY].value = str_from(best->subcategory);
	s->field[SUBCATEGORY].confidence = sure - 0.05;
	s->field[GROUP].value = str_from(best->group);
	s->field[GROUP].confidence = sure - 0.08;
}

static void by_urgency(struct suggestion *s, const struct box_words *words)
{
	struct guess *g = &s->field[PRIORITY];

	for (size_t i = 0; i < sizeof(urgent) / sizeof(*urgent); i++) {
		if (!box_words_has(words, urgent[i].word))
			continue;
		g->value = str_from(urgent[i].priority);
		g->confidence = 0.82;
		buf_printf(&g->reasoning, "\"%s\" in the text: %s",
			   urgent[i].word, urgent[i].reasoning);
		return;
	}
	g->value = STR("P3");
	g->confidence = 0.4;
	buf_puts(&g->reasoning, "nothing in the text says how urgent it is");
}

static struct str of_case(const struct box_case *v, enum field field)
{
	switch (field) {
	case CATEGORY:
		return v->category;
	case SUBCATEGORY:
		return v->subcategory;
	case PRIORITY:
		return v->priority;
	default:
		return v->assignment_group;
	}
}

/*
 * What incidents that are alike have, each by how alike it is. It wins where
 * it is surer than the words, and makes both surer where they agree.
 */
static void by_past(struct suggestion *s, enum field field)
{
	struct guess *g = &s->field[field];
	double all = 0, most = 0, sure;
	const struct box_case *best = NULL;

	for (size_t i = 0; i < s->like_count; i++) {
		struct str value = of_case(&s->like[i], field);
		double votes = 0;

		if (!value.n)
			continue;
		all += s->like[i].alike;
		for (size_t k = 0; k < s->like_count; k++)
			if (str_eq(of_case(&s->like[k], field), value))
				votes += s->like[k].alike;
		if (votes > most) {
			most = votes;
			best = &s->like[i];
		}
	}
	if (!best)
		return;
	sure = 0.5 + 0.48 * best->alike * most / all;
	if (str_eq(of_case(best, field), g->value)) {
		g->confidence = 1 - (1 - g->confidence) * (1 - sure / 2);
	} else if (sure > g->confidence) {
		g->value = of_case(best, field);
		g->confidence = sure;
		buf_reset(&g->reasoning);
		buf_printf(&g->reasoning, "INC%07lld was alike and had it",
			   (long long)best->n);
	}
	if (g->confidence > 0.98)
		g->confidence = 0.98;
}

/* What is asked for; false: answered. */
static bool read_wanted(struct suggestion *s)
{
	const struct json *list = json_get(s->a->body, "suggest_for");

	for (int f = 0; f < FIELDS; f++)
		s->wanted[f] = !list;
	if (list && (!json_is(list, JSON_ARRAY) || !json_count(list))) {
		ai_bad(s->a, "suggest_for: expected a list of fields");
		return false;
	}
	for (size_t i = 0; list && i < json_count(list); i++) {
		struct str name = json_str(json_item(list, i));
		int f = 0;

		while (f < FIELDS && !str_is(name, names[f]))
			f++;
		if (f == FIELDS) {
			ai_bad(s->a, "suggest_for: expected category, "
				     "subcategory, priority, assignment_group");
			return false;
		}
		s->wanted[f] = true;
	}
	/* The page's own answer has it with the category. */
	s->wanted[SUBCATEGORY] |= s->wanted[CATEGORY];
	return true;
}

static int judge(struct suggestion *s, const struct box_words *words,
		 struct err *err)
{
	struct call *c = s->a->c;
	struct box_case_query q = { .asked = words,
				    .now_ms = c->now_ms,
				    .least = BOX_CASE_ALIKE,
				    .max = LIKE };
	int ret = box_cases_find(s->like, &s->like_count, c->s->records, &q,
				 c->arena, err);

	if (ret)
		return ret;
	for (int f = 0; f < FIELDS; f++)
		s->field[f] = (struct guess){ .confidence = 0.3,
					      .reasoning = BUF_INIT(4096) };
	s->field[CATEGORY].value = STR("monitoring");
	s->field[SUBCATEGORY].value = STR("cloudwatch");
	s->field[GROUP].value = STR("Platform Engineering");
	by_words(s, words);
	by_urgency(s, words);
	for (int f = 0; f < FIELDS; f++)
		by_past(s, f);
	return 0;
}

static void put_all(struct suggestion *s)
{
	struct jsonw *w = &s->a->w;

	jsonw_key(w, "suggestions");
	jsonw_object(w);
	for (int f = 0; f < FIELDS; f++) {
		struct guess *g = &s->field[f];

		if (!s->wanted[f])
			continue;
		jsonw_key(w, names[f]);
		jsonw_object(w);
		jsonw_kstr(w, "value", g->value);
		ai_put_share(w, "confidence", g->confidence);
		if (f == PRIORITY)
			jsonw_kstr(w, "reasoning", buf_str(&g->reasoning));
		jsonw_end_object(w);
	}
	jsonw_end_object(w);
}

void ai_suggest(struct call *c)
{
	struct box_words words = { .n = 0 };
	struct suggestion s = { .like_count = 0 };
	struct str text;
	struct err err;
	struct ai a;

	if (!ai_begin(&a, c, BOX_AI_SUGGEST))
		return;
	s.a = &a;
	text = ai_want(&a, "text");
	if (!text.p || !read_wanted(&s))
		return ai_end(&a);
	box_words_add(&words, text);
	for (int f = 0; f < FIELDS; f++)
		buf_putc(&a.key, s.wanted[f] ? '1' : '0');
	ai_key_words(&a, &words);
	a.read += text.n;
	if (ai_known(&a))
		return;
	if (judge(&s, &words, &err)) {
		box_broken(c, &err);
		ai_end(&a);
	} else {
		put_all(&s);
		ai_answer(&a);
	}
	for (int f = 0; f < FIELDS; f++)
		buf_fini(&s.field[f].reasoning);
}
