"""Python's own clients and readers: smtplib sends, mailbox and email read."""
import email.message
import email.policy
import hashlib
import mailbox
import os
import random
import re
import smtplib
import stat
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase


class Smtplib(ServerCase):
    options = {"recipients": tidegate.RECIPIENTS + "large@example.org maildir\n"}

    def client(self):
        return smtplib.SMTP("127.0.0.1", self.server.port, local_hostname="client.example", timeout=60)

    def test_message_is_read_as_it_was_sent(self):
        message = email.message.EmailMessage(email.policy.SMTP)
        message["From"], message["To"], message["Subject"] = "sender@client.example", "alice@example.org", "Grüße"
        message["Message-ID"], message["Date"] = "<1@client.example>", "Sun, 22 Nov 2026 05:51:58 +0000"
        message.set_content("Ein Gruß.\n.\n..\nFrom here on\n")
        message.add_attachment(bytes(range(256)), maintype="application", subtype="octet-stream", filename="all.bin")
        self.begin("alice@example.org")
        sent = message.as_bytes()
        with self.client() as client:
            self.assertEqual(client.sendmail("sender@client.example", ["alice@example.org"], sent), {})
        box = mailbox.Maildir(self.server.maildir("alice@example.org"), create=False)
        stored = [box.get_bytes(key) for key in box.keys() if b"<1@client.example>" in box.get_bytes(key)]
        self.assertEqual(len(stored), 1)
        read = email.message_from_bytes(stored[0], policy=email.policy.default)
        self.assertEqual(read["Subject"], "Grüße")
        self.assertEqual([part for part in read.iter_attachments()][0].get_content(), bytes(range(256)))
        self.assertEqual(tidegate.split_mail(stored[0])[1], sent.replace(b"\r\n", b"\n"))

    def test_refused_recipients_are_told_apart(self):
        self.begin("alice@example.org")
        with self.client() as client:
            refused = client.sendmail("sender@client.example", ["alice@example.org", "nobody@example.org"],
                                      smtp.message(number="some"))
        self.assertEqual(list(refused), ["nobody@example.org"])
        self.assertEqual(len(self.new_mail("alice@example.org")), 1)

    def test_all_refused(self):
        with self.client() as client:
            with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
                client.sendmail("sender@client.example", ["nobody@example.org"], smtp.message(number="none"))
        self.assertEqual(caught.exception.recipients["nobody@example.org"][0], 550)

    def test_extensions(self):
        with self.client() as client:
            client.ehlo()
            for name in ("pipelining", "size", "8bitmime", "enhancedstatuscodes", "chunking"):
                self.assertTrue(client.has_extn(name), name)
            self.assertFalse(client.has_extn("binarymime"))

    def test_sizes_at_every_border(self):
        """Bodies travel in the message up to 32 KiB, in memory up to 256 KiB, then in a spool file: all come out alike."""
        chance = random.Random(7)
        for number, size in enumerate((0, 1, 32767, 32768, 32769, 65536, 262143, 262144, 262145, 1 << 20, 5 << 20)):
            with self.subTest(size=size):
                self.begin("large@example.org")
                head = smtp.message("", number=f"size-{number}")
                text = b""
                while len(head) + len(text) < size:
                    line = bytes(chance.choices(b"abcdefgh.\xe9\0 ", k=min(990, max(0, size - len(head) - len(text) - 2))))
                    text += line + b"\r\n"
                reply = self.server.deliver("large@example.org", head + text)
                smtp.check(reply, "250 2.0.0")
                messages = self.new_mail("large@example.org")
                self.assertEqual(len(messages), 1)
                stored = tidegate.split_mail(messages[0])[1]
                self.assertEqual(hashlib.sha256(stored).hexdigest(),
                                 hashlib.sha256((head + text).replace(b"\r\n", b"\n")).hexdigest())

    def test_file_names_and_modes(self):
        """time.MusecPpidQcount.host,S=size; 0600 in folders of 0700."""
        smtp.check(self.server.deliver("bob@example.org", smtp.message(number="name")), 250)
        path = self.server.mail_files("bob@example.org")[-1]
        name = os.path.basename(path)
        self.assertRegex(name, r"^\d{10}\.M\d+P\d+Q\d+\.mx\.example\.org,S=\d+$")
        self.assertEqual(int(name.rpartition("S=")[2]), os.path.getsize(path))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        for folder in ("", "tmp", "new", "cur"):
            mode = stat.S_IMODE(os.stat(os.path.join(self.server.maildir("bob@example.org"), folder)).st_mode)
            self.assertEqual(mode, 0o700, folder)
        if self.server.is_root:
            self.assertEqual(os.stat(path).st_uid, tidegate.MAILBOX_UID)

    def test_names_are_never_used_twice(self):
        with self.server.client() as client:
            client.greet()
            for number in range(20):
                smtp.check(smtp.transact(client, "sender@client.example", ["bob@example.org"],
                                         smtp.message(number=f"names-{number}")), 250)
        names = [os.path.basename(path) for path in self.server.mail_files("bob@example.org")]
        self.assertEqual(len(names), len({re.sub(r",S=.*", "", name) for name in names}))

    def test_many_clients_at_once(self):
        """Forty connections, all open before the first goes on; each message arrives once."""
        self.begin("alice@example.org")
        clients = [self.server.client(timeout=60) for _ in range(40)]
        for client in clients:
            client.greet()
        for number, client in enumerate(clients):
            client.send(b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<alice@example.org>\r\nDATA\r\n")
        for client in clients:
            for code in (250, 250, 354):
                smtp.check(client.reply(), code)
        for number, client in enumerate(clients):
            client.send(smtp.stuff(smtp.message(number=f"many-{number}")))
        for client in clients:
            smtp.check(client.reply(), 250)
            client.close()
        found = re.findall(rb"<many-(\d+)\.test@", b"".join(self.new_mail("alice@example.org")))
        self.assertEqual(sorted(map(int, found)), list(range(40)))

    def test_ipv6(self):
        with tidegate.Server(config={"listen": [f"[::1]:{tidegate.free_port()}"]}) as server:
            port = int(server.config["listen"][0].rpartition(":")[2])
            smtp.check(smtp.deliver(("::1", port), "alice@example.org", smtp.message(number=6)), 250)
            self.assertIn(b"IPv6:::1", server.mail("alice@example.org")[0])


if __name__ == "__main__":
    unittest.main()
