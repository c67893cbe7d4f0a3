"""A user's mail program hands in mail: over TLS, with a password, by the clients that people use."""
import base64
import smtplib
import subprocess
import unittest

from tests.lib import memory
from tests.lib import peers
from tests.lib import server as tidegate
from tests.lib import smtp, tls
from tests.lib.cases import ServerCase

ALICE, BOB = "alice@example.org", "bob@example.org"
PASSWORD = "an open secret, long enough that memory which is given back keeps some of it"
RECIPIENTS = (f"{ALICE} maildir\n{BOB} maildir\ninfo@example.org alias {ALICE}\n"
              f"team@example.org alias {ALICE} {BOB}\n*@example.net maildir\n")
MESSAGE = "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: handed in\r\n\r\ntext\r\n"


def plain(user, password):
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


class Submission(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.implicit, cls.starttls, cls.mx = (tidegate.free_port() for _ in range(3))
        cls.server = tidegate.Server(recipients=RECIPIENTS, config={
            "users": "users",
            'listener "implicit"': {"address": f"127.0.0.1:{cls.implicit}", "role": "submission", "tls": "implicit"},
            'listener "starttls"': {"address": f"127.0.0.1:{cls.starttls}", "role": "submission", "tls": "starttls"}})
        try:
            cls.server.compile_map()
            for user in (ALICE, BOB):
                cls.server.add_user(user, PASSWORD)
            cls.server.start()
        except BaseException:
            cls.server.remove()
            raise

    def log_in(self, user=ALICE, password=PASSWORD, mechanism=None):
        client = smtplib.SMTP_SSL("127.0.0.1", self.implicit, local_hostname="client.example", timeout=30, context=tls.make_context())
        self.addCleanup(client.close)
        if mechanism:
            client.ehlo()
            client.esmtp_features["auth"] = mechanism
        client.login(user, password)
        return client

    def test_plain_and_login_by_both_kinds_of_tls(self):
        for mechanism in ("PLAIN", "LOGIN"):
            for is_implicit in (True, False):
                self.begin(BOB)
                since = self.server.mark()
                if is_implicit:
                    client = self.log_in(mechanism=mechanism)
                else:
                    client = smtplib.SMTP("127.0.0.1", self.starttls, local_hostname="client.example", timeout=30)
                    self.addCleanup(client.close)
                    client.ehlo()
                    self.assertNotIn("auth", client.esmtp_features)
                    client.starttls(context=tls.make_context())
                    client.ehlo()
                    self.assertEqual(client.esmtp_features["auth"].split(), ["PLAIN", "LOGIN"])
                    client.esmtp_features["auth"] = mechanism
                    client.login(ALICE, PASSWORD)
                client.sendmail(ALICE, [BOB], MESSAGE)
                client.quit()
                mail = self.new_mail(BOB)
                self.assertEqual(len(mail), 1)
                self.assertRegex(mail[0], rb"(?m)^\s+by mx\.example\.org with ESMTPSA ")
                self.assertTrue(mail[0].endswith(MESSAGE.replace("\r\n", "\n").encode()))
                self.server.expect_log(rf"event=transaction .*auth={ALICE} .*spf=exempt.*verdict=accepted", since)
                self.server.expect_log(rf"event=session .*auth={ALICE} ", since)

    def test_a_wrong_password_and_an_unknown_user(self):
        since = self.server.mark()
        for user, password in ((ALICE, "wrong"), ("nobody@example.org", PASSWORD), ("alice", PASSWORD)):
            with self.assertRaises(smtplib.SMTPAuthenticationError) as caught:
                self.log_in(user, password, mechanism="PLAIN")
            self.assertEqual(caught.exception.smtp_code, 535)
            self.assertTrue(caught.exception.smtp_error.startswith(b"5.7.8 "))
        self.server.expect_log("event=auth-failed client=127.0.0.1", since)

    def test_passwords_are_in_no_log(self):
        since = self.server.mark()
        self.log_in().quit()
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.log_in(BOB, "a-wrong-secret", mechanism="LOGIN")
        self.server.expect_log(f"event=session .*auth={ALICE}", since)
        text = "\n".join(self.server.log.lines[since:])
        for secret in (PASSWORD, "a-wrong-secret"):
            self.assertNotIn(secret, text)
            self.assertNotIn(base64.b64encode(secret.encode()).decode()[:12], text)

    @memory.needs_memory
    def test_passwords_are_left_in_no_memory(self):
        clients = [self.log_in(mechanism=mechanism) for mechanism in ("PLAIN", "LOGIN")]
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.log_in(BOB, "a-wrong-secret", mechanism="PLAIN")
        secrets = [PASSWORD.encode()[-20:], base64.b64encode(PASSWORD.encode())[-20:], plain(ALICE, PASSWORD).encode()[-20:],
                   b"a-wrong-secret", plain(BOB, "a-wrong-secret").encode()[-20:]]
        # auth overwrites what it was asked behind its answer, and before it hears anything else.
        self.server.status()
        users = []
        for pid, role in [*self.server.children(), (self.server.process.pid, "master")]:
            held = memory.memory_of(pid)
            users += [role] if ALICE.encode() in held else []
            self.assertEqual([secret for secret in secrets if secret in held], [], role)
        self.assertIn("smtpd", users, "a user is known there, or this test finds nothing")
        for client in clients:
            client.quit()

    def test_without_a_login_nothing_is_taken(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.implicit, local_hostname="client.example", timeout=30, context=tls.make_context()) as client:
            client.ehlo()
            self.assertEqual(client.mail(ALICE)[0], 530)
        # In the clear there is neither.
        with smtp.Client(("127.0.0.1", self.starttls)) as client:
            client.greet()
            client.expect("AUTH PLAIN " + plain(ALICE, PASSWORD), "538 5.7.11")
            client.expect(f"MAIL FROM:<{ALICE}>", "530 5.7.0")

    def test_whose_address_it_is(self):
        client = self.log_in()
        for sender in (ALICE, "alice+news@example.org", "info@example.org", "postmaster@example.org", ""):
            self.assertEqual(client.mail(sender)[0], 250, sender)
            client.rset()
        for sender in (BOB, "team@example.org", "x@example.net", "nobody@example.org", "alice@elsewhere.example"):
            code, text = client.mail(sender)
            self.assertEqual((code, text[:6]), (553, b"5.7.1 "), sender)
        client.quit()

    def test_to_whom_it_goes(self):
        client = self.log_in()
        client.mail(ALICE)
        code, text = client.rcpt("somebody@elsewhere.example")
        self.assertEqual((code, text[:6]), (550, b"5.7.1 "))
        self.assertIn(b"smart host", text)
        self.assertEqual(client.rcpt("nobody@example.org")[0], 550)
        self.assertEqual(client.rcpt("x@example.net")[0], 250)
        client.rset()
        client.quit()

    def test_a_session_keeps_its_user_and_a_changed_password_takes_hold(self):
        client = self.log_in(BOB)
        mark = self.server.mark()
        done = subprocess.run(self.server.command("user", "passwd", BOB), input=b"another\n", capture_output=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.addCleanup(subprocess.run, self.server.command("user", "passwd", BOB), input=PASSWORD.encode(), timeout=30, check=True)

        # Each try before that would be a failure more, and soon one too many.
        self.server.expect_log("new users are in force", mark)

        def is_taken():
            try:
                self.log_in(BOB, "another", mechanism="PLAIN").quit()
                return True
            except smtplib.SMTPAuthenticationError:
                return False

        tidegate.wait_until(is_taken, "the new password is good")
        self.assertEqual(client.mail(BOB)[0], 250)
        client.rset()
        client.quit()

    def test_counters(self):
        def counters():
            numbers = self.server.status()
            return [sum(number for name, number in numbers.items() if name.endswith(end)) for end in ("accepted.login", "refused.login-failed")]

        passed, failed = counters()
        self.log_in().quit()
        with self.assertRaises(smtplib.SMTPAuthenticationError):
            self.log_in(BOB, "wrong", mechanism="PLAIN")
        self.assertEqual(counters(), [passed + 1, failed + 1])

    @unittest.skipUnless(peers.swaks(), "swaks cannot be unpacked here")
    def test_swaks(self):
        for mechanism in ("PLAIN", "LOGIN"):
            self.begin(BOB)
            words = [*peers.swaks(), "--server", f"127.0.0.1:{self.starttls}", "-tls", "--helo", "client.example", "--auth", mechanism, "--auth-user", ALICE,
                     "--auth-password", PASSWORD, "--from", ALICE, "--to", BOB, "--body", "sent by swaks"]
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(b"sent by swaks", self.new_mail(BOB)[0])
        done = subprocess.run(words[:-2] + ["--auth-password", "wrong"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 28, done.stdout)
        self.assertIn("535 5.7.8", done.stdout)

    @unittest.skipUnless(peers.root("msmtp"), "msmtp cannot be unpacked here")
    def test_msmtp(self):
        root = peers.root("msmtp")
        peers.devices(root)
        for port, is_starttls in ((self.implicit, "off"), (self.starttls, "on")):
            for mechanism in ("plain", "login"):
                self.begin(BOB)
                words = ["chroot", root, "/usr/bin/msmtp", "--host=127.0.0.1", f"--port={port}", "--domain=client.example", f"--from={ALICE}",
                         "--timeout=60", "--tls=on", f"--tls-starttls={is_starttls}", "--tls-certcheck=off", f"--auth={mechanism}",
                         f"--user={ALICE}", f"--passwordeval=printf %s '{PASSWORD}'", "--", BOB]
                done = subprocess.run(words, input=MESSAGE.replace("\r\n", "\n").encode(), capture_output=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(len(self.new_mail(BOB)), 1)


class OneUser(unittest.TestCase):
    def prepare(self, user):
        """A server that is not started yet, and its port for users."""
        port = tidegate.free_port()
        server = tidegate.Server(recipients=RECIPIENTS, config={
            "users": "users", 'listener "users"': {"address": f"127.0.0.1:{port}", "role": "submission", "tls": "implicit"}})
        self.addCleanup(server.remove)
        server.compile_map()
        server.add_user(user, PASSWORD)
        return server, port

    def test_who_became_an_alias_does_not_become_its_owner(self):
        server, port = self.prepare(BOB)
        server.write_recipients(f"{ALICE} maildir\n{BOB} alias {ALICE}\n")
        with server:
            with smtplib.SMTP_SSL("127.0.0.1", port, local_hostname="client.example", timeout=30, context=tls.make_context()) as client:
                client.login(BOB, PASSWORD)
                for sender in (ALICE, BOB):
                    self.assertEqual(client.mail(sender)[0], 553, sender)

    def test_a_dead_auth_is_454_and_the_next_one_answers(self):
        server, port = self.prepare(ALICE)
        with server:
            with smtplib.SMTP_SSL("127.0.0.1", port, local_hostname="client.example", timeout=30, context=tls.make_context()) as client:
                client.ehlo()
                server.kill_child("auth")
                code, text = client.docmd("AUTH", "PLAIN " + plain(ALICE, PASSWORD))
                self.assertEqual((code, text[:6]), (454, b"4.7.0 "))

                def is_back():
                    return client.docmd("AUTH", "PLAIN " + plain(ALICE, PASSWORD))[0] == 235

                tidegate.wait_until(is_back, "auth is back")


if __name__ == "__main__":
    unittest.main()
