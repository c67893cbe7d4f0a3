"""The unread 250: a message whose acceptance the client may not have heard of is not delivered twice, and one that it
has heard of may come again as often as it likes."""
import os
import signal
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase
from tests.lib.proxy import Proxy

ALICE, BOB = "alice@example.org", "bob@example.org"


def begin(server, recipients, sender="sender@client.example", port=None):
    client = smtp.Client(("127.0.0.1", port or server.port))
    client.greet()
    client.expect(f"MAIL FROM:<{sender}>", 250)
    for recipient in recipients:
        client.expect(f"RCPT TO:<{recipient}>", 250)
    client.expect("DATA", 354)
    return client


class Unread(ServerCase):
    def count(self, address, expected, what):
        self.assertEqual(len(self.new_mail(address)), expected, what)

    def wait_for_mail(self, address, before):
        tidegate.wait_until(lambda: len(self.server.mail_files(address)) > before, f"{address} has mail")

    def deliver_and_vanish(self, recipients, message, behind=b"", sender="sender@client.example"):
        """Sends all, and resets the connection when the copy is there, without having read the 250."""
        before = len(self.server.mail_files(recipients[0]))
        client = begin(self.server, recipients, sender)
        client.send(smtp.stuff(message) + behind)
        self.wait_for_mail(recipients[0], before)
        mark = self.server.mark()
        client.reset()
        self.server.wait_log(r"event=session", mark, 5)

    def test_read_three_times_is_three_files(self):
        self.begin(ALICE)
        for _ in range(3):
            smtp.check(self.server.deliver(ALICE, smtp.message(number="three")), 250)
        self.count(ALICE, 3, "acknowledged each time")

    def test_pipelined_quit_read_three_times_is_three_files(self):
        self.begin(ALICE)
        for _ in range(3):
            client = begin(self.server, [ALICE])
            client.send(smtp.stuff(smtp.message(number="three-quit")) + b"QUIT\r\n")
            smtp.check(client.reply(), 250)
            smtp.check(client.reply(), 221)
            self.assertTrue(client.is_closed())
            mark = self.server.mark()
            client.close()
            self.server.wait_log(r"event=session", mark, 1)
        self.count(ALICE, 3, "acknowledged each time")

    def test_reset_before_reading_is_one_file(self):
        self.begin(ALICE)
        message = smtp.message(number="reset")
        self.deliver_and_vanish([ALICE], message)
        smtp.check(self.server.deliver(ALICE, message), 250)
        self.count(ALICE, 1, "the retry is answered without a copy")

    def test_pipelined_quit_and_reset_is_one_file(self):
        self.begin(ALICE)
        message = smtp.message(number="reset-quit")
        self.deliver_and_vanish([ALICE], message, b"QUIT\r\n")
        mark = self.server.mark()
        smtp.check(self.server.deliver(ALICE, message), 250)
        self.count(ALICE, 1, "the retry is answered without a copy")
        self.server.expect_log(r"event=transaction .*code=250", mark)

    def test_cut_twice_is_one_file(self):
        self.begin(ALICE)
        message = smtp.message(number="cut-twice")
        with Proxy(self.server.port, cuts=2) as proxy:
            for attempt in range(1, 3):
                client = begin(self.server, [ALICE], port=proxy.port)
                client.send(smtp.stuff(message))
                with self.assertRaises(OSError):
                    client.reply()
                proxy.wait_cut(attempt)
            reply = smtp.deliver(("127.0.0.1", proxy.port), ALICE, message)
        smtp.check(reply, 250)
        self.count(ALICE, 1, "three attempts, one copy")

    def test_read_retry_frees_the_digest(self):
        self.begin(ALICE)
        message = smtp.message(number="freed")
        self.deliver_and_vanish([ALICE], message)
        smtp.check(self.server.deliver(ALICE, message), 250)
        self.count(ALICE, 1, "the retry")
        smtp.check(self.server.deliver(ALICE, message), 250)
        self.count(ALICE, 1, "the same message sent anew after a 250 that was read")

    def test_other_sender_or_text_is_another_message(self):
        self.begin(ALICE)
        self.deliver_and_vanish([ALICE], smtp.message("one\r\n", number="differ"))
        smtp.check(self.server.deliver(ALICE, smtp.message("two\r\n", number="differ")), 250)
        smtp.check(self.server.deliver(ALICE, smtp.message("one\r\n", number="differ"), sender="else@client.example"), 250)
        self.count(ALICE, 3, "three different messages")

    def test_fields_of_the_way_do_not_matter(self):
        """A retry through another host brings another Received and another DKIM-Signature."""
        self.begin(ALICE)
        message = smtp.message(number="way")
        self.deliver_and_vanish([ALICE], b"Received: from a by b; Sun, 22 Nov 2026 05:51:58 +0000\r\nX-Spam: no\r\n" + message)
        smtp.check(self.server.deliver(ALICE, b"Received: from c\r\n\tby d; Sun, 22 Nov 2026 06:00:00 +0000\r\n"
                                       b"DKIM-Signature: v=1;\r\n b=x\r\n" + message), 250)
        self.count(ALICE, 1, "the same message on another way")

    def test_without_message_id_and_date_nothing_is_remembered(self):
        self.begin(ALICE)
        message = smtp.message(Message_ID=None, Date=None)
        self.deliver_and_vanish([ALICE], message)
        smtp.check(self.server.deliver(ALICE, message), 250)
        self.count(ALICE, 2, "two that cannot be told apart from two that were meant")

    def test_only_the_missing_recipient_gets_a_copy(self):
        self.begin(ALICE, BOB)
        message = smtp.message(number="missing")
        self.deliver_and_vanish([ALICE], message)
        smtp.check(self.server.deliver([ALICE, BOB], message), 250)
        self.count(ALICE, 1, "alice had it")
        self.count(BOB, 1, "bob had not")

    def test_memory_survives_a_killed_deliver(self):
        self.begin(ALICE)
        message = smtp.message(number="killed")
        self.deliver_and_vanish([ALICE], message)
        mark = self.server.mark()
        self.server.kill_child("deliver")
        self.server.expect_log(r"deliver", mark)
        self.retry_until_taken([ALICE], message)
        self.count(ALICE, 1, "the journal outlives the process")

    def retry_until_taken(self, recipients, message):
        def is_taken():
            try:
                return self.server.deliver(recipients, message).code == 250
            except OSError:
                return False
        tidegate.wait_until(is_taken, "a retry is taken", 20)


class AfterRestart(unittest.TestCase):
    def test_memory_survives_a_restart_and_a_kill_of_everything(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=number.name):
                self.restart(number)

    def restart(self, number):
        message = smtp.message(number="restart")
        server = tidegate.Server()
        try:
            server.start()
            client = begin(server, [ALICE])
            client.send(smtp.stuff(message))
            tidegate.wait_until(lambda: server.mail_files(ALICE), "alice has mail")
            client.reset()
            os.kill(server.process.pid, number)
            server.process.wait(30)
            server.start()
            smtp.check(server.deliver(ALICE, message), 250)
            self.assertEqual(len(server.mail(ALICE)), 1)
            self.assertEqual(server.stop(), 0)
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
