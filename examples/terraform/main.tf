# Alarms of CloudWatch to tocsin: a topic, a queue that keeps what it sends for
# two weeks, an HTTPS subscription beside it for speed, and an alarm that tells
# of its end too. The same message by both ways is one event for tocsin.
#
#   terraform init && terraform plan -var name=alarms
#
# tocsin.yaml(5) names the rights; the output tocsin_yaml is what tocsin.yaml has
# to say of all this.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  # SNS asks without credentials first, and repeats with these after a 401.
  endpoint = var.endpoint == null ? null : (
    var.basic_auth == null ? "https://${var.endpoint}" :
    replace("https://${urlencode(var.basic_auth.user)}:${urlencode(var.basic_auth.password)}@${var.endpoint}", "+", "%20")
  )
}

# ---- the topics ----

resource "aws_sns_topic" "alarms" {
  for_each = var.topics

  name = "${var.name}-${each.key}"
  # SHA-256 rather than SHA-1; `sns.min_signature_version: 2` may ask for it.
  signature_version = 2
}

# CloudWatch and EventBridge of this account may publish, nobody else.
data "aws_caller_identity" "here" {}

data "aws_iam_policy_document" "publish" {
  for_each = aws_sns_topic.alarms

  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.here.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  for_each = aws_sns_topic.alarms

  arn    = each.value.arn
  policy = data.aws_iam_policy_document.publish[each.key].json
}

# ---- the queue, and what it could not hand over ----

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "alarms" {
  name                      = var.name
  message_retention_seconds = 1209600
  # As `sqs: visibility`; it has to outlast one commit, not an incident.
  visibility_timeout_seconds = 60
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true

  # A long trouble of the journal must not move messages away too early.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 20
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.alarms.arn]
  })
}

# What an HTTPS subscription could not deliver, or the queue's own.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# These topics may send to these queues, no other sender.
data "aws_iam_policy_document" "send" {
  for_each = {
    alarms      = aws_sqs_queue.alarms
    undelivered = aws_sqs_queue.undelivered
  }

  statement {
    sid       = "Topics"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for t in aws_sns_topic.alarms : t.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "alarms" {
  queue_url = aws_sqs_queue.alarms.id
  policy    = data.aws_iam_policy_document.send["alarms"].json
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy    = data.aws_iam_policy_document.send["undelivered"].json
}

# ---- the subscriptions ----

resource "aws_sns_topic_subscription" "queue" {
  for_each = aws_sns_topic.alarms

  topic_arn = each.value.arn
  protocol  = "sqs"
  endpoint  = aws_sqs_queue.alarms.arn
  # Not raw: the envelope has the signature that tocsin checks.
  raw_message_delivery = false
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered.arn })

  depends_on = [aws_sqs_queue_policy.alarms, aws_sqs_queue_policy.undelivered]
}

# tocsin confirms it by itself, as `sns.topics` allows the topic.
resource "aws_sns_topic_subscription" "https" {
  for_each = { for k, t in aws_sns_topic.alarms : k => t if var.endpoint != null }

  topic_arn                       = each.value.arn
  protocol                        = "https"
  endpoint                        = local.endpoint
  endpoint_auto_confirms          = true
  confirmation_timeout_in_minutes = 5
  raw_message_delivery            = false
  redrive_policy                  = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered.arn })
  # The longest that SNS tries: an hour in all.
  delivery_policy = jsonencode({
    healthyRetryPolicy = {
      minDelayTarget     = 1
      maxDelayTarget     = 60
      numRetries         = 50
      numMinDelayRetries = 3
      numNoDelayRetries  = 3
      backoffFunction    = "exponential"
    }
  })

  depends_on = [aws_sqs_queue_policy.undelivered]
}
