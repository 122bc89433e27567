/* AWS Health: what AWS itself has trouble with, plans, or wants known. */
#include "alarm/event.h"

#define ENTITIES_SHOWN 20

static const struct outcome statuses[] = { OPENS("open", NULL),
					   OPENS("upcoming", NULL),
					   RESOLVES("closed"), OUTCOMES_END };

static bool is_category(const struct json *detail, const char *word)
{
	return str_is(json_get_str(detail, "eventTypeCategory"), word);
}

static bool is_abuse(const struct decoder *d)
{
	return str_is(event_type(d->root), "AWS Health Abuse Event") ||
	       str_is(json_get_str(event_detail(d), "service"), "ABUSE");
}

static const char *severity_of(const struct decoder *d)
{
	const struct json *detail = event_detail(d);

	if (is_abuse(d) || is_category(detail, "issue"))
		return "high";
	return is_category(detail, "accountNotification") ? "low" : "medium";
}

/* Older events have no statusCode: an issue with an end is over. */
static void take_state(struct decoder *d, struct alarm *a)
{
	const struct json *detail = event_detail(d);
	struct str status = field_get(d, detail, "statusCode", FIELD_WORD);
	bool over = is_category(detail, "issue") && json_get(detail, "endTime");

	outcome_set(a, statuses,
		    status.n ? status
		    : over   ? STR("closed")
			     : STR("open"));
	a->severity = str_from(severity_of(d));
	/* What is planned begins later than it is told. */
	if (a->state == ALARM_OK)
		field_set_time(a, field_find(detail, KEYS("endTime",
							  "lastUpdatedTime")));
	else if (!is_category(detail, "scheduledChange"))
		field_set_time(a, json_get(detail, "startTime"));
}

static struct str entity(struct decoder *d, size_t i)
{
	return field_get(
		d, json_item(json_get(event_detail(d), "affectedEntities"), i),
		"entityValue", FIELD_NAME);
}

static void take_resource(struct decoder *d, struct alarm *a)
{
	const struct json *list = json_get(event_detail(d), "affectedEntities");
	struct str first = STR_NONE;

	if (json_is(list, JSON_ARRAY) && json_count(list)) {
		first = entity(d, 0);
		field_pairs(d, &a->tags, &a->tag_count,
			    json_get(json_item(list, 0), "tags"));
	}
	if (!first.n)
		first = field_text(d,
				   json_item(json_get(d->root, "resources"), 0),
				   FIELD_NAME);
	event_dim(d, a, "Service",
		  field_get(d, event_detail(d), "service", FIELD_WORD));
	event_dim(d, a, "Entity", first);
	if (!a->resource_arn.p && str_starts(first, "arn:"))
		a->resource_arn = first;
	if (!str_starts(arn_tail(first), "i-"))
		return;
	event_dim(d, a, "InstanceId", arn_tail(first));
	event_resource(d, a, "AWS/EC2");
}

static struct str words_of(struct decoder *d)
{
	const struct json *list = json_get(event_detail(d), "eventDescription");
	const struct json *best = NULL;
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	for (size_t i = 0; i < n && i < 32; i++)
		if (!best ||
		    str_starts(json_get_str(json_item(list, i), "language"),
			       "en"))
			best = json_item(list, i);
	return field_get(d, best, "latestDescription", PROSE_MAX);
}

static void put_entities(struct decoder *d, struct buf *b)
{
	const struct json *list = json_get(event_detail(d), "affectedEntities");
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	for (size_t i = 0; i < n && i < ENTITIES_SHOWN; i++)
		prose_line(b, "Affected", entity(d, i));
	if (n > ENTITIES_SHOWN)
		prose_text(b, arena_printf(d->arena, "and %zu more",
					   n - ENTITIES_SHOWN));
}

static void describe(struct decoder *d, struct alarm *a)
{
	const struct json *detail = event_detail(d);
	struct buf b = PROSE_INIT;

	prose_text(&b, words_of(d));
	prose_field(&b, d, "Service", json_get(detail, "service"));
	prose_field(&b, d, "Category", json_get(detail, "eventTypeCategory"));
	prose_field(&b, d, "Status", json_get(detail, "statusCode"));
	prose_field(&b, d, "Begins", json_get(detail, "startTime"));
	prose_field(&b, d, "Ends", json_get(detail, "endTime"));
	put_entities(d, &b);
	a->description = prose_take(d, &b);
}

static const char *noun_of(const struct decoder *d)
{
	const struct json *detail = event_detail(d);

	return is_abuse(d)				? " abuse report: "
	       : is_category(detail, "issue")		? " issue: "
	       : is_category(detail, "scheduledChange") ? " scheduled change: "
	       : is_category(detail, "investigation")	? " investigation: "
							: " notification: ";
}

int health_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct alarm *a = event_append(d);
	struct str owner, region;

	if (!a)
		return arena_error(d->arena);
	/* With the organizational view an event is told to one account of it.
	 */
	owner = field_get(d, detail, "affectedAccount", FIELD_WORD);
	if (account_looks(owner))
		a->account = owner;
	region = field_get(d, detail, "eventRegion", FIELD_WORD);
	if (region_looks(region) || str_is(region, "global"))
		a->region = region;
	a->name = field_get(d, detail, "eventTypeCode", FIELD_NAME);
	a->arn = field_get(d, detail, "eventArn", FIELD_NAME);
	event_key(a, a->arn);
	event_told(d, a);
	take_state(d, a);
	take_resource(d, a);
	a->title = JOIN(d, STR("AWS Health: "),
			field_get(d, detail, "service", FIELD_WORD),
			str_from(noun_of(d)), a->name);
	describe(d, a);
	if (str_is(alarm_partition(a), "aws") && a->arn.n)
		a->url = JOIN(d,
			      STR("https://health.console.aws.amazon.com/"
				  "health/home#/account/event-log?eventID="),
			      a->arn);
	return event_finish(d, a, detail);
}
