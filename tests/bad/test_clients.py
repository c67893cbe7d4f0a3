"""Clients that vanish, stall, flood, or come in crowds."""
import threading
import time
import unittest

from tests.lib import limits
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"
STEPS = [b"", b"EHLO client.example\r\n", b"MAIL FROM:<sender@client.example>\r\n", b"RCPT TO:<alice@example.org>\r\n", b"DATA\r\n",
         b"Subject: x\r\n\r\nsome", b" text\r\n", b"."]


class Vanishing(ServerCase):
    def sessions_are_gone(self):
        def open_now():
            return self.server.status()["smtpd.sessions"]
        tidegate.wait_until(lambda: open_now() == 0, "no session is left")

    def vanish(self, how):
        for count in range(1, len(STEPS) + 1):
            with self.subTest(after=STEPS[count - 1]):
                client = self.server.client()
                smtp.check(client.reply(), 220)
                for step in STEPS[:count]:
                    client.send(step)
                    if step.isupper() or step.startswith((b"EHLO", b"MAIL", b"RCPT")):
                        client.reply()
                how(client)
        self.assertEqual(self.server.mail(ALICE), [])
        self.assertEqual(self.server.leftovers(ALICE), [])
        smtp.check(self.server.deliver("bob@example.org", smtp.message()), 250)
        self.sessions_are_gone()

    def test_by_closing(self):
        self.vanish(lambda client: client.close())

    def test_by_resetting(self):
        self.vanish(lambda client: client.reset())

    def test_without_reading(self):
        """A client that sends and never reads: its replies fill its window, then its time runs out or it goes away."""
        client = self.server.client(receive_buffer=2048)
        try:
            client.socket.settimeout(2)
            for _ in range(2000):
                client.socket.sendall(b"EHLO client.example\r\n" * 100)
        except OSError:
            pass
        client.reset()
        smtp.check(self.server.deliver("bob@example.org", smtp.message()), 250)
        self.sessions_are_gone()

    def test_half_closed_behind_the_dot(self):
        """A client that shuts its sending side after QUIT still gets its answers."""
        client = self.server.client()
        client.greet()
        client.expect("MAIL FROM:<sender@client.example>", 250)
        client.expect("RCPT TO:<bob@example.org>", 250)
        client.expect("DATA", 354)
        client.send(smtp.stuff(smtp.message(number="half")) + b"QUIT\r\n")
        client.socket.shutdown(1)
        smtp.check(client.reply(), 250)
        smtp.check(client.reply(), 221)
        self.assertTrue(client.is_closed())
        client.close()


class Unread(ServerCase):
    options = {"config": {"memory-budget": 1 << 20, "max-connections-per-address": 0}}

    def test_replies_that_nobody_reads_are_counted(self):
        """They wait in memory: of clients that let them grow, only as many are kept as the budget has room for."""
        clients = []
        for _ in range(30):
            client = self.server.client(receive_buffer=2048)
            client.send(b"EHLO client.example\r\nMAIL FROM:<sender@client.example>\r\n")
            clients.append(client)
        for client in clients:
            client.socket.settimeout(0.2)
            try:
                for _ in range(2000):
                    client.socket.sendall(b"HELP\r\n" * 1300)
            except OSError:
                pass  # the server reads no more, as it should, or has closed the connection
        tidegate.wait_until(lambda: self.server.status()["smtpd.sessions"] < 30, "some are let go")
        status = self.server.status()
        self.assertGreater(status["smtpd.memory-bytes"], 0)
        self.assertLessEqual(status["smtpd.memory-bytes"], 1 << 20)
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)
        for client in clients:
            client.reset()
        tidegate.wait_until(lambda: self.server.status()["smtpd.memory-bytes"] == 0, "all of it is given back")


class Talkative(ServerCase):
    def test_recipients_that_are_deferred_do_not_fill_the_log(self):
        mark = self.server.mark()
        with self.server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<>", 250)
            client.expect("RCPT TO:<alice@example.org>", 250)
            for _ in range(30):
                client.send(b"RCPT TO:<bob@example.org>\r\n" * 100)
                for _ in range(100):
                    smtp.check(client.reply(), 452)
            client.expect("QUIT", 221)
        self.server.expect_log("event=session .* refused=3000 ", mark)
        lines = [line for line in self.server.log.lines[mark:] if "event=refused" in line]
        self.assertEqual(len(lines), 100)


class FewFiles(unittest.TestCase):
    def test_without_descriptors_only_new_clients_are_lost(self):
        wrap = ["prlimit", "--nofile=350:350"]
        with tidegate.Server(config={"processes": 1, "max-connections-per-address": 0}, wrap=wrap) as server:
            first = server.client()
            first.greet()
            others = [server.client() for _ in range(400)]
            for client in others:
                try:
                    client.reply()
                except smtp.Gone:
                    continue
            first.expect("NOOP", 250)
            for client in others:
                client.reset()
            tidegate.wait_until(lambda: server.status()["smtpd.sessions"] == 1, "the others are gone")
            self.assertEqual(server.status()["door.connections"], 1)
            smtp.check(server.deliver(ALICE, smtp.message()), 250)
            first.expect("QUIT", 221)
            first.close()
            self.assertEqual([line for line in server.log.lines if "broke the protocol" in line or " ended" in line], [])


