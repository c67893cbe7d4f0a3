"""STARTTLS and implicit TLS with Python's client: both versions, every byte of a message, what is logged, how it ends."""
import hashlib
import os
import random
import re
import signal
import smtplib
import ssl
import threading
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp, tls
from tests.lib.cases import ServerCase

ALICE, BOB = "alice@example.org", "bob@example.org"
VERSIONS = ("TLSv1.2", "TLSv1.3")


def chunked(client, message, size):
    """A message by BDAT in chunks of so many octets, pipelined; the reply to the last."""
    chunks = [message[at:at + size] for at in range(0, len(message), size)]
    last = len(chunks) - 1
    for number, chunk in enumerate(chunks):
        client.send(f"BDAT {len(chunk)}{' LAST' if number == last else ''}\r\n".encode() + chunk)
    return [client.reply() for _ in chunks][-1]


def noise(size, seed):
    """A message of about this size with lines of any octets but CR and LF."""
    chance = random.Random(seed)
    text = bytes(octet for octet in chance.randbytes(size) if octet not in b"\r\n\0")
    lines = [text[at:at + 900] for at in range(0, len(text), 900)]
    return smtp.message(b"".join(line + b"\r\n" for line in lines), number=f"noise-{seed}-{size}")


class StartTls(ServerCase):
    def test_python_sends_by_both_versions(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                self.begin(ALICE)
                mark = self.server.mark()
                with smtplib.SMTP("127.0.0.1", self.server.port, local_hostname="client.example", timeout=60) as client:
                    client.ehlo()
                    self.assertTrue(client.has_extn("starttls"))
                    client.starttls(context=tls.make_context(version))
                    client.ehlo()
                    self.assertFalse(client.has_extn("starttls"))
                    self.assertEqual(client.sock.version(), version)
                    cipher = client.sock.cipher()[0]
                    client.sendmail("sender@client.example", [ALICE], smtp.message(number=version))
                (mail,) = self.new_mail(ALICE)
                ours, sent = tidegate.split_mail(mail)
                self.assertEqual(sent, smtp.message(number=version).replace(b"\r\n", b"\n"))
                received = re.search(r"by mx\.example\.org with ESMTPS \((TLSv1\.[23]) (TLS_[A-Z0-9_]+)\)\s",
                                     ours.decode().replace("\n\t", " "))
                self.assertEqual(received[1], version)
                if version == "TLSv1.3":
                    self.assertEqual(received[2], cipher)
                for event in ("transaction", "session"):
                    self.server.expect_log(f"event={event} .* tls={version} cipher={received[2]} ", mark)

    def test_the_name_that_was_asked_for_is_logged_and_in_received(self):
        self.begin(ALICE)
        mark = self.server.mark()
        with tls.greeted(self.server, name="anything.example") as client:
            smtp.check(smtp.transact(client, "sender@client.example", [ALICE], smtp.message(number="sni")), 250)
            client.expect("QUIT", 221)
        self.server.expect_log("event=session .* sni=anything.example transactions=1", mark)
        (mail,) = self.new_mail(ALICE)
        self.assertRegex(mail.replace(b"\n\t", b" "), rb"with ESMTPS \(TLSv1\.3 TLS_[A-Z0-9_]+ sni=anything\.example\) id ")

    def test_all_sizes_come_out_as_they_went_in(self):
        for version in VERSIONS:
            with tls.greeted(self.server, context=tls.make_context(version), timeout=60) as client:
                for number, size in enumerate((0, 1, 16383, 16384, 16385, 32768, 262145, 3 << 20)):
                    with self.subTest(version=version, size=size):
                        message = noise(size, number)
                        self.begin(ALICE)
                        if number % 2:
                            smtp.check(smtp.transact(client, "sender@client.example", [ALICE], message), 250)
                        else:
                            client.expect("MAIL FROM:<sender@client.example>", 250)
                            client.expect(f"RCPT TO:<{ALICE}>", 250)
                            smtp.check(chunked(client, message, 10000), 250)
                        (mail,) = self.new_mail(ALICE)
                        stored = tidegate.split_mail(mail)[1]
                        self.assertEqual(hashlib.sha256(stored).digest(),
                                         hashlib.sha256(message.replace(b"\r\n", b"\n")).digest())
                client.expect("QUIT", 221)

    def test_many_messages_in_one_session_and_many_sessions_at_once(self):
        self.begin(ALICE)
        troubles = []

        def send(thread):
            try:
                with tls.greeted(self.server, timeout=60) as client:
                    for number in range(50):
                        smtp.check(smtp.transact(client, "sender@client.example", [ALICE],
                                                 smtp.message(number=f"many-{thread}-{number}")), 250)
                    client.expect("QUIT", 221)
            except Exception as error:  # pylint: disable=broad-except
                troubles.append(error)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        names = [re.search(rb"Message-ID: <(many-[0-9-]+)", mail)[1] for mail in self.new_mail(ALICE)]
        self.assertEqual(len(names), 400)
        self.assertEqual(len(set(names)), 400)

    def test_replies_that_leave_together_are_one_record(self):
        """250 and 221 to a pipelined QUIT: sent apart, a client that closes early would turn its FIN into a reset."""
        with tls.greeted(self.server) as client:
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect(f"RCPT TO:<{BOB}>", 250)
            client.expect("DATA", 354)
            client.send(smtp.stuff(smtp.message(number="record")) + b"QUIT\r\n")
            raw = client.socket.socket.recv(65536)
            self.assertEqual(raw[0], 0x17)
            client.socket.incoming.write(raw[:5 + int.from_bytes(raw[3:5], "big")])
            replies = client.socket.tls.read(65536)
            self.assertRegex(replies, rb"(?s)^250 2\.0\.0 [^\r]*\r\n221 2\.0\.0 [^\r]*\r\n$")

    def test_what_it_may_not_be(self):
        with self.server.client() as client:
            client.greet()
            client.expect("STARTTLS now", "501 5.5.4")
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("STARTTLS", "503 5.5.1")
            client.expect("RSET", 250)
            tls.start(client)
            client.expect("MAIL FROM:<sender@client.example>", 503)
            client.expect("EHLO client.example", 250)
            client.expect("STARTTLS", "503 5.5.1")
            client.expect("NOOP", 250)

    def test_status_counts(self):
        before = self.server.status()
        with tls.greeted(self.server) as client:
            client.expect("QUIT", 221)
        with self.server.client() as client:
            client.greet()
            client.expect("STARTTLS", 220)
            client.send(b"EHLO again\r\n")
            self.assertTrue(client.is_closed())
        after = self.server.status()
        self.assertEqual(after["smtpd.tls-handshakes"] - before["smtpd.tls-handshakes"], 1)
        self.assertEqual(after["smtpd.tls-handshakes-failed"] - before["smtpd.tls-handshakes-failed"], 1)

    def test_a_slow_client(self):
        with tls.greeted(self.server, piece=7) as client:
            self.begin(BOB)
            smtp.check(smtp.transact(client, "sender@client.example", [BOB], noise(20000, 5)), 250)
            self.assertEqual(len(self.new_mail(BOB)), 1)


class Ends(ServerCase):
    """How the connection ends decides whether a 250 counts as read (tests/integration/test_unread.py in the clear)."""

    def in_data(self, number, **options):
        client = tls.greeted(self.server, **options)
        client.expect("MAIL FROM:<sender@client.example>", 250)
        client.expect(f"RCPT TO:<{ALICE}>", 250)
        client.expect("DATA", 354)
        return client, smtp.stuff(smtp.message(number=number))

    def assert_again(self, number, copies):
        """The same message once more: so many copies lie there then."""
        with tls.greeted(self.server) as client:
            smtp.check(smtp.transact(client, "sender@client.example", [ALICE], smtp.message(number=number)), 250)
            client.expect("QUIT", 221)
            client.socket.push(client.socket.end())
        self.assertEqual(len(self.new_mail(ALICE)), copies)

    def deliver_once(self, number):
        client, text = self.in_data(number)
        client.send(text)
        smtp.check(client.reply(), 250)
        return client

    def wait_settled(self, mark):
        self.server.expect_log("event=session", mark)
        tidegate.wait_until(lambda: self.server.status()["deliver.unread-remembered"] == 0, "the receipt has come")

    def setUp(self):
        super().setUp()
        self.begin(ALICE)

    def test_by_a_fin_without_a_word(self):
        client = self.deliver_once("fin")
        mark = self.server.mark()
        client.socket.socket.close()
        self.wait_settled(mark)
        self.assert_again("fin", 2)

    def test_by_close_notify_that_is_answered(self):
        client = self.deliver_once("notify")
        mark = self.server.mark()
        client.socket.push(client.socket.end())
        self.assertTrue(client.is_closed())
        self.assertTrue(client.socket.has_heard_end)
        client.close()
        self.wait_settled(mark)
        self.assert_again("notify", 2)

    def test_by_quit(self):
        client = self.deliver_once("quit")
        mark = self.server.mark()
        client.expect("QUIT", 221)
        self.assertTrue(client.is_closed())
        self.assertTrue(client.socket.has_heard_end)
        client.close()
        self.wait_settled(mark)
        self.assert_again("quit", 2)

    def test_by_reset_before_the_reply_was_read(self):
        client, text = self.in_data("reset")
        client.send(text)
        tidegate.wait_until(lambda: self.server.mail_files(ALICE), "alice has mail")
        mark = self.server.mark()
        client.reset()
        self.server.expect_log("event=session", mark)
        self.assert_again("reset", 1)

    def test_by_garbage_behind_the_reply(self):
        """Bytes that nobody with the keys has sent do not tell that the reply was read."""
        client = self.deliver_once("garbage")
        mark = self.server.mark()
        client.socket.push(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        self.server.expect_log("event=tls-failed .* tls=TLSv1.3 .*reason=protocol", mark)
        self.server.expect_log("event=session .*reason=tls-failed", mark)
        client.close()
        self.assert_again("garbage", 1)

    def test_by_half_a_record(self):
        client = self.deliver_once("half")
        mark = self.server.mark()
        client.socket.push(client.socket.seal(b"QUIT\r\n")[:-3])
        client.socket.socket.close()
        self.server.expect_log("event=session .*reason=reset", mark)
        self.assert_again("half", 1)

    def test_with_the_dot_in_one_write(self):
        """Dot, QUIT and close_notify at once: everything is answered first, and the message is there once."""
        client, text = self.in_data("together")
        stream = client.socket
        mark = self.server.mark()
        stream.push(stream.seal(text + b"QUIT\r\n") + stream.end())
        self.assertIn(b"250 2.0.0", self.raw_replies(stream))
        stream.socket.close()
        self.server.expect_log("event=transaction .*verdict=accepted code=250", mark)
        self.server.expect_log("event=session .*reason=quit", mark)
        self.assertEqual(len(self.new_mail(ALICE)), 1)

    def test_with_the_dot_and_no_quit(self):
        client, text = self.in_data("no-quit")
        stream = client.socket
        mark = self.server.mark()
        stream.push(stream.seal(text) + stream.end())
        self.assertIn(b"250 2.0.0", self.raw_replies(stream))
        stream.socket.close()
        self.server.expect_log("event=transaction .*verdict=accepted code=250", mark)
        self.server.expect_log("event=session .*reason=closed", mark)
        self.assertEqual(len(self.new_mail(ALICE)), 1)

    def raw_replies(self, stream):
        """What comes until the server's end, taken out of its records; unwrap() has put the reading end aside."""
        heard = b""
        while stream.fill():
            try:
                while True:
                    heard += stream.tls.read(65536)
            except ssl.SSLError:
                pass
        return heard


class Implicit(ServerCase):
    @classmethod
    def make_options(cls):
        cls.port = tidegate.free_port()
        return {"config": {'listener "tls"': {"address": f"127.0.0.1:{cls.port}", "tls": "implicit"}, "tls-timeout": 2}}

    def client(self):
        return smtp.Client(("127.0.0.1", self.port))

    def test_python_sends(self):
        self.begin(ALICE)
        with smtplib.SMTP_SSL("127.0.0.1", self.port, local_hostname="client.example", timeout=60,
                              context=tls.make_context()) as client:
            client.ehlo()
            self.assertFalse(client.has_extn("starttls"))
            client.sendmail("sender@client.example", [ALICE], smtp.message(number="implicit"))
        (mail,) = self.new_mail(ALICE)
        self.assertIn(b"with ESMTPS (TLSv1.3 ", mail.replace(b"\n\t", b" "))

    def test_nothing_is_said_before(self):
        with self.client() as client:
            client.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                client.socket.recv(1)
            client.socket.settimeout(15)
            tls.wrap(client)
            client.greet()
            client.expect("STARTTLS", "503 5.5.1")
            client.expect("QUIT", 221)

    def test_plain_text_is_named_in_the_log(self):
        mark = self.server.mark()
        with self.client() as client:
            client.send(b"EHLO \x1b[31mclient\r\n")
            self.assertTrue(client.is_closed())
        self.server.expect_log(r'event=tls-failed .* tls=no reason=plain-text .*sent="EHLO \\x1b\[31mclient\\x0d\\x0a"', mark)

    def test_a_stalled_handshake_ends(self):
        mark = self.server.mark()
        with self.client() as client:
            client.send(tls.Stream(client.socket).first_flight()[:50])
            self.assertTrue(client.is_closed())
        self.server.expect_log("event=tls-failed .*reason=timed-out", mark)

    def test_one_that_speaks_other_listeners_language(self):
        """TLS on a port where STARTTLS is awaited: bytes that are no command."""
        with self.server.client() as client:
            smtp.check(client.reply(), 220)
            client.send(tls.Stream(client.socket).first_flight())
            replies = b"".join(iter(lambda: client.socket.recv(65536), b""))
            self.assertRegex(replies, rb"^(5[0-9][0-9] |421 )")


class Keys(ServerCase):
    """The private keys are in a process of their own; without it no handshake comes about, and nothing else is hurt."""

    def shake_hands(self):
        with self.server.client() as client:
            client.greet()
            try:
                tls.start(client)
            except OSError:
                return False
            return True

    def test_killed(self):
        self.begin(ALICE)
        with tls.greeted(self.server) as client:
            for _ in range(3):
                mark = self.server.mark()
                self.server.kill_child("keys")
                smtp.check(smtp.transact(client, "sender@client.example", [ALICE], smtp.message(number=mark)), 250)
                self.server.expect_log("keys.0 ended", mark)
                tidegate.wait_until(self.shake_hands, "handshakes come about again", 30)
            client.expect("QUIT", 221)
        self.assertEqual(len(self.new_mail(ALICE)), 3)

    def test_stopped(self):
        """One that does not answer: the handshake ends with a reason, and the next clients are not held up for long."""
        mark = self.server.mark()
        pid = self.server.kill_child("keys", signal.SIGSTOP)
        try:
            self.assertFalse(self.shake_hands())
            self.server.expect_log('event=tls-failed .* tls=no reason=crypto detail="tidegate-keys did not answer in time"', mark)
            self.assertFalse(self.shake_hands())
            smtp.check(self.server.deliver(BOB, smtp.message(number="in-the-clear")), 250)
        finally:
            os.kill(pid, signal.SIGCONT)
        tidegate.wait_until(self.shake_hands, "handshakes come about again", 30)


class Drain(unittest.TestCase):
    def test_a_message_under_way_is_finished(self):
        with tidegate.Server() as server:
            sending, idle, halfway = tls.greeted(server), tls.greeted(server), server.client()
            halfway.greet()
            halfway.expect("STARTTLS", 220)
            sending.expect("MAIL FROM:<sender@client.example>", 250)
            sending.expect(f"RCPT TO:<{ALICE}>", 250)
            sending.expect("DATA", 354)
            server.process.send_signal(signal.SIGTERM)
            server.expect_log("ending")
            smtp.check(idle.reply(), 421)
            self.assertTrue(idle.is_closed())
            self.assertTrue(idle.socket.has_heard_end)
            self.assertTrue(halfway.is_closed())
            sending.send(smtp.stuff(smtp.message()))
            smtp.check(sending.reply(), 250)
            smtp.check(sending.say("MAIL FROM:<another@client.example>"), 421)
            self.assertTrue(sending.is_closed())
            self.assertEqual(server.process.wait(20), 0)
            self.assertEqual(len(server.mail(ALICE)), 1)
            for client in (sending, idle, halfway):
                client.close()


if __name__ == "__main__":
    unittest.main()
