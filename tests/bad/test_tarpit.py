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


class HarvestOfAnHour(StrangersCase):
    """Counted over all sessions and processes, for whoever they are spoken for."""

    @classmethod
    def make_options(cls):
        cls.port, cls.users, cls.users_behind = (tidegate.free_port() for _ in range(3))
        return {"config": {
            "users": "users", "processes": 2, "tarpit-limit": 0, "harvest-rate-per-address": 4, "harvest-rate-per-network": 6,
            "connection-rate-per-address": 0, "xclient-from": ["127.0.0.1"], "resolver-down": "accept",
            'listener "behind"': {"address": f"127.0.0.1:{cls.port}", "proxy-protocol": True, "proxy-from": ["127.0.0.1"]},
            'listener "users"': {"address": f"127.0.0.1:{cls.users}", "role": "submission"},
            'listener "users-behind"': {"address": f"127.0.0.1:{cls.users_behind}", "role": "submission", "proxy-protocol": True, "proxy-from": ["127.0.0.1"]}}}

    def begin(self, source=None, announced=None, named=None):
        """A client whose transaction has begun."""
        client = smtp.Client(("127.0.0.1", self.port)) if announced else self.server.client(source)
        self.addCleanup(client.close)
        if announced:
            client.send(f"PROXY TCP4 {announced} 127.0.0.1 4711 25\r\n".encode())
        client.greet()
        if named:
            client.expect(f"XCLIENT ADDR={named} NAME=[UNAVAILABLE]", 220)
            client.expect("EHLO client.example", 250)
        client.expect("MAIL FROM:<sender@client.example>", 250)
        return client

    def first_reply(self, source=None, announced=None):
        with smtp.Client(("127.0.0.1", self.port)) if announced else self.server.client(source) as client:
            if announced:
                client.send(f"PROXY TCP4 {announced} 127.0.0.1 4711 25\r\n".encode())
            return client.reply()

    def try_nobody(self, client, times=1):
        for number in range(times):
            client.expect(f"RCPT TO:<nobody{number}@example.org>", "550 5.1.1")

    def wait_for_end(self, client):
        """The door is told while the client hears its refusal, so its word may come a moment later."""
        tidegate.wait_until(lambda: client.say("NOOP").code == 421, "the session ends")

    def wait_for_refusal(self, **whom):
        tidegate.wait_until(lambda: "Too many recipients that do not exist, from" in str(self.first_reply(**whom)), f"{whom} is turned away")

    def test_the_limit_is_one_for_all_processes(self):
        # Each process gets one of the two when nobody else is counted.
        tidegate.wait_until(lambda: self.server.status()["door.connections"] == 0, "those of other tests are counted out")
        first, second = self.begin(STRANGER), self.begin(STRANGER)
        self.try_nobody(first, 2)
        self.try_nobody(second, 2)
        self.wait_for_refusal(source=STRANGER)
        smtp.check(self.first_reply(STRANGER), "421 4.7.0")
        self.server.expect_log(f"event=turned-away client={STRANGER} reason=harvest", self.log_mark)
        self.assertGreater(self.server.status()["door.turned-away.harvest"], 0)
        self.wait_for_end(second)
        # Who was here before may go on with what he came for, and learns it when he tries another.
        first.expect("RCPT TO:<alice@example.org>", 250)
        self.try_nobody(first)
        self.wait_for_end(first)
        for process in (0, 1):
            self.server.expect_log(rf"process=smtpd\.{process} .*event=session .*client={STRANGER} .*reason=harvest", self.log_mark)
        # The neighbour has its own four, of which the network has one left.
        neighbour = self.begin("10.99.0.3")
        self.try_nobody(neighbour)
        self.wait_for_refusal(source="10.99.0.4")
        smtp.check(self.first_reply("127.0.0.1"), 220)
        # A user tries recipients after a login only.
        with smtp.Client(("127.0.0.1", self.users), STRANGER) as user:
            user.greet()

    def test_whom_a_proxy_announces_is_counted(self):
        self.try_nobody(self.begin(announced="198.51.100.1"), 4)
        self.wait_for_refusal(announced="198.51.100.1")
        smtp.check(self.first_reply(announced="198.51.100.1"), "421 4.7.0 Too many recipients that do not exist")
        self.server.expect_log("event=turned-away client=198.51.100.1 reason=harvest", self.log_mark)
        smtp.check(self.first_reply(announced="198.51.101.1"), 220)

    def test_a_user_whom_a_proxy_announces_is_let_in(self):
        self.try_nobody(self.begin(announced="198.51.102.1"), 4)
        self.wait_for_refusal(announced="198.51.102.1")
        with smtp.Client(("127.0.0.1", self.users_behind)) as client:
            client.send(b"PROXY TCP4 198.51.102.1 127.0.0.1 4711 587\r\n")
            client.greet()

    def test_whom_xclient_names_is_counted(self):
        client = self.begin(named="203.0.113.1")
        self.try_nobody(client, 4)
        self.wait_for_end(client)
        # Such a proxy is let in for all its clients; this one hears it after its first.
        again = self.begin(named="203.0.113.1")
        self.try_nobody(again)
        self.wait_for_end(again)
        self.wait_for_refusal(announced="203.0.113.1")
        other = self.begin(named="203.0.114.1")
        self.try_nobody(other, 3)
        other.expect("RCPT TO:<alice@example.org>", 250)

    def test_friends_are_not_counted(self):
        for _ in range(2):
            self.try_nobody(self.begin("127.0.0.1"), 5)
        smtp.check(self.first_reply("127.0.0.1"), 220)


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
