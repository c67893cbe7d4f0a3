"""`tidegate trace`: the dialogue of matching sessions, without passwords and message text, and nobody waits for its reader."""
import base64
import os
import re
import select
import signal
import smtplib
import subprocess
import time
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp, tls
from tests.lib.cases import ServerCase

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ([0-9a-f]{16}) (C: |S: |\* )(.*)$")
SECRET = "AGFsaWNlQGV4YW1wbGUub3JnAG9wZW4tc2VzYW1l"


class Trace:
    """A running `tidegate trace`. Lines are (session, mark, text)."""

    def __init__(self, server, *networks):
        self.process = subprocess.Popen(server.command("trace", "--ip", ",".join(networks)), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.raw = b""
        self.expect(r"is traced from here on")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    @property
    def lines(self):
        found = []
        for line in self.raw.decode("ascii").split("\n")[:-1]:
            match = LINE.match(line)
            if not match:
                raise AssertionError(f"no line of a trace: {line!r}")
            found.append((match.group(1), match.group(2).strip(": "), match.group(3)))
        return found

    def texts(self):
        return [f"{mark} {text}" for _, mark, text in self.lines]

    def read(self, seconds):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        data = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
        self.raw += data
        return bool(data)

    def expect(self, pattern, seconds=15.0):
        """Reads until a line matches; returns all lines."""
        deadline = time.monotonic() + seconds
        while not any(re.search(pattern, text) for text in self.texts()):
            left = deadline - time.monotonic()
            if left <= 0 or not self.read(left):
                raise AssertionError(f"no line like {pattern!r}:\n" + self.raw.decode(errors="replace") +
                                     (self.process.stderr.read().decode() if self.process.poll() is not None else ""))
        return self.lines

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(15)


class Traces(ServerCase):
    options = {"config": {"max-errors": 100}}

    def talk(self, source="127.0.0.1", text="secret text"):
        with self.server.client(source) as client:
            client.reply()
            client.send(b"EHLO client.example\r\n")
            client.reply()
            smtp.check(smtp.transact(client, "sender@client.example", ["alice@example.org"],
                                     smtp.message(text + "\r\n")), 250)
            client.send(b"QUIT\r\n")
            client.reply()

    def test_both_directions_in_order(self):
        with Trace(self.server, "127.0.3.0/24") as trace:
            self.talk("127.0.3.1")
            trace.expect(r"^\* ended: quit")
            texts = [text for text in trace.texts() if "traced from here on" not in text]
            self.assertEqual(len({session for session, _, text in trace.lines if "traced from" not in text}), 1, trace.texts())
            self.assertEqual(texts[0], "* client 127.0.3.1")
            self.assertRegex(texts[1], r"^S 220 mx\.example\.org ESMTP")
            self.assertEqual(texts[2], "C EHLO client.example")
            self.assertIn("S 250-8BITMIME", texts)
            at = texts.index("C MAIL FROM:<sender@client.example>")
            self.assertRegex(texts[at + 1], r"^S 250 2\.1\.0 ")
            self.assertEqual(texts[at + 2], "C RCPT TO:<alice@example.org>")
            self.assertRegex(texts[at + 3], r"^S 250 2\.1\.5 ")
            self.assertEqual(texts[at + 4], "C DATA")
            self.assertRegex(texts[at + 5], r"^S 354 ")
            self.assertRegex(texts[at + 6], r"^C \(\d+ octets of text, with the final dot\)$")
            self.assertRegex(texts[at + 7], r"^S 250 2\.0\.0 Delivered")
            self.assertEqual(texts[at + 8], "C QUIT")
            self.assertNotIn(b"secret text", trace.raw)
            log = self.server.expect_log(r"event=session .*reason=quit", self.log_mark)
            self.assertIn("session=" + trace.lines[-1][0], log)
            self.assertEqual(trace.stop(), 0)

    def test_other_clients_are_not_shown(self):
        with Trace(self.server, "127.0.0.9", "2001:db8::/32") as trace:
            self.talk("127.0.0.8")
            self.talk("127.0.0.9")
            trace.expect(r"^\* ended: quit")
            clients = [text for text in trace.texts() if text.startswith("* client")]
            self.assertEqual(clients, ["* client 127.0.0.9"])
            self.assertEqual(trace.stop(signal.SIGTERM), 0)

    def test_a_session_that_is_there_already(self):
        with self.server.client() as client:
            client.greet()
            with Trace(self.server, "127.0.0.1") as trace:
                client.send(b"NOOP now\r\n")
                client.reply()
                trace.expect(r"^C NOOP now$")
                trace.expect(r"^S 250 2\.0\.0 ")

    def test_passwords_are_blanked(self):
        with Trace(self.server, "127.0.0.1") as trace:
            with self.server.client() as client:
                client.greet()
                client.send(b"AUTH PLAIN " + SECRET.encode() + b"\r\nauth login\r\n" + SECRET.encode() +
                            b"\r\nAUTH\t" + SECRET.encode() + b"\r\n" + SECRET.encode() + b"\r\nNOOP\r\nQUIT\r\n")
                while client.reply().code != 221:
                    pass
            trace.expect(r"^\* ended: quit")
            self.assertNotIn(SECRET.encode()[:12], trace.raw)
            self.assertIn("C AUTH PLAIN (the rest is blanked)", trace.texts())
            self.assertEqual(trace.texts().count("C (blanked)"), 2)
            self.assertIn("C NOOP", trace.texts())

    def test_chunks_and_odd_bytes(self):
        with Trace(self.server, "127.0.0.1") as trace:
            with self.server.client() as client:
                client.greet()
                client.send(b"MAIL FROM:<s@c.example> SMTPUTF8\r\nRCPT TO:<alice@example.org>\r\nBDAT 12\r\nSubject: x\r\n"
                            b"BDAT 6 LAST\r\n\r\nhey!NOOP \x1b[31m\\\xc3\xbc\r\nNOOP " + b"x" * 2500 + b"\r\nQUIT\r\n")
                while client.reply().code != 221:
                    pass
            trace.expect(r"^\* ended: quit")
            texts = trace.texts()
            self.assertIn("C BDAT 12", texts)
            self.assertIn("C (12 octets of a chunk)", texts)
            self.assertIn("C (6 octets of a chunk)", texts)
            self.assertIn(r"C NOOP \x1b[31m\x5c\xc3\xbc", texts)
            self.assertTrue(any(re.match(r"C \(25\d\d octets in a line that is too long\)", text) for text in texts))
            self.assertNotIn(b"hey!", trace.raw)

    def test_inside_tls(self):
        context = tls.make_context()
        with Trace(self.server, "127.0.0.1") as trace:
            with self.server.client() as client:
                client.greet()
                client.send(b"STARTTLS\r\n")
                smtp.check(client.reply(), 220)
                with context.wrap_socket(client.socket.dup(), server_hostname="mx.example.org") as inside:
                    inside.sendall(b"EHLO inside.example\r\nQUIT\r\n")
                    while inside.recv(65536):
                        pass
            trace.expect(r"^\* ended: quit")
            self.assertIn("C STARTTLS", trace.texts())
            self.assertIn("C EHLO inside.example", trace.texts())
            self.assertTrue(any(text.startswith("* TLS ") for text in trace.texts()))

    def test_four_at_once_and_no_fifth(self):
        traces = []
        try:
            for number in range(4):
                traces.append(Trace(self.server, f"127.0.1.{number}", "127.0.0.1"))
            code, out, err = self.server.run("trace", "--ip", "127.0.0.1")
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, "four traces are running")
            self.talk()
            for trace in traces:
                trace.expect(r"^\* ended: quit")
            # One whose reader dies makes way, without a session to tell.
            traces[0].process.kill()
            traces[0].process.wait()
            tidegate.wait_until(lambda: self.try_one(traces), "a free place for a trace")
        finally:
            for trace in traces:
                trace.__exit__()

    def try_one(self, traces):
        try:
            traces.append(Trace(self.server, "127.0.0.1"))
            return True
        except AssertionError:
            return False

    def test_a_reader_that_stands_still(self):
        """The pipe runs full; sessions go on; afterwards the trace says what it lost."""
        with Trace(self.server, "127.0.0.1") as trace:
            trace.process.send_signal(signal.SIGSTOP)
            with self.server.client(timeout=60) as client:
                client.greet()
                client.expect("MAIL FROM:<sender@client.example>", 250)
                for _ in range(400):
                    smtp.check(client.say(b"VRFY " + b"\xff" * 1500), 252)
                trace.process.send_signal(signal.SIGCONT)
                tidegate.wait_until(lambda: self.drained(trace, client), "a line about what is lost", 30)
            lost = [int(text.split()[-1]) for text in trace.texts() if text.startswith("* lines lost here: ")]
            self.assertTrue(lost and lost[0] > 0, lost)

    def drained(self, trace, client):
        trace.read(0.2)
        client.say("VRFY somebody")
        return any(text.startswith("* lines lost here: ") for text in trace.texts())

    def test_command_line(self):
        for words in ([], ["--ip"], ["--ip", "127.0.0.1", "x"]):
            self.assertEqual(self.server.run("trace", *words)[0], 2, words)
        for network in ("nonsense", "10.0.0.1/8", "127.0.0.1,,::1", ""):
            code, _, err = self.server.run("trace", "--ip", network)
            self.assertEqual(code, 1, network)
            self.assertNotEqual(err, "")


