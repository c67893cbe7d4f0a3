"""No room: while a message is spooled, while it is delivered, at RCPT; nothing half-done stays, and mail comes in again
as soon as there is room."""
import os
import subprocess
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp

ALICE, BOB = "alice@example.org", "bob@example.org"
MEGABYTE = b"x" * 62 + b"\r\n"
MEGABYTE = MEGABYTE * ((1 << 20) // len(MEGABYTE))


class Base(unittest.TestCase):
    """A server whose mailboxes or state lie on a small file system of their own."""

    def mount(self, folder, size, inodes=0):
        os.makedirs(folder, exist_ok=True)
        options = f"mode=755,size={size}" + (f",nr_inodes={inodes}" if inodes else "")
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)

    def make(self, mail=None, state=None, inodes=0, **config):
        folder = tidegate.new_folder()
        if mail:
            self.mount(os.path.join(folder, "mail"), mail, inodes)
        if state:
            self.mount(os.path.join(folder, "state"), state)
        config = {"disk-margin": 0, "inode-margin": 0, **{key.replace("_", "-"): value for key, value in config.items()}}
        server = tidegate.Server(folder=folder, config=config)
        server.start()
        self.addCleanup(self.end, server)
        return server

    def end(self, server):
        self.assertEqual(server.stop(), 0)

    def untouched(self, server, *addresses):
        for address in addresses:
            self.assertEqual(server.mail(address), [], address)
            self.assertEqual(server.leftovers(address), [], address)

    def fill(self, server, leave):
        """Fills the mailboxes' disk but for so many bytes; returns the file."""
        path = os.path.join(server.mailboxes, "filler")
        facts = os.statvfs(server.mailboxes)
        subprocess.run(["fallocate", "-l", str(facts.f_bavail * facts.f_frsize - leave), path], check=True)
        return path


class Delivering:
    """What happens when the mailboxes' disk fills up, whatever file system it is."""

    def test_full_while_delivering_to_the_second_mailbox(self):
        server = self.make(mail="8m")
        smtp.check(server.deliver([ALICE, BOB], smtp.message(number="first")), 250)
        for address in (ALICE, BOB):
            for path in server.mail_files(address):
                os.unlink(path)
        filler = self.fill(server, 1500000)
        message = smtp.message(MEGABYTE, number="big")
        smtp.check(server.deliver([ALICE, BOB], message), "452 4.3.1")
        self.untouched(server, ALICE, BOB)
        os.unlink(filler)
        smtp.check(server.deliver([ALICE, BOB], message), "250 2.0.0")
        self.assertEqual((len(server.mail(ALICE)), len(server.mail(BOB))), (1, 1))

    def test_full_at_rcpt(self):
        server = self.make(mail="8m", disk_margin="4M")
        with server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example> SIZE=5000000", 250)
            client.expect(f"RCPT TO:<{ALICE}>", "452 4.3.1")
            client.expect("RSET", 250)
            client.expect("MAIL FROM:<sender@client.example> SIZE=1000", 250)
            client.expect(f"RCPT TO:<{ALICE}>", "250 2.1.5")


@unittest.skipUnless(tidegate.IS_ROOT and tidegate.HAS_OWN_NETWORK, "needs root and mounts of its own")
class Disk(Base, Delivering):
    def test_no_inodes(self):
        server = self.make(mail="8m", inodes=12)
        codes = [server.deliver(ALICE, smtp.message(number=f"inode-{number}")).code for number in range(12)]
        self.assertEqual(codes[0], 250)
        self.assertEqual(codes[-1], 452)
        self.assertEqual(len(server.mail(ALICE)), codes.count(250))
        self.assertEqual(server.leftovers(ALICE), [])

    def test_full_while_spooling(self):
        server = self.make(state="3m")
        reply = server.deliver(ALICE, smtp.message(MEGABYTE * 5, number="spooled"))
        smtp.check(reply, "452 4.3.1")
        self.untouched(server, ALICE)
        smtp.check(server.deliver(ALICE, smtp.message(number="small")), "250 2.0.0")
        smtp.check(server.deliver(ALICE, smtp.message(MEGABYTE, number="fits")), "250 2.0.0")

    def test_spool_budget(self):
        server = self.make(spool_budget="1M", memory_budget="1M")
        smtp.check(server.deliver(ALICE, smtp.message(MEGABYTE * 3, number="over")), "452 4.3.1")
        self.untouched(server, ALICE)
        smtp.check(server.deliver(ALICE, smtp.message(number="small")), "250 2.0.0")

    def test_the_spool_gives_its_room_back(self):
        server = self.make(state="3m")
        for number in range(8):
            smtp.check(server.deliver(ALICE, smtp.message(MEGABYTE, number=f"again-{number}")), "250 2.0.0")
            with server.client() as client:
                client.greet()
                client.expect("MAIL FROM:<sender@client.example>", 250)
                client.expect(f"RCPT TO:<{ALICE}>", 250)
                client.expect("DATA", 354)
                client.send(MEGABYTE)
                client.reset()


@unittest.skipUnless(tidegate.IS_ROOT and tidegate.HAS_OWN_NETWORK, "needs root and mounts of its own")
class Ext4(Base, Delivering):
    """The same on an ext4 of its own, where room is given out late (delayed allocation)."""

    def mount(self, folder, size, inodes=0):
        os.makedirs(folder, exist_ok=True)
        image = folder.rstrip("/") + ".image"
        subprocess.run(["truncate", "-s", size, image], check=True)
        words = ["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", image]
        if subprocess.run(words, capture_output=True, check=False).returncode:
            self.skipTest("mkfs.ext4 is not to be had")
        if subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, check=False).returncode:
            self.skipTest("no loop device is to be had")
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        if folder.endswith("mail"):
            os.rmdir(os.path.join(folder, "lost+found"))


if __name__ == "__main__":
    unittest.main()
