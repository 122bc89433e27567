"""stackflow(1) as a black box: in a pipe, on a terminal, and a StackFlow of our
own for answers that the sandbox doesn't give."""
import fcntl
import http.server
import json
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time

import peers

STACKFLOW = os.path.join(peers.BUILD, "stackflow")
FOREIGN = ("STACKFLOW_", "AWS_", "ORG_", "WORKSPACE_", "XDG_", "NO_COLOR",
           "COLUMNS", "RING_", "REQUEST_", "JOB_", "SERVICE_", "EXECUTION_")


def clean_env(home, **more):
    """Nobody's settings, and a home of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    return dict(env, HOME=str(home), XDG_STATE_HOME=f"{home}/state", **more)


def env_of(sandbox, home, **more):
    return clean_env(home, STACKFLOW_BASE_URL=sandbox.info["stackflow"],
                     STACKFLOW_API_KEY=sandbox.info["api_key"], **more)


class Cli:
    """stackflow with an environment; what it said is kept in `said`."""

    def __init__(self, env):
        self.env, self.said = env, []

    def run(self, *args, stdin="", env=None, timeout=60):
        r = subprocess.run([STACKFLOW, *args], capture_output=True, text=True,
                           timeout=timeout * peers.SLOW, input=stdin,
                           env=env or self.env)
        assert "Sanitizer" not in r.stderr and "runtime error" not in \
            r.stderr, r.stderr
        self.said += [r.stdout, r.stderr]
        return r

    def __call__(self, *args, **kw):
        """It does it, and says nothing on stderr."""
        r = self.run(*args, **kw)
        assert r.returncode == 0 and r.stderr == "", (args, r)
        return r.stdout

    def json(self, *args, **kw):
        return json.loads(self(*args, "--json", **kw))

    def rows(self, *args, **kw):
        return [json.loads(line) for line in
                self(*args, "--json", **kw).splitlines()]


class Terminal:
    """stackflow on a terminal of its own."""

    def __init__(self, env, *args, columns=80):
        self.text = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(STACKFLOW, [STACKFLOW, *args],
                      dict(env, TERM="xterm"))

    def read(self, seconds=30):
        """What it says next; b"" at its end."""
        if not select.select([self.fd], [], [], seconds * peers.SLOW)[0]:
            raise AssertionError(f"nothing more than {self.text!r}")
        try:
            got = os.read(self.fd, 65536)
        except OSError:     # it has ended
            got = b""
        self.text += got
        return got

    def until(self, what):
        while what not in self.text:
            assert self.read(), self.text
        return self

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text)
        return self

    def end(self):
        """(status, all that it said)"""
        while self.read():
            pass
        os.close(self.fd)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        text = self.text.decode()
        assert "Sanitizer" not in text, text
        return status, text.replace("\r\n", "\n")


class Fake:
    """answer(method, path, headers, body) -> (status, document or bytes)"""

    def __init__(self, answer):
        self.requests = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                n = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(n)
                owner.requests.append((self.command, self.path,
                                       dict(self.headers), body))
                status, document = answer(self.command, self.path,
                                          self.headers, body)
                if not isinstance(document, bytes):
                    document = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            do_GET = do_POST = do_PATCH = handle_one

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.02,))
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def wait_for_exit(process, seconds=30):
    end = time.monotonic() + seconds * peers.SLOW
    while process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return process.returncode
