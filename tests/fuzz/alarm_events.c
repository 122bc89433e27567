/*
 * The detail of an EventBridge event; the first byte says of which service.
 */
#include "alarm.h"

static const char *const types[][2] = {
	{ "aws.health", "AWS Health Event" },
	{ "aws.config", "Config Rules Compliance Change" },
	{ "aws.ce", "Anomaly Detected" },
	{ "aws.rds", "RDS DB Instance Event" },
	{ "aws.dms", "DMS Replication Task State Change" },
	{ "aws.autoscaling", "EC2 Instance Launch Unsuccessful" },
	{ "aws.ec2", "EC2 Instance State-change Notification" },
	{ "aws.ec2", "EC2 Spot Instance Interruption Warning" },
	{ "aws.ecs", "ECS Task State Change" },
	{ "aws.ecs", "ECS Container Instance State Change" },
	{ "aws.ecs", "ECS Service Action" },
	{ "aws.backup", "Backup Job State Change" },
	{ "aws.codepipeline",
	  "CodePipeline Action Execution State Change" },
	{ "aws.codebuild", "CodeBuild Build State Change" },
	{ "aws.codedeploy",
	  "CodeDeploy Deployment State-change Notification" },
	{ "aws.states", "Step Functions Execution Status Change" },
	{ "aws.glue", "Glue Job State Change" },
	{ "aws.devops-guru", "DevOps Guru New Insight Open" },
	{ "aws.synthetics", "Synthetics Canary TestRun Failure" },
	{ "aws.ses", "Email Bounced" },
	{ "aws.trustedadvisor",
	  "Trusted Advisor Check Item Refresh Notification" },
	{ "aws.elasticbeanstalk", "Health status change" },
	{ "com.example", "Anything" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_event(types, sizeof(types) / sizeof(types[0]), data, size);
	return 0;
}
