"""The load generator of the benchmarks: what it counts as delivered was delivered, in the clear, under the TLS client that
it brings and under OpenSSL's; and that client shakes hands with nobody who changes a byte."""
import os
import re
import ssl
import subprocess
import unittest

from tests.lib import certificates
from tests.lib import server as tidegate
from tests.lib.cases import ServerCase
from tests.lib.listener import Listener
from tests.lib.proxy import Proxy

PROGRAM = os.path.join(tidegate.BUILD, "bench/smtpload")
RECIPIENTS = "".join(f"u{number}@bench.test maildir\n" for number in range(3))
COUNT = 30


def run(port, *words):
    """Its figures by name, and its exit code."""
    done = subprocess.run([PROGRAM, "-s", "5", "-m", str(COUNT), "-u", "3", *words, str(port)], capture_output=True, text=True,
                          timeout=120, check=False)
    figures = {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}
    return figures, done.returncode


class Changed(Proxy):
    """The byte at this place of what the client says under TLS, or of the answer, is changed on the way."""

    def __init__(self, port, from_client, place):
        self.from_client, self.place, self.seen = from_client, place, {}
        super().__init__(port)

    def passed_on(self, source, is_client, data):
        if is_client != self.from_client or (source not in self.seen and data[:2] != b"\x16\x03"):
            return data
        at = self.place - self.seen.setdefault(source, 0)
        self.seen[source] += len(data)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:] if 0 <= at < len(data) else data


class Refusing(Listener):
    """Another server, of Python's: takes STARTTLS, and refuses every recipient."""

    def __init__(self, folder):
        pair = certificates.Pair(folder, "other")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.chain, pair.key)
        self.ciphers = set()
        super().__init__()

    def serve(self, client):
        answers = {b"EHLO": b"250 ", b"STAR": b"220 ", b"MAIL": b"250 ", b"RCPT": b"550 ", b"QUIT": b"221 "}
        client.sendall(b"220 \r\n")
        while line := client.recv(1000):
            client.sendall(answers[line[:4]] + b"\r\n")
            if line.startswith(b"STAR"):
                client = self.context.wrap_socket(client, server_side=True)
                self.ciphers.add(client.cipher()[0])
            elif line.startswith(b"QUIT"):
                break
        client.close()


class Load(ServerCase):
    options = {"recipients": RECIPIENTS,
               "config": {"max-connections-per-address": 0, "max-connections-per-network": 0, "connection-rate-per-address": 0,
                          "connection-rate-per-network": 0, "postmaster": "u0@bench.test"}}

    def setUp(self):
        super().setUp()
        self.begin(*(f"u{number}@bench.test" for number in range(3)))

    def delivered(self):
        return [mail for number in range(3) for mail in self.new_mail(f"u{number}@bench.test")]

    def assert_delivers(self, size, *words):
        figures, code = run(self.server.port, "-l", str(size), *words)
        self.assertEqual((code, figures["accepted"], figures["dropped"]), (0, COUNT, 0), figures)
        mails = self.delivered()
        self.assertEqual(len(mails), COUNT)
        # Without the fields that the server puts in front.
        return {mail[mail.index(b"Message-ID:"):].split(b"\n\n", 1)[1] for mail in mails}, figures

    def test_the_same_mail_by_all_three(self):
        """…and under the same cipher, so that it costs the server the same."""
        for size in (600, 4096, 100000):
            clear, _ = self.assert_delivers(size)
            self.assertEqual(len(clear), 1)
            for client in ("-t", "-T"):
                with self.subTest(size=size, client=client):
                    text, figures = self.assert_delivers(size, client)
                    self.assertEqual(text, clear)
                    self.assertEqual(figures["handshakes"], COUNT)
        tidegate.wait_until(lambda: len(self.ciphers()) == 6 * COUNT, "all sessions are logged")
        self.assertEqual(len(set(self.ciphers())), 1)

    def ciphers(self):
        """Of the sessions with one message that have ended, as the server logged them."""
        lines = "\n".join(self.server.log.lines[self.log_mark:])
        return re.findall(r"event=session .*tls=TLSv1\.3 cipher=(\S+) .*messages=1 ", lines)

    def test_many_messages_on_a_connection(self):
        _, figures = self.assert_delivers(4096, "-t", "-c", "10")
        self.assertLess(figures["handshakes"], COUNT)

    def test_refusals(self):
        figures, code = run(self.server.port, "-x", "-t")
        self.assertEqual((code, figures["refused"], figures["dropped"]), (0, COUNT, 0), figures)

    def test_a_server_of_another_taste(self):
        with Refusing(self.server.folder) as other:
            figures, code = run(other.port, "-x", "-t")
        self.assertEqual((code, figures["refused"], figures["dropped"]), (0, COUNT, 0), figures)
        self.assertEqual(other.ciphers, {"TLS_AES_256_GCM_SHA384"})

    def test_a_changed_byte_ends_the_handshake(self):
        """In the hellos' random and in what is sealed; the client's own word for it, and no mail."""
        for from_client, place in ((True, 20), (False, 20), (False, 150), (False, 400)):
            with self.subTest(from_client=from_client, place=place):
                with Changed(self.server.port, from_client, place) as proxy:
                    figures, code = run(proxy.port, "-t", "-m", "3")
                self.assertEqual((code, figures["handshakes"], figures["dropped"]), (1, 0, 3), figures)
        self.assertEqual(self.delivered(), [])
        # The relay itself hinders nobody.
        with Changed(self.server.port, True, 1 << 30) as proxy:
            figures, code = run(proxy.port, "-t", "-m", "3")
        self.assertEqual((code, figures["handshakes"], figures["dropped"]), (0, 3, 0), figures)


if __name__ == "__main__":
    unittest.main()
