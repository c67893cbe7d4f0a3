"""tidegate user, and what a running server makes of the users file."""
import os
import pty
import re
import signal
import shlex
import stat
import subprocess
import termios
import unittest

from tests.lib import server as tidegate

ALICE = "alice@example.org"
BOB = "bob@example.org"
RECIPIENTS = ("alice@example.org maildir\nbob@example.org maildir\ninfo@example.org alias alice@example.org\n"
              "team@example.org alias alice@example.org bob@example.org\n*@example.net maildir\n"
              "closed@example.org refuse \"no\"\n")
# What ends a program that asks at a terminal.
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Case(unittest.TestCase):
    def setUp(self):
        self.server = tidegate.Server(recipients=RECIPIENTS, config={"users": "users"})
        self.addCleanup(self.server.remove)
        self.server.compile_map()
        self.path = os.path.join(self.server.folder, "users")
        self.map_path = os.path.join(self.server.state, "users", "users.cdb")

    def user(self, *words, given=b""):
        done = subprocess.run(self.server.command("user", *words), input=given, capture_output=True, timeout=30, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def good(self, *words, given=b"a secret\n"):
        code, out, err = self.user(*words, given=given)
        self.assertEqual((code, err), (0, ""))
        return out

    def bad(self, pattern, *words, given=b"a secret\n"):
        before = self.text() if os.path.exists(self.path) else None
        code, out, err = self.user(*words, given=given)
        self.assertEqual((code, out), (1, ""), err)
        self.assertRegex(err, pattern)
        self.assertEqual(self.text() if os.path.exists(self.path) else None, before)

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def write(self, text, mode=0o600):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path, mode)


