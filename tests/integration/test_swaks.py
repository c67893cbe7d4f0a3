"""swaks, the postmaster's own test client."""
import shutil
import subprocess
import unittest

from tests.lib.cases import ServerCase


@unittest.skipUnless(shutil.which("swaks"), "swaks is not installed")
class Swaks(ServerCase):
    def swaks(self, *words):
        return subprocess.run(["swaks", "--server", f"127.0.0.1:{self.server.port}", "--helo", "client.example", "--from",
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


if __name__ == "__main__":
    unittest.main()
