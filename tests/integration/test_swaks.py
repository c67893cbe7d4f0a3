"""swaks, the postmaster's own test client."""
import subprocess
import unittest

from tests.lib import peers
from tests.lib.cases import ServerCase


@unittest.skipUnless(peers.swaks(), "swaks cannot be unpacked here")
class Swaks(ServerCase):
    def swaks(self, *words):
        return subprocess.run([*peers.swaks(), "--server", f"127.0.0.1:{self.server.port}", "--helo", "client.example", "--from",
                               "sender@client.example", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)

    def test_sends(self):
        self.begin("alice@example.org")
        done = self.swaks("--to", "alice@example.org", "--body", "sent by swaks")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"sent by swaks", self.new_mail("alice@example.org")[0])

    def test_pipelines(self):
        self.begin("alice@example.org", "bob@example.org")
        done = self.swaks("--pipeline", "--to", "alice@example.org,bob@example.org")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.new_mail("alice@example.org") + self.new_mail("bob@example.org")), 2)

    def test_is_refused(self):
        done = self.swaks("--to", "nobody@example.org")
        self.assertEqual(done.returncode, 24, done.stdout)
        self.assertIn("550 5.1.1", done.stdout)


@unittest.skipUnless(peers.swaks(), "swaks cannot be unpacked here")
class SwaksForOthers(ServerCase):
    """As a proxy that speaks SMTP: XCLIENT."""

    options = {"config": {"xclient-from": ["127.0.0.1"]}}

    def swaks(self, *words, local="127.0.0.1"):
        return subprocess.run([*peers.swaks(), "--server", f"127.0.0.1:{self.server.port}", "--local-interface", local, "--helo",
                               "client.example", "--from", "sender@client.example", "--to", "alice@example.org", *words],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)

    def test_names_a_client(self):
        self.begin("alice@example.org")
        done = self.swaks("--xclient-addr", "127.0.0.77", "--xclient-name", "mail.client.example", "--xclient-port", "4711",
                          "--xclient-proto", "ESMTP", "--xclient-helo", "told.example", "--xclient-login", "bob@example.org",
                          "--xclient-destaddr", "203.0.113.25", "--xclient-destport", "25")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT", done.stdout)
        mail = self.new_mail("alice@example.org")[0]
        self.assertIn(b"from client.example (mail.client.example [127.0.0.77])", mail)
        line = self.server.expect_log("event=transaction .*client=127.0.0.77 proxy=127.0.0.1 .*code=250", since=self.log_mark)
        self.assertNotIn("bob", line)

    def test_names_a_client_in_two_commands(self):
        self.begin("alice@example.org")
        done = self.swaks("--xclient-helo", "told.example", "--xclient-delim", "--xclient-addr", "IPV6:::1")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"[IPv6:::1]", self.new_mail("alice@example.org")[0])

    def test_an_attribute_that_is_wrong(self):
        done = self.swaks("--xclient", "ADDR=nowhere")
        self.assertIn("501 5.5.4 Attribute ADDR of XCLIENT", done.stdout)
        self.assertNotEqual(done.returncode, 0)

    def test_another_host_may_not(self):
        done = self.swaks("--xclient", "ADDR=127.0.0.1", local="127.0.0.8")
        self.assertNotIn("XCLIENT NAME", done.stdout)
        self.assertNotEqual(done.returncode, 0)
        done = self.swaks("--xclient-no-verify", "--xclient-addr", "127.0.0.1", local="127.0.0.8")
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
