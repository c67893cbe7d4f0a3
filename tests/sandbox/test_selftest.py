"""tidegate selftest: a twin of every process tries what must be impossible, and every attempt fails."""
import os
import re
import subprocess
import unittest

from tests.lib import server as tidegate

# limit: 180
# What the twins of the processes must at least have tried; each but where it is the process's own job.
THINGS = ("socket", "connect", "bind", "exec", "open", "fastopen", "sendmsg", "sendmmsg", "shutdown", "io_uring", "ptrace", "kill",
          "map")


class Selftest(unittest.TestCase):
    def run_selftest(self, server):
        code, out, err = server.run("selftest", seconds=170)
        bad = [line for line in out.splitlines() if line.startswith("not ok")]
        self.assertEqual((code, bad), (0, []), out[-3000:] + err)
        return out

    def test_beside_a_running_server(self):
        with tidegate.Server() as server:
            out = self.run_selftest(server)
            for role in tidegate.ROLES:
                self.assertRegex(out, rf"(?m)^ok {role} running as \d+", role)
                self.assertGreater(len(re.findall(rf"(?m)^ok {role} ", out)), 8, role)
            for thing in THINGS:
                self.assertRegex(out.replace("-", "_").lower(), rf"(?m)^ok \w+ .*{thing}", thing)
            self.assertEqual(server.run("health")[0], 0)

    def test_without_a_server(self):
        server = tidegate.Server()
        try:
            server.compile_map()
            self.run_selftest(server)
        finally:
            server.remove()

    def test_as_an_ordinary_user(self):
        if not tidegate.IS_ROOT:
            self.skipTest("the other tests run as one")
        server = tidegate.Server(uid=tidegate.NOBODY)
        try:
            server.compile_map()
            self.run_selftest(server)
        finally:
            server.remove()


