"""What scripts rely on: map, lookup, config, explain, status, health."""
import os
import re
import shutil
import subprocess
import unittest
from unittest import mock

from tests.lib import dnsd
from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

ALICE = "alice@example.org"


class WithoutServer(unittest.TestCase):
    def setUp(self):
        self.server = tidegate.Server()
        self.addCleanup(self.server.remove)


class Map(WithoutServer):
    def compile(self, text, *words):
        self.server.write_recipients(text)
        return self.server.run("map", *words)

    def test_good(self):
        code, out, err = self.compile(tidegate.RECIPIENTS)
        self.assertEqual(code, 0, out + err)

    def test_every_error_is_told_with_its_line(self):
        code, out, err = self.compile(
            "alice@example.org maildir\n"
            "gone@example.org alias nobody@example.org\n"
            "one@example.org alias two@example.org\n"
            "two@example.org alias one@example.org\n"
            "out@example.org alias someone@elsewhere.example\n"
            "odd@example.org teleport\n"
            "ALICE@example.org maildir\n"
            "not an address maildir\n"
            "carol@example.org user carol\n"
            "@shop.example lmtp unix:/run/lmtp\n"
            "@branch.example smtp 10.0.0.5:25\n"
            "up@example.org maildir /etc/mail\n"
            "dots@example.org maildir ../x\n"
            "big@example.org maildir quota=lots\n"
            "text@example.org refuse \"no end\n")
        self.assertEqual(code, 1)
        for line in (2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15):
            self.assertRegex(err + out, rf"(?m)^\S*recipients:{line}: ", f"line {line}")
        self.assertRegex(err + out, r"recipients:[34]: .*leads back to itself")

    def test_an_error_keeps_the_old_map(self):
        self.assertEqual(self.compile(tidegate.RECIPIENTS)[0], 0)
        self.assertEqual(self.compile("alice@example.org teleport\n")[0], 1)
        code, out, _ = self.server.run("lookup", ALICE)
        self.assertEqual(code, 0)
        self.assertIn("example.org/alice", out)

    def test_a_map_that_shrank_needs_force(self):
        many = "".join(f"u{number}@example.org maildir\n" for number in range(50)) + tidegate.RECIPIENTS
        self.assertEqual(self.compile(many)[0], 0)
        code, out, err = self.compile(tidegate.RECIPIENTS)
        self.assertEqual(code, 1, out + err)
        self.assertIn("--force", out + err)
        self.assertEqual(self.compile(tidegate.RECIPIENTS, "--force")[0], 0)

    def test_a_folder_of_files(self):
        folder = os.path.join(self.server.folder, "recipients.d")
        os.makedirs(folder)
        for name, text in (("one", "alice@example.org maildir\n"), ("two", "bob@example.net maildir\n")):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        self.server.write_config(recipients=folder)
        self.assertEqual(self.server.run("map")[0], 0)
        for address in (ALICE, "bob@example.net"):
            self.assertEqual(self.server.run("lookup", address)[0], 0)

    def test_missing_recipients_file(self):
        os.unlink(self.server.recipients_path)
        code, out, err = self.server.run("map")
        self.assertEqual(code, 1)
        self.assertIn(self.server.recipients_path, out + err)

    def test_a_million_addresses_under_two_seconds(self):
        text = "".join(f"user{number}@d{number % 1000}.example maildir\n" for number in range(1000000))
        self.server.write_recipients(text)
        before = os.times()
        code, out, err = self.server.run("map", seconds=60)
        after = os.times()
        self.assertEqual(code, 0, out + err)
        used = after.children_user - before.children_user + after.children_system - before.children_system
        if "sanitize" not in tidegate.BUILD:
            self.assertLess(used, 2.0 * float(os.environ.get("TIDEGATE_TEST_PATIENCE", "1")))


class Lookup(WithoutServer):
    def setUp(self):
        super().setUp()
        self.server.write_recipients(tidegate.RECIPIENTS + 'spam@example.org refuse "Closed."\n*@example.net maildir\n')
        self.server.compile_map()

    def test_answers(self):
        for address, wanted in ((ALICE, "example.org/alice"), ("info@example.org", "example.org/bob"),
                                ("Alice+x@EXAMPLE.org", "example.org/alice"), ("any@example.net", "example.net"),
                                ("spam@example.org", "Closed."), ("postmaster@example.org", "alice")):
            with self.subTest(address):
                _, out, err = self.server.run("lookup", address)
                self.assertIn(wanted, out + err)

    def test_unknown_and_foreign(self):
        code, out, err = self.server.run("lookup", "nobody@example.org")
        self.assertNotEqual(code, 0, out + err)
        code, out, err = self.server.run("lookup", "alice@elsewhere.example")
        self.assertNotEqual(code, 0, out + err)


