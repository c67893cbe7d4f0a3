"""The PROXY protocol: byte by byte, and from a real HAProxy, unpacked from its Debian package."""
import os
import smtplib
import socket
import struct
import subprocess
import time
import unittest

from tests.lib import dnsd, peers, smtp, tls
from tests.lib import server as tidegate
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"
CLIENT = "192.0.2.1"
STRANGER = "127.9.9.9"  # not in proxy-from
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ZONE = {"pass.example": {"TXT": ["v=spf1 ip4:192.0.2.1 ip6:2001:db8::7 -all"]}, "fail.example": {"TXT": ["v=spf1 ip4:127.0.0.0/8 -all"]},
        "1.2.0.192.in-addr.arpa": {"PTR": ["mail.pass.example"]}, "mail.pass.example": {"A": [CLIENT]}}


def v1(client=CLIENT, called="127.0.0.1", port=4711):
    family = "TCP6" if ":" in client else "TCP4"
    return f"PROXY {family} {client} {called} {port} 25\r\n".encode()


def v2(client=CLIENT, called="127.0.0.1", port=4711, tlvs=b""):
    is_ipv6 = ":" in client
    kind = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    block = socket.inet_pton(kind, client) + socket.inet_pton(kind, called) + struct.pack(">HH", port, 25) + tlvs
    return SIGNATURE + bytes([0x21, 0x21 if is_ipv6 else 0x11]) + struct.pack(">H", len(block)) + block


LOCAL = SIGNATURE + b"\x20\0\0\0"