@unittest.skipUnless(tidegate.IS_ROOT, "needs root")
class Walls(unittest.TestCase):
    """What the kernel itself says of the running processes."""

    @classmethod
    def setUpClass(cls):
        # With groups to put away, as an administrator's shell may have them.
        cls.server = tidegate.Server(wrap=["setpriv", "--groups=70097,70098"]).start()
        cls.children = cls.server.children()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.server.remove()

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def test_every_role_runs(self):
        self.assertEqual({role for _, role in self.children}, set(tidegate.ROLES))

    def test_uids_groups_and_capabilities(self):
        uids = {}
        for pid, role in self.children:
            facts = self.status(pid)
            uid = set(facts["Uid"].split())
            self.assertEqual(len(uid), 1, role)
            self.assertNotIn("0", uid, role)
            self.assertNotIn("0", facts["Gid"].split(), role)
            self.assertEqual(facts["Groups"].strip(), "", role)
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(facts[name], 16), 0, f"{role} {name}")
            # What changed the uid cannot be taken out afterwards; without exec it is no use to anybody.
            self.assertEqual(int(facts["CapBnd"], 16) & ~0xc0, 0, role)
            self.assertEqual(facts["NoNewPrivs"], "1", role)
            self.assertEqual(facts["Seccomp"], "2", role)
            uids.setdefault(uid.pop(), set()).add(role)
        self.assertTrue(all(len(roles) == 1 for roles in uids.values()), uids)

    def test_limits(self):
        for pid, role in self.children:
            with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
                limits = {line[:26].strip(): line[26:].split()[:2] for line in list(file)[1:]}
            self.assertEqual(limits["Max core file size"], ["0", "0"], role)
            self.assertEqual(limits["Max processes"] == ["0", "0"], role != "deliver", role)
            # Where even root has fewer, fewer it is.
            most = {"door": 4096, "caller": 1024, "dns": 1024, "auth": 256, "keys": 256, "deliver": 8192, "smtpd": 30512}[role]
            self.assertLessEqual(int(limits["Max open files"][1]), most, role)
            self.assertEqual(limits["Max address space"][1] != "unlimited", role in ("door", "caller", "dns", "auth", "keys"), role)

    def test_nobody_of_its_uid_may_trace_it(self):
        """The kernel gives the files of a process that may not be traced to root."""
        for pid, role in self.children:
            self.assertEqual(os.stat(f"/proc/{pid}/fd").st_uid, 0, role)

    def test_the_configuration_cannot_be_changed(self):
        """It is one memory file that the master made; a child that could write it would tell the others' twins lies."""
        for pid, role in self.children:
            with open(f"/proc/{pid}/fd/4", "r+b", buffering=0) as file:
                with self.assertRaises(PermissionError, msg=role):
                    file.write(b"x")
                with self.assertRaises(PermissionError, msg=role):
                    file.truncate(0)

    def test_network_namespaces(self):
        ours = os.readlink("/proc/self/ns/net")
        for pid, role in self.children:
            theirs = os.readlink(f"/proc/{pid}/ns/net")
            self.assertEqual(theirs == ours, role in ("door", "caller"), role)

    def test_empty_network_namespaces_are_empty(self):
        for pid, role in self.children:
            if role in ("door", "caller"):
                continue
            with open(f"/proc/{pid}/net/dev", encoding="utf-8") as file:
                names = [line.split(":")[0].strip() for line in file if ":" in line]
            self.assertEqual(names, ["lo"], role)
            done = subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-o", "address"], capture_output=True, check=True)
            self.assertEqual(done.stdout, b"", role)

    def test_roots(self):
        for pid, role in self.children:
            root = f"/proc/{pid}/root"
            names = os.listdir(root)
            if role == "caller":
                continue
            self.assertEqual(names, [], role)
            self.assertNotEqual(os.stat(root).st_ino, os.stat("/").st_ino, role)

    def listeners_of(self, pid):
        """How many of the kernel's listening sockets a process has a descriptor of."""
        with open("/proc/net/tcp", encoding="utf-8") as table:
            rows = [line.split() for line in table]
        listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
        links = (f"/proc/{pid}/fd/{entry}" for entry in os.listdir(f"/proc/{pid}/fd"))
        return sum(os.path.islink(link) and os.readlink(link) in listening for link in links)

    def test_only_the_door_has_listeners(self):
        for pid, role in self.children:
            if role == "door":
                # They are under way to it when the server says that it is ready.
                tidegate.wait_until(lambda pid=pid: self.listeners_of(pid) == 1, "the door has its listener")
            else:
                self.assertEqual(self.listeners_of(pid), 0, role)

    def test_no_folder_leads_out(self):
        """Only deliver (mailbox roots, journal) and smtpd (spool, maps) may hold descriptors of folders."""
        allowed = {"deliver": ("mail", "state/journal"), "smtpd": ("state/spool", "state/maps", "state/empty")}

        def identity(path):
            found = os.stat(path)
            return found.st_dev, found.st_ino
        for pid, role in self.children:
            folders = {identity(os.path.join(self.server.folder, name)) for name in allowed.get(role, ("state/empty",))}
            for entry in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{entry}"
                if not os.path.isdir(path):
                    continue
                # Mailboxes lie below the roots; everything else is one of the folders themselves.
                below = os.path.realpath(path)
                self.assertTrue(identity(path) in folders or role == "deliver", f"{role} {below}")
                if role == "deliver" and identity(path) in folders:
                    # A detached copy of its mount has nothing above it, with or without Landlock.
                    self.assertEqual(identity(path + "/.."), identity(path), below)

    @unittest.skipIf(os.path.basename(tidegate.BUILD) == "sanitize", "the sanitizers are led through it")
    def test_environment_is_empty(self):
        for pid, role in self.children:
            with open(f"/proc/{pid}/environ", "rb") as file:
                self.assertEqual(file.read().replace(b"\0", b""), b"", role)


class RequireWalls(unittest.TestCase):
    def start_fails(self, pattern, **options):
        server = tidegate.Server(config={"require-walls": "all"}, **options)
        try:
            server.compile_map()
            server.expect_refusal(pattern)
        finally:
            server.remove()

    @unittest.skipUnless(tidegate.IS_ROOT, "needs root")
    def test_root_has_all_but_what_the_kernel_lacks(self):
        server = tidegate.Server(config={"require-walls": "all"})
        try:
            server.compile_map()
            server.spawn()
            self.assertTrue(server.wait_log("tidegate: ready|walls are missing"))
            missing = [line for line in server.log.lines if "walls are missing" in line]
            # A kernel without Landlock is the only excuse.
            self.assertTrue(not missing or all("Landlock" in line for line in missing), missing)
        finally:
            server.remove()

    def test_an_ordinary_user_is_refused(self):
        self.start_fails("walls are missing.*own uid", uid=tidegate.NOBODY if tidegate.IS_ROOT else None)


if __name__ == "__main__":
    unittest.main()
