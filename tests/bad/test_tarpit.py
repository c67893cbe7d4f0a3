# limit: 120
"""Clients that collect refusals wait for them; a harvest ends; both go well with a drain."""
import signal
import time
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

STRANGER, TRUSTED = "10.99.0.2", "10.99.0.9"


class StrangersCase(ServerCase):
    @classmethod
    def setUpClass(cls):
        if not tidegate.HAS_OWN_NETWORK or cls is StrangersCase:
            raise unittest.SkipTest("needs a network namespace")
        super().setUpClass()

    def timed(self, client, line, code):
        """Seconds until the answer; the server counts in whole milliseconds, so it may be one too early."""
        begun = time.monotonic()
        client.expect(line, code)
        return time.monotonic() - begun


class Tarpit(StrangersCase):
    options = {"config": {"tarpit-after": 2, "tarpit-limit": 2, "max-errors": 20, "trusted": [TRUSTED]}}

    def test_refusals_wait_and_nothing_else_does(self):
        with self.server.client(STRANGER) as client:
            client.greet()
            for _ in range(2):
                self.assertLess(self.timed(client, "FROBNICATE", 500), 0.9)
            self.assertGreaterEqual(self.timed(client, "FROBNICATE", 500), 0.99)
            self.assertGreaterEqual(self.timed(client, "FROBNICATE", 500), 1.99)
            with self.server.client() as other:
                other.greet()
                self.assertLess(self.timed(other, "NOOP", 250), 0.9)
            # Who stays silent pays nothing, and who goes on talking is heard afterwards.
            client.send(b"FROBNICATE\r\n")
            time.sleep(0.2)
            client.send(b"NOOP\r\n")
            smtp.check(client.reply(), 500)
            smtp.check(client.reply(), 250)
        self.assertEqual(self.server.status()["smtpd.answers-delayed"], 3)

    def test_trusted_and_local_clients_do_not_wait(self):
        for source in (TRUSTED, "127.0.0.1"):
            with self.server.client(source) as client:
                client.greet()
                begun = time.monotonic()
                for _ in range(10):
                    client.expect("FROBNICATE", 500)
                self.assertLess(time.monotonic() - begun, 5.0)


class Harvest(StrangersCase):
    options = {"config": {"harvest-delay-after": 2, "harvest-limit": 4, "tarpit-limit": 1, "tarpit-after": 10}}

    def test_unknown_recipients_are_slowed_and_end_the_session(self):
        mark = self.server.mark()
        with self.server.client(STRANGER) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("RCPT TO:<nobody1@example.org>", "550 5.1.1")
            client.expect("RCPT TO:<nobody2@example.org>", "550 5.1.1")
            self.assertGreaterEqual(self.timed(client, "RCPT TO:<nobody3@example.org>", "550 5.1.1"), 0.99)
            self.assertGreaterEqual(self.timed(client, "RCPT TO:<nobody4@example.org>", "550 5.1.1"), 0.99)
            client.expect("RCPT TO:<alice@example.org>", "421 4.7.0")
            self.assertTrue(client.is_closed())
        self.server.expect_log(f"event=session .* client={STRANGER} .* reason=harvest", mark)
        self.assertEqual(self.server.status()["smtpd.dismissed.harvest"], 1)


class Drain(StrangersCase):
    def test_a_drain_ends_the_wait(self):
        with tidegate.Server(config={"tarpit-after": 0, "tarpit-limit": 60, "greeting-delay": 60}) as server:
            with smtp.Client(server.address, "127.0.0.1") as local:
                local.greet()
                with server.client(STRANGER) as silent:
                    process = server.process
                    process.send_signal(signal.SIGTERM)
                    smtp.check(silent.reply(), "421 4.3.2")
            self.assertEqual(process.wait(20), 0)

    def test_a_drain_ends_a_tarpit(self):
        with tidegate.Server(config={"tarpit-after": 0, "tarpit-limit": 60}) as server:
            with server.client(STRANGER) as client:
                client.greet()
                client.send(b"FROBNICATE\r\n")
                tidegate.wait_until(lambda: server.status()["smtpd.answers-delayed"] == 1, "the answer waits")
                server.process.send_signal(signal.SIGTERM)
                smtp.check(client.reply(), 500)
                smtp.check(client.reply(), "421 4.3.2")
            self.assertEqual(server.process.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