class Bytes(ServerCase):
    """Headers as we write them."""

    @classmethod
    def make_options(cls):
        cls.port, cls.secure_port = tidegate.free_port(), tidegate.free_port()
        cls.dns = dnsd.DnsServer(ZONE)
        cls.dns.start()
        return {"dns": cls.dns, "config": {
            "max-connections-per-address": 3, "trusted": ["198.51.100.0/24"],
            'listener "behind"': {"address": f"127.0.0.1:{cls.port}", "proxy-protocol": True, "proxy-from": ["127.0.0.0/16"]},
            'listener "secure"': {"address": f"127.0.0.1:{cls.secure_port}", "proxy-protocol": True, "proxy-from": ["127.0.0.1"],
                                  "tls": "implicit"}}}

    @classmethod
    def tearDownClass(cls):
        try:
            super().tearDownClass()
        finally:
            cls.dns.stop()

    def connect(self, first=b"", source=None):
        client = smtp.Client(("127.0.0.1", self.port), source)
        self.addCleanup(client.close)
        if first:
            client.send(first)
        return client

    def check_silent_end(self, client, reason):
        self.assertTrue(client.is_closed(), "nothing is said to a proxy that sends no header")
        self.server.expect_log(f"event=session .*client=127.0.0.1 .*reason={reason}", since=self.log_mark)

    def test_the_announced_client_is_the_client(self):
        self.begin(ALICE)
        headers = (v1(), v2(), v2(tlvs=b"\x04\0\x02xx"), v2(tlvs=b"\x20\xff\xffshort"), v1("2001:db8::7", "::1"))
        for number, header in enumerate(headers):
            mark = self.server.mark()
            with self.connect(header) as client:
                client.greet()
                smtp.check(smtp.transact(client, "sender@pass.example", [ALICE], smtp.message(number=f"proxy{number}")), 250)
                client.say("QUIT")
            announced = "2001:db8::7" if b"TCP6" in header else CLIENT
            self.server.expect_log(f"event=transaction .*client={announced} proxy=127.0.0.1 ", since=mark)
            name = "mail.pass.example [192.0.2.1]" if announced == CLIENT else "[IPv6:2001:db8::7]"
            self.assertIn(name, self.new_mail(ALICE)[-1].decode())

    def test_spf_is_that_of_the_announced_client(self):
        with self.connect(v2()) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@fail.example>", 250)
            client.expect(f"RCPT TO:<{ALICE}>", "550 5.7.23")
            client.expect("RSET", 250)
            client.expect("MAIL FROM:<sender@pass.example>", 250)
            client.expect(f"RCPT TO:<{ALICE}>", 250)

    def test_trusted_is_the_announced_client_and_not_the_proxy(self):
        with self.connect(v1("198.51.100.7")) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@fail.example>", 250)
            client.expect(f"RCPT TO:<{ALICE}>", 250)

    def test_postmaster_at_the_address_that_the_client_called(self):
        with self.connect(v1(CLIENT, "203.0.113.25")) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@pass.example>", 250)
            client.expect("RCPT TO:<postmaster@[203.0.113.25]>", 250)
            client.expect("RCPT TO:<postmaster@[127.0.0.1]>", "550 5.7.1")

    def test_a_local_connection_is_the_proxys_own(self):
        for header in (LOCAL, b"PROXY UNKNOWN\r\n"):
            mark = self.server.mark()
            with self.connect(header) as client:
                client.greet()
                client.expect("QUIT", 221)
            line = self.server.expect_log("event=session .*client=127.0.0.1 ", since=mark)
            self.assertNotIn("proxy=", line)

    def test_a_header_in_pieces(self):
        for header in (v1(), v2(tlvs=b"\x04\0\x02xx")):
            client = self.connect()
            for at in range(0, len(header), 7):
                client.send(header[at:at + 7])
                time.sleep(0.01)  # so that they come apart; together they would do as well
            client.greet()

    def test_a_great_header(self):
        client = self.connect(v2(tlvs=b"\x04\xea\x60" + b"x" * 60000))
        client.greet()

    def test_commands_right_behind_the_header(self):
        # There is no greeting-delay here: what is pipelined is only read when its turn comes.
        client = self.connect(v1("127.0.0.77") + b"EHLO client.example\r\nNOOP\r\n")
        smtp.check(client.reply(), 220)
        smtp.check(client.reply(), 250)
        smtp.check(client.reply(), "250 2.0.0")

    def test_what_is_no_header(self):
        for first in (b"EHLO client.example\r\n", b"PROXY TCP4 1.2.3.4\r\n", SIGNATURE + b"\x21\x11\0\x04\1\2\3\4", b"\0"):
            self.log_mark = self.server.mark()
            self.check_silent_end(self.connect(first), "bad-proxy-header")

    def test_no_header_at_all(self):
        begun = time.monotonic()
        silent, slow = self.connect(), self.connect(v1()[:20])
        self.check_silent_end(silent, "no-proxy-header")
        self.check_silent_end(slow, "no-proxy-header")
        self.assertGreater(time.monotonic() - begun, 4)

    def test_who_is_no_proxy_hears_nothing(self):
        client = self.connect(source=STRANGER)
        self.assertTrue(client.is_closed())
        self.server.expect_log(f"event=turned-away client={STRANGER} reason=proxy-from", since=self.log_mark)

    def test_other_listeners_take_no_header(self):
        with self.server.client() as client:
            smtp.check(client.reply(), 220)
            smtp.check(client.say(v1()[:-2]), "500 5.5.1")

    def connect_secure(self, first):
        client = smtp.Client(("127.0.0.1", self.secure_port))
        self.addCleanup(client.close)
        client.send(first)
        return client

    def test_the_header_comes_before_implicit_tls(self):
        for header in (v1(), v2(), LOCAL):
            self.log_mark = self.server.mark()
            client = self.connect_secure(header)
            tls.wrap(client)
            smtp.check(client.reply(), 220)
            client.expect("QUIT", 221)
            name = "127.0.0.1" if header is LOCAL else f"{CLIENT} proxy=127.0.0.1"
            self.server.expect_log(f"event=session .*client={name} .*tls=TLSv1.3", since=self.log_mark)

    def test_the_first_bytes_of_tls_in_one_piece_with_the_header(self):
        with smtp.Client(("127.0.0.1", self.secure_port)) as client:
            stream = tls.Stream(client.socket)
            client.send(v2() + stream.first_flight())
            stream.shake_hands()
            self.assertEqual(stream.tls.version(), "TLSv1.3")

    def test_starttls_behind_a_header(self):
        client = self.connect(v1())
        client.greet()
        tls.start(client)
        self.assertEqual(client.expect("EHLO client.example", 250).texts[0], "mx.example.org")

    def test_tls_without_a_header(self):
        client = self.connect_secure(b"")
        with self.assertRaises(OSError):
            tls.wrap(client)
        self.server.expect_log("event=session .*client=127.0.0.1 .*reason=bad-proxy-header", since=self.log_mark)

    def test_caps_count_the_announced_address(self):
        held = [self.connect(v1("192.0.2.50")) for _ in range(3)]
        for client in held:
            smtp.check(client.reply(), 220)
        refused = self.connect(v2("192.0.2.50"))
        smtp.check(refused.reply(), "421 4.7.0")
        self.assertTrue(refused.is_closed())
        self.server.expect_log("event=turned-away client=192.0.2.50 reason=max-connections-per-address", since=self.log_mark)
        # Neither another client of the same proxy nor the proxy itself is full.
        others = [self.connect(v1(f"203.0.113.{n}")) for n in range(5)]
        for client in others:
            smtp.check(client.reply(), 220)
        held.pop().say("QUIT")

        def has_room():
            with self.connect(v1("192.0.2.50")) as again:
                return again.reply().code == 220
        tidegate.wait_until(has_room, "a place of the address is free again")


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class Haproxy(ServerCase):
    """A real one in front, with health checks, for each version of the protocol."""

    @classmethod
    def make_options(cls):
        cls.root = peers.root("haproxy")
        if not cls.root:
            raise unittest.SkipTest("HAProxy cannot be unpacked here")
        cls.port, cls.secure_port = tidegate.free_port(), tidegate.free_port()
        behind = {"proxy-protocol": True, "proxy-from": ["127.0.0.1"]}
        return {"config": {'listener "behind"': {"address": f"127.0.0.1:{cls.port}", **behind},
                           'listener "secure"': {"address": f"127.0.0.1:{cls.secure_port}", "tls": "implicit", **behind}}}

    def start(self, options, to=None):
        """A proxy with these words behind its server, `to` a port of ours; returns the port to call."""
        port = tidegate.free_port()
        name = f"tmp/haproxy-{os.getpid()}-{port}.cfg"
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write("global\n  maxconn 50\n  log stderr local0\n"
                       "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
                       f"listen mail\n  bind 127.0.0.1:{port}\n"
                       f"  server tidegate 127.0.0.1:{to or self.port} {options}\n")
        self.addCleanup(os.unlink, path)
        process = subprocess.Popen(["chroot", self.root, "/usr/sbin/haproxy", "-db", "-f", "/" + name],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return port

    def send_through(self, port, number):
        """A message from a client with an address of its own, once the proxy says that we are there."""
        source = f"127.0.0.{number}"

        def is_up():
            try:
                with smtp.Client(("127.0.0.1", port), source, timeout=5) as client:
                    return client.reply().code == 220
            except OSError:
                return False
        tidegate.wait_until(is_up, "HAProxy passes us a client", 30)
        self.begin(ALICE)
        mark = self.server.mark()
        message = smtp.message("x" * 70 + "\r\n", number=f"haproxy{number}")
        smtp.check(smtp.deliver(("127.0.0.1", port), ALICE, message, source=source), 250)
        self.server.expect_log(f"event=transaction .*client={source} proxy=127.0.0.1 .*code=250", since=mark)
        self.assertIn(f"[{source}]".encode(), self.new_mail(ALICE)[0])

    def test_version_1(self):
        self.send_through(self.start("check send-proxy"), 31)

    def test_version_2_with_tlvs(self):
        self.send_through(self.start("check send-proxy-v2 proxy-v2-options crc32c,unique-id"), 32)

    def test_implicit_tls(self):
        port = self.start("send-proxy-v2", self.secure_port)
        mark = self.server.mark()

        def is_sent():
            try:
                with smtplib.SMTP_SSL("127.0.0.1", port, "client.example", context=tls.make_context(), timeout=15,
                                      source_address=("127.0.0.33", 0)) as client:
                    return client.sendmail("sender@client.example", [ALICE], smtp.message(number="haproxytls")) == {}
            except OSError:
                return False  # it is not up yet
        tidegate.wait_until(is_sent, "a message goes through HAProxy under TLS", 30)
        self.server.expect_log("event=transaction .*client=127.0.0.33 proxy=127.0.0.1 .*tls=TLSv1.3 .*code=250", since=mark)

    def test_health_checks_are_the_proxys_own(self):
        self.start("check inter 200ms send-proxy-v2 check-send-proxy\n  option smtpchk EHLO check.example")
        self.server.expect_log("event=session .*client=127.0.0.1 helo=check.example .*reason=(quit|closed|reset)", since=self.log_mark,
                               seconds=30)


if __name__ == "__main__":
    unittest.main()
