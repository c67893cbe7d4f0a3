"""Every durable step of `tidegate user` fails once, and kills it once: the users file is the old one or the new one, whole
and readable by its owner alone, and the next `tidegate user` works. (The programs are those of build/hooks; see
test_durable_steps.py.)"""
import os
import stat
import subprocess
import unittest

from tests.lib import server as tidegate

# limit: 120
ALICE, BOB = "alice@example.org", "bob@example.org"
HOOKS = os.path.join(tidegate.BUILD, "hooks", "bin")
STEPS_MOST = 40


@unittest.skipUnless(os.path.exists(os.path.join(HOOKS, "tidegate")), "make hooks first")
class UserSteps(unittest.TestCase):
    def setUp(self):
        self.server = tidegate.Server(programs=HOOKS, config={"users": "users"})
        self.addCleanup(self.server.remove)
        self.server.compile_map()
        self.path = os.path.join(self.server.folder, "users")
        self.good("add", ALICE)

    def user(self, *words, **environment):
        return subprocess.run(self.server.command("user", *words), input=b"secret\n", capture_output=True, timeout=30, check=False,
                              env=dict(os.environ, **environment))

    def good(self, *words):
        done = self.user(*words)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode().split()

    def every_step(self, name, value):
        """How many steps there were: until nothing goes wrong any more."""
        for step in range(1, STEPS_MOST):
            with open(self.path, encoding="utf-8") as file:
                before = file.read()
            done = self.user("add", BOB, **{name: value.format(step)})
            self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
            with open(self.path, encoding="utf-8") as file:
                after = file.read()
            users = self.good("list")
            if done.returncode == 0:
                self.assertEqual(users, [ALICE, BOB])
                return step
            self.assertIn(users, ([ALICE], [ALICE, BOB]))
            self.assertTrue(after.startswith(before), step)
            if done.returncode == 1 and users == [ALICE, BOB]:
                self.assertIn(b" is changed", done.stderr)
            # The next one works, and leaves nothing of what was cut off.
            self.good("passwd", ALICE)
            if BOB in users:
                self.good("del", BOB)
            self.assertEqual(sorted(os.listdir(os.path.join(self.server.state, "users"))), ["users.cdb"])
            self.assertNotIn("users.new", os.listdir(self.server.folder))
        self.fail("it never ends well")

    def test_every_step_fails_once(self):
        self.assertGreater(self.every_step("TIDEGATE_DURABLE_FAIL", "{}:5"), 8)

    def test_every_step_kills_once(self):
        self.assertGreater(self.every_step("TIDEGATE_DURABLE_KILL", "{}"), 8)


if __name__ == "__main__":
    unittest.main()
