"""Any child may be killed at any time: its own sessions drop or hear a 4xx; no message is lost, none is doubled."""
import collections
import re
import threading
import time
import unittest

from tests.lib import dnsd
from tests.lib import server as tidegate
from tests.lib import smtp

# limit: 180
ALICE, BOB = "alice@example.org", "bob@example.org"
CLIENTS, KILLS, PATIENCE_SECONDS = 6, 3, 60


class Sender(threading.Thread):
    """Sends messages one after another, each until its 250 was read; notes every answer that no one should get."""

    def __init__(self, server, name, source):
        super().__init__(daemon=True)
        self.server, self.prefix, self.source = server, name, source
        self.accepted, self.odd, self.tries = [], [], 0
        self.stopping = threading.Event()

    def attempt(self, message):
        try:
            with self.server.client(self.source, timeout=20) as client:
                client.greet()
                reply = smtp.transact(client, "sender@client.example", [ALICE, BOB], message)
                client.send(b"QUIT\r\n")
                return reply
        except (OSError, AssertionError):
            return None

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            name = f"{self.prefix}-{number}"
            # Some travel inside the commit, some as memory files, some through the spool.
            message = smtp.message(b"x" * 60 + b"\r\n" * (1, 700, 20000)[number % 3], number=name)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                self.tries += 1
                reply = self.attempt(message)
                if reply and reply.code == 250:
                    self.accepted.append(name)
                    break
                if reply and reply.code // 100 == 5:
                    self.odd.append(str(reply))
                if time.monotonic() > deadline:
                    self.odd.append(f"{name} was never taken, at last: {reply}")
                    return
                time.sleep(0.02)  # a client that waits before it tries again


class Killed(unittest.TestCase):
    def setUp(self):
        self.dns = dnsd.DnsServer({"client.example": {"TXT": ["v=spf1 ip4:10.99.0.0/24 -all"]}}).start()
        self.addCleanup(self.dns.stop)

    def under_load(self, role):
        source = "10.99.0.2" if tidegate.HAS_OWN_NETWORK else None
        with tidegate.Server(dns=self.dns, config={"processes": 2, "max-connections-per-address": 0}) as server:
            senders = [Sender(server, f"{role}-{number}", source) for number in range(CLIENTS)]
            for sender in senders:
                sender.start()
            for _ in range(KILLS):
                before = sum(len(sender.accepted) for sender in senders)
                tidegate.wait_until(lambda before=before: sum(len(sender.accepted) for sender in senders) > before + 20,
                                    f"mail flows between kills of {role}", PATIENCE_SECONDS)
                mark = server.mark()
                server.kill_child(role)
                server.expect_log(rf"{role}.* runs again", mark)
            for sender in senders:
                sender.stopping.set()
            for sender in senders:
                sender.join(PATIENCE_SECONDS + 30)
            self.assertEqual([sender.prefix for sender in senders if sender.is_alive()], [], "still sending")
            self.judge(server, senders)

    def judge(self, server, senders):
        self.assertEqual([text for sender in senders for text in sender.odd], [])
        accepted = {name for sender in senders for name in sender.accepted}
        for address in (ALICE, BOB):
            mail = server.mail(address)
            found = collections.Counter(re.search(rb"Message-ID: <(\S+)\.test@", raw).group(1).decode() for raw in mail)
            self.assertEqual(accepted - set(found), set(), "lost")
            self.assertEqual({name: count for name, count in found.items() if count > 1}, {}, "doubled")
            self.assertEqual(set(found) - accepted, set(), "delivered without a 250")
            for raw in mail:
                self.assertTrue(raw.endswith(b"\n"))
                self.assertIn(b"x" * 60, raw)


for _role in tidegate.ROLES:
    setattr(Killed, f"test_{_role}", lambda self, role=_role: self.under_load(role))


if __name__ == "__main__":
    unittest.main()
