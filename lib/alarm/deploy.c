/*
 * What builds, deploys and runs jobs: CodePipeline, CodeBuild, CodeDeploy,
 * Step Functions and Glue. A later success ends what an earlier run of the
 * same thing opened.
 */
#include "alarm/event.h"

static const struct outcome runs[] = { OPENS("FAILED", "medium"),
				       OPENS("FAULT", "medium"),
				       OPENS("TIMED_OUT", "medium"),
				       OPENS("TIMEOUT", "medium"),
				       OPENS("FAILURE", "medium"),
				       OPENS("ERROR", "medium"),
				       OPENS("ABORTED", "low"),
				       OPENS("EXPIRED", "medium"),
				       RESOLVES("SUCCEEDED"),
				       RESOLVES("SUCCESS"),
				       TELLS("STARTED"),
				       TELLS("START"),
				       TELLS("STARTING"),
				       TELLS("CREATED"),
				       TELLS("IN_PROGRESS"),
				       TELLS("RUNNING"),
				       TELLS("PENDING"),
				       TELLS("QUEUED"),
				       TELLS("RESUMED"),
				       TELLS("CANCELED"),
				       TELLS("CANCELLED"),
				       TELLS("SUPERSEDED"),
				       TELLS("STOPPED"),
				       TELLS("STOPPING"),
				       TELLS("STOP"),
				       TELLS("READY"),
				       TELLS("WAITING"),
				       TELLS("PENDING_REDRIVE"),
				       OUTCOMES_END };

/* ---- CodePipeline ---- */

static void describe_pipeline(struct decoder *d, struct alarm *a)
{
	const struct json *detail = event_detail(d);
	struct buf b = PROSE_INIT;

	prose_field(&b, d, "Pipeline", json_get(detail, "pipeline"));
	prose_field(&b, d, "Stage", json_get(detail, "stage"));
	prose_field(&b, d, "Action", json_get(detail, "action"));
	prose_field(&b, d, "State", json_get(detail, "state"));
	prose_field(&b, d, "Execution", json_get(detail, "execution-id"));
	prose_line(&b, "Why", a->reason);
	prose_field(&b, d, "More",
		    json_at(detail, "execution-result",
			    "external-execution-url", NULL));
	a->description = prose_take(d, &b);
}

static struct str pipeline_link(struct decoder *d, const struct alarm *a)
{
	struct str base = console_link(d, a, "codesuite/codepipeline/pipelines",
				       "", STR(""));
	ssize_t at = str_find(base, STR("?"));

	if (at < 0)
		return STR_NONE;
	return JOIN(d, str_sub(base, 0, (size_t)at), STR("/"), a->name,
		    STR("/view"),
		    str_sub(base, (size_t)at, base.n - (size_t)at));
}

/* WHOLE/PART, or the whole. */
static struct str part_of(struct decoder *d, struct str whole, struct str part)
{
	return part.n ? JOIN(d, whole, STR("/"), part) : whole;
}

/* A pipeline, its stages and their actions each end by themselves. */
int pipeline_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct str stage = field_get(d, detail, "stage", FIELD_NAME);
	struct str action = field_get(d, detail, "action", FIELD_NAME);
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, detail, "pipeline", FIELD_NAME);
	a->contributor = part_of(d, stage, action);
	outcome_set(a, runs, field_get(d, detail, "state", FIELD_WORD));
	event_dim(d, a, "PipelineName", a->name);
	a->reason = event_text(d, detail, FIELD_VALUE, "execution-result",
			       "external-execution-summary");
	a->title = JOIN(d, STR("CodePipeline "), a->name,
			a->contributor.n ? STR(", ") : STR_NONE, a->contributor,
			STR(": "), a->state_text);
	describe_pipeline(d, a);
	a->url = pipeline_link(d, a);
	return event_finish(d, a, NULL);
}

bool approval_is(const struct json *root)
{
	return json_str(json_at(root, "approval", "pipelineName", NULL)).n > 0;
}

