"""PRDR with mailboxes that cannot take the message once it is there: the others get it, once, and each hears its own reply."""
import os
import subprocess
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

ALICE, BOB, CAROL, ALL = (f"{name}@example.org" for name in ("alice", "bob", "carol", "all"))
RECIPIENTS = "".join(f"{address} maildir\n" for address in (ALICE, BOB, CAROL)) + f"{ALL} alias {ALICE} {BOB} {CAROL}\n"


def begin(client, recipients):
    client.expect("MAIL FROM:<sender@client.example> PRDR", "250 2.1.0")
    for recipient in recipients:
        client.expect(f"RCPT TO:<{recipient}>", "250 2.1.5")


def by_data(client, message):
    client.expect("DATA", 354)
    client.send(smtp.stuff(message))


def by_bdat(client, message):
    half = len(message) // 2
    client.send(b"BDAT %d\r\n" % half + message[:half])
    smtp.check(client.reply(), "250 2.0.0")
    client.send(b"BDAT %d LAST\r\n" % (len(message) - half) + message[half:])


def replies(client, recipients):
    """The codes to each recipient, and the reply to all."""
    smtp.check(client.reply(), 353)
    return [client.reply().code for _ in recipients], client.reply()


class Prdr(ServerCase):
    options = {"recipients": RECIPIENTS}

    def setUp(self):
        super().setUp()
        # Each mailbox is there, and empty.
        smtp.check(self.server.deliver([ALL], smtp.message(number=self.id())), 250)
        self.begin(ALICE, BOB, CAROL)

    def lock(self, address):
        """From now on nothing can be written for this address."""
        folder = os.path.join(self.server.maildir(address), "new")
        tmp = os.path.join(self.server.maildir(address), "tmp")
        for path in (folder, tmp):
            os.chmod(path, 0o500)
            self.addCleanup(os.chmod, path, 0o700)

    def unlock(self, address):
        for name in ("new", "tmp"):
            os.chmod(os.path.join(self.server.maildir(address), name), 0o700)

    def counts(self):
        """The new messages of alice, bob and carol."""
        counts = [len(self.new_mail(address)) for address in (ALICE, BOB, CAROL)]
        for address in (ALICE, CAROL):
            self.assertEqual(self.server.leftovers(address), [])
        return counts

    def transact(self, recipients, send, message, locked=None):
        """Sends with `locked` locked after its RCPT; the codes and the last reply."""
        with self.server.client() as client:
            client.greet()
            begin(client, recipients)
            if locked:
                self.lock(locked)
            send(client, message)
            answer = replies(client, recipients)
            client.expect("QUIT", 221)
            return answer

    def is_idle(self):
        status = self.server.status()
        return status["smtpd.sessions"] == 0 and status["deliver.commits-running"] == 0

    def test_one_that_cannot_takes_nobody_with_it(self):
        for send in (by_data, by_bdat):
            with self.subTest(send.__name__):
                message = smtp.message(number=f"one-{send.__name__}")
                codes, last = self.transact([ALICE, BOB, CAROL], send, message, locked=BOB)
                self.assertEqual(codes, [250, 451, 250])
                smtp.check(last, "250 2.0.0 Delivered to some")
                self.assertEqual(self.counts(), [1, 0, 1])
                self.server.expect_log(r"event=refused .*to=bob@example.org .*code=451 reason=delivery-trouble", self.log_mark)
                self.server.expect_log(r"event=transaction .*recipients=3 refused=0 delivered=2 .*code=250 reason=delivered-to-some",
                                       self.log_mark)
                self.unlock(BOB)
                # Later the sender comes with the one that is left, and the others have no second copy of it.
                with self.server.client() as client:
                    client.greet()
                    begin(client, [BOB])
                    send(client, message)
                    smtp.check(client.reply(), "250 2.0.0 Delivered;")
                self.assertEqual(self.counts(), [0, 1, 0])

    def test_nobody_can(self):
        with self.server.client() as client:
            client.greet()
            begin(client, [ALICE, BOB])
            self.lock(ALICE)
            self.lock(BOB)
            by_data(client, smtp.message(number="nobody"))
            codes, last = replies(client, [ALICE, BOB])
            self.assertEqual(codes, [451, 451])
            smtp.check(last, "451 4.3.0")
        self.unlock(ALICE)
        self.unlock(BOB)
        self.assertEqual(self.counts(), [0, 0, 0])

    def test_an_alias_is_all_or_none(self):
        codes, last = self.transact([CAROL, ALL], by_bdat, smtp.message(number="alias"), locked=BOB)
        # carol is one of the alias: one mailbox, one answer.
        self.assertEqual(codes, [451, 451])
        smtp.check(last, "451 4.3.0")
        self.assertEqual(self.counts(), [0, 0, 0])
        self.unlock(BOB)
        codes, last = self.transact([CAROL, ALL], by_bdat, smtp.message(number="alias"))
        self.assertEqual(codes, [250, 250])
        smtp.check(last, "250 2.0.0 Delivered;")
        self.assertEqual(self.counts(), [1, 1, 1])

    def test_replies_that_were_not_read_make_no_second_copy(self):
        message = smtp.message(number="cut")
        for locked, last, expected in ((BOB, CAROL, [1, 0, 1]), (None, BOB, [0, 1, 0])):
            before = len(self.server.mail_files(last))
            client = self.server.client()
            client.greet()
            begin(client, [ALICE, BOB, CAROL])
            if locked:
                self.lock(locked)
            by_data(client, message)
            tidegate.wait_until(lambda last=last, before=before: len(self.server.mail_files(last)) > before, f"{last} has mail")
            client.reset()
            tidegate.wait_until(self.is_idle, "the session has ended")
            self.unlock(BOB)
            self.assertEqual(self.counts(), expected)
        codes, last = self.transact([ALICE, BOB, CAROL], by_bdat, message)
        self.assertEqual(codes, [250, 250, 250])
        smtp.check(last, "250 2.0.0 Delivered by an earlier attempt")
        self.assertEqual(self.counts(), [0, 0, 0])

    def test_many_recipients(self):
        """All of a hundred replies and the farewell in one piece, whatever the order of their mailboxes."""
        recipients = [ALICE, BOB] * 50
        with self.server.client() as client:
            client.greet()
            begin(client, recipients)
            client.expect("DATA", 354)
            client.send(smtp.stuff(smtp.message(number="many")) + b"QUIT\r\n")
            codes, last = replies(client, recipients)
            self.assertEqual(codes, [250] * 100)
            smtp.check(last, "250 2.0.0 Delivered;")
            smtp.check(client.reply(), 221)
        self.assertEqual(self.counts(), [1, 1, 0])


