"""Dovecot, unpacked from its Debian package, reads the Maildir that we wrote."""
import os
import subprocess
import unittest

from tests.lib import peers
from tests.lib import server as tidegate
from tests.lib import smtp

ALICE = "alice@example.org"
UID = tidegate.MAILBOX_UID


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class ReadByDovecot(unittest.TestCase):
    def setUp(self):
        self.root = peers.root("dovecot")
        if not self.root:
            self.skipTest("Dovecot cannot be unpacked here")
        peers.devices(self.root)

    def fetch(self, maildir):
        """All messages as doveadm prints them, CRLF-ended, each behind "text:\n"."""
        inside = os.path.join(self.root, "tmp")
        config = ("ssl = no\nfirst_valid_uid = 1\nmail_location = maildir:/tmp/mail\nlog_path = /dev/stderr\n"
                  "base_dir = /tmp/run\n")
        subprocess.run(["mount", "-t", "tmpfs", "none", inside], check=True)
        try:
            for name, text in (("tmp/dovecot.conf", config), ("etc/passwd", f"vmail:x:{UID}:{UID}::/tmp:/bin/sh\n"),
                               ("etc/group", f"vmail:x:{UID}:\n")):
                with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            subprocess.run(["cp", "-r", maildir, os.path.join(inside, "mail")], check=True)
            subprocess.run(["chown", "-R", f"{UID}:{UID}", os.path.join(inside, "mail")], check=True)
            done = subprocess.run(["chroot", f"--userspec={UID}:{UID}", self.root, "/usr/bin/doveadm", "-c", "/tmp/dovecot.conf",
                                   "fetch", "text", "ALL"], capture_output=True, check=False,
                                  env={"USER": "vmail", "HOME": "/tmp", "PATH": "/usr/sbin:/usr/bin"})
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