/* Somebody has to say yes before a pipeline goes on. */
int approval_decode(struct decoder *d)
{
	const struct json *v = json_get(d->root, "approval");
	struct alarm *a = service_append(d);
	struct buf b = PROSE_INIT;
	struct str region;

	if (!a)
		return arena_error(d->arena);
	region = field_get(d, d->root, "region", FIELD_WORD);
	if (region_looks(region))
		a->region = region;
	a->name = field_get(d, v, "pipelineName", FIELD_NAME);
	a->contributor =
		JOIN(d, field_get(d, v, "stageName", FIELD_NAME), STR("/"),
		     field_get(d, v, "actionName", FIELD_NAME));
	a->severity = STR("low");
	a->state_text = STR("approval needed");
	event_dim(d, a, "PipelineName", a->name);
	a->title = JOIN(d, STR("CodePipeline "), a->name, STR(", "),
			a->contributor, STR(" waits for approval"));
	prose_field(&b, d, "What for", json_get(v, "customData"));
	prose_field(&b, d, "Until", json_get(v, "expires"));
	prose_field(&b, d, "More", json_get(v, "externalEntityLink"));
	a->description = prose_take(d, &b);
	a->url = field_get(d, v, "approvalReviewLink", FIELD_VALUE);
	return event_finish(d, a, NULL);
}

/* ---- CodeBuild ---- */

/* The last phase that went wrong, and what it says. */
static void put_phase(struct decoder *d, struct buf *b, const struct json *info)
{
	const struct json *list = json_get(info, "phases"), *p;
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	for (size_t i = 0; i < n && i < 64; i++) {
		p = json_item(list, i);
		if (!str_is(json_get_str(p, "phase-status"), "FAILED"))
			continue;
		prose_field(b, d, "Failed in", json_get(p, "phase-type"));
		prose_field(b, d, "Because",
			    json_item(json_get(p, "phase-context"), 0));
	}
}

int build_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	const struct json *info = json_get(detail, "additional-information");
	bool phase = json_get(detail, "completed-phase-status");
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, detail, "project-name", FIELD_NAME);
	outcome_set(a, runs,
		    field_any(d, detail, FIELD_WORD,
			      KEYS("build-status", "completed-phase-status")));
	/* A phase that went well doesn't mean that the build will. */
	if (phase && a->state == ALARM_OK)
		outcome_tells(a);
	event_dim(d, a, "ProjectName", a->name);
	a->title =
		JOIN(d, STR("CodeBuild "), a->name, STR(": "), a->state_text);
	put_phase(d, &b, info);
	prose_field(&b, d, "Phase", json_get(detail, "completed-phase"));
	prose_field(&b, d, "Started by", json_get(info, "initiator"));
	prose_field(&b, d, "Source", json_at(info, "source", "location", NULL));
	prose_field(&b, d, "Version", json_get(info, "source-version"));
	prose_field(&b, d, "Build", json_get(detail, "build-id"));
	a->description = prose_take(d, &b);
	a->url = field_get(d, json_get(info, "logs"), "deep-link", FIELD_VALUE);
	return event_finish(d, a, NULL);
}

/* ---- CodeDeploy ---- */

static int finish_deployment(struct decoder *d, struct alarm *a,
			     struct str application, struct str group,
			     struct str deployment)
{
	struct buf b = PROSE_INIT;

	a->name = application.n ? application : deployment;
	event_dim(d, a, "Application", application);
	event_dim(d, a, "DeploymentGroup", group);
	a->title = JOIN(d, STR("CodeDeploy "), a->name,
			group.n ? STR("/") : STR_NONE, group, STR(": "),
			a->state_text);
	prose_line(&b, "Application", application);
	prose_line(&b, "Deployment group", group);
	prose_line(&b, "Deployment", deployment);
	prose_line(&b, "Instance", alarm_dim(a, STR("InstanceId")));
	prose_line(&b, "Why", a->reason);
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "codesuite/codedeploy/deployments", "#",
			      deployment);
	return event_finish(d, a, NULL);
}

