/*
 * Messages that are no JSON. A few services write to people only; what they
 * say is read from the fixed words of their mails. All others are kept whole.
 */
#include "alarm/event.h"

static bool has(struct str text, const char *words)
{
	return str_find(text, str_from(words)) >= 0;
}

static bool is_budget(const struct alarm_input *in)
{
	return (str_starts(in->subject, "AWS Budgets: ") ||
		str_starts(str_trim(in->body), "AWS Budget Notification")) &&
	       has(in->body, "Budget Name:") && has(in->body, "Alert Type:");
}

static bool is_backup(const struct alarm_input *in)
{
	struct str text = str_trim(in->body);

	return str_starts(text, "An AWS Backup job ") ||
	       str_starts(text, "An AWS Copy job ") ||
	       str_starts(text, "An AWS Restore job ");
}

static bool is_beanstalk(const struct alarm_input *in)
{
	return has(in->body, "Environment:") && has(in->body, "Message:") &&
	       (str_starts(in->subject, "AWS Elastic Beanstalk ") ||
		has(in->body, "NotificationProcessId:"));
}

/* The default text of Alertmanager's SNS receiver. */
static bool is_alertmanager(const struct alarm_input *in)
{
	return (has(in->body, "Alerts Firing:") ||
		has(in->body, "Alerts Resolved:")) &&
	       has(in->body, "Labels:");
}

int text_decode(struct decoder *d)
{
	struct alarm *a = service_append(d);
	struct str subject = str_trim(d->in->subject);

	if (!a)
		return arena_error(d->arena);
	a->name = subject.n ? field_cut(subject, FIELD_NAME)
			    : field_first_line(a->raw);
	a->description = a->raw.n ? a->raw : STR_NONE;
	return alarm_classify(d, a, NULL);
}

static const struct {
	bool (*is)(const struct alarm_input *in);
	struct recogniser row;
} table[] = {
	{ is_alertmanager,
	  { NULL, "alertmanager", "alertmanager", NULL,
	    alertmanager_text_decode } },
	{ is_budget, { NULL, "budget", "budgets", NULL, budget_decode } },
	{ is_backup, { NULL, "backup", "backup", NULL, backup_text_decode } },
	{ is_beanstalk,
	  { NULL, "text", "beanstalk", NULL, beanstalk_text_decode } },
};
static const struct recogniser plain = { NULL, "text", NULL, NULL,
					 text_decode };

const struct recogniser *text_row(const struct alarm_input *in)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].is(in))
			return &table[i].row;
	return &plain;
}
