/*
 * Alertmanager's webhook, versions 3 and 4, and Grafana's unified alerting,
 * which sends the same with more: each alert of the group is an alarm. And
 * the text of Alertmanager's SNS receiver with its default template, as
 * Amazon Managed Service for Prometheus sends it.
 */
#include "alarm/event.h"

#include <stdlib.h>

#include "doc/utf8.h"

#define LABELS_MAX 100

/*
 * An alert's fingerprint as Prometheus makes it: FNV-1a over the labels by
 * name, each name and value with a byte 255 behind (prometheus/common,
 * model/signature.go). Text and old versions don't name it.
 */
static uint64_t fnv(uint64_t h, struct str s)
{
	for (size_t i = 0; i <= s.n; i++) {
		h ^= i < s.n ? (unsigned char)s.p[i] : 255;
		h *= UINT64_C(1099511628211);
	}
	return h;
}

static int by_name(const void *a, const void *b)
{
	const struct alarm_pair *x = a, *y = b;

	return str_cmp(x->name, y->name);
}

static struct str fingerprint(struct decoder *d, const struct alarm *a)
{
	uint64_t h = UINT64_C(14695981039346656037);
	struct alarm_pair *list;

	list = arena_array(d->arena, a->tag_count + 1, sizeof(*list));
	if (!list)
		return STR_NONE;
	if (a->tag_count)
		memcpy(list, a->tags, a->tag_count * sizeof(*list));
	qsort(list, a->tag_count, sizeof(*list), by_name);
	for (size_t i = 0; i < a->tag_count; i++)
		h = fnv(fnv(h, list[i].name), list[i].value);
	return arena_printf(d->arena, "%016llx", (unsigned long long)h);
}

static struct str label(const struct alarm *a, const char *name)
{
	return alarm_tag(a, str_from(name));
}

/*
 * Labels are dimensions and tags in one: rules ask for a team as for an
 * instance. What exporters of CloudWatch call dimension_X is dimension X.
 */
static void take_dimensions(struct decoder *d, struct alarm *a)
{
	a->dims = a->tags;
	a->dim_count = a->tag_count;
	for (size_t i = 0; i < a->tag_count; i++) {
		struct str name = a->tags[i].name;

		if (str_starts(name, "dimension_") && name.n > 10 &&
		    !alarm_dim(a, str_sub(name, 10, name.n - 10)).p)
			event_dim(d, a,
				  arena_cstr(d->arena,
					     str_sub(name, 10, name.n - 10)),
				  a->tags[i].value);
	}
}

static void take_place(struct alarm *a)
{
	static const char *const accounts[] = { "account_id", "aws_account_id",
						"accountId", "account" };
	struct str region = label(a, "region");

	for (size_t i = 0; i < sizeof(accounts) / sizeof(accounts[0]); i++) {
		struct str account = label(a, accounts[i]);

		if (!account_looks(account))
			continue;
		a->account = account;
		break;
	}
	if (region_looks(region))
		a->region = region;
}

static void take_state(struct alarm *a, struct str status)
{
	static const struct outcome statuses[] = { OPENS("firing", NULL),
						   RESOLVES("resolved"),
						   OUTCOMES_END };

	outcome_set(a, statuses, status.n ? status : STR("firing"));
}

/* What the labels tell, however they came. */
static void finish_labels(struct decoder *d, struct alarm *a, struct str key)
{
	take_dimensions(d, a);
	take_place(a);
	a->severity = severity_scale(label(a, "severity"));
	if (!a->severity.p)
		a->severity = severity_scale(label(a, "priority"));
	a->name = label(a, "alertname");
	if (!a->name.n)
		a->name = label(a, "__name__");
	if (!a->name.n)
		a->name = STR("alert");
	a->name = field_cut(a->name, FIELD_NAME);
	event_key(a, key.n ? key : fingerprint(d, a));
	a->told_ms = d->in->sent_ms > 0 ? d->in->sent_ms : d->in->received_ms;
}

