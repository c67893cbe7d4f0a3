"""The whole server in odd places: a bare chroot, an ordinary user's shell, something like a container."""
import os
import re
import shutil
import subprocess
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp

ALICE = "alice@example.org"


class Place(unittest.TestCase):
    def serves(self, server):
        """Mail of every size comes in, what must be refused is, and the counters answer."""
        smtp.check(server.deliver(ALICE, smtp.message(number="small")), "250 2.0.0")
        smtp.check(server.deliver(ALICE, smtp.message(b"x" * 900 + b"\r\n", number="x") + b"y\r\n" * 200000), "250 2.0.0")
        smtp.check(server.deliver("nobody@example.org", smtp.message()), "550 5.1.1")
        self.assertEqual(len(server.mail(ALICE)), 2)
        self.assertEqual(server.run("health")[0], 0)

    def missing(self, server):
        return " ".join(line for line in server.log.lines if "walls missing" in line)


@unittest.skipUnless(tidegate.IS_ROOT, "needs root")
@unittest.skipIf(os.path.basename(tidegate.BUILD) == "sanitize", "the sanitizers need /proc")
class Chroot(Place):
    """Only the programs, the libraries they link, the configuration, and /dev/null."""

    def libraries(self, program):
        done = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
        return re.findall(r"(/\S+) \(0x", done.stdout)

    def furnish(self, root):
        for name in tidegate.PROGRAMS:
            source = os.path.join(tidegate.BIN, name)
            os.makedirs(os.path.join(root, "bin"), exist_ok=True)
            shutil.copy(source, os.path.join(root, "bin"))
            for library in self.libraries(source):
                os.makedirs(root + os.path.dirname(library), exist_ok=True)
                shutil.copy(library, root + library)
        os.makedirs(os.path.join(root, "dev"))
        os.mknod(os.path.join(root, "dev/null"), 0o020666, os.makedev(1, 3))
        os.chmod(os.path.join(root, "dev/null"), 0o666)

    def test_serves(self):
        root = tidegate.new_folder("root")
        self.furnish(root)
        server = tidegate.Server(folder=os.path.join(root, "srv"), wrap=["chroot", root], programs="/bin",
                                 config={"recipients": "/srv/recipients", "mailboxes": "/srv/mail", "state": "/srv/state"})
        config_path, server.config_path = server.config_path, "/srv/tidegate.conf"
        self.assertTrue(os.path.exists(config_path))
        self.assertFalse(os.path.exists(os.path.join(root, "proc")))
        try:
            server.start()
            self.serves(server)
            self.assertNotRegex(self.missing(server), "chroot|own uid|network namespace|seccomp")
            for role in ("smtpd", "deliver", "dns", "auth", "keys", "caller", "door"):
                mark = server.mark()
                server.kill_child(role)
                server.expect_log(rf"{role}.* runs again", mark)
            tidegate.wait_until(lambda: server.deliver(ALICE, smtp.message(number="again")).code == 250, "mail comes in again")
            code, out, err = server.run("selftest", seconds=100)
            self.assertEqual((code, [line for line in out.splitlines() if line.startswith("not ok")]), (0, []), err)
            self.assertEqual(server.stop(), 0)
        finally:
            server.remove()
            shutil.rmtree(root)


class OrdinaryUser(Place):
    def test_serves_and_says_what_is_missing(self):
        with tidegate.Server(uid=tidegate.NOBODY if tidegate.IS_ROOT else None) as server:
            self.serves(server)
            self.assertRegex(self.missing(server), "own uid")
            for pid, role in server.children():
                with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                    text = file.read()
                self.assertRegex(text, r"(?m)^Seccomp:\t2$", role)
                self.assertRegex(text, r"(?m)^NoNewPrivs:\t1$", role)
                # All have one uid here: the kernel gives root the files of a process that nobody may trace.
                self.assertNotEqual(os.stat(f"/proc/{pid}/fd").st_uid, server.uid or os.getuid(), role)


@unittest.skipUnless(tidegate.IS_ROOT, "needs root")
class Container(Place):
    """Root without CAP_SYS_ADMIN, and no namespaces to be had: as many containers run their services."""

    wrap = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"]

    def test_serves_and_says_what_is_missing(self):
        with tidegate.Server(wrap=self.wrap) as server:
            self.serves(server)
            self.assertRegex(self.missing(server), "network namespace")
            self.assertNotRegex(self.missing(server), "own uid|chroot")

    def test_ordinary_user_without_user_namespaces(self):
        """The kernel lets nobody make a user namespace here, so there is no other way to a chroot or an empty network."""
        wrap = [os.path.join(tidegate.TOP, "tests/lib/no_user_namespaces.py")]
        if subprocess.run(wrap + ["true"], capture_output=True, check=False).returncode:
            self.skipTest("a user namespace with many uids cannot be had here")
        with tidegate.Server(wrap=wrap, uid=tidegate.NOBODY) as server:
            self.serves(server)
            for wall in ("own uid", "network namespace", "chroot"):
                self.assertRegex(self.missing(server), wall)

    def test_all_walls_required(self):
        server = tidegate.Server(wrap=self.wrap, config={"require-walls": "all"})
        try:
            server.compile_map()
            done = subprocess.run(server.command("run"), stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertRegex(done.stderr.decode(), "walls are missing.*network namespace")
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
