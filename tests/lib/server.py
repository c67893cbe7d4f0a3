"""A Tidegate server in a folder of its own: configured, started, watched through its log, stopped.

    with Server(recipients="alice@example.org maildir\\n") as server:
        with server.client() as client: ...
        server.wait_log(r"event=transaction .*code=250")
        server.mail("alice@example.org")
"""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from tests.lib import smtp

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TIDEGATE_BUILD", os.path.join(TOP, "build"))
BIN = os.path.join(BUILD, "bin")
PROGRAMS = ("tidegate", "tidegate-door", "tidegate-caller", "tidegate-smtpd", "tidegate-dns", "tidegate-auth",
            "tidegate-keys", "tidegate-deliver")
ROLES = ("door", "caller", "smtpd", "dns", "auth", "keys", "deliver")
HOSTNAME = "mx.example.org"
RECIPIENTS = "alice@example.org maildir\nbob@example.org maildir\ninfo@example.org alias alice@example.org bob@example.org\n"
IS_ROOT = os.getuid() == 0
HAS_OWN_NETWORK = os.environ.get("TIDEGATE_TEST_NETWORK") == "own"
MAILBOX_UID = 70050  # as root; otherwise everything is the user's own
NOBODY = 65534
START_SECONDS = float(os.environ.get("TIDEGATE_TEST_PATIENCE", "1")) * 20


def new_folder(prefix="t"):
    """A fresh folder that everybody may pass through; tests/run.py removes it with the job's."""
    folder = tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("TIDEGATE_TEST_TMP"))
    os.chmod(folder, 0o755)
    return folder


def is_passable(path):
    """May everybody pass through all folders down to this path? A clone in root's home is not for other accounts."""
    path = os.path.abspath(path)
    while path != "/":
        path = os.path.dirname(path)
        if not os.stat(path).st_mode & 0o001:
            return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def with_stand_in(name):
    """A folder of the programs in which a stand-in (`make standins`) has the place of tidegate-smtpd; the caller removes it."""
    folder = new_folder("bin")
    for program in PROGRAMS:
        shutil.copy(os.path.join(BIN, program), folder)
    shutil.copy(os.path.join(BUILD, "test", name), os.path.join(folder, "tidegate-smtpd"))
    return folder


class Raw(str):
    """A configuration value that is already written as the file wants it."""


def config_value(value):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(config_value(item) for item in value) + "}"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def config_lines(keys):
    lines = []
    for key, value in keys.items():
        if isinstance(value, dict):
            lines.append(f"{key} {{\n{config_lines(value)}}}\n")
        elif value is not None:
            lines.append(f"{key} = {config_value(value)}\n")
    return "".join(lines)


class Log(threading.Thread):
    """Reads the server's standard error as it comes; others wait for lines in it."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.lines = []
        self.ended = False
        self.news = threading.Condition()
        self.start()

    def run(self):
        for raw in self.pipe:
            with self.news:
                self.lines.append(raw.decode(errors="replace").rstrip("\n"))
                self.news.notify_all()
        self.pipe.close()
        with self.news:
            self.ended = True
            self.news.notify_all()

    def wait(self, pattern, since=0, seconds=10.0):
        """The first line at or after index `since` that matches; None when time or the log ran out."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self.news:
            while True:
                for line in self.lines[since:]:
                    if wanted.search(line):
                        return line
                since = len(self.lines)
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self.news.wait(left)


