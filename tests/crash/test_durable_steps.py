"""Every durable step of a delivery fails once, and kills deliver once; a client that retries gets its message into every
mailbox exactly once, and never hears 250 without it.

The programs are those of build/hooks, whose lib/durable_file.c counts its steps: TIDEGATE_DURABLE_FAIL="K:ERRNO" makes
the K-th of a process fail, TIDEGATE_DURABLE_KILL="K" kills the process there.
"""
import errno
import os
import re
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp

# limit: 240
ALICE, BOB = "alice@example.org", "bob@example.org"
HOOKS = os.path.join(tidegate.BUILD, "hooks", "bin")
# More steps than the delivery of a message to two new mailboxes takes; at the last ones nothing happens any more.
STEPS_MOST = 60
ATTEMPTS = 60


def attempt(server, message):
    """The reply to the dot (or a refusal before it), or None when the connection was lost."""
    try:
        with server.client(timeout=20) as client:
            client.greet()
            return smtp.transact(client, "sender@client.example", [ALICE, BOB], message)
    except (OSError, AssertionError):
        return None


def attempt_each(server, recipients, message):
    """The same with PRDR: the reply to each recipient, or what there was in place of them for all."""
    try:
        with server.client(timeout=20) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example> PRDR", 250)
            for recipient in recipients:
                client.expect(f"RCPT TO:<{recipient}>", 250)
            client.expect("DATA", 354)
            client.send(smtp.stuff(message))
            first = client.reply()
            if first.code != 353:
                return {recipient: first for recipient in recipients}
            replies = {recipient: client.reply() for recipient in recipients}
            smtp.check(client.reply(), 250 if any(reply.code == 250 for reply in replies.values()) else 451)
            return replies
    except (OSError, AssertionError):
        return {}


@unittest.skipUnless(os.path.exists(os.path.join(HOOKS, "tidegate")), "make hooks first")
class DurableSteps(unittest.TestCase):
    is_each = False

    def copies(self, server):
        return len(server.mail(ALICE)), len(server.mail(BOB))

    def retry(self, server, message, tries):
        """Sends until a 250 is read; checks after each attempt that no 250 came without the files."""
        return self.retry_each(server, message, tries) if self.is_each else self.retry_all(server, message, tries)

    def retry_all(self, server, message, tries):
        for _ in range(tries):
            reply = attempt(server, message)
            if reply is not None and reply.code == 250:
                self.assertEqual(self.copies(server), (1, 1), "a 250")
                return True
            if reply is not None:
                self.assertEqual(reply.code // 100, 4, reply)
            self.assertTrue(all(count <= 1 for count in self.copies(server)), self.copies(server))
            tidegate.wait_until(lambda: server.run("health")[0] == 0, "all children run", 20)
        return False

    def retry_each(self, server, message, tries):
        """Sends to those who have not got it, as far as the sender has heard."""
        left = [ALICE, BOB]
        for _ in range(tries):
            for recipient, reply in attempt_each(server, left, message).items():
                if reply.code == 250:
                    self.assertEqual(len(server.mail(recipient)), 1, f"a 250 to {recipient}")
                    left.remove(recipient)
                else:
                    self.assertEqual(reply.code // 100, 4, reply)
            self.assertTrue(all(count <= 1 for count in self.copies(server)), self.copies(server))
            if not left:
                return True
            tidegate.wait_until(lambda: server.run("health")[0] == 0, "all children run", 20)
        return False

    def one(self, name, step, value):
        """True when the step was reached (something failed or died)."""
        message = smtp.message(number=f"{name}-{step}")
        server = tidegate.Server(programs=HOOKS, environment={name: value})
        try:
            server.compile_map()
            server.spawn()
            # The first steps are taken while it starts.
            has_started = server.wait_log("tidegate: ready") is not None
            taken = has_started and self.retry(server, message, 1 if name.endswith("KILL") else 6)
            was_reached = not taken or any("ended" in line or "cannot" in line or "trouble" in line for line in server.log.lines)
            if has_started:
                server.stop()
            if not taken:
                # Whatever lies there now, a server without the fault must make it whole.
                server.environment.pop(name)
                server.start()
                self.assertTrue(self.retry(server, message, 5), "never taken")
                self.assertEqual(server.stop(), 0)
            self.assertEqual(self.copies(server), (1, 1))
            return was_reached
        finally:
            server.remove()

    def every_step(self, name, values):
        reached, quiet = 0, 0
        for step in range(1, STEPS_MOST):
            was_reached = False
            for value in values(step):
                with self.subTest(step=step, value=value):
                    was_reached = self.one(name, step, value) or was_reached
            reached += was_reached
            quiet = 0 if was_reached else quiet + 1
            if quiet == 3:
                break
        self.assertGreaterEqual(reached, 10, "the delivery of one message to two new mailboxes takes more durable steps")
        self.assertEqual(quiet, 3, "the last steps were never reached: raise STEPS_MOST")

    def test_each_step_kills(self):
        self.every_step("TIDEGATE_DURABLE_KILL", lambda step: [str(step)])

    def test_each_step_fails(self):
        self.every_step("TIDEGATE_DURABLE_FAIL", lambda step: [f"{step}:{errno.EIO}"])

class DurableStepsOfEach(DurableSteps):
    """The same where each recipient stands for itself."""

    is_each = True


@unittest.skipUnless(os.path.exists(os.path.join(HOOKS, "tidegate")), "make hooks first")
class NoRoom(unittest.TestCase):
    def test_no_room_is_452(self):
        server = tidegate.Server(programs=HOOKS, environment={"TIDEGATE_DURABLE_FAIL": f"8:{errno.ENOSPC}"})
        try:
            server.start()
            replies = [attempt(server, smtp.message(number=f"room-{number}")) for number in range(6)]
            # The eighth step is one of the first message's; the disk has room again after it.
            self.assertEqual([str(reply)[:9] for reply in replies], ["452 4.3.1"] + 5 * ["250 2.0.0"])
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
