/* EC2, Auto Scaling and ECS. */
#include "alarm/event.h"

/* ---- Auto Scaling ---- */

/* One incident a group and activity: the next that goes well ends it. */
static const struct activity {
	const char *word, *activity;
	struct outcome outcome;
} activities[] = {
	{ "autoscaling:EC2_INSTANCE_LAUNCH_ERROR", "launch",
	  OPENS("launch failed", "high") },
	{ "autoscaling:EC2_INSTANCE_LAUNCH", "launch", RESOLVES("launched") },
	{ "autoscaling:EC2_INSTANCE_TERMINATE_ERROR", "terminate",
	  OPENS("termination failed", "medium") },
	{ "autoscaling:EC2_INSTANCE_TERMINATE", "terminate",
	  RESOLVES("terminated") },
	{ "EC2 Instance Launch Unsuccessful", "launch",
	  OPENS("launch failed", "high") },
	{ "EC2 Instance Launch Successful", "launch", RESOLVES("launched") },
	{ "EC2 Instance Terminate Unsuccessful", "terminate",
	  OPENS("termination failed", "medium") },
	{ "EC2 Instance Terminate Successful", "terminate",
	  RESOLVES("terminated") },
	{ "EC2 Auto Scaling Instance Refresh Failed", "instance refresh",
	  OPENS("instance refresh failed", "high") },
	{ "EC2 Auto Scaling Instance Refresh Rollback Failed",
	  "instance refresh", OPENS("rollback failed", "high") },
	{ "EC2 Auto Scaling Instance Refresh Succeeded", "instance refresh",
	  RESOLVES("instance refresh succeeded") },
};

static void take_activity(struct alarm *a, struct str word)
{
	for (size_t i = 0; i < sizeof(activities) / sizeof(activities[0]);
	     i++) {
		const struct activity *row = &activities[i];

		if (!str_is(word, row->word))
			continue;
		a->contributor = str_from(row->activity);
		outcome_set(
			a,
			(const struct outcome[]){ row->outcome, OUTCOMES_END },
			str_from(row->outcome.word));
		return;
	}
	/* Tests, lifecycle actions and progress. */
	outcome_tells(a);
	a->contributor = STR("activity");
}

static int finish_scaling(struct decoder *d, struct alarm *a,
			  const struct json *v, struct str word)
{
	struct buf b = PROSE_INIT;

	a->name = field_get(d, v, "AutoScalingGroupName", FIELD_NAME);
	if (!a->name.n)
		a->name = word;
	take_activity(a, word);
	event_dim(d, a, "AutoScalingGroupName", a->name);
	event_dim(d, a, "InstanceId",
		  field_get(d, v, "EC2InstanceId", FIELD_NAME));
	a->namespace = STR("AWS/AutoScaling");
	a->reason = field_get(d, v, "StatusMessage", FIELD_VALUE);
	a->title = JOIN(d, STR("Auto Scaling group "), a->name, STR(": "),
			a->event == ALARM_NOTICE ? word : a->state_text);
	prose_field(&b, d, "Activity", json_get(v, "Description"));
	prose_line(&b, "Message", a->reason);
	prose_field(&b, d, "Status", json_get(v, "StatusCode"));
	prose_field(&b, d, "Cause", json_get(v, "Cause"));
	prose_field(&b, d, "Availability zone",
		    json_at(v, "Details", "Availability Zone", NULL));
	prose_field(&b, d, "Subnet", json_at(v, "Details", "Subnet ID", NULL));
	a->description = prose_take(d, &b);
	a->url = console_link(d, a, "ec2/home",
			      "#AutoScalingGroupDetails:id=", a->name);
	return event_finish(d, a, NULL);
}

bool autoscaling_is(const struct json *root)
{
	return json_get_str(root, "AutoScalingGroupName").n &&
	       (str_starts(json_get_str(root, "Event"), "autoscaling:") ||
		json_get(root, "LifecycleTransition"));
}

int autoscaling_decode(struct decoder *d)
{
	const struct json *r = d->root;
	struct alarm *a = service_append(d);
	struct str account, arn;

	if (!a)
		return arena_error(d->arena);
	account = field_get(d, r, "AccountId", FIELD_WORD);
	if (account.n)
		a->account = account;
	arn = field_get(d, r, "AutoScalingGroupARN", FIELD_NAME);
	if (str_starts(arn, "arn:")) {
		struct arn parts;

		a->resource_arn = arn;
		if (arn_cut(&parts, arn) && region_looks(parts.region))
			a->region = parts.region;
	}
	field_set_time(a, field_find(r, KEYS("Time", "time")));
	return finish_scaling(d, a, r, field_get(d, r, "Event", FIELD_WORD));
}

