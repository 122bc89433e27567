"""CloudWatch, and as much of STS as tells an account, on loopback.

AWS JSON 1.0 (and STS's query protocol) over the alarms that a test sets; it
refuses what AWS would refuse and fails on demand.
"""
import http.server
import json
import threading
import time
import urllib.parse

import peers
import served

TARGET = "GraniteServiceVersion20100801."
TYPES = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms",
         "LogAlarm": "LogAlarms"}


def arn(name, account=peers.ACCOUNT, region=peers.REGION):
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


class Refused(Exception):
    def __init__(self, status, code, message="", headers=None):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message
        self.headers = headers or {}


class CloudWatch(served.Served):
    """Alarms by name; faults in a list, the first that fits is taken."""

    def __init__(self, account=peers.ACCOUNT, page=100, log_alarms=True):
        self.account, self.page = account, page
        self.log_alarms = log_alarms
        self.alarms, self.tags, self.muted = {}, {}, set()
        self.series = {}            # name -> contributors in ALARM
        self.faults, self.calls, self.denied = [], [], set()
        self.delay = {}
        self.lock = threading.Lock()
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                peer.serve(self)

            def log_message(self, *_):
                pass

        self.listen(http.server.ThreadingHTTPServer(served.address(),
                                                    Handler))

    # ---- what a test sets ----

    def put(self, name, state="ALARM", ago=600.0, kind="MetricAlarm",
            tags=None, region=peers.REGION, **fields):
        """An alarm that has been in state for ago seconds."""
        since = round(time.time() - ago, 3)
        alarm = {
            "AlarmName": name, "AlarmArn": arn(name, region=region),
            "AlarmDescription": "severity: HIGH",
            "ActionsEnabled": True, "StateValue": state,
            "StateReason": f"It is {state}.",
            "StateTransitionedTimestamp": since,
            "StateUpdatedTimestamp": since + 60,
            "AlarmActions": [peers.TOPIC], "OKActions": [peers.TOPIC],
            "InsufficientDataActions": []}
        if kind == "MetricAlarm":
            alarm.update({
                "MetricName": "CPUUtilization", "Namespace": "AWS/RDS",
                "Statistic": "Average", "Period": 60,
                "EvaluationPeriods": 1, "Threshold": 90.0,
                "ComparisonOperator": "GreaterThanThreshold",
                "Dimensions": [{"Name": "DBInstanceIdentifier",
                                "Value": "pay-db-1"}]})
        elif kind == "CompositeAlarm":
            alarm["AlarmRule"] = "ALARM(a) OR ALARM(b)"
        alarm.update(fields)
        with self.lock:
            self.alarms[name] = (kind, alarm)
            self.tags[alarm["AlarmArn"]] = tags or {}
        return alarm

    def put_series(self, name, **ago):
        """Which contributors of it are in ALARM, and for how many seconds."""
        with self.lock:
            self.series[name] = [
                {"ContributorId": c, "ContributorAttributes":
                 {"InstanceId": f"i-{c}"}, "StateReason": f"{c} is high.",
                 "StateTransitionedTimestamp": round(time.time() - s, 3)}
                for c, s in ago.items()]
            return {c["ContributorId"]: c for c in self.series[name]}

    def delete(self, name):
        with self.lock:
            del self.alarms[name]

    def fault(self, operation, status=400, code="", count=1, body=None,
              headers=None):
        with self.lock:
            self.faults.append({"operation": operation, "status": status,
                                "code": code, "count": count, "body": body,
                                "headers": headers or {}})

    def count(self, operation):
        with self.lock:
            return sum(c["operation"] == operation for c in self.calls)

    def rounds(self):
        """How often everything in ALARM was asked for."""
        with self.lock:
            return sum(c["operation"] == "DescribeAlarms" and
                       "AlarmNames" not in c["body"] for c in self.calls)

    def wait_rounds(self, n=2, seconds=30):
        start = self.rounds()
        peers.wait_for(f"{n} rounds", lambda: self.rounds() >= start + n,
                       seconds, 0.05)

    # ---- answers ----

    def serve(self, h):
        length = int(h.headers.get("Content-Length", 0))
        raw = h.rfile.read(length)
        target = h.headers.get("X-Amz-Target", "")
        try:
            status, body, headers = self.answer(h, target, raw)
        except Refused as e:
            status, headers = e.status, e.headers
            body = json.dumps({"__type": f"com.amazonaws.cloudwatch#{e.code}",
                               "message": e.message}).encode()
        h.send_response(status)
        for key, value in headers.items():
            h.send_header(key, value)
        h.send_header("Content-Length", str(len(body)))
        h.end_headers()
        h.wfile.write(body)

    def answer(self, h, target, raw):
        json_type = {"Content-Type": "application/x-amz-json-1.0"}
        if target:
            operation = target.removeprefix(TARGET)
            assert target.startswith(TARGET), target
            assert h.headers["Content-Type"] == "application/x-amz-json-1.0"
            body = json.loads(raw)
            service = "monitoring"
        else:
            form = dict(urllib.parse.parse_qsl(raw.decode()))
            operation, body, service = form.get("Action"), form, "sts"
        with self.lock:
            self.calls.append({"operation": operation, "body": body,
                               "time": time.monotonic()})
        signed = h.headers.get("Authorization", "")
        if not (signed.startswith("AWS4-HMAC-SHA256 Credential=AKID") and
                f"/{service}/aws4_request" in signed and
                "Signature=" in signed):
            raise Refused(403, "MissingAuthenticationToken")
        time.sleep(self.delay.get(operation, 0))
        injected = self.take_fault(operation)
        if injected:
            return injected
        if operation in self.denied:
            raise Refused(403, "AccessDenied", "User: arn:aws:iam::"
                          f"{self.account}:user/x is not authorized to "
                          f"perform: cloudwatch:{operation}")
        if operation == "GetCallerIdentity":
            return 200, (
                '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/'
                'doc/2011-06-15/"><GetCallerIdentityResult>'
                f"<Arn>arn:aws:iam::{self.account}:user/x</Arn>"
                f"<UserId>AIDAX</UserId><Account>{self.account}</Account>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>"
            ).encode(), {"Content-Type": "text/xml"}
        method = getattr(self, operation, None)
        if not method:
            raise Refused(400, "UnknownOperationException")
        body["region"] = signed.split("Credential=")[1].split("/")[2]
        with self.lock:
            return 200, json.dumps(method(body)).encode(), json_type

    def take_fault(self, operation):
        with self.lock:
            for f in self.faults:
                if f["operation"] == operation and f["count"] > 0:
                    f["count"] -= 1
                    break
            else:
                return None
        if f["body"] is not None:
            return f["status"], f["body"], f["headers"]
        raise Refused(f["status"], f["code"], "injected", f["headers"])

    def DescribeAlarms(self, body):
        types = body.get("AlarmTypes", ["MetricAlarm"])
        if not self.log_alarms and "LogAlarm" in types:
            raise Refused(400, "ValidationError", "1 validation error: "
                          "AlarmTypes must satisfy enum value set")
        names = body.get("AlarmNames")
        if names is not None and not 1 <= len(names) <= 100:
            raise Refused(400, "ValidationError")
        if any(not 1 <= len(n) <= 255 for n in names or []):
            raise Refused(400, "ValidationError")
        chosen = [(kind, alarm) for name, (kind, alarm)
                  in sorted(self.alarms.items())
                  if kind in types and (names is None or name in names) and
                  alarm["AlarmArn"].split(":")[3] == body["region"] and
                  body.get("StateValue") in (None, alarm["StateValue"])]
        start = int(body.get("NextToken") or 0)
        size = min(self.page, body.get("MaxRecords", 50))
        out = {TYPES[t]: [] for t in ("MetricAlarm", "CompositeAlarm")}
        if "LogAlarm" in types:
            out["LogAlarms"] = []
        for kind, alarm in chosen[start:start + size]:
            out[TYPES[kind]].append(alarm)
        if start + size < len(chosen):
            out["NextToken"] = str(start + size)
        return out

    def DescribeAlarmContributors(self, body):
        if not set(body) <= {"AlarmName", "NextToken", "region"}:
            raise Refused(400, "ValidationError")
        if body["AlarmName"] not in self.alarms:
            raise Refused(404, "ResourceNotFoundException")
        if body["AlarmName"] not in self.series:
            raise Refused(400, "ValidationException")
        of = self.series[body["AlarmName"]]
        start = int(body.get("NextToken") or 0)
        out = {"AlarmContributors": of[start:start + self.page]}
        if start + self.page < len(of):
            out["NextToken"] = str(start + self.page)
        return out

    def ListTagsForResource(self, body):
        if body["ResourceARN"] not in self.tags:
            raise Refused(404, "ResourceNotFoundException")
        return {"Tags": [{"Key": k, "Value": v} for k, v in
                         self.tags[body["ResourceARN"]].items()]}

    def ListAlarmMuteRules(self, body):
        name = body.get("AlarmName")
        held = self.muted if name is None else self.muted & {name}
        assert body["Statuses"] == ["ACTIVE"]
        return {"AlarmMuteRuleSummaries": [{"Status": "ACTIVE"}
                                           for _ in held]}
