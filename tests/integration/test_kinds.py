"""What else lands on an alarm topic or a webhook: from the message to the
incident that a person reads, and back to resolved."""
import json
import os
import time

import peers
import pytest

PAYLOADS = os.path.join(os.path.dirname(__file__), "..", "data", "payloads")


def payload(name):
    with open(os.path.join(PAYLOADS, name + ".json")) as f:
        return json.load(f)


def send(agent, name):
    """A fixture as SNS brings it: its Message, or the event itself."""
    doc = payload(name)
    if doc.get("Type") != "Notification":
        return agent.send(json.dumps(doc))
    fields = {"subject": doc["Subject"]} if "Subject" in doc else {}
    return agent.send(doc["Message"], **fields)


def last_action(agent):
    return agent.get("/api/v1/events?limit=1")["events"][0]["action"]


# What opens, its priority, words of its short and of its long text, and what
# ends it (None: a person does).
LIVES = [
    ("health-issue", "P2",
     "AWS Health: RDS issue: AWS_RDS_OPERATIONAL_ISSUE",
     ["increased error rates of Amazon RDS",
      "https://health.console.aws.amazon.com/health/home#"],
     "health-issue-closed"),
    ("guardduty-critical", "P1",
     "GuardDuty: EC2 instance i-0pay1 asks for a name known from mining.",
     ["pool.example.net", "CryptoCurrency:EC2/BitcoinTool.B!DNS",
      "arn:aws:ec2:eu-west-1:111122223333:instance/i-0pay1",
      "https://eu-west-1.console.aws.amazon.com/guardduty/home"],
     "guardduty-archived"),
    ("inspector-finding", "P1", "Inspector: CVE-2026-0001 - libexample",
     ["Fixed in: 1.1", "Update libexample."], "inspector-closed"),
    ("config-compliance", "P3",
     "AWS Config: instances-in-vpc: i-0pay1 is NON_COMPLIANT",
     ["not in a VPC"], "config-sns"),
    ("rds-failover-started", "P2",
     "RDS pay-db-1: Multi-AZ instance failover started.",
     ["DBInstanceIdentifier=pay-db-1", "RDS-EVENT-0013"],
     "rds-failover-completed"),
    ("autoscaling-launch-error", "P2",
     "Auto Scaling group pay-web: launch failed",
     ["sufficient m7i.large capacity"], "autoscaling-launch"),
    ("ec2-stopped", "P3", "EC2 instance i-0pay1 is stopped",
     ["InstanceId=i-0pay1"], "ec2-running"),
    ("ecs-oom", "P3",
     "ECS service:pay-api: a task is STOPPED: Essential container in task "
     "exited", ["Exit code: 137", "OutOfMemoryError"], "ecs-running"),
    ("backup-text", "P2", "AWS Backup: backup of volume/vol-0a: FAILED",
     ["Job: B2"], "backup-text-done"),
    ("codepipeline-failed", "P3", "CodePipeline pay-release: FAILED",
     ["codesuite/codepipeline/pipelines/pay-release/view"],
     "codepipeline-succeeded"),
    ("synthetics-failure", "P2", "Canary pay-checkout: FAILED",
     ["net::ERR_TIMED_OUT"], "synthetics-successful"),
    ("beanstalk-severe", "P1",
     "Elastic Beanstalk pay-prod: Environment health has transitioned from "
     "Ok to Severe.", ["5.0 % of the requests"], "beanstalk-ok"),
    ("step-functions-failed", "P3", "Step Functions pay-close: FAILED",
     ["The ledger didn't balance."], "step-functions-succeeded"),
    ("ecr-findings", "P2",
     "ECR: scan of image pay-api:release-42 found vulnerabilities",
     ["HIGH: 2"], "ecr-clean"),
    ("trusted-advisor-error", "P2",
     "Trusted Advisor: Amazon EBS Snapshots: ERROR", ["vol-0a"],
     "trusted-advisor-ok"),
    ("devops-guru-new", "P2", "DevOps Guru: ApiGateway 5XXError Anomalous",
     ["Errors rose in pay-api."], "devops-guru-closed"),
    ("budget-actual", "P3", "AWS budget pay-monthly: at $812.11 of $1,000.00",
     ["Budgeted Amount: $1,000.00"], None),
    ("cost-anomaly", "P2", "AWS cost anomaly: Amazon Simple Storage Service, "
     "1400.25 USD more than expected", ["Expected (USD): 20"], None),
    ("ses-bounce", "P4", "SES: Bounce for bills@pay.example.com",
     ["550 5.1.1 user unknown"], None),
    ("text", "P3", "A noise", ["The disk of pay-1 makes a noise."], None),
]


def test_lives(agent, sandbox):
    for opens, *_ in LIVES:
        assert send(agent, opens) == 200, opens
    agent.settle()
    incidents = sandbox.incidents()
    assert len(incidents) == len(LIVES)
    for opens, priority, short, words, _ in LIVES:
        (i,) = [x for x in incidents if
                x["short_description"].startswith(short)]
        assert i["priority"] == priority, (opens, i)
        for word in words:
            assert word in i["description"], (opens, word, i["description"])
    for *_, ends in LIVES:
        if ends:
            assert send(agent, ends) == 200, ends
            agent.settle()
            assert last_action(agent) == "resolve", ends
    open_now = [i["short_description"] for i in sandbox.incidents()
                if i["state"] != "resolved"]
    assert len(open_now) == len([x for x in LIVES if not x[-1]]), open_now
    assert len(sandbox.incidents()) == len(LIVES)
    peers.check_invariants(agent, sandbox)


