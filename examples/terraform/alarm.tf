# An alarm as tocsin likes it: it tells of trouble and of its end, and says by
# tags, or by lines of its description, how bad it is and what it is about.
resource "aws_cloudwatch_metric_alarm" "example" {
  alarm_name        = "${var.name}-example-dead-letters"
  alarm_description = <<-EOT
    Messages wait in the dead-letter queue of ${var.name}.
    severity: HIGH
  EOT

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  # Without OK actions nothing but aws.reconcile resolves the incident.
  alarm_actions             = [for t in aws_sns_topic.alarms : t.arn]
  ok_actions                = [for t in aws_sns_topic.alarms : t.arn]
  insufficient_data_actions = []

  tags = {
    severity        = "HIGH"
    stackflow_ci_id = "CI0001234"
  }
}
