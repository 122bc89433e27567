"""What a call costs a C program through libstackflow, and a Python program
through requests as StackFlow's own wrapper has it, on the same answers. Run
by itself, `calls.py URL COUNT`, it is that Python program."""
import os
import subprocess
import sys
import time

WARM = 50


def wrapper():
    """The client class of StackFlow's SDK page, without its login."""
    import random
    import requests

    class StackFlowClient:
        def __init__(self, base_url, token):
            self.base_url = base_url
            self._token_expiry = time.time() + 3500
            self.session = requests.Session()
            self.session.headers.update({"Authorization": f"Bearer {token}"})

        def _request(self, method, path, **kwargs):
            assert time.time() < self._token_expiry
            for attempt in range(5):
                resp = self.session.request(method, self.base_url + path,
                                            **kwargs)
                if resp.status_code == 429:
                    time.sleep(int(resp.headers.get("Retry-After", 60)))
                    continue
                if resp.status_code >= 500:
                    time.sleep(2 ** attempt + random.random())
                    continue
                return resp
            return resp

        def list_incidents(self, **params):
            return self._request("GET", "/incidents", params=params).json()

        def get_incident(self, incident_id):
            return self._request("GET", f"/incidents/{incident_id}").json()

        def create_incident(self, data):
            return self._request("POST", "/incidents", json=data).json()

    return StackFlowClient


def call(client, i):
    if i % 3 == 0:
        row = client.list_incidents(state="new", limit=5)["data"][4]
    elif i % 3 == 1:
        row = client.get_incident("INC0001234")
    else:
        row = client.create_incident({
            "short_description": "Memory leak on app-server-03",
            "priority": "P2", "category": "server",
            "assignment_group": "Platform Engineering"})
    assert row["id"] == "INC0001234"


def measure(url, count):
    client = wrapper()(url, "bench")
    for i in range(WARM):
        call(client, i)
    before = time.process_time()
    for i in range(count):
        call(client, i)
    print(f"{(time.process_time() - before) * 1e6 / count:.2f}")


def part(bench, figures, scene, count, rounds):
    there = subprocess.run([sys.executable, "-c", "import requests"],
                           stderr=subprocess.DEVNULL).returncode == 0
    if not there:
        bench.report.note("CALL: skipped, python3-requests isn't installed\n")
        return
    tools = bench.tools
    # On the measured core too: what it costs to wake another one is the
    # machine's, and may be more than a call.
    server = subprocess.Popen(
        scene.pinned(tools.server, [tools.path("answers")]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = f"http://127.0.0.1:{server.stdout.readline().split()[1]}/prod/api"
    argv = {"thread": [tools.path("calls"), "thread", url, count],
            "loop": [tools.path("calls"), "loop", url, count],
            "requests": [sys.executable, os.path.abspath(__file__), url,
                         count]}
    env = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}

    def once(_):
        return {who: float(figures.run(
            scene.pinned(tools.server, a), env=env))
            for who, a in argv.items()}

    try:
        r = figures.Rounds(tools.v, 3 * rounds)
        r.play(rounds, once)
    finally:
        server.stdin.close()
        server.stdout.close()
        server.wait()
    for who, how in (("thread", "a client with a thread of its own"),
                     ("loop", "a client on the caller's loop")):
        ratio = r.median(lambda s: s[who] / s["requests"])
        bench.report.figure(
            "CALL", f"{r.median(lambda s: s[who]):.0f} us CPU a call, {how}, "
            f"one at a time, of {count} lists, gets and creates; Python's "
            f"requests {r.median(lambda s: s['requests']):.0f} us: "
            f"{ratio:.3f}x; {r.words()}", "at most 0.1x", ratio <= 0.1,
            figures.command(argv[who]), figures.command(argv["requests"]))


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]))
