"""A TLS client over a plain socket whose records can be held, cut, changed and put in between by the test.

    with server.client() as client:
        client.greet()
        stream = tls.start(client)              # says STARTTLS and shakes hands
        client.expect("EHLO again", 250)        # everything else is as in the clear
        stream.push(stream.seal(b"NOOP\\r\\n")[:-1])
"""
import ssl

from tests.lib import smtp

VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def make_context(version=None, ciphers=None):
    """A client's that believes any certificate, of one version if that is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = VERSIONS[version]
    if ciphers:
        context.set_ciphers(ciphers)
    return context


class Stream:
    """Stands where smtp.Client has its socket. `piece`: bytes at most in one write."""

    def __init__(self, sock, context=None, name="mx.example.org", piece=None):
        self.socket, self.piece = sock, piece
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or make_context()).wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.has_heard_end = False  # the server has said that nothing more comes

    # Records

    def drain(self):
        """What OpenSSL wants to send, and has not been given to the socket."""
        return self.outgoing.read()

    def seal(self, data):
        """The records with this text, not sent."""
        self.tls.write(data)
        return self.drain()

    def push(self, raw):
        """Sends bytes as they are."""
        step = self.piece or max(len(raw), 1)
        for at in range(0, len(raw), step):
            self.socket.sendall(raw[at:at + step])

    def fill(self):
        """Reads once; False at the end."""
        try:
            raw = self.socket.recv(65536)
        except ConnectionError as error:
            raise smtp.Gone(f"the connection was reset: {error}") from error
        if raw:
            self.incoming.write(raw)
        else:
            self.incoming.write_eof()
        return bool(raw)

    # The handshake and the end

    def first_flight(self):
        """The ClientHello, not sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.drain()

    def shake_hands(self):
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.push(self.drain())
                if not self.fill():
                    raise smtp.Gone("the server closed the connection in the handshake") from None
            except ssl.SSLError:
                self.push(self.drain())  # the alert that tells the server why
                raise
        self.push(self.drain())
        return self

    def end(self):
        """close_notify, not sent."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass
        return self.drain()

    def give_up(self):
        """A fatal alert under the keys in use, not sent: what OpenSSL says to a record that it cannot open."""
        self.incoming.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        try:
            self.tls.read(1)
        except ssl.SSLError:
            pass
        return self.drain()

    # As a socket

    def sendall(self, data):
        self.push(self.seal(data))

    def recv(self, count):
        while True:
            try:
                data = self.tls.read(count)
                self.has_heard_end = self.has_heard_end or not data
                return data
            except ssl.SSLWantReadError:
                self.push(self.drain())
                self.fill()
            except ssl.SSLZeroReturnError:
                self.has_heard_end = True
                return b""
            except ssl.SSLEOFError:
                return b""

    def __getattr__(self, name):
        return getattr(self.socket, name)


def wrap(client, **options):
    """Shakes hands on a connection that awaits it; the smtp.Client speaks through TLS from then on."""
    stream = Stream(client.socket, **options)
    stream.shake_hands()
    client.socket = stream
    return stream


def start(client, **options):
    """STARTTLS on a greeted client; EHLO has to be said again."""
    client.expect("STARTTLS", 220)
    if client.buffer:
        raise AssertionError(f"the server said more than 220 in the clear: {client.buffer!r}")
    return wrap(client, **options)


def greeted(server, source=None, timeout=15.0, **options):
    """A client under TLS that has said EHLO twice."""
    client = server.client(source, timeout)
    client.greet()
    start(client, **options)
    client.expect("EHLO client.example", 250)
    return client
