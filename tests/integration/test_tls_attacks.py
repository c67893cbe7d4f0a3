"""What a hostile client can do to TLS: cut, merge, change and invent records at every point. Nothing of it may run as a
command, leave mail or stop the server, and each has a line in the log that says why."""
import shutil
import subprocess
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp, tls
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"
EVIL = b"EHLO evil.example\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\nSubject: evil\r\n\r\n.\r\n"
SSL2_HELLO = (b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80\x02\x00\x80\x03\x00\x80\x04\x00\x80\x05\x00\x80\x06\x00\x40"
              b"\x07\x00\xc0" + b"challengechallen")


def record(kind, body, version=b"\x03\x03"):
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


def split_records(raw):
    found = []
    while raw:
        length = 5 + int.from_bytes(raw[3:5], "big")
        found.append(raw[:length])
        raw = raw[length:]
    return found


def with_extension(hello, extension):
    """A ClientHello record with one more extension, in front of the others."""
    body = hello[9:]
    at = 2 + 32
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at:at + 2], "big")
    at += 1 + body[at]
    length = int.from_bytes(body[at:at + 2], "big") + len(extension)
    body = body[:at] + length.to_bytes(2, "big") + extension + body[at + 2:]
    return record(22, b"\1" + len(body).to_bytes(3, "big") + body, b"\x03\x01")