class Config(WithoutServer):
    def test_prints_what_reads_back_the_same(self):
        code, out, err = self.server.run("config")
        self.assertEqual(code, 0, err)
        self.assertIn("max-message-size", out)
        with open(self.server.config_path, "w", encoding="utf-8") as file:
            file.write(out)
        again = self.server.run("config")
        self.assertEqual(again, (0, out, ""))

    def test_errors_name_file_and_line(self):
        good = open(self.server.config_path, encoding="utf-8").read()
        lines = good.count("\n")
        for text, wanted in (("frobnicate = 1\n", "frobnicate"), ("max-errors = many\n", "max-errors"),
                             ("max-errors = 0\n", "max-errors"), ("listen = {\"nowhere\"}\n", "listen"),
                             ("spf-mailfrom-fail = perhaps\n", "spf-mailfrom-fail"), ("strict-text = \"maybe\"\n", "strict-text"),
                             ("max-recipients = 99\n", "max-recipients"), ("max-message-size = 1\n", "max-message-size"),
                             ("trusted = {\"10.0.0.1/33\"}\n", "trusted"), ("hostname = \"not a host\"\n", "hostname")):
            with self.subTest(text.strip()):
                key = text.split(" ")[0]
                kept = "".join(line for line in good.splitlines(True) if not line.startswith(key + " "))
                with open(self.server.config_path, "w", encoding="utf-8") as file:
                    file.write(kept + text)
                code, out, err = self.server.run("config")
                self.assertEqual(code, 1, out)
                number = kept.count("\n") + 1
                self.assertRegex(err, rf"tidegate\.conf:{number}: .*{re.escape(wanted)}")
        self.assertGreater(lines, 3)

    def test_a_missing_file(self):
        os.unlink(self.server.config_path)
        code, _, err = self.server.run("config")
        self.assertEqual(code, 1)
        self.assertIn(self.server.config_path, err)

    def test_unknown_command_and_no_command(self):
        program = os.path.join(tidegate.BIN, "tidegate")
        for words in ([], ["frobnicate"]):
            done = subprocess.run([program, *words], capture_output=True, check=False, timeout=10)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr)


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = dnsd.DnsServer({
            "pass.example": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
            "fail.example": {"TXT": ["v=spf1 -all exp=why.fail.example"]},
            "why.fail.example": {"TXT": ["%{i} may not."]},
        }).start()
        cls.server = tidegate.Server(dns=cls.dns)
        cls.server.compile_map()

    @classmethod
    def tearDownClass(cls):
        cls.server.remove()
        cls.dns.stop()

    def explain(self, sender, to=None, ip="192.0.2.1", helo="pass.example", user=None):
        words = ["--ip", ip, "--helo", helo, "--from", sender] + (["--to", to] if to else []) + (["--user", user] if user else [])
        code, out, err = self.server.run("explain", *words)
        self.assertIn(code, (0, 1), err)
        facts = dict(re.findall(r"(?m)^fact (\S+) = (.*?)(?:  #.*)?$", out))
        answer = re.search(r"(?m)^answer: (.*)$", out)
        return facts, answer.group(1) if answer else None, out + err

    def test_pass(self):
        facts, answer, out = self.explain("x@pass.example", ALICE)
        self.assertEqual(facts.get("spf-mailfrom"), "pass", out)
        self.assertRegex(answer or "", r"^250 2\.1\.5", out)

    def test_fail_with_its_explanation(self):
        facts, answer, out = self.explain("x@fail.example", ALICE)
        self.assertEqual(facts.get("spf-mailfrom"), "fail", out)
        self.assertIn("192.0.2.1 may not.", facts.get("spf-explanation", ""))
        self.assertRegex(answer or "", r"^550 5\.7\.23", out)

    def test_a_user_and_whose_the_sender_is(self):
        for sender, to, owner, begins in ((ALICE, "bob@example.org", "user", "250 2.1.5"),
                                          ("alice+x@example.org", ALICE, "user", "250 2.1.5"),
                                          ("info@example.org", ALICE, "others", "553 5.7.1"),
                                          ("bob@example.org", ALICE, "others", "553 5.7.1"),
                                          ("x@fail.example", ALICE, "others", "553 5.7.1"),
                                          (ALICE, "x@elsewhere.example", "user", "550 5.7.1 This server sends nothing"),
                                          ("", ALICE, None, "250 2.1.5")):
            facts, answer, out = self.explain(sender, to, user=ALICE)
            self.assertEqual((facts.get("user"), facts.get("exempt"), facts.get("sender-owner")), (ALICE, "user", owner), out)
            self.assertTrue((answer or "").startswith(begins), out)
        # Nobody is a user without being one.
        facts, _, _ = self.explain(ALICE, "bob@example.org")
        self.assertNotIn("user", facts)

    def test_unknown_recipient(self):
        _, answer, out = self.explain("x@pass.example", "nobody@example.org")
        self.assertRegex(answer or "", r"^550 5\.1\.1", out)

    def test_null_sender(self):
        facts, _, out = self.explain("", None)
        self.assertEqual(facts.get("spf-helo"), "pass", out)

    def test_leaves_nothing_in_the_mailbox(self):
        self.explain("x@pass.example", ALICE)
        self.assertEqual(self.server.mail(ALICE), [])
        self.assertFalse(os.path.exists(self.server.maildir(ALICE)))

    def everything_below(self, folder):
        """Path, inode, owner, mode and time of change of all that is there."""
        found = []
        for at, folders, files in os.walk(folder):
            for name in [".", *folders, *files]:
                facts = os.lstat(os.path.join(at, name))
                found.append((at, name, facts.st_ino, facts.st_uid, facts.st_mode, facts.st_ctime_ns))
        return sorted(found)

    def test_changes_nothing(self):
        scratch = os.path.join(self.server.folder, "scratch")
        os.mkdir(scratch)
        before = self.everything_below(self.server.state)
        with mock.patch.dict(os.environ, TMPDIR=scratch):
            _, answer, out = self.explain("x@pass.example", ALICE)
        self.assertRegex(answer or "", r"^250 ", out)
        self.assertEqual(self.everything_below(self.server.state), before)
        self.assertEqual(os.listdir(scratch), [])

    def test_makes_no_state_folder(self):
        with tidegate.Server(dns=self.dns) as server:
            server.stop()
            shutil.rmtree(server.state)
            code, out, err = server.run("explain", "--ip", "192.0.2.1", "--helo", "pass.example",
                                        "--from", "x@pass.example", "--to", ALICE)
            self.assertEqual(code, 0, err)
            self.assertIn("there is no recipient map", err)
            self.assertRegex(out, r"(?m)^answer: 451 ")
            self.assertFalse(os.path.exists(server.state))
            os.mkdir(server.state)

    def test_the_same_answer_as_the_server(self):
        _, wanted, _ = self.explain("x@fail.example", ALICE, ip="127.0.0.1")
        with tidegate.Server(dns=self.dns) as server, server.client() as client:
            client.greet("pass.example")
            client.expect("MAIL FROM:<x@fail.example>", 250)
            self.assertEqual(str(client.say(f"RCPT TO:<{ALICE}>")), wanted)


