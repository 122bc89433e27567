#include "agent/sandbox/articles.h"

/* What every folder begins with. Numbered lines are steps. */
const struct box_article_text box_articles_first[] = {
	{ "KB0000101", "Major Incident Procedure", "process",
	  "P1 major incident declare war room commander outage all users",
	  "For a P1 major incident one person leads and all others report.\n"
	  "1. Declare the major incident and name an incident commander.\n"
	  "2. Open a war room and invite the owners of the affected services.\n"
	  "3. Tell users within 15 minutes what is affected, then every 30.\n"
	  "4. Prefer undoing the last change to finding out why it failed.\n"
	  "5. Write the timeline as work notes; review it within five days.\n"
	},
	{ "KB0000102", "RDS and Aurora: connections exhausted", "database",
	  "rds aurora database connection pool exhausted timeout too many "
	  "connections DatabaseConnections max_connections postgres mysql",
	  "A database refuses clients when max_connections is reached, most "
	  "often since a pool has no upper bound or a job leaks.\n"
	  "1. Look at DatabaseConnections and at which client holds most.\n"
	  "2. End sessions that have been idle in a transaction.\n"
	  "3. Bound the pool of each service, or put RDS Proxy between.\n"
	  "4. Watch the count for 15 minutes before resolving.\n" },
	{ "KB0000103", "RDS: storage is running full", "database",
	  "rds database free storage space FreeStorageSpace disk full logs "
	  "autoscaling",
	  "An instance without storage stops writing and may stop at all.\n"
	  "1. Compare FreeStorageSpace with its slope of the last day.\n"
	  "2. Drop what grows without use: old logs, orphaned slots.\n"
	  "3. Raise the allocated storage; the change is online.\n"
	  "4. Turn on storage autoscaling with a maximum.\n" },
	{ "KB0000104", "ElastiCache: hit rate dropped", "cache",
	  "redis elasticache cache hit rate misses evictions memory slow",
	  "When a cache misses, each request falls through to the database "
	  "behind it.\n"
	  "1. Look at Evictions and DatabaseMemoryUsagePercentage.\n"
	  "2. Look for a release that changed keys or their time to live.\n"
	  "3. Scale the nodes, or warm the keys that are asked for most.\n"
	  "4. Shed load from the database until the rate recovers.\n" },
	{ "KB0000105", "Lambda: throttles and errors", "compute",
	  "lambda function throttles errors concurrency timeout duration "
	  "invocations",
	  "Throttles come from the account's or the function's concurrency, "
	  "errors from its code or from what it calls.\n"
	  "1. Compare ConcurrentExecutions with the limit.\n"
	  "2. Read the last errors of the function's log group.\n"
	  "3. Raise or reserve concurrency, or roll the alias back.\n"
	  "4. Redrive what fell into the dead-letter queue.\n" },
	{ "KB0000106", "API Gateway and load balancers: 5xx errors", "network",
	  "api gateway 5xx 502 503 504 elb alb load balancer target errors "
	  "latency unhealthy hosts",
	  "A 502 or 504 names the gateway, but nearly always comes from the "
	  "target behind it.\n"
	  "1. Split the count by target: one host or all of them?\n"
	  "2. Look at target response time and at unhealthy hosts.\n"
	  "3. Take a broken host out, or roll the last deployment back.\n"
	  "4. Check that idle timeouts of target and balancer fit.\n" },
	{ "KB0000107", "EC2: high CPU or failed status check", "server",
	  "ec2 instance cpu utilization status check failed memory load "
	  "server host",
	  "A status check that fails is the host's or the system's; high CPU "
	  "is nearly always a process.\n"
	  "1. See whether it is the system or the instance check.\n"
	  "2. For the system's, stop and start it: it moves to a new host.\n"
	  "3. For CPU, find the process, and a burst balance that is used up.\n"
	  "4. Replace the instance by its group rather than repairing it.\n"
	},
	{ "KB0000108", "Disks and EBS: a volume is full or slow", "storage",
	  "disk volume full ebs filesystem space inode burst balance iops "
	  "storage",
	  "Logs and temporary files fill most disks.\n"
	  "1. Find the largest folders with du, and deleted files that are "
	  "still open.\n"
	  "2. Rotate or remove; don't remove what a process writes to.\n"
	  "3. Grow the volume, then its filesystem; both are online.\n"
	  "4. For a slow one look at BurstBalance and change to gp3.\n" },
	{ "KB0000109", "SQS: a queue grows or a dead-letter queue fills",
	  "messaging",
	  "sqs queue backlog depth age oldest message dead letter dlq consumer",
	  "A queue grows when its consumers are gone, slow, or fail on one "
	  "message again and again.\n"
	  "1. Look at ApproximateAgeOfOldestMessage, then at the consumers.\n"
	  "2. Read one message of the dead-letter queue, and its error.\n"
	  "3. Mend the consumer, scale it until the backlog is gone.\n"
	  "4. Redrive the dead-letter queue.\n" },
	{ "KB0000110", "DynamoDB: requests are throttled", "database",
	  "dynamodb table throttled requests capacity hot partition read "
	  "write",
	  "A table throttles when its capacity is used up, or one partition "
	  "is.\n"
	  "1. Compare consumed with provisioned capacity.\n"
	  "2. Look with Contributor Insights for a hot key.\n"
	  "3. Raise the capacity or change to on-demand.\n"
	  "4. Spread the key where one is hot.\n" },
	{ "KB0000111", "ECS and EKS: tasks or pods keep restarting",
	  "container",
	  "ecs eks kubernetes pod task container restart crash loop oom "
	  "memory image",
	  "A container that restarts ends by itself, is killed for memory, or "
	  "fails its health check.\n"
	  "1. Read the stopped reason, or describe the pod.\n"
	  "2. OutOfMemory: raise its limit, or roll the release back.\n"
	  "3. Image or secret not found: mend the task definition.\n"
	  "4. See that the health check waits for the start.\n" },
	{ "KB0000112", "Certificates: expiry and failed renewal", "security",
	  "tls certificate expiry expire acm renewal ssl domain validation",
	  "ACM renews by itself while the validation record stands.\n"
	  "1. Look at the certificate's renewal status and domain names.\n"
	  "2. Restore the CNAME that validates it.\n"
	  "3. An imported one isn't renewed: import its successor.\n"
	  "4. Check what the listener really serves.\n" },
	{ "KB0000113", "GuardDuty and Security Hub: how to answer a finding",
	  "security",
	  "guardduty security hub finding credentials compromised iam key "
	  "breach suspicious",
	  "A finding of high severity is an incident until it is explained.\n"
	  "1. Name the principal and the resource; talk to their owner.\n"
	  "2. Disable the key or revoke the role's sessions.\n"
	  "3. Isolate the instance with an empty security group, keep its "
	  "disk.\n"
	  "4. Archive the finding only with its explanation.\n" },
	{ "KB0000114", "Backups: a job failed or none ran", "storage",
	  "backup job failed snapshot recovery point vault restore",
	  "A backup that failed once is repeated; one that never ran is a "
	  "plan that selects nothing.\n"
	  "1. Read the job's status message.\n"
	  "2. Check the role's rights on the resource and its key.\n"
	  "3. Start the job by hand and wait for its end.\n"
	  "4. Restore one recovery point a quarter to see that it can be.\n"
	},
	{ "KB0000115", "CloudWatch: alarms without data or that flap",
	  "monitoring",
	  "cloudwatch alarm insufficient data missing flapping threshold "
	  "noise",
	  "An alarm without data has lost its metric, one that flaps sits on "
	  "its threshold.\n"
	  "1. See whether the dimensions still name something that exists.\n"
	  "2. Say how missing data is to be treated.\n"
	  "3. Ask for several periods out of more, not for one.\n"
	  "4. Remove alarms that nobody acts on.\n" },
	{ 0 },
};