@pytest.mark.parametrize("name", [
    "autoscaling-test", "autoscaling-launch", "autoscaling-lifecycle",
    "backup-completed", "codebuild-phase", "codepipeline-succeeded",
    "config-item", "ec2-running", "ec2-shutting-down", "ecr-push",
    "ecs-scaled-in", "ecs-steady", "inspector-scan", "rds-backup",
    "ses-delivery", "ses-setup", "ses-bounce-transient", "synthetics-status"])
def test_what_goes_well_opens_nothing(agent, sandbox, name):
    assert send(agent, name) == 200
    agent.settle()
    assert last_action(agent) == "ignore"
    assert sandbox.incidents() == []


def test_findings_in_one_message(agent, sandbox):
    assert send(agent, "securityhub-imported") == 200
    agent.settle()
    got = {i["short_description"]: i["priority"]
           for i in sandbox.incidents()}
    # Two to open, three that are over, and one that nobody can read.
    assert got == {
        "Security Hub: S3.1 Buckets should be guarded": "P2",
        "Security Hub: S3.2 Buckets should be guarded": "P1",
        "1 of 6 entries of a message hold no alarm that can be read": "P3"}


def group(status, *alerts):
    return {"version": "4", "groupKey": "{}", "truncatedAlerts": 0,
            "status": status, "receiver": "tocsin", "groupLabels": {},
            "commonLabels": {}, "commonAnnotations": {},
            "externalURL": "http://alertmanager.example.com",
            "alerts": list(alerts)}


# When all of them began: a change of it would be another alert.
BEGAN = time.time() - 600


def alert(instance, status="firing", starts=0, ends=None):
    def stamp(t):
        return time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z",
                             time.gmtime(t))
    return {"status": status, "fingerprint": f"{instance:016x}",
            "labels": {"alertname": "PayErrors", "severity": "critical",
                       "instance": str(instance)},
            "annotations": {"summary": f"Instance {instance} fails",
                            "runbook_url": "https://wiki.example.com/pay"},
            "startsAt": stamp(BEGAN + starts),
            "endsAt": "0001-01-01T00:00:00Z" if ends is None
            else stamp(BEGAN + ends),
            "generatorURL": "http://prometheus.example.com/graph"}


def test_alertmanager(agent, sandbox):
    assert agent.hook(group("firing", alert(1), alert(2)))[0] == 200
    agent.settle()
    first, second = sorted(sandbox.incidents(),
                           key=lambda i: i["short_description"])
    assert first["short_description"] == \
        "Alertmanager: PayErrors: Instance 1 fails"
    assert first["priority"] == "P1"
    assert "https://wiki.example.com/pay" in first["description"]
    assert "http://prometheus.example.com/graph" in first["description"]
    # The group comes again for a third; the others are no news.
    assert agent.hook(group("firing", alert(1), alert(2),
                            alert(3)))[0] == 200
    agent.settle()
    assert len(sandbox.incidents()) == 3
    assert all(i["notes"] == [] for i in sandbox.incidents())
    assert agent.hook(group("firing", alert(1, "resolved", ends=60),
                            alert(2), alert(3)))[0] == 200
    agent.settle()
    states = sorted((i["short_description"][-7], i["state"])
                    for i in sandbox.incidents())
    assert states == [("1", "resolved"), ("2", "new"), ("3", "new")]


def test_alertmanager_fires_again_with_its_old_begin(agent, sandbox):
    """After Prometheus couldn't reach it Alertmanager tells an end that was
    none, and then the same alert with the begin that it had before."""
    assert agent.hook(group("firing", alert(1, starts=0)))[0] == 200
    agent.settle()
    assert agent.hook(group("resolved", alert(1, "resolved",
                                              ends=300)))[0] == 200
    agent.settle()
    # Another begin by a nanosecond's text, as a later minute would bring.
    again = alert(1, starts=1)
    assert agent.hook(group("firing", again))[0] == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["state"] in ("new", "in_progress")
    assert last_action(agent) == "reopen"


def test_grafana(agent, sandbox):
    assert agent.hook(payload("grafana-unified"))[0] == 200
    assert agent.hook(payload("grafana-legacy-alerting"))[0] == 200
    agent.settle()
    unified, legacy = sorted(sandbox.incidents(),
                             key=lambda i: i["priority"])
    assert unified["short_description"] == \
        "Grafana: Queue too long: Too many errors"
    assert "https://grafana.example.com/d/pay?viewPanel=2" in \
        unified["description"]
    assert legacy["short_description"] == "Grafana: Pay CPU"
    assert legacy["priority"] == "P3"
    assert "cpu = 97.5" in legacy["description"]
    assert agent.hook(payload("grafana-unified-resolved"))[0] == 200
    assert agent.hook(payload("grafana-legacy-ok"))[0] == 200
    agent.settle()
    assert {i["state"] for i in sandbox.incidents()} == {"resolved"}


def test_the_text_of_managed_prometheus(agent, sandbox):
    assert send(agent, "alertmanager-text") == 200
    agent.settle()
    (incident,) = sandbox.incidents()
    assert incident["short_description"] == \
        "Alertmanager: PayErrors: Too many errors"
    assert "5 % of the requests = too many" in incident["description"]


def test_records_of_lambda(agent, sandbox):
    assert agent.hook(payload("records-mixed"))[0] == 200
    agent.settle()
    assert sorted(i["short_description"] for i in sandbox.incidents()) == [
        "ElastiCache pay-cache-001: SnapshotFailed", "Nothing"]
