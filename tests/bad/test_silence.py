# limit: 120
"""Strangers who have to be silent before they are greeted cost memory, and nothing else."""
import os
import time
import unittest

from tests.lib import limits
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

STRANGER, COUNT = "10.99.0.2", 200


class Silence(ServerCase):
    options = {"config": {"greeting-delay": 60, "processes": 1, "max-connections-per-address": 0, "max-connections-per-network": 0,
                          "connection-rate-per-address": 0, "connection-rate-per-network": 0}}

    @classmethod
    def setUpClass(cls):
        if not tidegate.HAS_OWN_NETWORK:
            raise unittest.SkipTest("needs a network namespace")
        super().setUpClass()

    def memory_of_a_crowd(self, smtpd, source, greets):
        """Connects them all, has mail taken meanwhile, and returns what they cost."""
        descriptors = len(os.listdir(f"/proc/{smtpd}/fd"))
        crowd = [self.server.client(source) for _ in range(COUNT)]
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == COUNT, "all are here")
        for client in crowd:
            if greets:
                smtp.check(client.reply(), 220)
        cpu = limits.cpu_seconds(smtpd)
        begun = time.monotonic()
        smtp.check(self.server.deliver("alice@example.org", smtp.message()), 250)
        self.assertLess(time.monotonic() - begun, 30)  # the silence would last twice as long
        tidegate.wait_until(lambda: time.monotonic() - begun > 2, "two sweeps")
        self.assertLess(limits.cpu_seconds(smtpd) - cpu, 0.5, "smtpd works for those who only wait")
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == COUNT, "the one who had mail has left")
        self.assertEqual(len(os.listdir(f"/proc/{smtpd}/fd")), descriptors + COUNT)
        memory = self.server.status()["smtpd.memory-bytes"]
        for client in crowd:
            client.close()
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == 0, "all have left")
        return memory

    def test_it_costs_no_more_than_a_session_that_is_idle(self):
        smtpd = self.server.child("smtpd")
        smtp.check(self.server.deliver("alice@example.org", smtp.message()), 250)
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == 0, "nobody is here")
        idle = self.memory_of_a_crowd(smtpd, "127.0.0.1", True)
        waiting = self.memory_of_a_crowd(smtpd, STRANGER, False)
        self.assertGreater(waiting, 0)
        self.assertLessEqual(waiting, idle)


if __name__ == "__main__":
    unittest.main()
