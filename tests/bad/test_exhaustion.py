# limit: 180
"""Memory and descriptors that run out: 421 and 452 instead of a death or a spin, and service again afterwards."""
import unittest

from tests.lib import limits
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"
NO_CAPS = {"max-connections-per-address": 0}
MEBIBYTE = 1 << 20


def open_until_refused(server, most, name=None):
    """Opens connections until one is answered otherwise than 220: those that stand, and the last reply or None."""
    held = []
    for number in range(most):
        client = server.client(f"127.0.{1 + number // 200}.{1 + number % 200}")
        try:
            reply = client.reply()
            if reply.code == 220 and name:
                reply = client.say(f"EHLO {name}")
        except ConnectionError:
            reply = None
        if reply is None or reply.code >= 400:
            client.close()
            return held, reply
        held.append(client)
    return held, None


class ExhaustionCase(ServerCase):
    def serves(self):
        try:
            return self.server.deliver(ALICE, smtp.message()).code == 250
        except ConnectionError:
            return False

    def assert_recovered(self, smtpd):
        tidegate.wait_until(self.serves, "mail is taken again", 20)
        self.assertIn((smtpd, "smtpd"), self.server.children(), "smtpd has died")
        self.assertEqual([line for line in self.server.log.lines if "internal error" in line or " ended" in line], [])


class Budget(ExhaustionCase):
    options = {"config": dict(NO_CAPS, **{"memory-budget": MEBIBYTE})}

    def test_new_clients_are_turned_away_first(self):
        smtpd = self.server.child("smtpd")
        held, refusal = open_until_refused(self.server, 4000, "a" * 60 + ".example")
        smtp.check(refusal, "421 4.3.2")
        self.assertGreater(len(held), 100)
        status = self.server.status()
        self.assertLessEqual(status["smtpd.memory-bytes"], MEBIBYTE)
        self.assertGreater(status["smtpd.memory-bytes"], MEBIBYTE // 2)
        self.assertGreaterEqual(status["smtpd.dismissed.no-memory"], 1)
        # Those who are here go on: an eighth is kept for them; their bodies go to files.
        before = len(self.server.mail_files(ALICE))
        for number, client in enumerate(held[:20]):
            message = smtp.message("x\r\n" * 9000, number=f"large{number}")
            smtp.check(smtp.transact(client, "sender@client.example", [ALICE], message), 250)
        self.assertEqual(len(self.server.mail_files(ALICE)), before + 20)
        # Transactions of all of them at once are more than there is: 451, and no death.
        codes = set()
        for client in held:
            client.send(b"MAIL FROM:<" + b"s" * 60 + b"@client.example>\r\n")
        for client in held:
            codes.add(client.reply().code)
        self.assertEqual(codes, {250, 451})
        self.assertLessEqual(self.server.status()["smtpd.memory-bytes"], MEBIBYTE)
        for client in held:
            client.reset()
        self.assert_recovered(smtpd)
        tidegate.wait_until(lambda: self.server.status()["smtpd.memory-bytes"] == 0, "all of it is given back")
        self.assertGreater(self.server.status()["smtpd.memory-peak-bytes"], MEBIBYTE // 2)


class Malloc(ExhaustionCase):
    """The address space itself is limited from outside while the server runs: what the budget promised is not there."""
    options = {"config": dict(NO_CAPS)}

    def test_without_address_space_it_lives_on(self):
        smtpd = self.server.child("smtpd")
        with self.server.client() as first:
            first.greet()
            limits.set_limit(smtpd, "as", limits.memory_bytes(smtpd) + MEBIBYTE // 4)
            held, refusal = open_until_refused(self.server, 3000, "b" * 60 + ".example")
            if refusal is not None:
                self.assertEqual(refusal.code, 421)
            self.assertLess(len(held), 3000)
            # A message may be refused for the time being, or find room, or end a session for whose reply there is no
            # memory; it is never lost, and ends no other.
            try:
                reply = smtp.transact(first, "sender@client.example", [ALICE], smtp.message("y\r\n" * 30000))
                self.assertIn(reply.code, (250, 421, 451, 452))
            except ConnectionError:
                pass
            for client in held:
                client.reset()
            limits.set_limit(smtpd, "as", "unlimited")
        self.assert_recovered(smtpd)


class Descriptors(unittest.TestCase):
    def serve(self, server):
        held, refusal = open_until_refused(server, 600)
        smtp.check(refusal, "421 4.3.2")
        self.assertGreater(len(held), 100)
        # What is kept back is enough for bodies in files of those who are here.
        reply = None
        for client in held[:5]:
            client.expect("EHLO client.example", 250)
            reply = smtp.transact(client, "sender@client.example", [ALICE], smtp.message("z\r\n" * 200000))
            smtp.check(reply, 250)
        for client in held:
            client.reset()

    def test_smtpd_keeps_some_back(self):
        with tidegate.Server(config=NO_CAPS, wrap=["prlimit", "--nofile=450:450"]) as server:
            smtpd = server.child("smtpd")
            self.serve(server)
            tidegate.wait_until(lambda: server.status()["smtpd.sessions"] == 0, "the clients are gone")
            self.assertGreaterEqual(server.status()["smtpd.dismissed.no-descriptors"], 1)
            smtp.check(server.deliver(ALICE, smtp.message()), 250)
            self.assertIn((smtpd, "smtpd"), server.children())

    def test_smtpd_whose_limit_falls_below_what_it_has(self):
        with tidegate.Server(config=NO_CAPS) as server:
            smtpd = server.child("smtpd")
            before = limits.cpu_seconds(smtpd)
            with server.client() as first:
                first.greet()
                limits.set_limit(smtpd, "nofile", limits.highest_descriptor(smtpd))
                for _ in range(20):
                    with server.client() as client:
                        self.assertTrue(client.is_closed() or client.reply().code == 421)
                # Without a descriptor there is no file for a body that is too large for plain memory.
                reply = smtp.transact(first, "sender@client.example", [ALICE], smtp.message("z\r\n" * 30000))
                smtp.check(reply, "452 4.3.1")
                reply = smtp.transact(first, "sender@client.example", [ALICE], smtp.message())
                smtp.check(reply, 250)
                limits.set_limit(smtpd, "nofile", 1000)
            self.assertLess(limits.cpu_seconds(smtpd) - before, 2.0, "smtpd spins")
            smtp.check(server.deliver(ALICE, smtp.message("z\r\n" * 30000)), 250)
            self.assertIn((smtpd, "smtpd"), server.children())

    def test_deliver_without_descriptors_defers(self):
        with tidegate.Server() as server:
            deliver = server.child("deliver")
            smtp.check(server.deliver(ALICE, smtp.message(number=1)), 250)
            limits.set_limit(deliver, "nofile", 3)
            for size in (10, 30000):
                reply = server.deliver(ALICE, smtp.message("z\r\n" * size, number=2))
                self.assertIn(str(reply.raw[-1])[:9], ("451 4.3.0", "452 4.3.1"), reply)
            self.assertEqual(len(server.mail_files(ALICE)), 1)
            self.assertEqual(server.leftovers(ALICE), [])
            limits.set_limit(deliver, "nofile", 8000)
            smtp.check(server.deliver(ALICE, smtp.message(number=2)), 250)
            smtp.check(server.deliver(ALICE, smtp.message("z\r\n" * 30000, number=3)), 250)
            self.assertIn((deliver, "deliver"), server.children())


if __name__ == "__main__":
    unittest.main()