class Attacks(ServerCase):
    options = {"config": {"tls-timeout": 3, "max-connections-per-address": 0}}

    def setUp(self):
        super().setUp()
        self.begin(ALICE)

    def tearDown(self):
        """Whatever was tried: no mail came of it, and the next client is served."""
        self.assertEqual(self.new_mail(ALICE), [])
        with tls.greeted(self.server) as client:
            client.expect("QUIT", 221)
        self.assertEqual([line for line in self.server.log.lines if "broke the protocol" in line or " ended" in line], [])

    def at_handshake(self):
        client = self.server.client()
        client.greet()
        client.expect("STARTTLS", 220)
        return client

    def assert_failed(self, mark, reason, version="no"):
        line = self.server.expect_log(f"event=tls-failed .* tls={version} .*reason={reason}", mark)
        self.server.expect_log("event=session .*reason=tls-failed", mark)
        return line

    def ends(self, client):
        """The server closes; what it may still say is an alert."""
        raw = client.socket.socket if isinstance(client.socket, tls.Stream) else client.socket
        try:
            while raw.recv(65536):
                pass
        except ConnectionError:
            pass
        client.close()

    # Before the handshake

    def test_commands_pipelined_behind_starttls(self):
        """CVE-2011-0411."""
        with self.server.client() as client:
            client.greet()
            client.send(b"STARTTLS\r\n" + EVIL)
            smtp.check(client.reply(), 220)
            tls.wrap(client)
            client.expect("MAIL FROM:<sender@client.example>", 503)
            client.expect("EHLO client.example", 250)
            client.expect("QUIT", 221)

    def test_half_a_command_behind_starttls(self):
        with self.server.client() as client:
            client.greet()
            client.send(b"STARTTLS\r\nEHLO evil.")
            smtp.check(client.reply(), 220)
            tls.wrap(client)
            client.expect("example", "500 5.5.1")

    def test_commands_after_the_220_in_the_clear(self):
        client, mark = self.at_handshake(), self.server.mark()
        client.send(EVIL)
        self.ends(client)
        self.assertIn('sent="EHLO evil.example', self.assert_failed(mark, "plain-text"))

    def test_commands_in_front_of_the_handshake(self):
        client, mark = self.at_handshake(), self.server.mark()
        client.send(b"RSET\r\n" + tls.Stream(client.socket).first_flight())
        self.ends(client)
        self.assert_failed(mark, "plain-text")

    def test_other_protocols(self):
        for sent, reason in ((b"GET / HTTP/1.1\r\nHost: mx\r\n\r\n", "http-request"), (b"POST / HTTP/1.1\r\n\r\n", "http-request"),
                             (b"CONNECT a:25 HTTP/1.1\r\n\r\n", "http-request"), (SSL2_HELLO, "protocol"),
                             (b"\0" * 300, "protocol"), (b"\xff" * 300, "protocol"), (b"SSH-2.0-x\r\n", "plain-text"),
                             (record(22, b"x" * 16640), "protocol"), (record(22, b"x" * 18000), "protocol"),
                             (b"\x16\x03\x01\xff\xff" + b"x" * 400, "protocol"), (record(23, EVIL), "protocol"),
                             (record(20, b"\1"), "protocol"), (record(21, b"\2\x28"), "(alert|protocol)"),
                             (record(22, b""), "timed-out"), (record(22, b"\1\0\0\0"), "protocol"),
                             (record(22, b"\1\xff\xff\xff" + b"x" * 100), "protocol"),
                             (record(22, b"\x14\0\0\x0c" + b"x" * 12), "protocol")):
            with self.subTest(sent=sent[:20], length=len(sent)):
                client, mark = self.at_handshake(), self.server.mark()
                try:
                    client.send(sent)
                except ConnectionError:
                    pass
                self.ends(client)
                self.assert_failed(mark, reason)

    # In the handshake

    def test_every_cut_of_the_first_flight(self):
        """A client that goes in the middle of its hello."""
        with self.server.client() as client:
            whole = tls.Stream(client.socket).first_flight()
        for length in range(0, len(whole), 23):
            client, mark = self.at_handshake(), self.server.mark()
            client.send(whole[:length])
            client.close()
            self.assert_failed(mark, "closed")

    def test_one_byte_records(self):
        """A hello in as many records as it has bytes is a hello."""
        with self.server.client() as client:
            client.greet()
            client.expect("STARTTLS", 220)
            stream = tls.Stream(client.socket)
            hello = stream.first_flight()
            stream.push(b"".join(record(22, hello[at:at + 1], hello[1:3]) for at in range(5, len(hello))))
            stream.fill()
            client.socket = stream.shake_hands()
            client.expect("EHLO client.example", 250)
            for octet in b"NOOP\r\n":
                stream.push(stream.seal(bytes([octet])))
            smtp.check(client.reply(), 250)
            client.expect("QUIT", 221)

    def test_changed_bytes_of_the_first_flight(self):
        for at in range(0, 120, 7):
            client, mark = self.at_handshake(), self.server.mark()
            stream = tls.Stream(client.socket)
            hello = bytearray(stream.first_flight())
            hello[at] ^= 0x55
            stream.push(bytes(hello))
            try:
                stream.shake_hands()
            except OSError:
                pass
            client.close()
            self.server.expect_log("event=tls-failed .* tls=no ", mark)

    def test_early_data(self):
        """Text behind the hello, as TLS 1.3 allows to those who have a ticket: nobody has one."""
        for offers in (False, True):
            with self.subTest(offers=offers):
                client, mark = self.at_handshake(), self.server.mark()
                hello = tls.Stream(client.socket).first_flight()
                if offers:
                    hello = with_extension(hello, b"\0\x2a\0\0")
                client.send(hello + record(23, EVIL))
                client.socket.settimeout(10)
                self.ends(client)
                self.server.expect_log("event=tls-failed .* tls=no ", mark)

    def test_old_versions(self):
        for hello in (b"\x03\x00", b"\x03\x01", b"\x03\x02"):
            client, mark = self.at_handshake(), self.server.mark()
            body = hello + b"r" * 32 + b"\0" + b"\0\x04\xc0\x2f\x00\x2f" + b"\1\0"
            client.send(record(22, b"\1" + len(body).to_bytes(3, "big") + body, b"\x03\x01"))
            self.ends(client)
            self.assert_failed(mark, "no-shared-version")

    def test_a_client_that_does_not_believe_the_certificate(self):
        context = tls.ssl.create_default_context()
        client, mark = self.at_handshake(), self.server.mark()
        with self.assertRaises(tls.ssl.SSLError):
            tls.wrap(client, context=context)
        self.server.expect_log('event=tls-failed .* tls=no reason=alert .*detail="unknown CA"', mark)
        client.close()

    def test_a_flood_of_handshakes_that_stall(self):
        with self.server.client() as client:
            flight = tls.Stream(client.socket).first_flight()
        stalled = [self.at_handshake() for _ in range(100)]
        for client in stalled:
            client.send(flight)
        with tls.greeted(self.server) as client:
            client.expect("NOOP", 250)
        for client in stalled:
            self.ends(client)
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == 0, "all have ended")
        self.assertEqual(self.server.status()["smtpd.memory-bytes"], 0)

    # Under TLS

    def in_data(self, version="TLSv1.3"):
        client = tls.greeted(self.server, context=tls.make_context(version))
        client.expect("MAIL FROM:<sender@client.example>", 250)
        client.expect(f"RCPT TO:<{ALICE}>", 250)
        client.expect("DATA", 354)
        client.send(b"Subject: half\r\n\r\nsome\r\n")
        return client

    def test_what_breaks_a_message(self):
        """In the middle of DATA: everything but the right bytes from the right client is the end of it."""
        for version in ("TLSv1.2", "TLSv1.3"):
            for name, make in (("changed", lambda good: good[:-1] + bytes([good[-1] ^ 1])),
                               ("replayed", lambda good: good + good),
                               ("swapped", lambda good: record(22, good[5:])),
                               ("plain text", lambda good: b".\r\nQUIT\r\n"),
                               ("sealed by nobody", lambda good: record(23, b".\r\n" + b"x" * 30)),
                               ("plain alert", lambda good: record(21, b"\2\x28")),
                               ("too long", lambda good: b"\x17\x03\x03\xff\xff" + b"x" * 20000),
                               ("empty", lambda good: record(23, b"")),
                               ("hello", lambda good: record(22, b"\1\0\0\4abcd"))):
                with self.subTest(version=version, what=name):
                    client, mark = self.in_data(version), self.server.mark()
                    good = client.socket.seal(b"more\r\n")
                    try:
                        client.socket.push(make(good) + client.socket.seal(b".\r\n"))
                    except ConnectionError:
                        pass
                    self.ends(client)
                    self.server.expect_log(f"event=tls-failed .* tls={version} .*reason=(protocol|alert)", mark)
                    self.server.expect_log("event=transaction .*verdict=abandoned reason=tls-failed", mark)
                    self.server.expect_log("event=session .*reason=tls-failed", mark)

    def test_what_breaks_in_behind_commands(self):
        """In one read with commands whose answers are not out yet, or wait for another process."""
        for pipelined in (b"NOOP\r\n", b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<alice@example.org>\r\n",
                          b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n"):
            for version in ("TLSv1.2", "TLSv1.3"):
                with self.subTest(version=version, what=pipelined):
                    client, mark = tls.greeted(self.server, context=tls.make_context(version)), self.server.mark()
                    client.socket.push(client.socket.seal(pipelined) + record(23, b"x" * 40))
                    self.ends(client)
                    self.assert_failed(mark, "protocol", version)

    def test_cut_records(self):
        """A message whose last record does not come whole is none."""
        client, mark = self.in_data(), self.server.mark()
        client.socket.push(client.socket.seal(b"more\r\n.\r\n")[:-1])
        client.socket.socket.close()
        self.server.expect_log("event=transaction .*verdict=abandoned reason=reset", mark)

    def test_an_end_in_the_middle(self):
        client, mark = self.in_data(), self.server.mark()
        client.socket.push(client.socket.end())
        self.ends(client)
        self.server.expect_log("event=transaction .*verdict=abandoned reason=closed", mark)

    def test_an_alert_in_the_middle(self):
        """Of a client whose TLS gives up, under its keys: nothing that it has sent becomes a message."""
        for version in ("TLSv1.2", "TLSv1.3"):
            with self.subTest(version):
                client, mark = self.in_data(version), self.server.mark()
                client.socket.push(client.socket.give_up() + b".\r\n")
                self.ends(client)
                self.server.expect_log(f"event=tls-failed .* tls={version} .*reason=alert", mark)
                self.server.expect_log("event=transaction .*verdict=abandoned reason=tls-failed", mark)

    def test_a_flood_of_empty_records(self):
        client, mark = self.in_data(), self.server.mark()
        try:
            for _ in range(100):
                client.socket.push(record(23, b""))
        except ConnectionError:
            pass
        self.ends(client)
        self.assert_failed(mark, "protocol", "TLSv1.3")

    @unittest.skipUnless(shutil.which("openssl"), "the openssl command is not installed")
    def test_renegotiation(self):
        """TLS 1.2 has it; here it is refused, and the client gives up."""
        words = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.server.port}", "-starttls", "smtp", "-tls1_2", "-crlf"]
        mark = self.server.mark()
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            process.stdin.write(b"R\n")
            process.stdin.flush()
            out = process.communicate(timeout=20)[0]
        self.assertIn(b"RENEGOTIATING", out)
        self.assertIn(b"no renegotiation", out)
        self.server.expect_log("event=session .* tls=TLSv1.2 .*messages=0", mark)


class Stalls(unittest.TestCase):
    def test_records_that_are_not_ended_are_paid(self):
        """Half a record each from many clients fills the budget: the next hears 421, and nobody else is hurt."""
        with tidegate.Server(config={"memory-budget": 1 << 20, "max-connections-per-address": 0}) as server:
            clients = []
            for _ in range(40):
                try:
                    client = tls.greeted(server)
                except (AssertionError, smtp.Gone):
                    break
                clients.append(client)
                client.socket.push(b"\x17\x03\x03\x40\x00" + b"x" * 100)
            tidegate.wait_until(lambda: server.status()["smtpd.sessions"] < len(clients) or
                                server.status()["smtpd.memory-bytes"] > (1 << 19), "the budget is felt")
            self.assertLessEqual(server.status()["smtpd.memory-bytes"], 1 << 20)
            with server.client() as client:
                client.greet()
            for client in clients:
                client.close()
            tidegate.wait_until(lambda: server.status()["smtpd.memory-bytes"] == 0, "all of it is given back")
            self.assertLess(len(clients), 40)


if __name__ == "__main__":
    unittest.main()
