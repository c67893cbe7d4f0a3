"""Exim 4 as the sending MTA: it sends by BDAT and asks for PRDR wherever both are offered."""
import os
import random
import re
import subprocess
import unittest
from collections import Counter

from tests.lib import exim
from tests.lib import server as tidegate
from tests.lib import smtp

# limit: 240
ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
RECIPIENTS = "".join(f"{address} maildir\n" for address in (ALICE, BOB, CAROL))
COUNT = 200
SIZES = (0, 1, 100, 1000, 5000, 32700, 32800, 70000, 262000, 263000)
# Its transport's options.
PLAIN = {"hosts_avoid_tls": "*"}
BY_TLS = {"hosts_require_tls": "*"}
BY_DATA = {"hosts_try_chunking": ""}


def text(chance, number, size):
    """A legal message of about this size: lines of all lengths, dots, 8-bit."""
    message = smtp.message("", number=f"exim-{number}")
    while len(message) < size:
        line = bytes(chance.choices(b"abcdefgh. .\xe9", k=min(chance.choice((0, 1, 3, 70, 990)), size)))
        message += line + b"\r\n"
    return message


def as_sent(stored):
    """A message in a mailbox without what we and Exim have put on top."""
    rest = tidegate.split_mail(stored)[1]
    head = re.match(rb"Received: [^\n]*by sender\.example[^\n]*\n([ \t][^\n]*\n)*", rest)
    if not head:
        raise AssertionError(f"no Received field of Exim's: {rest[:300]!r}")
    return rest[head.end():]


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class FromExim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not exim.is_there():
            raise unittest.SkipTest("Exim cannot be unpacked here")

    def check_mailbox(self, server, address, messages):
        """Exactly these messages, byte for byte, in any order."""
        expected = Counter(message.replace(b"\r\n", b"\n") for message in messages)
        stored = Counter(as_sent(raw) for raw in server.mail(address))
        self.assertEqual(sum(stored.values()), len(messages), address)
        self.assertTrue(stored == expected, f"{address} has messages that differ from those sent")

    def send_mixed_sizes(self, options):
        """Two hundred messages; Exim's lines about their deliveries."""
        chance = random.Random(4096)
        messages = [text(chance, number, chance.choice(SIZES)) for number in range(COUNT)]
        to_two = messages[::4]
        with tidegate.Server(recipients=RECIPIENTS) as server, exim.Exim(server.port, **options) as sender:
            sender.send_all((f"sender-{number}@client.example", [ALICE] if number % 4 else [ALICE, BOB], message)
                            for number, message in enumerate(messages))
            sender.flush(runners=16)
            self.assertEqual(sender.queue(), [], sender.log())
            self.check_mailbox(server, ALICE, messages)
            self.check_mailbox(server, BOB, to_two)
            lines = re.findall(r"(?m)^.* [=-]> .*$", sender.log())
            self.assertEqual(len(lines), COUNT + len(to_two))
            self.assertEqual(sum(" PRDR " in line for line in lines), 2 * len(to_two))
            return lines

    def test_mixed_sizes_by_bdat(self):
        self.assertTrue(all(" K " in line for line in self.send_mixed_sizes(PLAIN)))

    def test_mixed_sizes_by_data(self):
        self.assertFalse(any(" K " in line for line in self.send_mixed_sizes({**PLAIN, **BY_DATA})))

    def test_mixed_sizes_by_bdat_over_tls(self):
        lines = self.send_mixed_sizes(BY_TLS)
        self.assertTrue(all(" K " in line and re.search(r" X=TLS1\.[23]:", line) for line in lines))

    def test_mixed_sizes_by_data_over_tls(self):
        lines = self.send_mixed_sizes({**BY_TLS, **BY_DATA})
        self.assertTrue(all(" K " not in line and re.search(r" X=TLS1\.[23]:", line) for line in lines))

    def small_mailbox(self, server, address):
        """A mailbox on a disk of its own; returns its folder."""
        folder = server.maildir(address)
        os.makedirs(folder)
        uid = tidegate.MAILBOX_UID
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=256k,mode=700,uid={uid},gid={uid}", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        os.chown(os.path.dirname(folder), uid, uid)
        return folder

    def refuse_one_of_three(self, options):
        message = text(random.Random(7), "three", 1 << 20)
        server = tidegate.Server(recipients=RECIPIENTS, config={"disk-margin": 0, "inode-margin": 0})
        disk = self.small_mailbox(server, BOB)
        # As announced it would fit; so RCPT is accepted, and it is found out when the text is there.
        with server, exim.Exim(server.port, size_addition=-1000000, **options) as sender:
            sender.send("sender@client.example", [ALICE, BOB, CAROL], message)
            sender.flush()
            self.assertRegex(sender.log(), f"[=-]> {ALICE} .* PRDR .*250 2.0.0 Delivered to some")
            self.assertRegex(sender.log(), f"[=-]> {CAROL} .* PRDR ")
            self.assertRegex(sender.log(), f"== {BOB} .*452 4.3.1")
            self.assertEqual(sender.queue(), [[BOB]])
            self.check_mailbox(server, ALICE, [message])
            self.check_mailbox(server, BOB, [])
            self.check_mailbox(server, CAROL, [message])
            # Still no room; then there is.
            sender.flush()
            self.assertEqual(sender.queue(), [[BOB]])
            subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
            sender.flush()
            self.assertEqual(sender.queue(), [], sender.log())
            for address in (ALICE, BOB, CAROL):
                self.check_mailbox(server, address, [message])

    def test_one_of_three_refused_after_the_last_chunk(self):
        self.refuse_one_of_three(PLAIN)

    def test_one_of_three_refused_after_the_dot(self):
        self.refuse_one_of_three({**PLAIN, **BY_DATA})

    def test_one_of_three_refused_after_the_last_chunk_over_tls(self):
        self.refuse_one_of_three(BY_TLS)


if __name__ == "__main__":
    unittest.main()
