"""OpenSMTPD as a sending MTA: unpacked, in a chroot, with a configuration and a queue of its own, on loopback only."""
import os
import socket
import subprocess

from tests.lib import peers, smtp
from tests.lib.chroot import Chroot
from tests.lib.server import free_port, wait_until

ACCOUNTS = {"root": 0, "opensmtpd": 70094, "opensmtpq": 70095, "nobody": 65534}
LOG = "/var/smtpd.log"
TEXT = """
listen on 127.0.0.1 port {own} hostname sender.example
action "relay" relay host {over}://127.0.0.1:{port} helo "sender.example" {options}
match from any for any action "relay"
"""


def is_there():
    return peers.root("opensmtpd") is not None


class OpenSmtpd(Chroot):
    """Sends everything to one next hop, in clear or (over="smtp+tls", options="tls no-verify") with STARTTLS."""

    def __init__(self, next_hop_port, over="smtp+notls", options=""):
        super().__init__("opensmtpd")
        self.own_port = free_port()
        self.text = TEXT.format(own=self.own_port, port=next_hop_port, over=over, options=options)
        self.process = None

    def start(self):
        self.cover(ACCOUNTS)
        try:
            self.write("etc/resolv.conf", "nameserver 127.0.0.1\n")
            self.write("etc/mailname", "sender.example\n")
            self.write("etc/smtpd.conf", self.text)
            for name in ("var/lib/opensmtpd/empty", "var/spool/smtpd", "var/run"):
                os.makedirs(self.path(name), mode=0o711)
            with open(self.path(LOG), "wb") as log:
                self.process = subprocess.Popen(["chroot", self.root, "/usr/sbin/smtpd", "-d", "-F"], stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log)
            self.wait_until(lambda: self.process.poll() is not None or self.listens(), "it listens")
        except BaseException:
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
        self.uncover()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is not None:
            print("\n".join("# opensmtpd: " + line for line in self.log().splitlines()[-30:]))
        self.stop()

    def send(self, sender, recipients, message):
        """Hands a message (CRLF-ended, as on the wire) to its listener; its sendmail(8) would have to be setgid."""
        smtp.check(smtp.deliver(("127.0.0.1", self.own_port), recipients, message, sender=sender), 250)

    def log(self):
        return self.read(LOG)

    def wait_until(self, is_so, what, seconds=30.0):
        try:
            wait_until(is_so, "OpenSMTPD: " + what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n" + "\n".join(self.log().splitlines()[-30:])) from None

    def wait_sent(self, count, seconds=60.0):
        """Until so many deliveries were reported as sent."""
        self.wait_until(lambda: self.log().count('result="Ok"') >= count, f"{count} messages are sent", seconds)