class Server:
    """See the module's text.

    config: keys of tidegate.conf over the defaults below (None leaves a key out).
    dns: a tests.lib.dnsd.DnsServer that answers for the resolver, or None for one that is not there.
    uid: run as this user (only root can). wrap: words before the program. programs: another folder of programs.
    """

    def __init__(self, config=None, recipients=RECIPIENTS, dns=None, uid=None, wrap=(), programs=BIN, environment=None,
                 folder=None):
        self.uid, self.wrap, self.programs = uid, list(wrap), programs
        if uid is not None and not (is_passable(programs) and is_passable(new_folder())):
            folder = tempfile.mkdtemp(prefix="tidegate-", dir="/tmp")
            os.chmod(folder, 0o755)
            self.programs = shutil.copytree(programs, os.path.join(folder, "bin"))
        self.folder = folder or new_folder()
        self.environment = dict(os.environ, **(environment or {}))  # of `tidegate run` only
        self.port = free_port()
        self.dns = dns
        self.process = self.log = None
        self.pass_fds = ()
        self.mailboxes = os.path.join(self.folder, "mail")
        self.state = os.path.join(self.folder, "state")
        self.config_path = os.path.join(self.folder, "tidegate.conf")
        self.recipients_path = os.path.join(self.folder, "recipients")
        self.config = {
            "hostname": HOSTNAME, "listen": [f"127.0.0.1:{self.port}"], "recipients": self.recipients_path,
            "postmaster": "alice@example.org", "mailboxes": self.mailboxes, "state": self.state,
            "resolvers": [f"127.0.0.1:{dns.port if dns else free_port()}"], "processes": 1,
            "greeting-delay": 0,
        }
        if self.is_root:
            self.config["mailbox-user"] = str(MAILBOX_UID)
        self.config.update(config or {})
        for path in (self.mailboxes, self.state):
            os.makedirs(path, exist_ok=True)
        if self.is_root:
            os.chown(self.mailboxes, MAILBOX_UID, MAILBOX_UID)
        self.write_config()
        self.write_recipients(recipients)
        if uid is not None:
            for path in (self.folder, self.mailboxes, self.state, self.config_path, self.recipients_path):
                os.chown(path, uid, uid)

    # What it is made of

    @property
    def is_root(self):
        return IS_ROOT and self.uid in (None, 0)

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def write_config(self, **changes):
        """Writes tidegate.conf; changes (with "_" for "-") are kept. A dict is a section: {'listener "mx"': {...}}."""
        self.config.update({key.replace("_", "-"): value for key, value in changes.items()})
        text = config_lines(self.config)
        with open(self.config_path, "w", encoding="utf-8") as file:
            file.write(text)

    def write_recipients(self, text):
        with open(self.recipients_path, "w", encoding="utf-8") as file:
            file.write(text)

    # Running programs

    def as_user(self):
        if self.uid is None:
            return []
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]

    def command(self, *words):
        """The words that run `tidegate SUBCOMMAND -c FILE ...` as the server's user."""
        program = os.path.join(self.programs, "tidegate")
        return self.wrap + self.as_user() + [program, words[0], "-c", self.config_path] + list(words[1:])

    def run(self, *words, seconds=30.0):
        """Runs a subcommand to its end: (exit code, standard output, standard error)."""
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def add_user(self, user, password):
        subprocess.run(self.command("user", "add", user), input=password.encode() + b"\n", check=True, timeout=60)

    def compile_map(self, *words):
        code, out, err = self.run("map", *words)
        if code:
            raise AssertionError(f"tidegate map ended with {code}: {out}{err}")

    def spawn(self):
        """Starts `tidegate run` without waiting for anything."""
        self.process = subprocess.Popen(self.command("run"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, env=self.environment, pass_fds=self.pass_fds)
        self.log = Log(self.process.stderr)

    def start(self):
        self.compile_map()
        self.spawn()
        if not self.wait_log(r"tidegate: ready", seconds=START_SECONDS):
            self.kill()
            raise AssertionError("the server did not get ready:\n" + "\n".join(self.log.lines[-40:]))
        return self

    def expect_refusal(self, pattern):
        """`tidegate run` must end by itself, never ready, with an error that says this."""
        code, _, err = self.run("run")
        if not code or not re.search(pattern, err) or "tidegate: ready" in err:
            raise AssertionError(f"the server ended with {code} and does not say {pattern!r}:\n{err}")

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, *_):
        try:
            code = self.stop() if self.process and self.process.poll() is None else 0
            if kind is None and code:
                raise AssertionError(f"the server ended with {code}:\n" + "\n".join(self.log.lines[-40:]))
            if kind is not None:
                print("\n".join("# log: " + line for line in self.log.lines[-25:]), flush=True)
        finally:
            self.remove()

    def stop(self, seconds=30.0):
        """SIGTERM; returns the exit code. A server that does not end is killed, and that is an error."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not end after SIGTERM:\n" + "\n".join(self.log.lines[-40:])) from None

    def kill(self):
        """The master by SIGKILL; the children end by themselves."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Looking at it

    def client(self, source=None, timeout=15.0, **options):
        return smtp.Client(self.address, source, timeout, **options)

    def deliver(self, recipients, message, **options):
        return smtp.deliver(self.address, recipients, message, **options)

    def mark(self):
        """Where the log stands now, for wait_log(since=...)."""
        return len(self.log.lines)

    def wait_log(self, pattern, since=0, seconds=10.0):
        return self.log.wait(pattern, since, seconds)

    def expect_log(self, pattern, since=0, seconds=10.0):
        line = self.wait_log(pattern, since, seconds)
        if line is None:
            raise AssertionError(f"the log has no line like {pattern!r}:\n" + "\n".join(self.log.lines[since:][-40:]))
        return line

    def maildir(self, address):
        local, _, domain = address.rpartition("@")
        return os.path.join(self.mailboxes, domain, local)

    def mail_files(self, address):
        return sorted(glob.glob(os.path.join(glob.escape(self.maildir(address)), "new", "*")))

    def mail(self, address):
        """The messages in new/, oldest first, as bytes."""
        messages = []
        for path in self.mail_files(address):
            with open(path, "rb") as file:
                messages.append(file.read())
        return messages

    def leftovers(self, address):
        """What lies in tmp/: nothing, unless a delivery is under way."""
        return sorted(glob.glob(os.path.join(glob.escape(self.maildir(address)), "tmp", "*")))

    def children(self):
        """The server's processes besides the master: pid and role ("smtpd"), from /proc."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    name = os.path.basename(file.read().split(b"\0")[0].decode(errors="replace"))
            except OSError:
                continue
            match = re.match(r"tidegate-([a-z]+)", name)
            if parent == self.process.pid and match:
                found.append((int(entry), match.group(1)))
        return sorted(found)

    def child(self, role):
        """The pid of the first child of that role."""
        for pid, found in self.children():
            if found == role:
                return pid
        raise AssertionError(f"no child is a {role}: {self.children()}")

    def kill_child(self, role, number=signal.SIGKILL):
        """Kills the first child of that role; returns its pid."""
        pid = self.child(role)
        os.kill(pid, number)
        return pid

    def status(self):
        """The counters of `tidegate status`, name to number."""
        code, out, err = self.run("status")
        if code:
            raise AssertionError(f"tidegate status ended with {code}: {err}")
        numbers = {}
        for line in out.splitlines():
            name, _, value = line.rpartition(" ")
            if value.strip().isdigit():
                numbers[name.strip()] = int(value)
        return numbers


def wait_until(is_so, what, seconds=10.0):
    """For what no event tells (files, other programs' state): looked at until the deadline."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain until {what}")
        time.sleep(0.02)


def split_mail(raw):
    """A stored message: (the header fields that we put on top, the rest as it was sent, LF-ended)."""
    position = 0
    ours = re.compile(rb"(Return-Path|Delivered-To|Received-SPF|Authentication-Results):|Received: from [^\n]*(\n[ \t][^\n]*)*by mx\.",
                      re.IGNORECASE)
    while ours.match(raw, position):
        end = raw.index(b"\n", position) + 1
        while raw[end:end + 1] in (b" ", b"\t"):
            end = raw.index(b"\n", end) + 1
        position = end
    return raw[:position], raw[position:]
