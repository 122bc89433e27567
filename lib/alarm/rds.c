/*
 * Events of Amazon RDS and of DMS, which numbers its events alike: as their
 * own SNS messages, whose keys have spaces, and as EventBridge events. What
 * begins and what ends has different numbers, so each number belongs to a
 * topic: one incident a database and topic.
 */
#include "alarm/event.h"

static const struct number {
	unsigned number;
	const char *topic;
	struct outcome outcome;
} numbers[] = {
	/* "Amazon RDS event categories and event messages". */
	{ 4, "availability", OPENS("shutdown", "high") },
	{ 6, "availability", RESOLVES("restarted") },
	{ 22, "availability", OPENS("restart failed", "high") },
	{ 221, "storage", OPENS("full, shut down", "critical") },
	{ 222, "storage", OPENS("low", "critical") },
	{ 7, "storage", OPENS("exhausted", "critical") },
	{ 89, "storage", OPENS("low", "high") },
	{ 227, "storage", OPENS("low", "high") },
	{ 223, "storage", OPENS("can't scale", "high") },
	{ 224, "storage", OPENS("near its maximum", "medium") },
	{ 225, "storage", OPENS("near its maximum", "medium") },
	{ 254, "storage", OPENS("quota reached", "high") },
	{ 189, "storage", OPENS("burst balance low", "medium") },
	{ 17, "storage", RESOLVES("changed") },
	{ 218, "storage", RESOLVES("scaled") },
	{ 13, "failover", OPENS("started", "high") },
	{ 50, "failover", OPENS("activation started", "high") },
	{ 70, "failover", OPENS("restarted", "high") },
	{ 72, "failover", OPENS("started", "high") },
	{ 73, "failover", OPENS("started", "high") },
	{ 181, "failover", OPENS("started", "high") },
	{ 69, "failover", OPENS("failed", "critical") },
	{ 187, "failover", OPENS("failed", "critical") },
	{ 183, "failover", OPENS("lags", "high") },
	{ 15, "failover", RESOLVES("completed") },
	{ 49, "failover", RESOLVES("completed") },
	{ 51, "failover", RESOLVES("completed") },
	{ 65, "failover", RESOLVES("recovered") },
	{ 71, "failover", RESOLVES("completed") },
	{ 185, "failover", RESOLVES("completed") },
	{ 186, "failover", RESOLVES("canceled") },
	{ 31, "state", OPENS("failed", "critical") },
	{ 35, "state", OPENS("invalid parameters", "high") },
	{ 36, "state", OPENS("incompatible network", "high") },
	{ 20, "recovery", OPENS("started", "high") },
	{ 52, "recovery", OPENS("started", "high") },
	{ 66, "recovery", OPENS("mirror degraded", "medium") },
	{ 21, "recovery", RESOLVES("completed") },
	{ 53, "recovery", RESOLVES("completed") },
	{ 26, "maintenance", OPENS("unavailable", "medium") },
	{ 27, "maintenance", RESOLVES("completed") },
	{ 45, "replication", OPENS("error", "high") },
	{ 57, "replication", OPENS("terminated", "high") },
	{ 62, "replication", OPENS("stopped by hand", "low") },
	{ 46, "replication", RESOLVES("resumed") },
	{ 63, "replication", RESOLVES("reset") },
	{ 202, "replication", OPENS("creation failed", "medium") },
	{ 165, "support perimeter", OPENS("outside", "medium") },
	{ 166, "support perimeter", RESOLVES("inside") },
	{ 159, "export", OPENS("failed", "medium") },
	{ 161, "export", RESOLVES("completed") },
	{ 87, "power", OPENS("stopped", "low") },
	{ 88, "power", RESOLVES("started") },
	{ 219, "storage", TELLS("will be tried again") },
	{ 220, "storage", TELLS("will be tried again") },
	{ 237, "storage", TELLS("will be tried again") },
};

/* DMS's own, where its numbers mean something else. */
static const struct number dms_numbers[] = {
	{ 78, "task", OPENS("failed", "high") },
	{ 79, "task", OPENS("stopped", "medium") },
	{ 69, "task", RESOLVES("started") },
	{ 91, "reading", OPENS("paused: swap files limit", "high") },
	{ 92, "reading", OPENS("paused: disk limit", "high") },
	{ 93, "reading", RESOLVES("resumed") },
	{ 82, "task", OPENS("clean-up failed", "low") },
	{ 7, "storage", OPENS("low", "high") },
	{ 17, "storage", RESOLVES("increased") },
	{ 37, "state", OPENS("key inaccessible", "high") },
};

