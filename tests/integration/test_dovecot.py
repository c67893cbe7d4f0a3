"""Dovecot, unpacked from its Debian package, reads the Maildir that we wrote."""
import os
import subprocess
import unittest

from tests.lib import peers
from tests.lib import server as tidegate
from tests.lib import smtp

ALICE = "alice@example.org"


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class ReadByDovecot(unittest.TestCase):
    def setUp(self):
        self.root = peers.root("dovecot")
        if not self.root:
            self.skipTest("Dovecot cannot be unpacked here")
        peers.devices(self.root)

    def fetch(self, maildir):
        """All messages as doveadm prints them, CRLF-ended, each behind "text:\\n"."""
        inside = os.path.join(self.root, "tmp")
        config = ["ssl=no", "mail_uid=0", "mail_gid=0", "first_valid_uid=0", "mail_location=maildir:/tmp/mail", "log_path=/dev/stderr",
                  "base_dir=/tmp/run"]
        subprocess.run(["mount", "-t", "tmpfs", "none", inside], check=True)
        try:
            os.makedirs(os.path.join(inside, "mail"))
            with open(os.path.join(inside, "dovecot.conf"), "w", encoding="utf-8") as file:
                file.write("\n".join(line.replace("=", " = ", 1) for line in config) + "\n")
            with open(os.path.join(self.root, "etc", "passwd"), "w", encoding="utf-8") as file:
                file.write("root:x:0:0::/:/bin/sh\n")
            with open(os.path.join(self.root, "etc", "group"), "w", encoding="utf-8") as file:
                file.write("root:x:0:\n")
            subprocess.run(["cp", "-r", maildir + "/.", os.path.join(inside, "mail")], check=True)
            done = subprocess.run(["chroot", self.root, "/usr/bin/doveadm", "-c", "/tmp/dovecot.conf", "fetch", "text", "ALL"],
                                  capture_output=True, check=False, env={"USER": "root", "HOME": "/tmp", "PATH": "/usr/sbin:/usr/bin"})
        finally:
            subprocess.run(["umount", inside], check=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_reads_every_byte(self):
        text = b"caf\xc3\xa9\r\n.\r\n..\r\nFrom the start\r\n" + b"x" * 3000 + b"\r\n\r\nend"
        message = smtp.message(text + b"\r\n", number="dovecot")
        with tidegate.Server() as server:
            smtp.check(server.deliver(ALICE, message), 250)
            stored = server.mail(ALICE)[0]
            read = self.fetch(server.maildir(ALICE))
        self.assertTrue(read.startswith(b"text:\n"), read[:50])
        self.assertEqual(read[6:].replace(b"\r\n", b"\n").rstrip(b"\f\n"), stored.rstrip(b"\n"))


if __name__ == "__main__":
    unittest.main()
