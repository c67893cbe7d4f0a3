# limit: 120
"""The door under attack: caps and rates per address and network, and descriptors used up."""
import re
import unittest

from tests.lib import limits
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

OUTSIDE = "10.99.0.1"


def listens_outside(config):
    """A server that is reached from the test's own network; needs one."""
    return {"config": dict(config, listen=[f"{OUTSIDE}:2525", "127.0.0.1:2525", "[fd99::1]:2525"])}


class OutsideCase(ServerCase):
    @classmethod
    def setUpClass(cls):
        if not tidegate.HAS_OWN_NETWORK or cls is OutsideCase:
            raise unittest.SkipTest("needs a network namespace")
        super().setUpClass()

    def call(self, source, server=OUTSIDE):
        return smtp.Client((server, 2525), source)

    def first_reply(self, source, server=OUTSIDE):
        with self.call(source, server) as client:
            reply = client.reply()
            if reply.code == 220:
                client.say("QUIT")
            return reply


class Crowds(OutsideCase):
    options = listens_outside({"max-connections-per-address": 2, "max-connections-per-network": 3, "contact": "Call 12345."})

    def test_a_network_has_its_cap(self):
        held = [self.call(source) for source in ("10.99.0.1", "10.99.0.1", "10.99.0.2")]
        for client in held:
            smtp.check(client.reply(), 220)
        mark = self.server.mark()
        # One table of replies, and the contact behind them, at the door too.
        self.assertEqual(self.first_reply("10.99.0.1").raw, [
            "421-4.7.0 mx.example.org has too many connections from your address or network; close some, or try again later",
            "421 4.7.0 Call 12345."])
        self.server.expect_log("event=turned-away client=10.99.0.1 reason=max-connections-per-address", mark)
        smtp.check(self.first_reply("10.99.0.3"), "421 4.7.0")
        self.server.expect_log("event=turned-away client=10.99.0.3 reason=max-connections-per-network", mark)
        smtp.check(self.first_reply("127.0.0.1", "127.0.0.1"), 220)
        status = self.server.status()
        self.assertEqual(status["door.turned-away.max-connections-per-network"], 1)
        self.assertEqual(status["door.turned-away.max-connections-per-address"], 1)
        held[0].close()
        tidegate.wait_until(lambda: self.first_reply("10.99.0.3").code == 220, "a place is free")
        for client in held:
            client.close()


class Rates(OutsideCase):
    options = listens_outside({"connection-rate-per-address": 3, "connection-rate-per-network": 5,
                               "trusted": ["10.99.0.200"]})

    def test_new_connections_a_minute(self):
        for _ in range(3):
            smtp.check(self.first_reply("10.99.0.1"), 220)
        mark = self.server.mark()
        smtp.check(self.first_reply("10.99.0.1"), "421 4.7.0")
        self.server.expect_log("event=turned-away client=10.99.0.1 reason=connection-rate-per-address", mark)
        for _ in range(2):
            smtp.check(self.first_reply("10.99.0.2"), 220)
        smtp.check(self.first_reply("10.99.0.2"), "421 4.7.0")
        self.server.expect_log("event=turned-away client=10.99.0.2 reason=connection-rate-per-network", mark)
        # Trusted and local clients are not counted, other networks on their own.
        for _ in range(10):
            smtp.check(self.first_reply("10.99.0.200"), 220)
            smtp.check(self.first_reply("127.0.0.5", "127.0.0.1"), 220)
        smtp.check(self.first_reply("fd99::2", "fd99::1"), 220)
        status = self.server.status()
        self.assertEqual(status["door.turned-away.connection-rate-per-address"], 1)
        self.assertEqual(status["door.turned-away.connection-rate-per-network"], 1)
        # An address gets one more after a third of a minute, not before.
        self.assertEqual(self.first_reply("10.99.0.3").code, 421)


class Lines(OutsideCase):
    options = listens_outside({"connection-rate-per-address": 1})

    def test_those_turned_away_do_not_fill_the_log(self):
        mark = self.server.mark()
        for _ in range(300):
            self.first_reply("10.99.0.1")
        self.assertEqual(self.turned_away(), 299)
        written = self.log_counts(mark)[0]
        self.assertGreater(written, 0)
        self.assertLess(written, 299)
        # The next line has room in another second, and says how many had none. So few more find room themselves.
        mark_behind = self.server.mark()
        for _ in range(20):
            self.first_reply("10.99.0.1")
            if self.server.wait_log(" unlogged=", mark_behind, seconds=0.3):
                break
        # One that has nothing more to say of them.
        self.first_reply("10.99.0.1")
        tidegate.wait_until(lambda: sum(self.log_counts(mark)) == self.turned_away(), "all are in the log, or counted there")
        self.assertGreater(self.log_counts(mark)[1], 0)

    def turned_away(self):
        return self.server.status()["door.turned-away.connection-rate-per-address"]

    def log_counts(self, mark):
        """Of those turned away: how many have a line, and of how many these say that they have none."""
        lines = [line for line in self.server.log.lines[mark:] if "event=turned-away" in line]
        return len(lines), sum(int(number) for line in lines for number in re.findall(r" unlogged=(\d+)", line))


class Descriptors(ServerCase):
    def test_a_door_without_descriptors_says_so_and_recovers(self):
        # Once somebody was greeted the door has all it needs.
        tidegate.wait_until(self.greets, "it greets")
        door = self.server.child("door")
        mark = self.server.mark()
        limits.set_limit(door, "nofile", limits.highest_descriptor(door) + 1)
        with self.server.client() as client:
            smtp.check(client.reply(), "421 4.3.2")
            self.assertTrue(client.is_closed())
        self.server.expect_log("event=turned-away client=127.0.0.1 reason=descriptors", mark)
        before = limits.cpu_seconds(door)
        held = [self.server.client() for _ in range(5)]
        for client in held:
            smtp.check(client.reply(), "421 4.3.2")
            client.close()
        self.assertLess(limits.cpu_seconds(door) - before, 0.3, "the door spins")
        limits.set_limit(door, "nofile", 1024)
        tidegate.wait_until(self.greets, "it greets again")
        self.assertIn((door, "door"), self.server.children())

    def greets(self):
        with self.server.client() as client:
            return client.reply().code == 220


if __name__ == "__main__":
    unittest.main()
