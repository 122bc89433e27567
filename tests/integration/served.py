"""HTTP servers of a test's own, on loopback and a port of their own."""
import http.server
import json
import threading

import peers


def address():
    """Where to listen: a port that no other test is given after this one, for
    whoever still asks there would be seen by that test."""
    return "127.0.0.1", peers.free_port()


class Served:
    """A server in a thread, from listen() to stop()."""

    def listen(self, server):
        self.server = server
        self.port = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=server.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Hook(Served):
    """Takes every POST of JSON, into got."""

    def __init__(self):
        self.got = got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                n = int(self.headers["Content-Length"])
                got.append(json.loads(self.rfile.read(n)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        self.listen(http.server.ThreadingHTTPServer(address(), Handler))
