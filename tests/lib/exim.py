"""Exim 4 as a sending MTA: unpacked, in a chroot, with a configuration and a queue of its own, on loopback only."""
import os
import re
import subprocess

from tests.lib import peers
from tests.lib import smtp
from tests.lib.chroot import Chroot

ACCOUNTS = {"root": 0, "Debian-exim": 70092, "nobody": 65534}
SPOOL, LOG = "/var/spool/exim4", "/var/log/exim4"
# It looks for a configuration nowhere else.
CONFIG = "/etc/exim4/exim4.conf"

TEXT = """
primary_hostname = sender.example
spool_directory = {spool}
log_file_path = {log}/%slog
log_selector = +smtp_confirmation +pipelining +tls_cipher
keep_environment =
local_from_check = false
never_users =
disable_ipv6 = true
message_size_limit = 100M
queue_only = true
remote_max_parallel = 1

begin routers

everything:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = next_hop

begin transports

next_hop:
  driver = smtp
  port = {port}
  allow_localhost = true
  multi_domain = true
  helo_data = sender.example
  message_linelength_limit = 100000
{options}

begin retry

*  *  F,1h,1s
"""


def is_there():
    return peers.root("exim") is not None


class Exim(Chroot):
    """Sends everything to one next hop, when flush() is called. options: of its smtp transport."""

    def __init__(self, next_hop_port, **options):
        super().__init__("exim")
        self.port, self.options = next_hop_port, options

    def __enter__(self):
        self.cover(ACCOUNTS)
        lines = "\n".join(f"  {key} = {value}" for key, value in self.options.items())
        self.write(CONFIG, TEXT.format(spool=SPOOL, log=LOG, port=self.port, options=lines))
        for name in (SPOOL, LOG):
            os.makedirs(self.path(name))
            os.chown(self.path(name), ACCOUNTS["Debian-exim"], ACCOUNTS["Debian-exim"])
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("\n".join("# exim: " + line for line in (self.log() + self.read(LOG + "/paniclog")).splitlines()[-30:]))
        self.uncover()

    def send(self, sender, recipients, message):
        """Puts a message (CRLF-ended, as on the wire) into its queue."""
        self.send_all([(sender, recipients, message)])

    def send_all(self, messages):
        """Puts all of them, (sender, recipients, message), into its queue."""
        batch = b"".join(f"MAIL FROM:<{sender}>\r\n".encode() + b"".join(f"RCPT TO:<{address}>\r\n".encode() for address in recipients)
                         + b"DATA\r\n" + smtp.stuff(message) for sender, recipients, message in messages)
        self.inside("/usr/sbin/exim4", "-bS", data=batch + b"QUIT\r\n")

    def flush(self, runners=1):
        """One attempt for all that is queued; so many at a time."""
        done = [subprocess.Popen(["chroot", self.root, "/usr/sbin/exim4", "-qff"], stdin=subprocess.DEVNULL) for _ in range(runners)]
        codes = [runner.wait() for runner in done]
        if any(codes):
            raise AssertionError(f"queue runners ended with {codes}\n{self.log()}")

    def queue(self):
        """The recipients that still wait, of each message."""
        text = self.inside("/usr/sbin/exim4", "-bp")
        return [re.findall(r"(?m)^ {10}(\S+@\S+)$", entry) for entry in text.split("\n\n") if entry.strip()]

    def log(self):
        return self.read(LOG + "/mainlog")
