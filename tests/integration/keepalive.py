"""A sender that counts what it lost, for tests of restarts."""
import http.client
import json
import threading
import time


class Client:
    """Asks and asks, on a connection that it keeps for as long as it may, and
    takes no second chance: a request that isn't answered is lost."""

    TOKEN = "hook-token"

    def __init__(self, port, name, pause=0.0, keep=True):
        self.port, self.name = port, name
        self.pause, self.keep = pause, keep
        self.acked, self.lost, self.closed = [], [], 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        conn = None
        while not self.over.is_set():
            name = f"{self.name}-{len(self.acked) + len(self.lost)}"
            try:
                if conn is None:
                    conn = http.client.HTTPConnection("127.0.0.1", self.port,
                                                      timeout=30)
                conn.request("POST", "/hooks/test",
                             json.dumps({"AlarmName": name}),
                             {"Authorization": "Bearer " + self.TOKEN})
                r = conn.getresponse()
                r.read()
                (self.acked if r.status == 200 else self.lost).append(name)
                said_close = r.getheader("Connection") == "close"
                self.closed += said_close
                if said_close or not self.keep:
                    conn.close()
                    conn = None
            except (OSError, http.client.HTTPException) as e:
                self.lost.append(f"{name}: {e!r}")
                conn = None
            time.sleep(self.pause)
        if conn:
            conn.close()

    def stop(self):
        self.over.set()
        self.thread.join()
