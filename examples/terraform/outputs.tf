output "policy_arn" {
  description = "To be attached to tocsin's role or user."
  value       = aws_iam_policy.tocsin.arn
}

output "tocsin_yaml" {
  description = "What tocsin.yaml has to say of all this."
  value = yamlencode({
    sns = { topics = [for t in aws_sns_topic.alarms : t.arn] }
    sqs = [for q in [aws_sqs_queue.alarms, aws_sqs_queue.dead, aws_sqs_queue.undelivered] :
      { queue_url = q.url }
    ]
    aws = { region = split(":", aws_sqs_queue.alarms.arn)[3], reconcile = "5m" }
  })
}
