"""Postfix as the sending MTA: it pipelines QUIT behind the final dot, and retries what it heard no reply for."""
import unittest

from tests.lib import postfix
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.proxy import Proxy

# limit: 180
ALICE, BOB = "alice@example.org", "bob@example.org"


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class FromPostfix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not postfix.is_there():
            raise unittest.SkipTest("Postfix cannot be unpacked here")

    def test_same_bytes_three_times_acknowledged_are_three_files(self):
        with tidegate.Server() as server, Proxy(server.port) as proxy, postfix.Postfix(proxy.port) as sender:
            for count in range(1, 4):
                sender.send("sender@client.example", [ALICE], smtp.message(number="three"))
                sender.wait_sent(count)
            self.assertEqual(len(server.mail(ALICE)), 3)

    def test_same_bytes_after_a_cut_reply_are_one(self):
        with tidegate.Server() as server, Proxy(server.port, cuts=2) as proxy, postfix.Postfix(proxy.port) as sender:
            sender.send("sender@client.example", [ALICE, BOB], smtp.message(number="cut"))
            for count in (1, 2):
                proxy.wait_cut(count)
                sender.wait_until(lambda count=count: sender.log().count("status=deferred") >= 2 * count, "the attempt is deferred")
                sender.flush()
            sender.wait_sent(2)
            self.assertEqual(len(server.mail(ALICE)), 1)
            self.assertEqual(len(server.mail(BOB)), 1)

    def test_refusals_and_deferrals(self):
        recipients = tidegate.RECIPIENTS + 'moving@example.org defer "Moving house."\n'
        with tidegate.Server(recipients=recipients) as server, postfix.Postfix(server.port) as sender:
            sender.send("sender@client.example", [ALICE, "nobody@example.org", "moving@example.org"], smtp.message(number="mix"))
            sender.wait_sent(1)
            sender.wait_until(lambda: "status=bounced" in sender.log(), "the unknown one bounced")
            sender.wait_until(lambda: "status=deferred" in sender.log(), "the deferred one waits")
            self.assertEqual(len(server.mail(ALICE)), 1)

    def test_a_hundred_messages(self):
        with tidegate.Server() as server, postfix.Postfix(server.port) as sender:
            for number in range(100):
                sender.send("sender@client.example", [ALICE], smtp.message(number=f"hundred-{number}"))
            sender.wait_sent(100, 90)
            self.assertEqual(len(server.mail(ALICE)), 100)


if __name__ == "__main__":
    unittest.main()
