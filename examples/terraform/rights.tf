# What tocsin's own role or user may do, and no more: the policy of
# tocsin.yaml(5), "RIGHTS IN AWS".
data "aws_iam_policy_document" "tocsin" {
  statement {
    sid = "Queue"
    actions = [
      "sqs:ReceiveMessage",
      "sqs:DeleteMessage",
      "sqs:ChangeMessageVisibility",
      "sqs:GetQueueAttributes",
    ]
    resources = [
      aws_sqs_queue.alarms.arn,
      aws_sqs_queue.dead.arn,
      aws_sqs_queue.undelivered.arn,
    ]
  }

  # DescribeAlarms knows no narrower resource under which composite alarms
  # would be seen.
  statement {
    sid = "CloudWatch"
    actions = [
      "cloudwatch:DescribeAlarms",
      "cloudwatch:DescribeAlarmContributors",
      "cloudwatch:ListAlarmMuteRules",
      "cloudwatch:ListTagsForResource",
    ]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.on_call_topic_arn == null ? [] : [var.on_call_topic_arn]
    content {
      sid       = "People"
      actions   = ["sns:Publish", "sns:GetTopicAttributes"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.drill_topic == null ? [] : [var.drill_topic]
    content {
      sid       = "Drill"
      actions   = ["sns:Publish"]
      resources = [aws_sns_topic.alarms[statement.value].arn]
    }
  }

  statement {
    sid       = "Doctor"
    actions   = ["sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes"]
    resources = [for t in aws_sns_topic.alarms : t.arn]
  }
}

resource "aws_iam_policy" "tocsin" {
  name        = "${var.name}-tocsin"
  description = "What tocsin does in AWS"
  policy      = data.aws_iam_policy_document.tocsin.json
}