static void finish_title(struct decoder *d, struct alarm *a, struct str summary)
{
	struct str prefix = str_is(str_from(a->source), "grafana")
				    ? STR("Grafana: ")
				    : STR("Alertmanager: ");

	summary = str_trim(summary);
	a->title =
		JOIN(d, prefix, a->name, summary.n ? STR(": ") : STR_NONE,
		     field_cut(field_first_line(summary.n ? summary : STR(" ")),
			       summary.n ? FIELD_VALUE : 0));
}

static void describe(struct decoder *d, struct alarm *a,
		     const struct json *alert)
{
	const struct json *notes = json_get(alert, "annotations"), *value;
	struct buf b = PROSE_INIT;
	struct str name, s;
	void *at = NULL;

	prose_text(&b,
		   field_any(d, notes, FIELD_VALUE, KEYS("summary", "title")));
	prose_text(&b, field_any(d, notes, PROSE_MAX,
				 KEYS("description", "message")));
	while (json_next(notes, &at, &name, &value)) {
		if (str_is(name, "summary") || str_is(name, "description") ||
		    str_is(name, "message") || str_is(name, "title") ||
		    str_starts(name, "__"))
			continue;
		s = field_text(d, value, FIELD_VALUE);
		if (s.n)
			prose_text(&b, JOIN(d, field_cut(name, FIELD_WORD),
					    STR(": "), s));
	}
	prose_field(&b, d, "Value", json_get(alert, "valueString"));
	prose_field(&b, d, "Silence", json_get(alert, "silenceURL"));
	a->description = prose_take(d, &b);
}

static bool absolute(struct str url)
{
	return str_starts(url, "https://") || str_starts(url, "http://");
}

/* Grafana 12 names "?orgId=1" only; then the panel or the dashboard do. */
static struct str link_of(struct decoder *d, const struct json *alert)
{
	static const char *const keys[] = { "panelURL", "dashboardURL",
					    "generatorURL" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct str s = field_get(d, alert, keys[i], FIELD_VALUE);

		if (absolute(s))
			return s;
	}
	return STR_NONE;
}

static int alert_decode(struct decoder *d, const struct json *alert)
{
	const struct json *notes = json_get(alert, "annotations");
	struct alarm *a = service_append(d);
	struct str status = field_get(d, alert, "status", FIELD_WORD);

	if (!a)
		return arena_error(d->arena);
	take_state(a, status.n ? status
			       : field_get(d, d->root, "status", FIELD_WORD));
	field_pairs(d, &a->tags, &a->tag_count, json_get(alert, "labels"));
	finish_labels(d, a, field_get(d, alert, "fingerprint", FIELD_WORD));
	/* "0001-01-01T00:00:00Z" stands for no end. */
	if (a->state != ALARM_OK ||
	    !field_set_time(a, json_get(alert, "endsAt")))
		field_set_time(a, json_get(alert, "startsAt"));
	a->ci_id = field_get(d, notes, "stackflow_ci_id", FIELD_WORD);
	a->reason = field_get(d, alert, "valueString", FIELD_VALUE);
	finish_title(
		d, a,
		field_any(d, notes, FIELD_VALUE,
			  KEYS("summary", "title", "message", "description")));
	describe(d, a, alert);
	a->url = link_of(d, alert);
	return event_finish(d, a, NULL);
}

static bool is_group(const struct json *root)
{
	const struct json *first = json_item(json_get(root, "alerts"), 0);

	return json_is(json_get(first, "labels"), JSON_OBJECT);
}

bool grafana_is(const struct json *root)
{
	return is_group(root) && (json_get(root, "orgId") ||
				  str_is(json_get_str(root, "version"), "1"));
}

bool alertmanager_is(const struct json *root)
{
	return is_group(root);
}

int alertmanager_decode(struct decoder *d)
{
	return alarm_each(d, json_get(d->root, "alerts"), alert_decode);
}