/* A number that isn't listed: by category, or else by what it says. */
static const struct {
	const char *category;
	struct outcome outcome;
} categories[] = {
	{ "failure", OPENS("failure", "high") },
	{ "low storage", OPENS("low storage", "high") },
	{ "LowStorage", OPENS("low storage", "high") },
	{ "availability", OPENS("availability", "medium") },
};
static const char *const bad_words[] = {
	"fail",	     "unable", "error",	   "cannot",	  "unavailable",
	"exhausted", "can't",  "couldn't", "incompatible"
};

struct rds {
	struct str source, arn, id, message, kind, link;
	const struct json *time, *categories;
};

static void read_sns(struct decoder *d, struct rds *r)
{
	const struct json *v = d->root;

	r->source = field_any(d, v, FIELD_NAME, KEYS("Source ID", "SourceId"));
	r->arn = field_any(d, v, FIELD_NAME, KEYS("Source ARN", "SourceArn"));
	r->id = field_get(d, v, "Event ID", FIELD_NAME);
	r->message = field_get(d, v, "Event Message", PROSE_MAX);
	r->kind = field_get(d, v, "Event Source", FIELD_WORD);
	r->link = field_any(d, v, FIELD_VALUE,
			    KEYS("Identifier Link", "IdentifierLink"));
	r->time = json_get(v, "Event Time");
	r->categories =
		field_find(v, KEYS("Event Categories", "EventCategories"));
}

static void read_event(struct decoder *d, struct rds *r)
{
	const struct json *v = event_detail(d);

	r->source = field_any(d, v, FIELD_NAME,
			      KEYS("SourceIdentifier", "sourceIdentifier"));
	r->arn = field_any(d, v, FIELD_NAME, KEYS("SourceArn", "sourceArn"));
	r->id = field_any(d, v, FIELD_NAME, KEYS("EventID", "eventId"));
	r->message = field_any(d, v, PROSE_MAX,
			       KEYS("Message", "detailMessage", "message"));
	r->kind = field_any(d, v, FIELD_WORD, KEYS("SourceType", "type"));
	r->link = field_get(d, v, "resourceLink", FIELD_VALUE);
	r->time = json_get(v, "Date");
	r->categories = field_find(v, KEYS("EventCategories", "category"));
}

/* "...#RDS-EVENT-0006 ": the number behind the last dash; 0: none. */
static unsigned number_of(struct str id)
{
	uint64_t n;
	size_t at;

	id = str_trim(id);
	for (at = id.n; at > 0 && id.p[at - 1] != '-'; at--)
		;
	id = str_sub(id, at, id.n - at);
	if (id.n > 5 || str_to_u64(&n, id))
		return 0;
	return (unsigned)n;
}

/* In SNS's form the id is a link into the manual. */
static struct str behind_hash(struct str id)
{
	ssize_t at = str_find_char(id, '#');

	return at < 0 ? id : str_sub(id, (size_t)at + 1, id.n - (size_t)at - 1);
}

static const struct number *find(const struct number *list, size_t count,
				 unsigned number)
{
	for (size_t i = 0; number && i < count; i++)
		if (list[i].number == number)
			return &list[i];
	return NULL;
}

static bool in_category(const struct json *v, const char *word)
{
	size_t n = json_is(v, JSON_ARRAY) ? json_count(v) : 0;

	for (size_t i = 0; i < n && i < 16; i++)
		if (str_is_nocase(json_str(json_item(v, i)), word))
			return true;
	return str_is_nocase(json_str(v), word);
}

static void guess(struct alarm *a, const struct rds *r)
{
	size_t n = sizeof(categories) / sizeof(categories[0]);

	for (size_t i = 0; i < n; i++) {
		if (!in_category(r->categories, categories[i].category))
			continue;
		outcome_set(a,
			    (const struct outcome[]){ categories[i].outcome,
						      OUTCOMES_END },
			    str_from(categories[i].outcome.word));
		return;
	}
	for (size_t i = 0; i < sizeof(bad_words) / sizeof(bad_words[0]); i++)
		if (str_find(r->message, str_from(bad_words[i])) >= 0)
			return;
	/* With nothing said it stays what it came as: an alarm. */
	if (r->message.n || r->id.n)
		outcome_tells(a);
	else
		a->severity = STR("low");
}