int scaling_decode(struct decoder *d)
{
	struct alarm *a = event_append(d);

	return a ? finish_scaling(d, a, event_detail(d),
				  field_cut(event_type(d->root), FIELD_WORD))
		 : arena_error(d->arena);
}

/* ---- EC2 ---- */

static int finish_instance(struct decoder *d, struct alarm *a)
{
	struct str id = field_any(d, event_detail(d), FIELD_NAME,
				  KEYS("instance-id", "instance_id"));

	if (!id.n)
		id = arn_tail(a->resource_arn);
	a->name = id;
	event_dim(d, a, "InstanceId", id);
	event_resource(d, a, "AWS/EC2");
	a->title =
		JOIN(d, STR("EC2 instance "), id, STR(" is "), a->state_text);
	a->url = console_link(d, a, "ec2/home",
			      "#InstanceDetails:instanceId=", id);
	return event_finish(d, a, event_detail(d));
}

int ec2_state_decode(struct decoder *d)
{
	static const struct outcome states[] = { OPENS("stopped", "medium"),
						 OPENS("terminated", "low"),
						 RESOLVES("running"),
						 TELLS("pending"),
						 TELLS("stopping"),
						 TELLS("shutting-down"),
						 OUTCOMES_END };
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	outcome_set(a, states,
		    field_get(d, event_detail(d), "state", FIELD_WORD));
	return finish_instance(d, a);
}

int ec2_spot_decode(struct decoder *d)
{
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->severity = STR("low");
	a->state_text = STR("about to be interrupted (Spot)");
	a->reason =
		field_get(d, event_detail(d), "instance-action", FIELD_WORD);
	return finish_instance(d, a);
}

/* ---- ECS ---- */

static void take_cluster(struct decoder *d, struct alarm *a,
			 const struct json *detail)
{
	struct str cluster = field_get(d, detail, "clusterArn", FIELD_NAME);

	event_dim(d, a, "ClusterName", arn_tail(cluster));
	a->contributor = cluster.n ? arn_tail(cluster) : STR_NONE;
}

/* A container that ended otherwise than asked; NULL: none did. */
static const struct json *broken_container(const struct json *detail)
{
	const struct json *list = json_get(detail, "containers"), *code, *c;
	size_t n = json_is(list, JSON_ARRAY) ? json_count(list) : 0;

	for (size_t i = 0; i < n && i < 64; i++) {
		c = json_item(list, i);
		code = json_get(c, "exitCode");
		if (json_int(code, 0) != 0 ||
		    str_find(json_get_str(c, "reason"), STR("OutOfMemory")) >=
			    0)
			return c;
	}
	return NULL;
}

/*
 * Tasks come and go with every deployment and scaling; only one that failed
 * by itself matters. One of the same group that runs, or ends well, is its end.
 */
static void take_task_state(struct decoder *d, struct alarm *a)
{
	const struct json *t = event_detail(d);
	struct str status = field_get(d, t, "lastStatus", FIELD_WORD);
	struct str desired = json_get_str(t, "desiredStatus");
	struct str code = json_get_str(t, "stopCode");
	struct str why = field_get(d, t, "stoppedReason", FIELD_VALUE);
	bool asked = str_is(code, "ServiceSchedulerInitiated") ||
		     str_is(code, "UserInitiated");

	a->state_text = status.n ? status : STR("ALARM");
	a->reason = why;
	if (str_is(status, "RUNNING") && str_is(desired, "RUNNING")) {
		bool sick =
			str_is(json_get_str(t, "healthStatus"), "UNHEALTHY");

		a->state = sick ? ALARM_FIRING : ALARM_OK;
		a->severity = sick ? STR("medium") : STR_NONE;
	} else if (!str_is(status, "STOPPED")) {
		outcome_tells(a);
	} else if (str_find(why, STR("health check")) >= 0 ||
		   str_is(code, "TaskFailedToStart") ||
		   (!asked && broken_container(t))) {
		a->severity = str_is(code, "TaskFailedToStart") ? STR("high")
								: STR("medium");
	} else if (asked || str_is(code, "SpotInterruption") ||
		   str_is(code, "TerminationNotice")) {
		outcome_tells(a);
	} else {
		a->state = ALARM_OK;
	}
}

