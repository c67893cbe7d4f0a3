"""Postfix as a sending MTA: unpacked, in a chroot, with a configuration and a queue of its own, on loopback only."""
import os
import re
import shutil
import subprocess

from tests.lib import peers
from tests.lib.chroot import Chroot
from tests.lib.server import wait_until

ACCOUNTS = {"root": 0, "postfix": 70090, "postdrop": 70091, "nobody": 65534}


def is_there():
    return peers.root("postfix") is not None


class Postfix(Chroot):
    """Sends everything to one next hop."""

    def __init__(self, next_hop_port, settings=None):
        super().__init__("postfix")
        self.settings = settings or {}  # over those below
        self.port = next_hop_port
        self.master = None

    def configure(self):
        shutil.copy(self.path("usr/share/postfix/main.cf.dist"), self.path("etc/main.cf.dist"))
        settings = {
            "compatibility_level": "3.7", "myhostname": "sender.example", "mydestination": "", "relayhost": f"[127.0.0.1]:{self.port}",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "alias_maps": "", "alias_database": "",
            "smtp_dns_support_level": "disabled", "smtp_host_lookup": "native", "smtp_tls_security_level": "none",
            "maillog_file": "/var/log/postfix.log", "minimal_backoff_time": "1s", "maximal_backoff_time": "2s",
            "queue_run_delay": "1s", "transport_retry_time": "1s", "smtp_connection_cache_on_demand": "no",
            "mail_owner": "postfix", "setgid_group": "postdrop", "smtpd_relay_restrictions": "reject",
            **self.settings,
        }
        os.makedirs(self.path("etc/postfix"), exist_ok=True)
        self.write("etc/postfix/main.cf", "".join(f"{key} = {value}\n" for key, value in settings.items()))
        with open(self.path("usr/share/postfix/master.cf.dist"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        # No listener: mail is handed in by sendmail(1). The queue is the chroot's own, so no service needs one more.
        kept = [re.sub(r"^(\S+\s+(?:unix|unix-dgram|pass|fifo)\s+\S+\s+\S+\s+)y", r"\1n", line) for line in lines
                if line and not re.match(r"^(#|\s|smtp\s+inet)", line)]
        self.write("etc/postfix/master.cf", "\n".join(kept) + "\n")
        for name in ("usr/share/postfix/dynamicmaps.cf", "usr/share/postfix/postfix-files"):
            if os.path.exists(self.path(name)):
                shutil.copy(self.path(name), self.path("etc/postfix"))
        for name in ("var/log", "var/spool/postfix", "var/lib/postfix", "var/tmp"):
            os.makedirs(self.path(name), exist_ok=True)
        os.chown(self.path("var/lib/postfix"), ACCOUNTS["postfix"], ACCOUNTS["postfix"])

    def make_queue(self):
        owned = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace")
        for name in owned:
            os.makedirs(self.path(f"var/spool/postfix/{name}"), mode=0o700)
            os.chown(self.path(f"var/spool/postfix/{name}"), ACCOUNTS["postfix"], 0)
        os.makedirs(self.path("var/spool/postfix/pid"))
        for name, mode in (("public", 0o710), ("maildrop", 0o1730)):
            os.makedirs(self.path(f"var/spool/postfix/{name}"))
            os.chown(self.path(f"var/spool/postfix/{name}"), ACCOUNTS["postfix"], ACCOUNTS["postdrop"])
            os.chmod(self.path(f"var/spool/postfix/{name}"), mode)

    def start(self):
        self.cover(ACCOUNTS)
        try:
            self.configure()
            self.make_queue()
            self.master = subprocess.Popen(["chroot", self.root, "/usr/lib/postfix/sbin/master", "-s"], stdin=subprocess.DEVNULL,
                                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.wait_until(lambda: os.path.exists(self.path("var/spool/postfix/public/pickup")), "pickup listens")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        if self.master:
            self.master.terminate()
            self.master.wait()
        self.uncover()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is not None:
            print("\n".join("# postfix: " + line for line in self.log().splitlines()[-30:]))
        self.stop()

    def send(self, sender, recipients, message):
        """Hands a message (CRLF-ended, as on the wire) to Postfix's sendmail(1)."""
        self.inside("/usr/sbin/sendmail", "-i", "-f", sender, "--", *recipients, data=message.replace(b"\r\n", b"\n"))

    def flush(self):
        self.inside("/usr/sbin/postqueue", "-f")

    def log(self):
        return self.read("var/log/postfix.log")

    def wait_until(self, is_so, what, seconds=30.0):
        try:
            wait_until(is_so, "Postfix: " + what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n" + "\n".join(self.log().splitlines()[-30:])) from None

    def wait_sent(self, count, seconds=30.0):
        """Until so many deliveries were reported as sent."""
        self.wait_until(lambda: self.log().count("status=sent") >= count, f"{count} messages are sent", seconds)