static void take_state(struct alarm *a, const struct rds *r)
{
	unsigned number = number_of(r->id);
	const struct number *row = NULL;

	if (str_is(str_from(a->source), "dms"))
		row = find(dms_numbers,
			   sizeof(dms_numbers) / sizeof(dms_numbers[0]),
			   number);
	if (!row)
		row = find(numbers, sizeof(numbers) / sizeof(numbers[0]),
			   number);
	if (!row) {
		guess(a, r);
		a->contributor =
			a->state == ALARM_OK ? STR("notice") : STR("event");
		return;
	}
	a->contributor = str_from(row->topic);
	outcome_set(a, (const struct outcome[]){ row->outcome, OUTCOMES_END },
		    str_from(row->outcome.word));
}

/* The console's link names the region, where no ARN does. */
static struct str region_of_link(struct str link)
{
	ssize_t at = str_find(link, STR("region="));
	size_t n = 0;

	if (at < 0)
		return STR_NONE;
	link = str_sub(link, (size_t)at + 7, link.n - (size_t)at - 7);
	while (n < link.n && link.p[n] != '#' && link.p[n] != '&')
		n++;
	return str_sub(link, 0, n);
}

/* "...#snapshot:id=NAME" */
static struct str id_of_link(struct str link)
{
	ssize_t at = str_find(link, STR("#"));

	while (at >= 0) {
		link = str_sub(link, (size_t)at + 1, link.n - (size_t)at - 1);
		at = str_find(link, STR("="));
	}
	return link.n <= 255 && !str_starts(link, "http") ? link : STR_NONE;
}

static void take_place(struct decoder *d, struct alarm *a, struct rds *r)
{
	static const char *const kinds[][2] = {
		{ "db-instance", "DBInstanceIdentifier" },
		{ "DB_INSTANCE", "DBInstanceIdentifier" },
		{ "db-cluster", "DBClusterIdentifier" },
		{ "CLUSTER", "DBClusterIdentifier" },
		{ "DB_CLUSTER", "DBClusterIdentifier" },
		{ "replication-task", "ReplicationTaskIdentifier" },
		{ "REPLICATION_TASK", "ReplicationTaskIdentifier" },
		{ "replication-instance", "ReplicationInstanceIdentifier" },
		{ "REPLICATION_INSTANCE", "ReplicationInstanceIdentifier" },
	};
	struct str region = region_of_link(r->link);
	struct arn arn;

	if (str_starts(r->arn, "arn:"))
		a->resource_arn = r->arn;
	if (arn_cut(&arn, a->resource_arn)) {
		region = arn.region;
		if (account_looks(arn.account))
			a->account = arn.account;
	}
	if (region_looks(region))
		a->region = region;
	a->name = r->source.n ? r->source : arn_tail(a->resource_arn);
	if (!a->name.n)
		a->name = id_of_link(r->link);
	/* "rds:NAME" is how automated resources are called. */
	if (str_starts(a->name, "rds:") && !str_is(r->kind, "SNAPSHOT"))
		a->name = str_sub(a->name, 4, a->name.n - 4);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_is(r->kind, kinds[i][0]))
			event_dim(d, a, kinds[i][1], a->name);
	event_dim(d, a, "SourceType", r->kind);
	if (str_is(str_from(a->source), "rds"))
		event_resource(d, a, "AWS/RDS");
}

bool dms_is(const struct json *root)
{
	return str_starts(json_get_str(root, "Event Source"), "replication") ||
	       str_find(json_get_str(root, "Event ID"), STR("DMS-EVENT")) >= 0;
}

bool rds_is(const struct json *root)
{
	return field_find(root, KEYS("Event Time", "Event ID",
				     "Event Message")) != NULL;
}

int rds_decode(struct decoder *d)
{
	bool event = event_type(d->root).n > 0;
	struct alarm *a = event ? event_append(d) : service_append(d);
	struct rds r = { STR_NONE, .time = NULL };
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	if (event)
		read_event(d, &r);
	else
		read_sns(d, &r);
	field_set_time(a, r.time);
	take_place(d, a, &r);
	take_state(a, &r);
	a->reason = r.message;
	a->title = JOIN(
		d,
		str_is(str_from(a->source), "dms") ? STR("DMS ") : STR("RDS "),
		a->name, STR(": "),
		r.message.n ? field_first_line(r.message) : STR("an event"));
	prose_text(&b, r.message);
	prose_line(&b, "Event", behind_hash(r.id));
	prose_line(&b, "About", r.kind);
	a->description = prose_take(d, &b);
	a->url = r.link;
	if (!a->url.p && alarm_dim(a, STR("DBInstanceIdentifier")).p)
		a->url = console_link(d, a, "rds/home",
				      "#database:id=", a->name);
	return event_finish(d, a, NULL);
}
