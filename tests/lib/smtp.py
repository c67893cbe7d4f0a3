"""A raw SMTP client: bytes as given, replies as they come, nothing helpful in between."""
import re
import socket


class Reply:
    """One reply: code, and the text of each line without code and separator."""

    def __init__(self, lines):
        self.raw = lines
        self.code = int(lines[-1][:3])
        self.texts = [line[4:] for line in lines]

    def __str__(self):
        return " / ".join(self.raw)

    __repr__ = __str__


class Gone(ConnectionError):
    """The server closed, or reset, the connection: an OSError like all that can end one."""


class Client:
    """A connection. Lines are given without CRLF; everything that was said is kept in `talk` for failures."""

    def __init__(self, address, source=None, timeout=15.0, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.talk = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends bytes as they are."""
        self.talk.append(f"C: {data[:300]!r}")
        self.socket.sendall(data)

    def read_line(self):
        """One line of a reply, its CRLF checked and taken off."""
        while b"\n" not in self.buffer:
            try:
                more = self.socket.recv(65536)
            except ConnectionError as error:
                raise Gone(f"the connection was reset: {error}") from error
            if not more:
                raise Gone(f"the server closed the connection (unread: {self.buffer!r})")
            self.buffer += more
        line, self.buffer = self.buffer.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise AssertionError(f"a reply line ends without CR: {line!r}")
        text = line[:-1].decode("ascii")
        if not re.match(r"^[2-5][0-9][0-9]([ -]|$)", text):
            raise AssertionError(f"not a reply line: {text!r}")
        self.talk.append(f"S: {text}")
        return text

    def reply(self):
        lines = [self.read_line()]
        while lines[-1][3:4] == "-":
            lines.append(self.read_line())
        return Reply(lines)

    def say(self, line):
        """Sends a line and returns its reply."""
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def expect(self, line, code):
        """say(), and the reply must have this code (a number, or a text that it begins with, such as "550 5.1.1")."""
        reply = self.say(line)
        check(reply, code, line)
        return reply

    def greet(self, name="client.example", verb="EHLO"):
        check(self.reply(), 220, "(connect)")
        return self.expect(f"{verb} {name}", 250)

    def is_closed(self):
        """Waits for the server's end of the connection; False when it says something instead."""
        try:
            more = self.buffer or self.socket.recv(65536)
        except ConnectionError:
            return True
        self.buffer = more
        return not more

    def reset(self):
        """Ends the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def close(self):
        self.socket.close()


def check(reply, code, context=""):
    if not str(reply.raw[-1]).startswith(str(code)):
        raise AssertionError(f"wanted {code} after {context!r}, the server said: {reply}")


def stuff(message):
    """A message, CRLF-ended, as it goes behind DATA, with the final dot."""
    return re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"


def transact(client, sender, recipients, message):
    """One transaction on a greeted client; the reply to the dot, or the first refusal."""
    reply = client.say(f"MAIL FROM:<{sender}>")
    for recipient in recipients:
        if reply.code == 250:
            reply = client.say(f"RCPT TO:<{recipient}>")
    if reply.code == 250:
        reply = client.say("DATA")
    if reply.code != 354:
        return reply
    client.send(stuff(message))
    return client.reply()


def deliver(address, recipients, message, sender="sender@client.example", source=None, timeout=60.0):
    """One connection, one message; the reply to the dot, or the first refusal."""
    if isinstance(recipients, str):
        recipients = [recipients]
    with Client(address, source, timeout) as client:
        client.greet()
        reply = transact(client, sender, recipients, message)
        client.say("QUIT")
        return reply


def message(text="Hello.\r\n", number=1, **fields):
    """A small message with Message-ID and Date of its own."""
    head = {"From": "Sender <sender@client.example>", "Subject": "a test",
            "Date": "Sun, 22 Nov 2026 05:51:58 +0000", "Message-ID": f"<{number}.test@client.example>"}
    head.update({name.replace("_", "-"): value for name, value in fields.items()})
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items() if value is not None)
    return lines.encode() + b"\r\n" + (text if isinstance(text, bytes) else text.encode())
