"""The load generator of the benchmarks: what it counts as delivered was delivered, in the clear, under the TLS client that
it brings and under OpenSSL's; and that client shakes hands with nobody who changes a byte."""
import os
import socket
import subprocess
import threading
import unittest

from tests.lib import server as tidegate
from tests.lib.cases import ServerCase

PROGRAM = os.path.join(tidegate.BUILD, "bench/smtpload")
RECIPIENTS = "".join(f"u{number}@bench.test maildir\n" for number in range(3))
COUNT = 30


def run(port, *words):
    """Its figures by name, and its exit code."""
    done = subprocess.run([PROGRAM, "-s", "5", "-m", str(COUNT), "-u", "3", *words, str(port)], capture_output=True, text=True,
                          timeout=120, check=False)
    figures = {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}
    return figures, done.returncode


class Changed:
    """Between client and server: the byte at this place of what the client says under TLS, or of the answer, is changed."""

    def __init__(self, port, from_client, place):
        self.port, self.from_client, self.place = port, from_client, place
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for source, sink, changes in ((client, server, self.from_client), (server, client, not self.from_client)):
                threading.Thread(target=self.relay, args=(source, sink, changes), daemon=True).start()

    def relay(self, source, sink, changes):
        seen = 0
        is_tls = False
        try:
            while data := bytearray(source.recv(65536)):
                is_tls = is_tls or data[:3] in (b"\x16\x03\x01", b"\x16\x03\x03")
                if is_tls and changes and seen <= self.place < seen + len(data):
                    data[self.place - seen] ^= 1
                seen += len(data) if is_tls else 0
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()

    def __enter__(self):
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()


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
        for size in (600, 4096, 100000):
            clear, _ = self.assert_delivers(size)
            self.assertEqual(len(clear), 1)
            for client in ("-t", "-T"):
                with self.subTest(size=size, client=client):
                    mark = self.server.mark()
                    text, figures = self.assert_delivers(size, client)
                    self.assertEqual(text, clear)
                    self.assertEqual(figures["handshakes"], COUNT)
                    self.server.expect_log("event=transaction .*TLS_AES_256_GCM_SHA384.*code=250", since=mark)

    def test_many_messages_on_a_connection(self):
        self.assert_delivers(4096, "-t", "-c", "10")

    def test_refusals(self):
        figures, code = run(self.server.port, "-x", "-t")
        self.assertEqual((code, figures["refused"], figures["dropped"]), (0, COUNT, 0), figures)

    def test_a_changed_byte_ends_the_handshake(self):
        """In the hellos' random and in what is sealed; the client's own word for it, and no mail."""
        for from_client, place in ((True, 20), (False, 20), (False, 150), (False, 400)):
            with self.subTest(from_client=from_client, place=place):
                with Changed(self.server.port, from_client, place) as port:
                    figures, code = run(port, "-t", "-m", "3")
                self.assertEqual((code, figures["handshakes"], figures["dropped"]), (1, 0, 3), figures)
        self.assertEqual(self.delivered(), [])


if __name__ == "__main__":
    unittest.main()
