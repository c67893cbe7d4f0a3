# limit: 120
"""Many clients who only wait and some who work, at once: everybody is served, counted and let go.

How fast that goes is measured by tests/bench/crowd.py, with many more of them.
"""
import os
import re
import threading
import unittest

from tests.lib import server as tidegate
from tests.lib import memory, smtp, tls
from tests.lib.cases import ServerCase

IDLE, ACTIVE, REFUSALS, TLS_IDLE = 1000, 20, 25, 800
CONFIG = {"processes": 2, "max-connections-per-address": 0, "max-errors": 1000}


class Counters(ServerCase):
    def test_those_that_the_manual_names_are_there(self):
        with open(os.path.join(tidegate.TOP, "docs", "man", "tidegate.8"), encoding="utf-8") as file:
            named = re.findall(r"^\.Ql ((?:door|smtpd)\.[a-z.-]+)(REASON)?", file.read(), re.MULTILINE)
        self.assertGreater(len(named), 5)
        status = self.server.status()
        for name, reason in named:
            found = [counter for counter in status if counter == name or (reason and counter.startswith(name))]
            self.assertNotEqual(found, [], f"status has no {name}")


class Crowd(ServerCase):
    options = {"config": CONFIG}

    def open_idle(self):
        idle = [self.server.client(f"127.0.{1 + number // 200}.{1 + number % 200}") for number in range(IDLE)]
        for client in idle:
            client.greet()
        return idle

    def work(self, number, troubles):
        try:
            with self.server.client(f"127.1.0.{number + 1}", timeout=60.0) as client:
                client.greet()
                client.expect("MAIL FROM:<sender@client.example>", 250)
                for serial in range(REFUSALS):
                    client.expect(f"RCPT TO:<nobody{serial}@example.org>", "550 5.1.1")
                    client.expect("NOOP", 250)
        except (AssertionError, OSError) as trouble:
            troubles.append(f"client {number}: {trouble}")

    def test_the_idle_do_not_hinder_the_active(self):
        idle = self.open_idle()
        self.assertEqual(self.server.status()["smtpd.sessions"], IDLE)
        troubles = []
        threads = [threading.Thread(target=self.work, args=(number, troubles)) for number in range(ACTIVE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        status = self.server.status()
        self.assertEqual(status["smtpd.refused.unknown-user"], ACTIVE * REFUSALS)
        self.assertGreater(status["smtpd.memory-bytes"], 0)
        smtp.check(self.server.deliver("alice@example.org", smtp.message()), 250)
        for client in idle:
            client.expect("NOOP", 250)
            client.close()
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] == 0, "all have left")
        status = self.server.status()
        self.assertEqual(status["door.connections"], 0)
        self.assertEqual(status["smtpd.memory-bytes"], 0)


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE).group(1))


@memory.needs_memory
class CrowdUnderTls(ServerCase):
    options = {"config": dict(CONFIG, processes=1)}

    def test_its_memory_goes_back_to_the_kernel(self):
        """Though the last to come stay, behind whose memory libc would keep all of it."""
        pid = next(pid for pid, role in self.server.children() if role == "smtpd")
        with tls.greeted(self.server):
            before = pss_kib(pid)
        crowd = [tls.greeted(self.server, f"127.0.{1 + number // 200}.{1 + number % 200}") for number in range(TLS_IDLE)]
        peak = pss_kib(pid) - before
        self.assertGreater(peak, TLS_IDLE * 8)
        for client in crowd[:-10]:
            client.close()
        tidegate.wait_until(lambda: pss_kib(pid) - before < peak / 2, "the memory is given back")
        for client in crowd[-10:]:
            client.expect("NOOP", 250)
            client.close()


if __name__ == "__main__":
    unittest.main()