static void describe_task(struct decoder *d, struct alarm *a)
{
	const struct json *t = event_detail(d), *c = broken_container(t);
	struct buf b = PROSE_INIT;

	prose_line(&b, "Stopped because", a->reason);
	prose_field(&b, d, "Stop code", json_get(t, "stopCode"));
	prose_field(&b, d, "Container", json_get(c, "name"));
	prose_field(&b, d, "Exit code", json_get(c, "exitCode"));
	prose_field(&b, d, "Container says", json_get(c, "reason"));
	prose_field(&b, d, "Health", json_get(t, "healthStatus"));
	prose_field(&b, d, "Task", json_get(t, "taskArn"));
	prose_field(&b, d, "Definition", json_get(t, "taskDefinitionArn"));
	prose_field(&b, d, "Cluster", json_get(t, "clusterArn"));
	a->description = prose_take(d, &b);
}

int ecs_task_decode(struct decoder *d)
{
	const struct json *t = event_detail(d);
	struct alarm *a = event_append(d);
	struct str group;

	if (!a)
		return arena_error(d->arena);
	group = field_get(d, t, "group", FIELD_NAME);
	a->name = group;
	take_cluster(d, a, t);
	if (str_starts(group, "service:")) {
		a->name = str_sub(group, 8, group.n - 8);
		event_dim(d, a, "ServiceName", a->name);
	}
	event_dim(d, a, "TaskArn", field_get(d, t, "taskArn", FIELD_NAME));
	take_task_state(d, a);
	a->resource_arn = STR_NONE;
	event_resource(d, a, "AWS/ECS");
	a->title = JOIN(d, STR("ECS "), group, STR(": a task is "),
			a->state_text, a->reason.n ? STR(": ") : STR_NONE,
			field_cut(a->reason, 200));
	describe_task(d, a);
	return event_finish(d, a, NULL);
}

int ecs_instance_decode(struct decoder *d)
{
	const struct json *i = event_detail(d);
	const struct json *agent = json_get(i, "agentConnected");
	struct str status = field_get(d, i, "status", FIELD_WORD);
	struct alarm *a = event_append(d);

	if (!a)
		return arena_error(d->arena);
	a->name = field_get(d, i, "ec2InstanceId", FIELD_NAME);
	if (!a->name.n)
		a->name = arn_tail(a->resource_arn);
	take_cluster(d, a, i);
	event_dim(d, a, "InstanceId", a->name);
	a->namespace = STR("AWS/ECS");
	if (!str_is(status, "ACTIVE")) {
		outcome_tells(a);
		a->state_text = status.n ? status : STR("OK");
	} else if (json_bool(agent, true)) {
		a->state = ALARM_OK;
		a->state_text = STR("connected");
	} else {
		a->severity = STR("medium");
		a->state_text = STR("agent disconnected");
	}
	a->title = JOIN(d, STR("ECS container instance "), a->name, STR(": "),
			a->state_text);
	return event_finish(d, a, NULL);
}

/* What the scheduler says of a service, and of its deployments. */
int ecs_service_decode(struct decoder *d)
{
	static const struct outcome types[] = { OPENS("ERROR", "high"),
						OPENS("WARN", "medium"),
						TELLS("INFO"), OUTCOMES_END };
	const struct json *detail = event_detail(d);
	struct str name = field_get(d, detail, "eventName", FIELD_WORD);
	struct alarm *a = event_append(d);
	struct buf b = PROSE_INIT;

	if (!a)
		return arena_error(d->arena);
	take_cluster(d, a, detail);
	a->name = arn_tail(a->resource_arn);
	if (!a->contributor.p && a->resource_arn.n > a->name.n)
		a->contributor = arn_tail(str_sub(
			a->resource_arn, 0, a->resource_arn.n - a->name.n - 1));
	event_dim(d, a, "ClusterName", a->contributor);
	event_dim(d, a, "ServiceName", a->name);
	a->namespace = STR("AWS/ECS");
	outcome_set(a, types, field_get(d, detail, "eventType", FIELD_WORD));
	if (str_is(name, "SERVICE_STEADY_STATE") ||
	    str_is(name, "SERVICE_DEPLOYMENT_COMPLETED") ||
	    str_is(name, "CAPACITY_PROVIDER_STEADY_STATE"))
		a->event = ALARM_CHANGED;
	if (name.n)
		a->state_text = name;
	a->reason = field_get(d, detail, "reason", FIELD_VALUE);
	a->title =
		JOIN(d, STR("ECS service "), a->name, STR(": "), a->state_text);
	prose_line(&b, "Reason", a->reason);
	prose_field(&b, d, "Deployment", json_get(detail, "deploymentId"));
	prose_line(&b, "Service", a->resource_arn);
	a->description = prose_take(d, &b);
	return event_finish(d, a, NULL);
}