@unittest.skipUnless(tidegate.IS_ROOT and tidegate.HAS_OWN_NETWORK, "needs root and mounts of its own")
class NoRoom(unittest.TestCase):
    """One mailbox lies on a disk of its own that is too small for the message."""

    def test_no_room_for_one(self):
        folder = tidegate.new_folder()
        server = tidegate.Server(folder=folder, recipients=RECIPIENTS, config={"disk-margin": 0, "inode-margin": 0})
        small = server.maildir(BOB)
        os.makedirs(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=256k,mode=700,uid={tidegate.MAILBOX_UID},gid={tidegate.MAILBOX_UID}",
                        "none", small], check=True)
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        os.chown(os.path.dirname(small), tidegate.MAILBOX_UID, tidegate.MAILBOX_UID)
        message = smtp.message(b"x" * 62 + b"\r\n", number="room") + (b"y" * 62 + b"\r\n") * 16384
        with server:
            for send in (by_data, by_bdat):
                with server.client() as client:
                    client.greet()
                    begin(client, [ALICE, BOB, CAROL])
                    send(client, message)
                    codes, last = replies(client, [ALICE, BOB, CAROL])
                    self.assertEqual(codes, [250, 452, 250])
                    smtp.check(last, "250 2.0.0")
                    client.expect("QUIT", 221)
            self.assertEqual([len(server.mail(address)) for address in (ALICE, BOB, CAROL)], [2, 0, 2])
            self.assertEqual(server.leftovers(BOB), [])
            self.assertEqual(tidegate.split_mail(server.mail(CAROL)[0])[1], message.replace(b"\r\n", b"\n"))


if __name__ == "__main__":
    unittest.main()
