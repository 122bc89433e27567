/*
 * Which EventBridge event is of which kind: by source and the beginning of
 * its detail-type. Notification rules of the code services write the same
 * events with detailType.
 */
#include "alarm/event.h"

static const struct {
	const char *source, *type;
	struct recogniser row;
} table[] = {
#define EVENT(source, type, kind, name, decode)                                \
	{                                                                      \
		"aws." source, type,                                           \
		{                                                              \
			NULL, kind, name, NULL, decode                         \
		}                                                              \
	}
	EVENT("health", "AWS Health", "health", "health", health_decode),
	EVENT("guardduty", "GuardDuty Finding", "guardduty", "guardduty",
	      guardduty_decode),
	EVENT("guardduty", "GuardDuty Malware Protection Object", "guardduty",
	      "guardduty", malware_decode),
	EVENT("securityhub", "Security Hub Findings - ", "securityhub",
	      "securityhub", findings_decode),
	EVENT("securityhub", "Security Hub Insight Results", "securityhub",
	      "securityhub", insight_results_decode),
	EVENT("inspector2", "Inspector2 Finding", "inspector", "inspector",
	      inspector_decode),
	EVENT("inspector2", "Inspector2 ", "inspector", "inspector",
	      inspector_other_decode),
	EVENT("config", "Config ", "config", "config", config_decode),
	EVENT("ce", "Anomaly Detected", "cost-anomaly", "cost-anomaly",
	      anomaly_decode),
	EVENT("rds", "RDS ", "rds", "rds", rds_decode),
	EVENT("dms", "DMS ", "rds", "dms", rds_decode),
	EVENT("autoscaling", "EC2 ", "autoscaling", "autoscaling",
	      scaling_decode),
	EVENT("ec2", "EC2 Instance State-change", "ec2-state", "ec2",
	      ec2_state_decode),
	EVENT("ec2", "EC2 Spot Instance Interruption", "ec2-state", "ec2",
	      ec2_spot_decode),
	EVENT("ecs", "ECS Task", "ecs-task", "ecs", ecs_task_decode),
	EVENT("ecs", "ECS Container Instance", "ecs-task", "ecs",
	      ecs_instance_decode),
	EVENT("ecs", "ECS Service", "ecs-task", "ecs", ecs_service_decode),
	EVENT("ecs", "ECS Deployment", "ecs-task", "ecs", ecs_service_decode),
	EVENT("backup", "", "backup", "backup", backup_decode),
	EVENT("codepipeline", "CodePipeline ", "codepipeline", "codepipeline",
	      pipeline_decode),
	EVENT("codebuild", "CodeBuild ", "codebuild", "codebuild",
	      build_decode),
	EVENT("codedeploy", "CodeDeploy ", "eventbridge", "codedeploy",
	      deployment_decode),
	EVENT("states", "Step Functions Execution", "eventbridge",
	      "stepfunctions", execution_decode),
	EVENT("glue", "Glue ", "eventbridge", "glue", glue_decode),
	EVENT("ecr", "ECR Image", "eventbridge", "ecr", ecr_decode),
	EVENT("devops-guru", "DevOps Guru ", "devops-guru", "devops-guru",
	      insight_decode),
	EVENT("synthetics", "Synthetics Canary ", "synthetics", "synthetics",
	      canary_decode),
	EVENT("ses", "", "ses", "ses", ses_decode),
	EVENT("trustedadvisor", "Trusted Advisor ", "trusted-advisor",
	      "trusted-advisor", advisor_decode),
	EVENT("elasticbeanstalk", "", "eventbridge", "beanstalk",
	      environment_decode),
};

bool event_is(const struct json *root)
{
	return event_type(root).n > 0 &&
	       (json_get_str(root, "source").n > 0 ||
		json_is(json_get(root, "detail"), JSON_OBJECT));
}

/* A transformer may have left the source out. */
int event_decode(struct decoder *d)
{
	struct str source = json_get_str(d->root, "source");
	struct str type = event_type(d->root);
	const struct recogniser *any = d->row;
	size_t before = d->count;
	int rc;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (source.n ? !str_is(source, table[i].source)
			     : !*table[i].type)
			continue;
		if (!str_starts(type, table[i].type) ||
		    !json_is(event_detail(d), JSON_OBJECT))
			continue;
		d->row = &table[i].row;
		rc = d->row->decode(d);
		if (rc || d->count > before)
			return rc;
	}
	d->row = any;
	return event_any_decode(d);
}
