#!/usr/bin/python3
"""Runs the conversations of one .dialog file against a server of its own; tests/dialog/README.md tells the format.

usage: dialog.py FILE [PATTERN]     (PATTERN: only cases whose title contains it)
"""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.lib import dnsd  # noqa: E402
from tests.lib import server as tidegate  # noqa: E402
from tests.lib import smtp  # noqa: E402

LOOPBACK = re.compile(r"^(127\.|::1$)")
REPEAT = re.compile(r"\{(.)\*(\d+)\}")


class Script:
    """A parsed file: what its server needs, and its cases as (title, line number, [(line number, word, rest)])."""

    def __init__(self, path):
        self.config, self.recipients, self.zone, self.cases = {}, [], {}, []
        self.has_resolver = True
        steps = None
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                line = line.rstrip("\n")
                if line.startswith("== "):
                    steps = []
                    self.cases.append((line[3:].strip(), number, steps))
                elif not line.strip() or line.startswith("#"):
                    continue
                elif steps is None:
                    self.setting(path, number, line)
                else:
                    steps.append((number, *self.step(path, number, line)))

    def setting(self, path, number, line):
        word, _, rest = line.partition(":")
        rest = rest.strip()
        if word == "config":
            key, _, value = rest.partition("=")
            self.config[key.strip()] = tidegate.Raw(value.strip())
        elif word == "recipient":
            self.recipients.append(rest)
        elif word == "dns":
            name, _, entry = rest.partition(" ")
            self.zone[name] = json.loads(entry)
        elif word == "resolver" and rest == "down":
            self.has_resolver = False
        else:
            raise SystemExit(f"{path}:{number}: a setting is config:, recipient:, dns: or resolver: down, not {line!r}")

    def step(self, path, number, line):
        match = re.match(r"(C\*\d+:|[CS][:=]|S\*:|[~|](?= |$)|client:|log:|mail(?= )|CLOSE|RESET|END|CONNECT) ?(.*)$", line.strip())
        if not match:
            raise SystemExit(f"{path}:{number}: not a step: {line!r}")
        return match.groups()


def expand(text):
    """{A*100} stands for a hundred As."""
    return REPEAT.sub(lambda match: match.group(1) * int(match.group(2)), text)


def unescape(text):
    """Python's escapes: \\r \\n \\x00 ..."""
    return expand(text).encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")


class Wrong(Exception):
    """The case failed at a line of the file."""