class Status(ServerCase):
    def test_counts(self):
        before = self.server.status()
        smtp.check(self.server.deliver(ALICE, smtp.message(number="status")), 250)
        smtp.check(self.server.deliver("nobody@example.org", smtp.message()), 550)
        after = self.server.status()
        grown = {name for name, value in after.items() if value > before.get(name, 0)}
        self.assertTrue(any("accepted" in name or "delivered" in name for name in grown), grown)
        self.assertTrue(any("unknown-user" in name for name in grown), grown)
        self.assertTrue(any("sessions" in name for name in grown), grown)
        self.assertTrue(any("uptime" in name for name in after), after)
        # A counter whose name the master does not let through would be missing here.
        self.assertEqual(after.get("deliver.commits.done"), before.get("deliver.commits.done", -2) + 1, after)
        for name in ("deliver.probes.taken", "deliver.commits-running", "deliver.unread-remembered"):
            self.assertIn(name, after)

    def test_metrics(self):
        code, out, err = self.server.run("status", "--metrics")
        self.assertEqual(code, 0, err)
        for line in out.splitlines():
            self.assertRegex(line, r'^(#.*|tidegate_[a-z0-9_]+(\{[^}]*\})? [0-9.]+)$')

    def test_restarts_are_counted(self):
        mark = self.server.mark()
        self.server.kill_child("dns")
        self.server.expect_log("dns.* runs again", mark)
        self.assertTrue(any("restart" in name and "dns" in name and value for name, value in self.server.status().items()))

    def test_health(self):
        before = self.server.mail(ALICE)
        self.assertEqual(self.server.run("health")[0], 0)
        self.assertEqual(self.server.mail(ALICE), before)

    def test_nobody_else_may_ask(self):
        if not tidegate.IS_ROOT:
            self.skipTest("needs another user")
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *self.server.command("status")],
                              capture_output=True, check=False, timeout=20)
        self.assertNotEqual(done.returncode, 0)

    def test_without_a_server(self):
        server = tidegate.Server()
        try:
            for word in ("status", "health", "reload"):
                code, _, err = server.run(word)
                self.assertEqual(code, 1, word)
                self.assertTrue(err.strip(), word)
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