class User(Case):
    def test_closed_descriptors(self):
        """Number 0 is nobody's password, and number 2 is no file of ours, when they were closed by whoever called."""
        self.good("add", ALICE)
        before = self.text()
        command = " ".join(map(shlex.quote, self.server.command("user", "passwd", ALICE)))
        done = subprocess.run(["sh", "-c", command + " <&-"], capture_output=True, timeout=30, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"the password is empty", done.stderr)
        self.assertEqual(self.text(), before)

    def test_add_passwd_del_list(self):
        self.good("add", "Alice@Example.ORG")
        self.good("add", BOB)
        self.assertEqual(self.good("list"), f"{ALICE}\n{BOB}\n")
        self.assertRegex(self.text(), r"(?m)^alice@example\.org:\$y\$\S+$")
        self.assertNotIn("a secret", self.text())
        for path in (self.path, self.map_path):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        before = self.text()
        self.good("passwd", ALICE)
        self.assertNotEqual(self.text(), before)
        self.good("del", BOB)
        self.assertEqual(self.good("list"), f"{ALICE}\n")
        self.assertEqual(os.listdir(os.path.dirname(self.map_path)), ["users.cdb"])

    def test_comments_and_order_stay(self):
        self.good("add", ALICE)
        line = self.text().splitlines()[-1]
        self.write(f"# first\n\n  {line.replace('alice', 'Alice')}\n# in between\nbob@example.org:!\n# last, without an end of line")
        self.good("passwd", ALICE)
        lines = self.text().split("\n")
        self.assertEqual([lines[0], lines[1], lines[3], lines[4], lines[5]],
                         ["# first", "", "# in between", "bob@example.org:!", "# last, without an end of line"])
        self.assertRegex(lines[2], r"^  Alice@example\.org:\$y\$")
        self.good("del", ALICE)
        self.assertEqual(self.text(), "# first\n\n# in between\nbob@example.org:!\n# last, without an end of line\n")

    def test_only_who_has_a_mailbox(self):
        self.bad("alias \\(of alice@example.org\\)", "add", "info@example.org")
        self.bad("alias \\(of .* and others\\)", "add", "team@example.org")
        self.bad("no line of its own .*alice@example.org", "add", "alice+x@example.org")
        self.bad(r"no line of its own .*\*@example.net", "add", "x@example.net")
        self.bad("not delivered to anybody", "add", "nobody@example.org")
        self.bad("not delivered to anybody", "add", "alice@elsewhere.example")
        self.bad("not delivered to anybody", "add", "closed@example.org")
        self.bad("tidegate user: .", "add", "alice")
        os.remove(os.path.join(self.server.state, "maps", "recipients.cdb"))
        self.bad("tidegate map", "add", ALICE)

    def test_weak_input(self):
        self.bad("empty", "add", ALICE, given=b"")
        self.bad("empty", "add", ALICE, given=b"\n")
        self.bad("more than one line", "add", ALICE, given=b"one\ntwo\n")
        self.bad("NUL", "add", ALICE, given=b"a\0b\n")
        self.bad("longer than 511", "add", ALICE, given=b"x" * 512 + b"\n")
        self.bad("longer than 511", "add", ALICE, given=b"x" * 100000)
        self.good("add", ALICE, given=b"x" * 511 + b"\n")
        self.good("passwd", ALICE, given="pässwörd".encode())

    def test_who_is_there_and_who_is_not(self):
        self.bad("no user", "passwd", ALICE)
        self.bad("no user", "del", ALICE)
        self.good("add", ALICE)
        self.bad("already", "add", "ALICE@example.org")

    def test_command_lines(self):
        for words in ((), ("add",), ("list", ALICE), ("add", ALICE, "password"), ("rename", ALICE)):
            code, _, err = self.user(*words)
            self.assertEqual(code, 2, words)
            self.assertIn("usage: ", err)
        self.server.write_config(users=None)
        self.bad("users = ", "list")

    @unittest.skipUnless(tidegate.IS_ROOT, "needs root")
    def test_who_may_read_the_file(self):
        self.good("add", ALICE)
        for mode in (0o644, 0o640, 0o620, 0o601):
            os.chmod(self.path, mode)
            self.bad("chmod 600", "passwd", ALICE)
        os.chmod(self.path, 0o600)
        os.chown(self.path, tidegate.NOBODY, -1)
        self.bad("belongs to somebody else", "list")

    def test_mistakes_are_told_with_their_line(self):
        self.write("alice@example.org:secret\nbob\nbob@example.org:!\n# x\nBOB@example.org:!\n")
        code, _, err = self.user("list")
        self.assertEqual(code, 1)
        for line, what in ((1, "libcrypt"), (2, "ADDRESS:HASH"), (5, "line 3")):
            self.assertRegex(err, rf"(?m)users:{line}: .*{what}")
        self.assertNotIn("secret\n", err)
        self.bad("users:1: ", "add", ALICE)

    def test_links_are_followed(self):
        real = os.path.join(self.server.folder, "real-users")
        os.symlink("real-users", self.path)
        self.write("")
        self.good("add", ALICE)
        self.assertTrue(os.path.islink(self.path))
        self.assertIn(ALICE, open(real, encoding="utf-8").read())

    def terminal(self, *answers):
        """Runs `passwd` at a terminal and types the answers: (exit code, what the screen showed)."""
        master, slave = pty.openpty()
        done = subprocess.Popen(self.server.command("user", "passwd", ALICE), stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        shown = b""
        for prompt, answer in zip((b"New password: ", b"The same again: "), answers):
            while prompt not in shown:
                shown += os.read(master, 1000)
            os.write(master, answer + b"\n")
        try:
            while True:
                more = os.read(master, 1000)
                if not more:
                    break
                shown += more
        except OSError:
            pass
        os.close(master)
        return done.wait(30), shown

    def test_at_a_terminal(self):
        self.good("add", ALICE)
        before = self.text()
        code, shown = self.terminal(b"unseen", b"unsaid")
        self.assertEqual((code, self.text()), (1, before))
        self.assertIn(b"not the same", shown)
        code, shown = self.terminal(b"unseen", b"unseen")
        self.assertEqual(code, 0, shown)
        self.assertNotEqual(self.text(), before)
        self.assertNotIn(b"unseen", shown)


    def ask(self, master, slave, ignored=()):
        """Whoever runs the tests may have us ignore signals, which a child inherits."""
        def begin():
            for number in ENDINGS:
                signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        asked = subprocess.Popen(self.server.command("user", "passwd", ALICE), stdin=slave, stdout=slave, stderr=slave, process_group=0,
                                 preexec_fn=begin)
        self.addCleanup(asked.wait, 30)
        self.addCleanup(asked.kill)
        self.wait_for_prompt(master)
        self.assertFalse(self.shows(slave))
        return asked

    def wait_for_prompt(self, master):
        shown = b""
        while b"New password: " not in shown:
            shown += os.read(master, 1000)

    @staticmethod
    def shows(slave):
        return bool(termios.tcgetattr(slave)[3] & termios.ECHO)

    def test_the_terminal_shows_again(self):
        self.good("add", ALICE)
        before = self.text()
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        for number in ENDINGS:
            asked = self.ask(master, slave)
            asked.send_signal(number)
            self.assertEqual(asked.wait(30), -number)
            self.assertTrue(self.shows(slave), number)
        asked = self.ask(master, slave)
        asked.send_signal(signal.SIGTSTP)
        self.assertTrue(os.WIFSTOPPED(os.waitpid(asked.pid, os.WUNTRACED)[1]))
        self.assertTrue(self.shows(slave))
        asked.send_signal(signal.SIGCONT)
        self.wait_for_prompt(master)
        self.assertFalse(self.shows(slave))
        os.write(master, b"unseen\nunseen\n")
        self.assertEqual(asked.wait(30), 0)
        self.assertTrue(self.shows(slave))
        self.assertNotEqual(self.text(), before)


    def test_an_ignored_signal_stays_ignored(self):
        self.good("add", ALICE)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        asked = self.ask(master, slave, ignored=ENDINGS)
        with open(f"/proc/{asked.pid}/status", encoding="ascii") as file:
            ignored = int(re.search(r"SigIgn:\s*(\w+)", file.read()).group(1), 16)
        for number in ENDINGS:
            self.assertTrue(ignored >> (number - 1) & 1, number)
            asked.send_signal(number)
        os.write(master, b"unseen\nunseen\n")
        self.assertEqual(asked.wait(30), 0)


class Served(Case):
    def users(self):
        return self.server.status()["auth.auth-users"]

    def test_a_running_server_takes_them(self):
        with self.server:
            self.server.expect_log("users file .* cannot be looked at")
            self.assertEqual(self.users(), 0)
            mark = self.server.mark()
            self.good("add", ALICE)
            self.server.expect_log("new users are in force", mark)
            self.assertEqual(self.users(), 1)
            # By hand, too.
            mark = self.server.mark()
            line = self.text().splitlines()[-1]
            self.write(f"{line}\n{line.replace('alice', 'bob')}\n")
            self.server.expect_log("new users are in force", mark)
            self.assertEqual(self.users(), 2)
            # A new process has them at once.
            mark = self.server.mark()
            self.server.kill_child("auth")
            self.server.expect_log("auth.* runs again", mark)
            self.assertEqual(self.users(), 2)

    def test_the_last_good_ones_stay(self):
        with self.server:
            self.good("add", ALICE)
            tidegate.wait_until(lambda: self.users() == 1, "the user is known")
            line = self.text()
            for text, mode, why in (("alice@example.org:plain\n", 0o600, "users:1: "), (line, 0o644, "chmod 600")):
                mark = self.server.mark()
                self.write(text, mode)
                self.server.expect_log(f"users are not taken, the last good ones stay in force: .*{why}", mark)
                self.assertEqual(self.users(), 1)
            mark = self.server.mark()
            os.remove(self.path)
            self.server.expect_log("cannot be looked at.*last good users stay", mark)
            self.assertEqual(self.users(), 1)
            mark = self.server.mark()
            self.write(line + line.replace("alice", "bob"))
            self.server.expect_log("new users are in force", mark)
            tidegate.wait_until(lambda: self.users() == 2, "both users are known")
            mark = self.server.mark()
            with open(self.map_path, "r+b") as file:
                file.truncate(2100)
            self.server.expect_log("users.cdb in the state folder is refused", mark)
            self.assertEqual(self.users(), 2)

    def test_each_mistake_has_its_line_in_the_log(self):
        self.write("alice@example.org:plain\nbob\n")
        with self.server:
            lines = [self.server.expect_log(rf"users are not taken, nobody can send mail from here: \S+users:{number}: ") for number in (1, 2)]
            self.assertNotEqual(*lines)
            self.assertFalse([line for line in lines if "x0a" in line], lines)

    def test_what_could_not_be_written_is_tried_again(self):
        with self.server:
            self.good("add", ALICE)
            tidegate.wait_until(lambda: self.users() == 1, "the user is known")
            mark = self.server.mark()
            # In the way of the file that is written aside, as a full disk would be.
            os.mkdir(self.map_path + ".new")
            self.write(self.text() + self.text().splitlines()[-1].replace("alice", "bob") + "\n")
            self.server.expect_log("users are not taken.* stay in force: the users cannot be written .*tried again", mark)
            self.assertIsNone(self.server.wait_log("users are not taken", since=self.server.mark(), seconds=2), "said twice")
            self.assertEqual(self.users(), 1)
            mark = self.server.mark()
            os.rmdir(self.map_path + ".new")
            self.server.expect_log("new users are in force", mark)
            self.assertEqual(self.users(), 2)

    def test_a_listener_for_users_without_passwords_is_warned_of(self):
        port = tidegate.free_port()
        self.server.write_config(**{'listener "submission"': {"address": f"127.0.0.1:{port}", "role": "submission", "tls": "implicit"}})
        with self.server:
            pattern = "event=warning .*listener submission is for users, but neither users nor auth-socket"
            self.assertIsNone(self.server.wait_log(pattern, seconds=0.1))
            mark = self.server.mark()
            self.server.write_config(users=None)
            self.assertEqual(self.server.run("reload")[0], 0)
            self.server.expect_log(pattern, mark)

    def test_reload_without_users(self):
        with self.server:
            self.good("add", ALICE)
            tidegate.wait_until(lambda: self.users() == 1, "the user is known")
            self.server.write_config(users=None)
            self.assertEqual(self.server.run("reload")[0], 0)
            tidegate.wait_until(lambda: self.users() == 0, "nobody is known")

    @unittest.skipUnless(tidegate.IS_ROOT, "needs root")
    def test_nobody_else_can_open_it(self):
        self.good("add", ALICE)
        with self.server:
            for folder in (os.path.dirname(self.map_path), self.map_path):
                facts = os.stat(folder)
                self.assertEqual((facts.st_uid, facts.st_mode & 0o077), (0, 0))


class Configured(unittest.TestCase):
    def test_one_place_for_passwords(self):
        server = tidegate.Server(config={"users": "users", "auth-socket": "/run/dovecot/auth-tidegate"})
        self.addCleanup(server.remove)
        code, _, err = server.run("config")
        self.assertEqual(code, 1)
        self.assertTrue(re.search("users and auth-socket are both set", err), err)


if __name__ == "__main__":
    unittest.main()