class Case:
    """One conversation under way."""

    def __init__(self, server, mailboxes, steps):
        self.server, self.mailboxes, self.steps = server, mailboxes, steps
        self.log_mark = server.mark()
        self.source = None
        self.connection = None
        self.pending = b""
        self.seen = {address: set(server.mail_files(address)) for address in mailboxes}
        self.talk = []

    def flush(self):
        data, self.pending = self.pending, b""
        if data:
            try:
                self.open().send(data)
            except ConnectionError as error:
                raise Wrong(f"the server had closed the connection: {error}") from error

    def open(self):
        if self.connection is None:
            self.connection = self.server.client(self.source)
            self.connection.talk = self.talk
        return self.connection

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def hear(self, pattern):
        self.flush()
        try:
            line = self.open().read_line()
        except smtp.Gone as error:
            raise Wrong(f"wanted {pattern!r}, but {error}") from error
        except TimeoutError as error:
            raise Wrong(f"wanted {pattern!r}, but nothing came") from error
        if not re.fullmatch(pattern, line):
            raise Wrong(f"wanted {pattern!r}, the server said {line!r}")
        return line

    def hear_reply(self, pattern):
        """All lines of one reply, however many."""
        while self.hear(pattern)[3:4] == "-":
            pass

    def hear_end(self):
        self.flush()
        if not self.open().is_closed():
            raise Wrong(f"the server should have closed the connection, it said {self.open().buffer!r}")
        self.close()

    def take_mail(self, address, wants):
        """The next new message of a mailbox; wants: its ~ and | lines."""
        new = [path for path in self.server.mail_files(address) if path not in self.seen[address]]
        if not new:
            raise Wrong(f"no new mail for {address}")
        self.seen[address].add(new[0])
        with open(new[0], "rb") as file:
            ours, body = smtp_split(file.read())
        ours = re.sub(r"\n[ \t]+", " ", ours)
        for word, text in wants:
            if word == "~" and not re.search(f"(?m)^(?:{text})$", ours):
                raise Wrong(f"no header line of ours is like {text!r}:\n{ours}")
        exact = [unescape(text) for word, text in wants if word == "|"]
        if exact and b"".join(line + b"\n" for line in exact) != body:
            raise Wrong(f"the message below our headers is {body!r}")

    def run(self):
        steps = list(self.steps)
        while steps:
            number, word, rest = steps.pop(0)
            try:
                self.one(word, rest, steps)
            except (Wrong, AssertionError, OSError) as error:
                raise Wrong(f"line {number}: {error or type(error).__name__}") from error
        self.flush()
        self.close()
        for address in self.mailboxes:
            extra = set(self.server.mail_files(address)) - self.seen[address]
            if extra:
                raise Wrong(f"{len(extra)} more message(s) for {address} than the dialog says")
            if self.server.leftovers(address):
                raise Wrong(f"something was left in tmp/ of {address}")

    def one(self, word, rest, steps):
        if word == "C:":
            self.pending += expand(rest).encode() + b"\r\n"
        elif word == "C=":
            self.pending += unescape(rest)
        elif word.startswith("C*"):
            self.pending += (expand(rest).encode() + b"\r\n") * int(word[2:-1])
        elif word == "S:":
            self.hear(rest)
        elif word == "S*:":
            self.hear_reply(rest)
        elif word == "END":
            self.hear_end()
        elif word in ("CLOSE", "CONNECT", "RESET"):
            self.flush()
            if word == "RESET":
                self.open().reset()
            self.close()
            self.source = rest or self.source
        elif word == "client:":
            self.source = rest
        elif word == "log:":
            self.flush()
            self.server.expect_log(rest, self.log_mark)
        elif word == "mail":
            wants = []
            while steps and steps[0][1] in "~|":
                wants.append(steps.pop(0)[1:])
            self.flush()
            self.take_mail(rest.strip(), wants)
        else:
            raise Wrong(f"{word!r} stands alone")


def smtp_split(raw):
    ours, body = tidegate.split_mail(raw)
    return ours.decode(errors="replace"), body


def needs_own_network(steps):
    return any(word in ("client:", "CONNECT") and rest and not LOOPBACK.match(rest) for _, word, rest in steps)


def run_case(server, script, steps):
    case = Case(server, mailboxes_of(script), steps)
    try:
        case.run()
        return []
    except Wrong as wrong:
        return [str(wrong)] + case.talk + ["log: " + line for line in server.log.lines[case.log_mark:]]
    finally:
        case.close()


def mailboxes_of(script):
    text = "\n".join(script.recipients) if script.recipients else tidegate.RECIPIENTS
    return re.findall(r"(?m)^(\S+@\S+)\s+maildir\b", text)


def make_server(script):
    dns = dnsd.DnsServer(script.zone).start() if script.has_resolver else None
    recipients = "".join(line + "\n" for line in script.recipients) or tidegate.RECIPIENTS
    return tidegate.Server(recipients=recipients, dns=dns, config=script.config)


def report(title, seconds, story, note=""):
    print(f"{'not ok' if story else 'ok'} - {title} ({seconds:.2f} s){note}")
    for part in story:
        for line in part.splitlines():
            print(f"# {line}")
    sys.stdout.flush()


def main():
    script = Script(sys.argv[1])
    pattern = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = 0
    server = make_server(script)
    with server:
        for title, _, steps in script.cases:
            if pattern not in title:
                continue
            if needs_own_network(steps) and not tidegate.HAS_OWN_NETWORK:
                report(title, 0, [], " # SKIP needs a network namespace")
                continue
            begun = time.monotonic()
            story = run_case(server, script, steps)
            failed += bool(story)
            report(title, time.monotonic() - begun, story)
    if server.dns:
        server.dns.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
