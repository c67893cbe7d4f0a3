"""A mail program of somebody else's, in the folder it was unpacked to (tests/lib/peers.py): files, commands, accounts."""
import os
import subprocess

from tests.lib import peers

PRIVATE = ("etc", "var")  # of the unpacked folder; covered by a memory file system while a test runs


class Chroot:
    """What is written is gone when it is left. Only for jobs with a mount namespace of their own."""

    def __init__(self, label):
        self.root = peers.root(label)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        """The text of a file; "" when there is none."""
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def inside(self, *words, data=None, check=True):
        """Runs a command in there; what it wrote."""
        done = subprocess.run(["chroot", self.root, *words], input=data, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout!r} {done.stderr!r}\n{self.log()}")
        return done.stdout.decode(errors="replace")

    def log(self):
        return ""

    def cover(self, accounts):
        """Fresh etc and var, with these accounts (name to uid, which is the gid too) and a resolver that knows localhost."""
        peers.devices(self.root)
        for name in PRIVATE:
            subprocess.run(["mount", "-t", "tmpfs", "none", self.path(name)], check=True)
        self.write("etc/passwd", "".join(f"{name}:x:{uid}:{uid}::/:/bin/false\n" for name, uid in accounts.items()))
        self.write("etc/group", "".join(f"{name}:x:{uid}:\n" for name, uid in accounts.items()))
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n")
        self.write("etc/services", "smtp 25/tcp\n")

    def uncover(self):
        for name in PRIVATE:
            # Its processes may end a little later; until then they hold the mount.
            subprocess.run(["umount", "-l", self.path(name)], check=True)
