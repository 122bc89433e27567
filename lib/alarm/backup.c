/*
 * AWS Backup: jobs that back up, copy and restore, as EventBridge events and
 * as the text of its SNS notifications. The next job of the same resource
 * that goes well ends what one opened.
 */
#include "alarm/event.h"

static const struct outcome states[] = {
	OPENS("FAILED", "high"),    OPENS("EXPIRED", "medium"),
	OPENS("ABORTED", "medium"), OPENS("PARTIAL", "medium"),
	RESOLVES("COMPLETED"),	    TELLS("CREATED"),
	TELLS("PENDING"),	    TELLS("RUNNING"),
	TELLS("ABORTING"),	    TELLS("AVAILABLE"),
	TELLS("DELETED"),	    TELLS("MODIFIED"),
	TELLS("DELETING"),	    OUTCOMES_END
};

/* volume/vol-0abc of arn:aws:ec2:us-east-1:111122223333:volume/vol-0abc. */
static struct str short_name(struct str resource)
{
	struct arn arn;

	return arn_cut(&arn, resource) ? arn.resource : resource;
}

static int finish(struct decoder *d, struct alarm *a, struct str job,
		  struct str id, struct str resource)
{
	struct buf b = PROSE_INIT;

	if (str_starts(resource, "arn:"))
		a->resource_arn = resource;
	a->name = short_name(resource.n ? resource : a->resource_arn);
	a->contributor = job;
	if (!a->name.n) {
		a->name = JOIN(d, job, STR(" job"));
		a->contributor = id;
	}
	if (str_starts(arn_tail(resource), "i-"))
		event_dim(d, a, "InstanceId", arn_tail(resource));
	if (str_find(resource, STR(":db:")) >= 0)
		event_dim(d, a, "DBInstanceIdentifier", arn_tail(resource));
	a->title = JOIN(d, STR("AWS Backup: "),
			a->contributor.p == job.p ? job : STR_NONE,
			a->contributor.p == job.p ? STR(" of ") : STR_NONE,
			a->name, STR(": "), a->state_text);
	prose_line(&b, "Message", a->reason);
	prose_line(&b, "Job", id);
	prose_line(&b, "Resource", resource);
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "backup/home", "#jobs/", STR(""));
	return event_finish(d, a, NULL);
}

int backup_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct str type = event_type(d->root), job;
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	job = str_starts(type, "Copy Job")	? STR("copy")
	      : str_starts(type, "Restore Job") ? STR("restore")
	      : str_starts(type, "Backup Job")	? STR("backup")
						: field_cut(type, FIELD_WORD);
	outcome_set(a, states,
		    field_any(d, detail, FIELD_WORD, KEYS("state", "status")));
	a->reason = field_get(d, detail, "statusMessage", FIELD_VALUE);
	return finish(
		d, a, job,
		field_any(d, detail, FIELD_NAME,
			  KEYS("backupJobId", "copyJobId", "restoreJobId")),
		field_any(d, detail, FIELD_NAME,
			  KEYS("resourceArn", "createdResourceArn",
			       "sourceRecoveryPointArn")));
}

/* What stands behind a label, up to the next sentence. */
static struct str behind(struct str text, const char *label)
{
	struct str word = str_from(label);
	ssize_t at = str_find(text, word);
	size_t n = 0;

	if (at < 0)
		return STR_NONE;
	text = str_trim(str_sub(text, (size_t)at + word.n,
				text.n - (size_t)at - word.n));
	while (n < text.n && n < FIELD_NAME && (unsigned char)text.p[n] > ' ')
		n++;
	text = str_sub(text, 0, n);
	if (str_ends(text, "."))
		text.n--;
	return text.n ? text : STR_NONE;
}

static struct str state_of(struct str text)
{
	static const char *const words[][2] = {
		{ "completed with issues", "PARTIAL" },
		{ "failed or was aborted", "FAILED" },
		{ "completed successfully", "COMPLETED" },
		{ "completed", "COMPLETED" },
		{ "failed to complete in time", "EXPIRED" },
		{ "expired", "EXPIRED" },
		{ "failed", "FAILED" },
		{ "was stopped", "ABORTED" },
		{ "aborted", "ABORTED" },
		{ "was started", "RUNNING" },
		{ "started", "RUNNING" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_find(text, str_from(words[i][0])) >= 0)
			return str_from(words[i][1]);
	return STR_NONE;
}

/* "An AWS Copy job was ...", and how each calls its id. */
static const struct {
	const char *head, *job, *id, *other_id;
} texts[] = {
	{ "An AWS Backup job", "backup", "BackupJob ID :", "Backup Job Id :" },
	{ "An AWS Copy job", "copy", "CopyJob ID :", "Copy Job Id :" },
	{ "An AWS Restore job", "restore",
	  "RestoreJob ID :", "Restore Job Id :" },
};

int backup_text_decode(struct decoder *d)
{
	struct str text = str_trim(d->in->body), resource, id;
	struct alarm *a = service_append(d);
	struct arn arn;
	size_t i = 0;

	if (!a)
		return arena_error(d->arena);
	while (i < 2 && !str_starts(text, texts[i].head))
		i++;
	id = behind(text, texts[i].id);
	if (!id.n)
		id = behind(text, texts[i].other_id);
	outcome_set(a, states, state_of(field_first_line(text)));
	resource = behind(text, "Resource ARN :");
	if (arn_cut(&arn, resource)) {
		if (region_looks(arn.region))
			a->region = arn.region;
		if (account_looks(arn.account))
			a->account = arn.account;
	}
	a->reason = field_cut(text, FIELD_VALUE);
	return finish(d, a, str_from(texts[i].job), id, resource);
}
