/* Money: AWS Budgets, which writes text, and Cost Anomaly Detection. */
#include "alarm/event.h"

#include <math.h>

/* The rest of the line that begins with a label. */
static struct str line_of(struct str text, const char *label)
{
	struct str line;

	while (str_cut(&text, '\n', &line)) {
		line = str_trim(line);
		if (!str_starts(line, label))
			continue;
		line = str_sub(line, strlen(label), line.n - strlen(label));
		line = str_trim(line);
		return field_cut(line, FIELD_NAME);
	}
	return STR_NONE;
}

static struct str billing_url(void)
{
	return STR("https://console.aws.amazon.com/billing/home#/budgets");
}

/* A budget never says that it is all right again: a month ends, and a person
 * decides. One incident a budget, whatever threshold it passes. */
int budget_decode(struct decoder *d)
{
	struct str text = d->in->body, account, type, amount, label;
	struct alarm *a = service_append(d);

	if (!a)
		return arena_error(d->arena);
	a->name = line_of(text, "Budget Name:");
	account = line_of(text, "AWS Account");
	if (account_looks(account))
		a->account = account;
	type = line_of(text, "Alert Type:");
	a->severity = str_is(type, "FORECASTED") ? STR("low") : STR("medium");
	if (!a->name.n)
		a->name = STR("budget");
	event_dim(d, a, "BudgetName", a->name);
	event_dim(d, a, "BudgetType", line_of(text, "Budget Type:"));
	event_dim(d, a, "AlertType", type);
	label = str_is(type, "FORECASTED") ? STR("forecast at ") : STR("at ");
	amount = line_of(text, str_is(type, "FORECASTED") ? "FORECASTED Amount:"
							  : "ACTUAL Amount:");
	a->reason = JOIN(d, type, STR(" amount "), amount, STR(", threshold "),
			 line_of(text, "Alert Threshold:"), STR(" of "),
			 line_of(text, "Budgeted Amount:"));
	a->title = JOIN(d, STR("AWS budget "), a->name, STR(": "), label,
			amount, STR(" of "), line_of(text, "Budgeted Amount:"));
	a->description = a->raw;
	a->url = billing_url();
	return event_finish(d, a, NULL);
}

static const char *severity_of(double impact)
{
	return impact >= 1000 ? "high" : impact >= 100 ? "medium" : "low";
}

static void describe(struct decoder *d, struct alarm *a, const struct json *v)
{
	const struct json *list = json_get(v, "rootCauses"), *cause, *impact;
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;
	struct buf b = PROSE_INIT;

	impact = json_get(v, "impact");
	prose_field(&b, d, "Monitor", json_get(v, "monitorName"));
	prose_field(&b, d, "Service", json_get(v, "dimensionalValue"));
	prose_field(&b, d, "From", json_get(v, "anomalyStartDate"));
	prose_field(&b, d, "To", json_get(v, "anomalyEndDate"));
	prose_field(&b, d, "Spent (USD)", json_get(impact, "totalActualSpend"));
	prose_field(&b, d, "Expected (USD)",
		    json_get(impact, "totalExpectedSpend"));
	prose_field(&b, d, "Too much (USD)", json_get(impact, "totalImpact"));
	for (size_t i = 0; i < n && i < 10; i++) {
		cause = json_item(list, i);
		prose_line(
			&b, "Cause",
			JOIN(d, field_get(d, cause, "service", FIELD_WORD),
			     STR(", "),
			     field_get(d, cause, "region", FIELD_WORD),
			     STR(", account "),
			     field_get(d, cause, "linkedAccount", FIELD_WORD),
			     STR(", "),
			     field_get(d, cause, "usageType", FIELD_WORD)));
	}
	a->description = prose_take(d, &b);
}

bool anomaly_is(const struct json *root)
{
	return json_get_str(root, "anomalyId").n && json_get(root, "impact");
}

int anomaly_decode(struct decoder *d)
{
	bool event = event_type(d->root).n > 0;
	const struct json *v = event ? event_detail(d) : d->root, *impact;
	struct alarm *a = event ? event_append(d) : service_append(d);
	struct str account, total;

	if (!a)
		return arena_error(d->arena);
	account = field_get(d, v, "accountId", FIELD_WORD);
	if (account.n)
		a->account = account;
	a->name = field_get(d, v, "monitorName", FIELD_NAME);
	event_key(a, field_get(d, v, "anomalyId", FIELD_NAME));
	event_told(d, a);
	field_set_time(a, json_get(v, "anomalyStartDate"));
	impact = json_at(v, "impact", "totalImpact", NULL);
	a->severity = str_from(severity_of(json_double(impact, 0)));
	event_dim(d, a, "Service",
		  field_get(d, v, "dimensionalValue", FIELD_NAME));
	if (!a->name.n)
		a->name = alarm_dim(a, STR("Service"));
	total = arena_printf(d->arena, "%.2f",
			     fmin(fmax(json_double(impact, 0), -1e12), 1e12));
	a->title =
		JOIN(d, STR("AWS cost anomaly: "), alarm_dim(a, STR("Service")),
		     STR(", "), total, STR(" USD more than expected"));
	describe(d, a, v);
	a->url = field_get(d, v, "anomalyDetailsLink", FIELD_VALUE);
	return event_finish(d, a, NULL);
}