/* ---- the text ---- */

struct block {
	bool open, labels; /* a block has begun; its labels are read */
	bool resolved;
	struct alarm_pair list[LABELS_MAX];
	size_t count, left_out;
	struct str summary, about, source;
};

static int block_end(struct decoder *d, struct block *b)
{
	struct alarm_pair *list;
	struct buf text = PROSE_INIT;
	struct alarm *a;

	if (!b->open)
		return 0;
	if (!b->count || d->count >= ALARMS_MAX) {
		b->left_out++;
		return 0;
	}
	a = service_append(d);
	list = arena_array(d->arena, b->count, sizeof(*list));
	if (!a || !list)
		return arena_error(d->arena);
	memcpy(list, b->list, b->count * sizeof(*list));
	a->tags = list;
	a->tag_count = b->count;
	take_state(a, b->resolved ? STR("resolved") : STR("firing"));
	finish_labels(d, a, STR_NONE);
	finish_title(d, a, b->summary.n ? b->summary : b->about);
	prose_text(&text, b->summary);
	prose_text(&text, b->about);
	a->description = prose_take(d, &text);
	a->url = absolute(b->source) ? b->source : STR_NONE;
	return event_finish(d, a, NULL);
}

static void block_begin(struct block *b)
{
	b->open = b->labels = true;
	b->count = 0;
	b->summary = b->about = b->source = STR_NONE;
}

/* " - name = value" */
static void block_pair(struct block *b, struct str line)
{
	ssize_t at = str_find(line, STR(" = "));
	struct str name, value;

	if (at < 0)
		return;
	name = str_trim(str_sub(line, 0, (size_t)at));
	value = str_sub(line, (size_t)at + 3, line.n - (size_t)at - 3);
	/* It becomes a key of strict JSON; a text that came raw can be any. */
	if (!name.n || str_find_char(name, '\0') >= 0 ||
	    !utf8_is(name.p, name.n))
		return;
	name = field_cut(name, FIELD_NAME);
	if (b->labels && b->count < LABELS_MAX) {
		for (size_t i = 0; i < b->count; i++)
			if (str_eq(b->list[i].name, name))
				return;
		b->list[b->count++] =
			(struct alarm_pair){ name,
					     field_cut(value, FIELD_VALUE) };
	} else if (str_is(name, "summary")) {
		b->summary = field_cut(value, FIELD_VALUE);
	} else if (str_is(name, "description") || str_is(name, "message")) {
		b->about = field_cut(value, FIELD_VALUE);
	}
}

/* 0, or -ENOMEM. */
static int block_line(struct decoder *d, struct block *b, struct str line)
{
	bool head = str_ends(line, "Labels:");
	int rc;

	if (str_starts(line, "Alerts Firing:") ||
	    str_starts(line, "Alerts Resolved:") || head) {
		rc = block_end(d, b);
		b->open = false;
		if (!head)
			b->resolved = str_starts(line, "Alerts Resolved:");
		if (head)
			block_begin(b);
		return rc;
	}
	if (!b->open)
		return 0;
	if (str_starts(line, "Annotations:"))
		b->labels = false;
	else if (str_starts(line, "Source:"))
		b->source = str_trim(str_sub(line, 7, line.n - 7));
	else if (str_starts(line, "- "))
		block_pair(b, str_sub(line, 2, line.n - 2));
	return 0;
}

int alertmanager_text_decode(struct decoder *d)
{
	struct block *b = arena_alloc(d->arena, sizeof(*b));
	struct str text = d->in->body, line;
	size_t before = d->count;
	int rc = 0;

	if (!b)
		return arena_error(d->arena);
	while (rc == 0 && str_cut(&text, '\n', &line))
		rc = block_line(d, b, str_trim(line));
	if (rc == 0)
		rc = block_end(d, b);
	if (rc)
		return rc;
	return d->count > before ? alarm_left_out(d, b->left_out)
				 : text_decode(d);
}
