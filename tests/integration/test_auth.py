"""tidegate-auth behind its walls: passwords by the users file and by real Dovecot, asked by a stand-in for smtpd
(auth_asker.c) that needs neither TLS nor SMTP."""
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

# limit: 240
from tests.lib import limits, peers
from tests.lib import server as tidegate
from tests.lib.listener import Listener

ALICE, BOB = "alice@example.org", "bob@example.org"
MANY = {"auth-failures-per-address": 1000000, "auth-failures-per-user": 1000000}
DOVECOT_UIDS = {"dovecot": 70901, "dovenull": 70902, "tidegate-caller": 70001}


def crypt(password, prefix):
    """A hash of the method that the prefix names, by libcrypt."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = library.crypt_gensalt.restype = ctypes.c_char_p
    salt = library.crypt_gensalt(prefix.encode(), ctypes.c_ulong(0), None, 0)
    return library.crypt(password.encode(), salt).decode()


class Passer(Listener):
    """Speaks like Dovecot, and lets everybody pass as one user."""

    def __init__(self, folder, user):
        self.user = user
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(folder, "auth"))
        os.chmod(os.path.join(folder, "auth"), 0o666)
        listener.listen()
        super().__init__(listener)

    def serve(self, client):
        with client, client.makefile("rw", encoding="ascii", newline="\n") as file:
            file.write("VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\tc\nDONE\n")
            file.flush()
            for line in file:
                if line.startswith("AUTH\t"):
                    file.write(f"OK\t{line.split(chr(9))[1]}\tuser={self.user}\n")
                    file.flush()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Asker:
    """A client of the stand-in."""

    def __init__(self, server, source=None):
        self.socket = socket.create_connection(server.address, timeout=40, source_address=(source, 0) if source else None)
        self.file = self.socket.makefile("rb")

    def send(self, user, password):
        self.socket.sendall(f"{user}\t{password}\n".encode())

    def hear(self):
        return self.file.readline().decode().strip()

    def ask(self, user, password):
        self.send(user, password)
        return self.hear()

    def close(self):
        self.file.close()
        self.socket.close()


class Case(unittest.TestCase):
    config = {}

    def start(self, **config):
        folder = tidegate.with_stand_in("auth-asker")
        self.addCleanup(shutil.rmtree, folder)
        # The stand-in does not tell the door which clients have gone.
        config = dict({"drain-time": 1, "max-connections-per-address": 0, "connection-rate-per-address": 0}, **config)
        self.server = tidegate.Server(programs=folder, recipients="alice@example.org maildir\nbob@example.org maildir\n",
                                      config=config)
        self.addCleanup(self.server.remove)
        self.server.compile_map()

    def asker(self, source=None):
        asker = Asker(self.server, source)
        self.addCleanup(asker.close)
        return asker

    def count(self, name):
        return self.server.status()[f"auth.{name}"]


class UsersFile(Case):
    def serve(self, **config):
        self.start(users="users", **config)
        self.server.add_user(ALICE, "wonderland")
        self.server.start()

    def test_passwords(self):
        self.serve(**MANY)
        asker = self.asker()
        self.assertEqual(asker.ask(ALICE, "wonderland"), f"passed {ALICE}")
        self.assertEqual(asker.ask("ALICE@Example.ORG", "wonderland"), f"passed {ALICE}")
        self.assertEqual(asker.ask(ALICE, "Wonderland"), "failed")
        self.assertEqual(asker.ask(BOB, "wonderland"), "failed")
        self.assertEqual(asker.ask("alice", "wonderland"), "failed")
        self.server.expect_log(r"event=auth-failed client=127\.0\.0\.1 user=alice@example\.org why=password")
        self.server.expect_log(r"event=auth-failed client=127\.0\.0\.1 user=bob@example\.org why=unknown-user")
        self.assertNotIn("onderland", "\n".join(self.server.log.lines))
        # A user who is new passes without a restart; one who is gone does not any more.
        self.server.add_user(BOB, "builder")
        tidegate.wait_until(lambda: asker.ask(BOB, "builder") == f"passed {BOB}", "the new user passes")
        self.assertEqual(self.server.run("user", "del", ALICE)[0], 0)
        tidegate.wait_until(lambda: asker.ask(ALICE, "wonderland") == "failed", "who is gone does not pass")

    def test_many_methods(self):
        self.serve(**MANY)
        asker = self.asker()
        lines = [(f"user{number}@example.org", f"secret{number}", crypt(f"secret{number}", prefix))
                 for number, prefix in enumerate(("$6$", "$5$", "$2b$", "$2a$", "$y$", "$gy$", "$7$", "$1$"))]
        mark = self.server.mark()
        path = os.path.join(self.server.folder, "users")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(f"{user}:{hashed}\n" for user, _, hashed in lines))
        self.server.expect_log("new users are in force", mark)
        for user, password, _ in lines:
            tidegate.wait_until(lambda u=user, p=password: asker.ask(u, p) == f"passed {u}", f"{user} passes")
            self.assertEqual(asker.ask(user, password + "x"), "failed")

    def test_unknown_users_take_as_long(self):
        self.serve()
        asker = self.asker()

        auth = self.server.child("auth")
        costs = []
        for user in (ALICE, "nobody@example.org"):
            before = limits.cpu_seconds(auth)
            for _ in range(9):
                self.assertEqual(asker.ask(user, "wrong"), "failed")
            costs.append(limits.cpu_seconds(auth) - before)
        self.assertGreater(min(costs), max(costs) / 3, costs)

    def test_budget_of_an_address(self):
        self.serve(**{"auth-failures-per-address": 3, "auth-failures-per-user": 1000})
        asker = self.asker("127.0.0.2")
        for number in range(3):
            self.assertEqual(asker.ask(f"x{number}@example.org", "x"), "failed")
        begun = time.monotonic()
        self.assertEqual(asker.ask(ALICE, "wonderland"), "busy")
        self.assertLess(time.monotonic() - begun, 5)
        self.server.expect_log(r"event=auth-budget budget=address client=127\.0\.0\.2")
        self.assertEqual(self.count("auth-budget-address"), 1)
        # A neighbour is not held to it, but to the network's: twelve in all.
        for number in range(9):
            self.assertEqual(self.asker(f"127.0.0.{10 + number}").ask(f"y{number}@example.org", "x"), "failed")
        self.assertEqual(self.asker("127.0.0.99").ask(ALICE, "wonderland"), "busy")
        self.assertEqual(self.asker("127.0.1.1").ask(ALICE, "wonderland"), f"passed {ALICE}")

    def test_nobody_is_locked_out_by_strangers(self):
        self.serve(**{"auth-failures-per-address": 1000, "auth-failures-per-user": 2})
        self.assertEqual(self.asker("127.0.9.1").ask(ALICE, "wonderland"), f"passed {ALICE}")
        stranger = self.asker("127.0.5.1")
        self.assertEqual([stranger.ask(ALICE, "x") for _ in range(3)], ["failed", "failed", "busy"])
        for network in range(20, 29):
            asker = self.asker(f"127.0.{network}.1")
            self.assertEqual([asker.ask(ALICE, "x") for _ in range(2)], ["failed", "failed"])
        # Twenty failures from everywhere: where she has never been, no password is looked at; where she has, it is.
        self.assertEqual(self.asker("127.0.40.1").ask(ALICE, "wonderland"), "busy")
        self.assertEqual(self.asker("127.0.9.7").ask(ALICE, "wonderland"), f"passed {ALICE}")

    def test_a_budget_comes_back(self):
        self.serve(**{"auth-failures-per-address": 1, "auth-failure-window": 2})
        asker = self.asker()
        self.assertEqual(asker.ask("x@example.org", "x"), "failed")
        self.assertEqual(asker.ask(ALICE, "wonderland"), "busy")
        tidegate.wait_until(lambda: asker.ask(ALICE, "wonderland") == f"passed {ALICE}", "the budget is there again")

    def test_a_full_queue(self):
        self.serve(**MANY)
        asker = self.asker()
        for _ in range(200):
            asker.send(ALICE, "wonderland")
        answers = [asker.hear() for _ in range(200)]
        self.assertGreaterEqual(answers.count(f"passed {ALICE}"), 32)
        self.assertGreater(answers.count("busy"), 0)
        self.assertEqual(set(answers), {f"passed {ALICE}", "busy"})

    def test_without_users_it_is_trouble(self):
        self.start(users="users")
        self.server.start()
        self.assertEqual(self.asker().ask(ALICE, "wonderland"), "trouble")

    def test_a_dead_auth_comes_back(self):
        self.serve()
        asker = self.asker()
        self.assertEqual(asker.ask(ALICE, "wonderland"), f"passed {ALICE}")
        mark = self.server.mark()
        self.server.kill_child("auth")
        self.server.expect_log("auth-asker: auth is here again", mark)
        self.assertEqual(asker.ask(ALICE, "wonderland"), f"passed {ALICE}")


class Folders(Case):
    """The auth-socket moves to another folder."""

    def setUp(self):
        self.above = tempfile.mkdtemp(prefix="tidegate-")
        self.addCleanup(shutil.rmtree, self.above)
        os.chmod(self.above, 0o755)

    def passer(self, name, user):
        os.mkdir(os.path.join(self.above, name), 0o755)
        passer = Passer(os.path.join(self.above, name), user)
        self.addCleanup(passer.close)

    def reload(self, auth_socket):
        self.server.write_config(**{"auth-socket": auth_socket})
        code, _, err = self.server.run("reload")
        self.assertEqual(code, 0, err)

    def test_the_last_folder_is_not_asked_any_more(self):
        self.passer("first", ALICE)
        self.start(**{"auth-socket": os.path.join(self.above, "first", "auth"), **MANY})
        self.server.start()
        asker = self.asker()
        self.assertEqual(asker.ask(BOB, "x"), f"passed {ALICE}")
        # The new one is not there: the old one has a socket of the same name.
        self.reload(os.path.join(self.above, "second", "auth"))
        self.server.expect_log("folder .*second of the auth-socket is not there")
        tidegate.wait_until(lambda: asker.ask(BOB, "x") == "trouble", "nobody is asked")
        self.assertEqual([asker.ask(BOB, "x") for _ in range(3)], ["trouble"] * 3)
        self.passer("second", BOB)
        tidegate.wait_until(lambda: asker.ask(BOB, "x") == f"passed {BOB}", "the new one is asked", 20)
        # None at all, and then again one that is not there.
        self.reload("")
        self.reload(os.path.join(self.above, "third", "auth"))
        tidegate.wait_until(lambda: asker.ask(BOB, "x") == "trouble", "nobody is asked any more")
        self.assertEqual([asker.ask(BOB, "x") for _ in range(3)], ["trouble"] * 3)


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class Dovecot(Case):
    """Real Dovecot, unpacked, in a chroot of its own; its socket lies in a folder that only the caller reaches."""

    def setUp(self):
        self.root = peers.root("dovecot")
        if not self.root:
            self.skipTest("Dovecot cannot be unpacked here")
        peers.devices(self.root)
        self.inside = os.path.join(self.root, "tmp")
        subprocess.run(["mount", "-t", "tmpfs", "none", self.inside], check=True)
        self.addCleanup(self.unmount)
        self.dovecot = None
        self.addCleanup(self.stop_dovecot)
        self.socket = os.path.join(self.inside, "run", "auth-tidegate")

    def unmount(self):
        # Those who were killed may take a moment to go.
        tidegate.wait_until(lambda: subprocess.run(["umount", self.inside], capture_output=True, check=False).returncode == 0,
                            "the folder can be unmounted", 30)

    def write(self, name, text):
        with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
            file.write(text)

    def start_dovecot(self, more=""):
        self.write("etc/passwd", "root:x:0:0::/:/bin/sh\n" + "".join(
            f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in DOVECOT_UIDS.items()))
        self.write("etc/group", "root:x:0:\n" + "".join(f"{name}:x:{uid}:\n" for name, uid in DOVECOT_UIDS.items()))
        self.write("tmp/passwords", f"{ALICE}:{{PLAIN}}wonder land\nbob:{{PLAIN}}builder\n")
        self.write("tmp/dovecot.conf", (
            "protocols =\nssl = no\nlog_path = /dev/stderr\nbase_dir = /tmp/run\nauth_mechanisms = plain\n"
            "auth_failure_delay = 0\nlisten = 127.0.0.1\n"
            "passdb {\n driver = passwd-file\n args = /tmp/passwords\n}\n"
            "userdb {\n driver = static\n args = uid=70901 gid=70901 home=/tmp\n}\n"
            "service auth {\n unix_listener auth-tidegate {\n mode = 0600\n user = tidegate-caller\n }\n}\n"
            "service stats {\n unix_listener stats-writer {\n mode = 0666\n }\n}\n" + more))
        self.dovecot = subprocess.Popen(["chroot", self.root, "/usr/sbin/dovecot", "-F", "-c", "/tmp/dovecot.conf"],
                                        stderr=subprocess.PIPE, start_new_session=True, env={"PATH": "/usr/sbin:/usr/bin:/bin"})
        self.log = tidegate.Log(self.dovecot.stderr)
        tidegate.wait_until(lambda: os.path.exists(self.socket) or self.dovecot.poll() is not None, "Dovecot has its socket", 30)
        self.assertIsNone(self.dovecot.poll(), self.log.lines)

    def stop_dovecot(self):
        if not self.dovecot:
            return
        # All of it: its auth process would go on serving whom it has.
        os.killpg(self.dovecot.pid, signal.SIGKILL)
        self.dovecot.wait(30)
        self.dovecot = None

    def serve(self, **config):
        self.start(**{"auth-socket": self.socket, **config})
        self.server.start()

    def test_passwords(self):
        self.start_dovecot()
        self.serve()
        asker = self.asker()
        self.assertEqual(asker.ask(ALICE, "wonder land"), f"passed {ALICE}", self.log.lines)
        # Dovecot folds the name, too; what it says counts.
        self.assertEqual(asker.ask("ALICE@Example.org", "wonder land"), f"passed {ALICE}")
        self.assertEqual(asker.ask(ALICE, "wonderland"), "failed")
        self.assertEqual(asker.ask("nobody@example.org", "x"), "failed")
        # One whose name is no address.
        self.assertEqual(asker.ask("bob", "builder"), "trouble")
        self.server.expect_log("auth_default_realm")
        self.assertEqual(self.count("auth-waiting"), 0)

    def test_names_without_a_domain_get_one_there(self):
        self.start_dovecot("auth_default_realm = example.org\nauth_username_format = %Lu\n")
        self.write("tmp/passwords", f"{BOB}:{{PLAIN}}builder\n")
        self.serve()
        self.assertEqual(self.asker().ask("bob", "builder"), f"passed {BOB}")

    def test_many_at_once(self):
        self.start_dovecot()
        self.serve(**MANY)
        askers = [self.asker() for _ in range(40)]
        for number, asker in enumerate(askers):
            asker.send(ALICE, "wonder land" if number % 2 else "x")
        for number, asker in enumerate(askers):
            self.assertEqual(asker.hear(), f"passed {ALICE}" if number % 2 else "failed")

    def test_dovecot_comes_goes_and_comes(self):
        self.serve()
        asker = self.asker()
        self.server.expect_log("folder .* of the auth-socket is not there")
        self.assertEqual(asker.ask(ALICE, "wonder land"), "trouble")
        self.server.expect_log("Dovecot's auth-socket is of no use")
        self.start_dovecot()
        tidegate.wait_until(lambda: asker.ask(ALICE, "wonder land") == f"passed {ALICE}", "passwords are checked", 20)
        self.stop_dovecot()
        tidegate.wait_until(lambda: asker.ask(ALICE, "wonder land") == "trouble", "there is trouble", 20)
        # Another folder of the same name.
        shutil.rmtree(os.path.join(self.inside, "run"))
        self.start_dovecot()
        tidegate.wait_until(lambda: asker.ask(ALICE, "wonder land") == f"passed {ALICE}", "passwords are checked again", 20)

    def test_budgets_come_before_it(self):
        self.start_dovecot()
        self.serve(**{"auth-failures-per-address": 2})
        asker = self.asker()
        self.assertEqual([asker.ask(ALICE, "x") for _ in range(3)], ["failed", "failed", "busy"])

    def test_the_callers_folder_leads_nowhere(self):
        self.start_dovecot()
        self.serve()
        self.assertEqual(self.asker().ask(ALICE, "wonder land"), f"passed {ALICE}")
        for pid, role in self.server.children():
            folders = [f"/proc/{pid}/fd/{entry}" for entry in os.listdir(f"/proc/{pid}/fd")]
            found = [os.stat(path) for path in folders if os.path.isdir(path)]
            theirs = [facts for facts in found if facts.st_ino == os.stat(os.path.dirname(self.socket)).st_ino]
            self.assertEqual(len(theirs), role == "caller", role)
            if role == "caller":
                above = os.stat(f"/proc/{pid}/fd/7/..")
                self.assertEqual((above.st_dev, above.st_ino), (theirs[0].st_dev, theirs[0].st_ino))

    def test_selftest_with_it(self):
        self.start_dovecot()
        server = tidegate.Server(config={"auth-socket": self.socket})
        self.addCleanup(server.remove)
        code, out, err = server.run("selftest", seconds=150)
        self.assertEqual((code, [line for line in out.splitlines() if line.startswith("not ok")]), (0, []), err)


if __name__ == "__main__":
    unittest.main()
