"""Where credentials come from on AWS's machines, on loopback: the instance's
metadata service, and a container's endpoint as ECS and EKS have it."""
import http.server
import json
import os
import socketserver
import threading
import time

import served


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class Endpoint(served.Served):
    """A server whose answers are self.answer(handler) -> (status, body)."""

    def __init__(self):
        self.requests = []          # (method, path, headers)
        self.lock = threading.Lock()
        self.gone = threading.Event()
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {n.lower(): v for n, v in self.headers.items()}
                with endpoint.lock:
                    endpoint.requests.append((self.command, self.path,
                                              headers))
                status, body, *more = endpoint.answer(self.command, self.path,
                                                      headers)
                if status is None:          # as a packet that is dropped
                    endpoint.gone.wait(30)
                    self.close_connection = True
                    return
                if isinstance(body, dict):
                    body = json.dumps(body)
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = handle_one

            def log_message(self, *args):
                pass

        self.listen(Server(served.address(), Handler))

    def stop(self):
        self.gone.set()
        super().stop()

    def count(self, method=None, path=None):
        with self.lock:
            return sum(1 for m, p, _ in self.requests
                       if method in (None, m) and path in (None, p))


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Instance(Endpoint):
    """IMDSv2, its token enforced. mode: "ok", "no_role" (404), "hop_limit"
    (the PUT's answer never arrives), "off" (403), "failed" (Code isn't
    Success), "redirect", "garbage", "v1" (no tokens, as before 2019)."""

    ROLE = "web-server"
    CREDENTIALS = "/latest/meta-data/iam/security-credentials/"

    def __init__(self, keys, region=None):
        self.keys, self.region = keys, region
        self.mode = "ok"
        self.life = 6 * 3600
        self.tokens, self.issued = set(), []
        super().__init__()

    def answer(self, method, path, headers):
        if self.mode == "off":
            return 403, "<html>403 - Forbidden</html>"
        if self.mode == "redirect":
            return 302, "", {"Location": f"{self.url}/elsewhere"}
        if path == "/latest/api/token":
            return self.put_token(method, headers)
        if method != "GET":
            return 405, "Method Not Allowed"
        if self.mode != "v1" and \
                headers.get("x-aws-ec2-metadata-token") not in self.tokens:
            return 401, "Unauthorized"
        return self.get(path)

    def put_token(self, method, headers):
        if self.mode == "hop_limit":
            return None, b""
        if self.mode == "v1" or method != "PUT":
            return 405, "Method Not Allowed"
        ttl = headers.get("x-aws-ec2-metadata-token-ttl-seconds", "")
        # As AWS: a token asked through a proxy is refused.
        if "x-forwarded-for" in headers:
            return 403, "Forbidden"
        if not ttl.isdigit() or not 1 <= int(ttl) <= 21600:
            return 400, "Bad Request"
        token = f"AQAE{os.urandom(24).hex()}=="
        self.tokens.add(token)
        return 200, token, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": ttl}

    def get(self, path):
        if path == "/latest/meta-data/placement/region" and self.region:
            return 200, self.region
        if path == "/latest/dynamic/instance-identity/document" and \
                self.region:
            return 200, {"region": self.region}
        if self.mode == "no_role":
            return 404, "<html>404 - Not Found</html>"
        if path == self.CREDENTIALS:
            return 200, self.ROLE
        if path != self.CREDENTIALS + self.ROLE:
            return 404, "<html>404 - Not Found</html>"
        if self.mode == "garbage":
            return 200, '{"Code": "Success", "AccessKeyId": 5'
        if self.mode == "failed":
            return 200, {"Code": "AssumeRoleUnauthorizedAccess",
                         "Message": "EC2 cannot assume the role web-server."}
        key = self.keys.new("ASIA", self.life, token=True)
        self.issued.append(key["id"])
        return 200, {"Code": "Success", "LastUpdated": stamp(time.time()),
                     "Type": "AWS-HMAC", "AccessKeyId": key["id"],
                     "SecretAccessKey": key["secret"], "Token": key["token"],
                     "Expiration": stamp(key["expires"])}


class Container(Endpoint):
    """ECS and EKS Pod Identity: only who brings the token of now is served."""

    PATH = "/v1/credentials"

    def __init__(self, keys):
        self.keys = keys
        self.token = None           # None: no token asked for
        self.life = 6 * 3600
        self.fail = 0               # so many 500s first
        self.issued = []
        super().__init__()

    def answer(self, method, path, headers):
        if method != "GET" or path.partition("?")[0] != self.PATH:
            return 404, {"code": "NotFound", "message": "no such path"}
        if self.token and headers.get("authorization") != self.token:
            return 401, {"code": "InvalidToken", "message": "token rejected"}
        if self.fail:
            self.fail -= 1
            return 500, {"code": "InternalError", "message": "not now"}
        key = self.keys.new("ASIA", self.life, token=True)
        self.issued.append(key["id"])
        return 200, {"AccessKeyId": key["id"],
                     "SecretAccessKey": key["secret"], "Token": key["token"],
                     "Expiration": stamp(key["expires"]),
                     "AccountId": "111122223333"}