class Passwords(unittest.TestCase):
    """Real users of a submission listener, by each way to say a password."""

    def test_a_password_is_never_shown(self):
        context = tls.make_context()
        port = tidegate.free_port()
        config = {'listener "submission"': {"address": f"127.0.0.1:{port}", "role": "submission", "tls": "implicit"},
                  "users": "users"}
        server = tidegate.Server(config=config)
        server.compile_map()
        server.add_user("alice@example.org", "open-sesame")
        with server:
            with Trace(server, "127.0.0.1") as trace:
                for mechanism in ("PLAIN", "LOGIN"):
                    with smtplib.SMTP_SSL("127.0.0.1", port, "client.example", timeout=60, context=context) as client:
                        client.ehlo()
                        client.user, client.password = "alice@example.org", "open-sesame"
                        code, _ = client.auth(mechanism, getattr(client, "auth_" + mechanism.lower()),
                                              initial_response_ok=mechanism == "PLAIN")
                        self.assertEqual(code, 235)
                trace.expect(r"^\* ended: quit")
                tidegate.wait_until(lambda: sum(text == "* ended: quit" for text in trace.texts()) == 2 or trace.read(0.2) is None,
                                    "two sessions in the trace")
                shown = trace.raw.decode()
                for secret in ("open-sesame", base64.b64encode(b"open-sesame").decode(), base64.b64encode(b"alice@example.org").decode(),
                               base64.b64encode(b"\0alice@example.org\0open-sesame").decode()):
                    self.assertNotIn(secret, shown)
                self.assertIn("C: AUTH PLAIN (the rest is blanked)", shown)
                self.assertIn("C: AUTH LOGIN", shown)
                self.assertEqual(trace.texts().count("C (blanked)"), 2)
                self.assertEqual(sum(text.startswith("S 235 ") for text in trace.texts()), 2)


class Restarts(unittest.TestCase):
    def test_a_new_smtpd_is_traced_too_and_the_end_is_told(self):
        with tidegate.Server() as server:
            with Trace(server, "127.0.0.1") as trace:
                server.kill_child("smtpd")
                tidegate.wait_until(lambda: trace.read(0.2) and sum("traced from here on" in text for text in trace.texts()) > 1,
                                    "the new smtpd in the trace", 30)
                with server.client() as client:
                    client.greet()
                trace.expect(r"^\* ended: closed")
                server.stop()
                self.assertEqual(trace.process.wait(15), 1)
                self.assertRegex(trace.process.stderr.read().decode(), "the server has ended")

    def test_nobody_runs(self):
        server = tidegate.Server()
        try:
            code, _, err = server.run("trace", "--ip", "127.0.0.1")
            self.assertEqual(code, 1)
            self.assertRegex(err, "no server runs")
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
