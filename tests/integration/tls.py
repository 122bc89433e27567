"""Certificates on demand and a TLS proxy, for tests of either end."""
import datetime
import ipaddress
import os
import select
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority in a folder; `ca_file` is its own PEM."""

    def __init__(self, folder, name="test authority"):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        now = datetime.datetime.utcnow()
        self.certificate = (
            x509.CertificateBuilder().subject_name(self.name)
            .issuer_name(self.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 3650 * DAY)
            .not_valid_after(now + 3650 * DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(self.key, hashes.SHA256()))
        self.ca_file = os.path.join(folder, "ca.pem")
        with open(self.ca_file, "wb") as f:
            f.write(self.pem(self.certificate))

    @staticmethod
    def pem(certificate):
        return certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, names=("localhost", "127.0.0.1"), begin=-1, end=365,
              stem="server"):
        """Paths of a certificate and its key, replaced at once each."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        alt = []
        for n in names:
            try:
                alt.append(x509.IPAddress(ipaddress.ip_address(n)))
            except ValueError:
                alt.append(x509.DNSName(n))
        c = (x509.CertificateBuilder().subject_name(_name(names[0]))
             .issuer_name(self.name).public_key(key.public_key())
             .serial_number(x509.random_serial_number())
             .not_valid_before(now + begin * DAY)
             .not_valid_after(now + end * DAY)
             .add_extension(x509.SubjectAlternativeName(alt), False)
             .sign(self.key, hashes.SHA256()))
        paths = (os.path.join(self.folder, stem + ".pem"),
                 os.path.join(self.folder, stem + ".key"))
        key_pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption())
        for path, data in zip(paths, (self.pem(c), key_pem)):
            with open(path + ".new", "wb") as f:
                f.write(data)
            os.chmod(path + ".new", 0o600)
            os.rename(path + ".new", path)
        self.serial = c.serial_number
        return paths

    def context(self):
        return ssl.create_default_context(cafile=self.ca_file)


class Proxy:
    """Ends TLS in front of a plain (or TLS) port of this host. `change` may
    rewrite what comes back from there, a piece at a time."""

    def __init__(self, port, certificate, key, to_tls=None, change=None):
        self.to, self.to_tls, self.change = port, to_tls, change
        self.use(certificate, key)
        self.connections = self.handshakes = 0
        self.stalled = False        # new connections wait unanswered
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = True
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def use(self, certificate, key):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.context = context

    def accept(self):
        while self.open:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(conn,),
                             daemon=True).start()

    def serve(self, raw):
        raw.settimeout(20)
        out = None
        try:
            while self.stalled and self.open:
                time.sleep(0.02)
            conn = self.context.wrap_socket(raw, server_side=True)
            self.handshakes += 1
            out = socket.create_connection(("127.0.0.1", self.to))
            if self.to_tls:
                context, name = self.to_tls
                out = context.wrap_socket(out, server_hostname=name)
            self.pump(conn, out)
        except OSError:
            pass
        finally:
            raw.close()
            if out:
                out.close()

    def pump(self, a, b):
        while self.open:
            ready = [s for s in (a, b)
                     if isinstance(s, ssl.SSLSocket) and s.pending()]
            ready = ready or select.select([a, b], [], [], 0.5)[0]
            for s in ready:
                data = s.recv(65536)
                if not data:
                    return
                if s is a:
                    b.sendall(data)
                else:
                    a.sendall(self.change(data) if self.change else data)

    def close(self):
        self.open = False
        self.listener.close()