class Slow(ServerCase):
    options = {"config": {"command-timeout": 1, "data-timeout": 2, "max-connections-per-address": 3, "session-idle": 10}}

    def test_a_byte_at_a_time_does_not_reset_the_clock(self):
        """The deadline is for a whole command line, however lively its bytes drip."""
        with self.server.client() as client:
            client.reply()
            begun = time.monotonic()
            stopped = threading.Event()

            def drip():
                for byte in b"NOOP " + b"x" * 100:
                    try:
                        client.socket.sendall(bytes([byte]))
                    except OSError:
                        return
                    if stopped.wait(0.2):
                        return
            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            smtp.check(client.reply(), "421 4.4.2")
            self.assertLess(time.monotonic() - begun, 5)
            stopped.set()
            thread.join()

    def test_idle_commands_do_not_hold_a_place_for_ever(self):
        with self.server.client() as client:
            client.greet()
            begun = time.monotonic()
            try:
                while time.monotonic() - begun < 20:
                    if client.say("MAIL FROM:<bad").code == 421:
                        break
                    time.sleep(0.9)  # a client that keeps just under the limit of a command
            except smtp.Gone:
                pass
            self.assertLess(time.monotonic() - begun, 15)

    def test_too_many_from_one_address(self):
        held = [self.server.client("127.0.0.9") for _ in range(3)]
        for client in held:
            smtp.check(client.reply(), 220)
        with self.server.client("127.0.0.9") as one_more:
            smtp.check(one_more.reply(), 421)
            self.assertTrue(one_more.is_closed())
        with self.server.client("127.0.0.10") as other:
            smtp.check(other.reply(), 220)
        for client in held:
            client.say("QUIT")
            client.close()

        def is_free():
            with self.server.client("127.0.0.9") as again:
                return again.reply().code == 220
        tidegate.wait_until(is_free, "the places are free again")


class Quick(ServerCase):
    options = {"config": {"max-connections-per-address": 12, "processes": 2}}

    def test_who_comes_back_at_once_is_not_counted_twice(self):
        turned_away = []

        def come_and_go():
            for _ in range(60):
                with self.server.client("127.0.0.9") as client:
                    if client.reply().code != 220:
                        turned_away.append(client.talk)
                        return
                    client.say("QUIT")

        threads = [threading.Thread(target=come_and_go) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(turned_away, [])


class Crowd(ServerCase):
    options = {"config": {"max-connections": 10, "max-connections-per-address": 0}}

    def test_too_many_in_all(self):
        held = [self.server.client(f"127.0.1.{number + 1}") for number in range(10)]
        for client in held:
            smtp.check(client.reply(), 220)
        with self.server.client("127.0.2.1") as one_more:
            smtp.check(one_more.reply(), 421)
        for client in held:
            client.close()

        def is_free():
            with self.server.client() as again:
                return again.reply().code == 220
        tidegate.wait_until(is_free, "the places are free again")


class Flood(ServerCase):
    options = {"config": {"max-message-size": "1M"}}

    def memory(self):
        return sum(limits.memory_bytes(pid, "VmRSS") for pid, _ in self.server.children())

    def flood(self, client, total, piece=b"x" * 65536):
        sent = 0
        try:
            while sent < total:
                client.socket.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        return sent

    def test_a_hundred_megabytes_without_a_newline_as_a_command(self):
        before = self.memory()
        with self.server.client() as client:
            client.reply()
            self.flood(client, 100 << 20)
            try:
                smtp.check(client.reply(), 500)
            except smtp.Gone:
                pass
        self.assertLess(self.memory() - before, 8 << 20)
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)

    def test_a_hundred_megabytes_without_a_newline_as_text(self):
        before = self.memory()
        with self.server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("RCPT TO:<bob@example.org>", 250)
            client.expect("DATA", 354)
            self.flood(client, 100 << 20)
            try:
                client.send(b"\r\n.\r\n")
                smtp.check(client.reply(), 552)
            except OSError:
                pass
        self.assertLess(self.memory() - before, 8 << 20)
        self.assertEqual(self.server.mail("bob@example.org"), [])
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)

    def test_a_message_far_over_the_limit(self):
        with self.server.client(timeout=60) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("RCPT TO:<bob@example.org>", 250)
            client.expect("DATA", 354)
            self.flood(client, 60 << 20, (b"y" * 62 + b"\r\n") * 1024)
            try:
                client.send(b".\r\n")
                smtp.check(client.reply(), "552 5.3.4")
            except OSError:
                pass
        self.assertEqual(self.server.mail("bob@example.org"), [])


class DyingChildren(unittest.TestCase):
    """A child dies at every step of a session: the client hears 4xx or loses the connection, never a false 250."""

    def test_each_child_at_each_step(self):
        for role in ("deliver", "dns", "caller", "door"):
            for at in range(2, len(STEPS) + 1):
                with self.subTest(role=role, step=at), tidegate.Server() as server:
                    self.one(server, role, at)

    def one(self, server, role, at):
        client = server.client()
        last = client.reply()
        try:
            for number, step in enumerate(STEPS, 1):
                client.send(step if step != b"." else b".\r\n")
                if number == at:
                    server.kill_child(role)
                if step.startswith((b"EHLO", b"MAIL", b"RCPT", b"DATA", b".")):
                    last = client.reply()
                    if last.code >= 400:
                        break
        except OSError:
            last = None
        client.close()
        server.expect_log(rf"{role}.* runs again")
        copies = len(server.mail(ALICE))
        if last is not None and last.code == 250:
            self.assertEqual(copies, 1)
        elif last is not None:
            self.assertEqual((copies, last.code // 100), (0, 4), last)
        self.assertEqual(server.leftovers(ALICE), [])
        tidegate.wait_until(lambda: self.is_well(server), "mail comes in again")

    def is_well(self, server):
        try:
            return server.deliver("bob@example.org", smtp.message()).code == 250
        except OSError:
            return False


if __name__ == "__main__":
    unittest.main()
