"""TLS in front of a plain port, with a certificate and versions of the test's choice; and the certificates."""

import hashlib
import select
import socket
import ssl
import subprocess
import threading

from harness.proxy import Listener


class TlsFront:
    """Offers `context`, or no TLS at all while that is None. What came before and inside of TLS is kept."""

    def __init__(self, target, context):
        self.target = target
        self.context = context
        self.lock = threading.Lock()
        self.live = set()
        self.heard = b""  # what registrard said, decrypted
        self.handshakes = 0  # that were completed
        self.failures = 0  # that were not
        self.listener = Listener(self._accept)
        self.address = self.listener.address

    def cut(self):
        with self.lock:
            live, self.live = self.live, set()
        for one in live:
            one.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
        self.cut()

    def _accept(self, client):
        threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.settimeout(10)
        with client, socket.create_connection(self.target, 10) as server:
            with self.lock:
                self.live.add(server)
            try:
                if self.context is not None:
                    client = self._shake_hands(client)
                self._pump(client, server)
            except OSError:
                pass
            finally:
                with self.lock:
                    self.live.discard(server)

    def _shake_hands(self, client):
        try:
            secured = self.context.wrap_socket(client, server_side=True)
        except OSError:
            self.failures += 1
            raise
        self.handshakes += 1
        return secured

    def _pump(self, client, server):
        """On one thread, as OpenSSL wants it."""
        while True:
            pending = isinstance(client, ssl.SSLSocket) and client.pending() > 0
            readable = [client] if pending else select.select([client, server], [], [])[0]
            for source in readable:
                data = source.recv(65536)
                if not data:
                    return
                if source is client:
                    self.heard += data
                (server if source is client else client).sendall(data)


class Authority:
    """A CA in a directory, which signs what it is asked to."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(mode=0o755)
        self.certificate = directory / "ca.pem"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=The tests' own", "-keyout", "ca.key", "-out", "ca.pem")
        self.certificate.chmod(0o644)

    def issue(self, file, name="xmpp.example.org", days=2):
        """A certificate for the name; it has expired when `days` is below 0."""
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-addext", f"subjectAltName=DNS:{name}", "-keyout", f"{file}.key", "-out", f"{file}.csr")
        self._openssl("x509", "-req", "-in", f"{file}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-copy_extensions", "copy", "-days", str(days), "-out", f"{file}.pem")
        return self.directory / f"{file}.pem"

    def context(self, file, **limits):
        """What a server offers; limits: maximum_version, ..."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / f"{file}.pem", self.directory / f"{file}.key")
        for name, value in limits.items():
            setattr(context, name, value)
        return context

    def fingerprint(self, file):
        pem = (self.directory / f"{file}.pem").read_text(encoding="ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, capture_output=True, check=True)