int deployment_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct str group = field_get(d, detail, "deploymentGroup", FIELD_NAME);
	struct str instance = field_get(d, detail, "instanceId", FIELD_NAME);
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->contributor = part_of(d, group, instance);
	event_dim(d, a, "InstanceId", arn_tail(instance));
	outcome_set(a, runs, field_get(d, detail, "state", FIELD_WORD));
	return finish_deployment(
		d, a, field_get(d, detail, "application", FIELD_NAME), group,
		field_get(d, detail, "deploymentId", FIELD_NAME));
}

bool codedeploy_is(const struct json *root)
{
	return json_get_str(root, "deploymentId").n &&
	       (json_get_str(root, "applicationName").n ||
		json_get_str(root, "deploymentGroupName").n) &&
	       field_find(root, KEYS("status", "instanceStatus"));
}

int codedeploy_decode(struct decoder *d)
{
	const struct json *r = d->root;
	struct alarm *a = service_append(d);
	struct str group, s;

	if (!a)
		return arena_error(d->arena);
	event_place(a, field_get(d, r, "accountId", FIELD_WORD),
		    field_get(d, r, "region", FIELD_WORD));
	group = field_get(d, r, "deploymentGroupName", FIELD_NAME);
	s = field_get(d, r, "instanceId", FIELD_NAME);
	a->contributor = part_of(d, group, s);
	event_dim(d, a, "InstanceId", arn_tail(s));
	outcome_set(
		a, runs,
		field_any(d, r, FIELD_WORD, KEYS("status", "instanceStatus")));
	a->reason = field_get(d, r, "errorInformation", FIELD_VALUE);
	if (!field_set_time(a, json_get(r, "completeTime")))
		field_set_time(
			a, field_find(r, KEYS("lastUpdatedAt", "createTime")));
	return finish_deployment(
		d, a, field_get(d, r, "applicationName", FIELD_NAME), group,
		field_get(d, r, "deploymentId", FIELD_NAME));
}

/* ---- Step Functions ---- */

int execution_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct str machine =
		field_get(d, detail, "stateMachineArn", FIELD_NAME);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = arn_tail(machine);
	if (str_starts(machine, "arn:"))
		a->resource_arn = machine;
	outcome_set(a, runs, field_get(d, detail, "status", FIELD_WORD));
	event_dim(d, a, "StateMachineArn", machine);
	a->reason = field_get(d, detail, "error", FIELD_VALUE);
	a->title = JOIN(d, STR("Step Functions "), a->name, STR(": "),
			a->state_text);
	prose_line(&b, "Error", a->reason);
	prose_field(&b, d, "Cause", json_get(detail, "cause"));
	prose_field(&b, d, "Execution", json_get(detail, "executionArn"));
	prose_field(&b, d, "Input", json_get(detail, "input"));
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "states/home", "#/v2/executions/details/",
			      field_get(d, detail, "executionArn", FIELD_NAME));
	return event_finish(d, a, NULL);
}

/* ---- Glue ---- */

int glue_decode(struct decoder *d)
{
	const struct json *detail = event_detail(d);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	a->name = field_any(d, detail, FIELD_NAME,
			    KEYS("jobName", "crawlerName", "databaseName"));
	outcome_set(a, runs, field_get(d, detail, "state", FIELD_WORD));
	/* A run that takes longer than its owner allowed. */
	if (str_is(event_type(d->root), "Glue Job Run Status")) {
		a->state = ALARM_FIRING;
		a->event = ALARM_CHANGED;
		a->contributor = STR("run time");
		a->severity = STR("low");
	}
	event_dim(d, a, "JobName", field_get(d, detail, "jobName", FIELD_NAME));
	event_dim(d, a, "CrawlerName",
		  field_get(d, detail, "crawlerName", FIELD_NAME));
	a->reason = field_any(d, detail, FIELD_VALUE,
			      KEYS("message", "errorMessage"));
	a->title = JOIN(d, STR("Glue "), a->name, STR(": "), a->state_text);
	prose_line(&b, "Message", a->reason);
	prose_field(&b, d, "Run", json_get(detail, "jobRunId"));
	a->description = prose_take(d, &b);
	a->url =
		console_link(d, a, "gluestudio/home", "#/editor/job/", a->name);
	return event_finish(d, a, NULL);
}
