"""OpenSMTPD as a sending MTA: unpacked, in a chroot, with a configuration and a queue of its own, on loopback only."""
import os
import socket
import subprocess

from tests.lib import peers, smtp
from tests.lib.server import free_port, wait_until

ACCOUNTS = {"root": 0, "opensmtpd": 70094, "opensmtpq": 70095, "nobody": 65534}
PRIVATE = ("etc", "var")  # of the unpacked folder; covered by memory file systems while a test runs


def is_there():
    return peers.root("opensmtpd") is not None


class OpenSmtpd:
    """Sends everything to one next hop, in clear or (over="smtp+tls") with STARTTLS. Only for jobs with a mount namespace of
    their own."""

    def __init__(self, next_hop_port, over="smtp+notls"):
        self.root = peers.root("opensmtpd")
        self.port = next_hop_port
        self.own_port = free_port()
        self.over = over
        self.process = None
        self.log_file = None

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def configure(self):
        self.write("etc/passwd", "".join(f"{name}:x:{uid}:{uid}::/var/lib/opensmtpd/empty:/bin/false\n" for name, uid in ACCOUNTS.items()))
        self.write("etc/group", "".join(f"{name}:x:{uid}:\n" for name, uid in ACCOUNTS.items()))
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
        self.write("etc/mailname", "sender.example\n")
        self.write("etc/smtpd.conf",
                   "queue ttl 1h\n"
                   f'action "relay" relay host {self.over}://127.0.0.1:{self.port} helo "sender.example"'
                   f'{" tls no-verify" if self.over == "smtp+tls" else ""}\n'
                   f"listen on 127.0.0.1 port {self.own_port} hostname sender.example\n"
                   'match from any for any action "relay"\n')
        os.makedirs(self.path("var/lib/opensmtpd/empty"), mode=0o711)
        for name in ("var/spool/smtpd", "var/run", "tmp"):
            os.makedirs(self.path(name), exist_ok=True)
        os.chmod(self.path("var/spool/smtpd"), 0o711)

    def start(self):
        peers.devices(self.root)
        for name in PRIVATE:
            os.makedirs(self.path(name), exist_ok=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", self.path(name)], check=True)
        try:
            self.configure()
            self.log_file = open(self.path("var/smtpd.log"), "wb")
            self.process = subprocess.Popen(["chroot", self.root, "/usr/sbin/smtpd", "-d", "-F"], stdin=subprocess.DEVNULL,
                                            stdout=self.log_file, stderr=self.log_file)
            self.wait_until(lambda: self.process.poll() is not None or self.listens(), "it listens")
        except BaseException:
            print(self.log())
            self.stop()
            raise
        return self

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.own_port)) == 0

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        if self.log_file:
            self.log_file.close()
        for name in PRIVATE:
            # Its processes end when the first does; until then they hold the mount.
            subprocess.run(["umount", "-l", self.path(name)], check=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is not None:
            print("\n".join("# opensmtpd: " + line for line in self.log().splitlines()[-30:]))
        self.stop()

    def send(self, sender, recipients, message):
        """Hands a message (CRLF-ended, as on the wire) to OpenSMTPD's own listener; smtpctl would have to be setgid."""
        smtp.check(smtp.deliver(("127.0.0.1", self.own_port), recipients, message, sender=sender), 250)

    def log(self):
        try:
            with open(self.path("var/smtpd.log"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def wait_until(self, is_so, what, seconds=30.0):
        try:
            wait_until(is_so, "OpenSMTPD: " + what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n" + "\n".join(self.log().splitlines()[-30:])) from None

    def wait_sent(self, count, seconds=60.0):
        """Until so many deliveries were reported as sent."""
        self.wait_until(lambda: self.log().count('result="Ok"') >= count, f"{count} messages are sent", seconds)
