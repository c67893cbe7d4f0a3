#!/usr/bin/python3
"""A small DNS server for tests: UDP and TCP on one loopback port, answers from a table, and misbehaves on request.

As a module:

    server = DnsServer({"example.org": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1"]}})
    server.start()
    ... server.port, server.count("example.org", "TXT"), server.queries ...
    server.stop()

As a program: dnsd.py --zone FILE.json [--port N] [--counts FILE]; prints "port N", serves until SIGTERM, SIGINT or the
end of standard input (with --until-eof), writes the counts as JSON {"name type": n} to --counts at its end and
whenever SIGUSR1 comes.

The table: name -> entry. Names are compared without case; "*.example.org" answers for names that have no entry of
their own. An entry holds records and, if wanted, a behaviour:

    "A": ["192.0.2.1"], "AAAA": ["2001:db8::1"], "PTR": ["a.example"], "NS": ["ns.example"],
    "TXT": ["one string", ["several", "strings", "of one record"]],  # characters are bytes (latin-1); cut at 255
    "MX": [[10, "mx.example"]], "CNAME": "target.example",
    "ttl": 60            of its records (default 300); "negative_ttl": 30 of "there is none"
    "delay_ms": 200      answer later
    "chase": false       give the CNAME alone, do not follow it in the answer
    "behaviour": WORD    for every type, or {"TXT": WORD, "*": WORD} by type
    "times": 2           the behaviour is for the first so many questions, then all is well

Words: NXDOMAIN NODATA SERVFAIL REFUSED FORMERR as they say; TIMEOUT says nothing; TRUNCATE sets TC on UDP and gives no
records; TRUNCATE_DEAD the same, and TCP connections hear nothing; TCP_CLOSE the same, and TCP connections are closed
without an answer; GARBAGE random bytes behind the right id; SHORT the answer cut in its middle; WRONG_ID, WRONG_QUESTION,
WRONG_CASE, NOT_A_RESPONSE a forged answer and nothing else; SPOOFED forged ones first, then the right one; LOOP a
compression pointer to itself; COUNTS more records announced than there are; UDP_BIG a datagram over the EDNS size.

Unknown names are NXDOMAIN; a name that only has names below it is NODATA. Negative answers carry a SOA.
"""

import argparse
import collections
import heapq
import ipaddress
import json
import os
import selectors
import signal
import socket
import struct
import sys
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "OPT": 41, "SPF": 99,
         "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5
DEFAULT_TTL = 300
LONGEST_CHAIN = 12

Question = collections.namedtuple("Question", "ident name wire type_name type_number flags udp_size is_tcp")


def encode_name(name):
    """Wire form of a dotted name; characters are bytes."""
    wire = b""
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        raw = label.encode("latin-1")
        if not 0 < len(raw) < 64:
            raise ValueError("bad label in %r" % name)
        wire += bytes([len(raw)]) + raw
    return wire + b"\0"


def decode_name(message, at):
    """(name, offset behind it) of an uncompressed name."""
    labels = []
    while True:
        length = message[at]
        if length > 63:
            raise ValueError("a compressed question")
        at += 1
        if length == 0:
            return ".".join(labels), at
        labels.append(message[at:at + length].decode("latin-1"))
        if len(labels[-1]) != length:
            raise ValueError("a cut question")
        at += length


def encode_txt(value):
    strings = [value] if isinstance(value, str) else value
    wire = b""
    for text in strings:
        raw = text.encode("latin-1") if isinstance(text, str) else bytes(text)
        pieces = [raw[i:i + 255] for i in range(0, len(raw), 255)] or [b""]
        wire += b"".join(bytes([len(piece)]) + piece for piece in pieces)
    return wire


def encode_rdata(type_name, value):
    if type_name in ("TXT", "SPF"):
        return encode_txt(value)
    if type_name in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if type_name == "MX":
        return struct.pack("!H", value[0]) + encode_name(value[1])
    return encode_name(value)


def encode_record(owner, type_name, ttl, rdata):
    return owner + struct.pack("!HHIH", TYPES[type_name], 1, ttl, len(rdata)) + rdata


def parse_question(message, is_tcp):
    ident, flags, questions, _, _, additional = struct.unpack("!6H", message[:12])
    if flags & 0x8000 or questions != 1:
        raise ValueError("not a question")
    name, at = decode_name(message, 12)
    type_number, _ = struct.unpack("!HH", message[at:at + 4])
    wire = message[12:at + 4]
    rest = message[at + 4:]
    udp_size = 512
    if additional and len(rest) >= 11 and rest[0] == 0 and rest[1:3] == b"\0\x29":
        udp_size = max(512, struct.unpack("!H", rest[3:5])[0])
    type_name = TYPE_NAMES.get(type_number, "TYPE%d" % type_number)
    return Question(ident, name.lower(), wire, type_name, type_number, flags, udp_size, is_tcp)


class DnsServer:
    """See the module's text. Safe to start and stop once; the table may be changed while it runs."""

    def __init__(self, zone=None, address="127.0.0.1", port=0):
        self.zone = {}
        self.set_zone(zone or {})
        self.address = address
        self.port = port
        self.queries = []          # Question, in order of arrival
        self.sources = set()       # (address, port) that UDP questions came from
        self.udp_sources = []      # the same, one for each UDP question
        self._behaved = collections.Counter()
        self._lock = threading.Lock()
        self._timers = []
        self._timer_serial = 0
        self._selector = None
        self._thread = None
        self._streams = {}

    # -- for tests --

    def set_zone(self, zone):
        self.zone = {name.lower().rstrip("."): entry for name, entry in zone.items()}

    def count(self, name=None, type_name=None):
        """How many questions came, of a name, of a type."""
        with self._lock:
            return sum(1 for q in self.queries if (name is None or q.name == name.lower().rstrip("."))
                       and (type_name is None or q.type_name == type_name))

    def counts(self):
        with self._lock:
            return dict(collections.Counter("%s %s" % (q.name, q.type_name) for q in self.queries))

    def reset(self):
        with self._lock:
            self.queries.clear()
            self.sources.clear()
            self.udp_sources.clear()
            self._behaved.clear()

    def start(self):
        self._open_sockets()
        self._wake_read, self._wake_write = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._udp, selectors.EVENT_READ, self._on_udp)
        self._selector.register(self._tcp, selectors.EVENT_READ, self._on_accept)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._serve, name="dnsd", daemon=True)
        self._thread.start()
        return self

    def stop(self):
        if not self._thread:
            return
        self._wake_write.send(b"x")
        self._thread.join(10)
        self._thread = None
        for stream in list(self._streams):
            stream.close()
        self._streams.clear()
        self._selector.close()
        for each in (self._udp, self._tcp, self._wake_read, self._wake_write):
            each.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    # -- sockets --

    def _open_sockets(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        for _ in range(50):
            self._udp = socket.socket(family, socket.SOCK_DGRAM)
            self._tcp = socket.socket(family, socket.SOCK_STREAM)
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._udp.bind((self.address, self.port))
            try:
                self._tcp.bind(self._udp.getsockname()[:2])
            except OSError:
                self._udp.close()
                self._tcp.close()
                if self.port:
                    raise
                continue
            self.port = self._udp.getsockname()[1]
            self._tcp.listen(64)
            self._udp.setblocking(False)
            self._tcp.setblocking(False)
            return
        raise OSError("no port is free for both UDP and TCP")

    def _serve(self):
        while True:
            wait = max(0, self._timers[0][0] - time.monotonic()) if self._timers else None
            for key, _ in self._selector.select(wait):
                if key.data is None:
                    return
                key.data(key.fileobj)
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()

    def _later(self, delay_ms, action):
        if not delay_ms:
            action()
            return
        self._timer_serial += 1
        heapq.heappush(self._timers, (time.monotonic() + delay_ms / 1000, self._timer_serial, action))

    def _on_udp(self, udp):
        try:
            message, peer = udp.recvfrom(65535)
        except OSError:
            return
        try:
            question = parse_question(message, False)
        except (ValueError, IndexError, struct.error):
            return
        with self._lock:
            self.sources.add(peer[:2])
            self.udp_sources.append(peer[:2])
        entry, replies = self._decide(question)

        def send():
            for reply in replies:
                try:
                    udp.sendto(reply, peer)
                except OSError:
                    pass
        self._later(entry.get("delay_ms", 0), send)

    def _on_accept(self, listener):
        try:
            stream, _ = listener.accept()
        except OSError:
            return
        stream.setblocking(True)
        stream.settimeout(5)
        self._streams[stream] = b""
        self._selector.register(stream, selectors.EVENT_READ, self._on_stream)

    def _drop(self, stream):
        if stream in self._streams:
            del self._streams[stream]
            self._selector.unregister(stream)
            stream.close()

    def _on_stream(self, stream):
        try:
            piece = stream.recv(65535)
        except OSError:
            piece = b""
        if not piece:
            self._drop(stream)
            return
        self._streams[stream] += piece
        held = self._streams[stream]
        while len(held) >= 2 and len(held) >= 2 + struct.unpack("!H", held[:2])[0]:
            length = struct.unpack("!H", held[:2])[0]
            message, held = held[2:2 + length], held[2 + length:]
            self._streams[stream] = held
            self._answer_stream(stream, message)
            if stream not in self._streams:
                return

    def _answer_stream(self, stream, message):
        try:
            question = parse_question(message, True)
        except (ValueError, IndexError, struct.error):
            self._drop(stream)
            return
        entry, replies = self._decide(question)
        if replies is None:
            self._drop(stream)
            return

        def send():
            for reply in replies:
                try:
                    stream.sendall(struct.pack("!H", len(reply)) + reply)
                except OSError:
                    self._drop(stream)
                    return
        self._later(entry.get("delay_ms", 0), send)

    # -- answers --

    def _decide(self, question):
        """(entry, replies) to one question; None for "close the connection"."""
        with self._lock:
            self.queries.append(question)
        entry = self._entry(question.name) or {}
        try:
            return entry, self._replies(question, self._behaviour(question, entry))
        except ValueError:  # the table holds what no message can
            return entry, [self._message(question, SERVFAIL, [])]

    def _entry(self, name):
        if name in self.zone:
            return self.zone[name]
        labels = name.split(".")
        for cut in range(1, len(labels)):
            wildcard = "*." + ".".join(labels[cut:])
            if wildcard in self.zone:
                return self.zone[wildcard]
        return None

    def _behaviour(self, question, entry):
        word = entry.get("behaviour")
        if isinstance(word, dict):
            word = word.get(question.type_name, word.get("*"))
        if word is None:
            return "NORMAL"
        with self._lock:
            key = (question.name, question.type_name)
            self._behaved[key] += 1
            if self._behaved[key] > entry.get("times", float("inf")):
                return "NORMAL"
        return word

    def _replies(self, q, word):
        if word == "NORMAL":
            return [self._normal(q)]
        if word in ("TIMEOUT",):
            return []
        if word in ("TRUNCATE", "TRUNCATE_DEAD", "TCP_CLOSE") and not q.is_tcp:
            return [self._message(q, NOERROR, [], truncated=True)]
        if word == "TRUNCATE_DEAD":
            return []
        if word == "TCP_CLOSE":
            return None
        return self._forged(q, word)

    def _forged(self, q, word):
        good = self._normal(q)
        end = 12 + len(q.wire)
        other = b"\5other\4test\0" + q.wire[-4:]
        if word in ("NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "FORMERR"):
            rcode = {"NXDOMAIN": NXDOMAIN, "SERVFAIL": SERVFAIL, "REFUSED": REFUSED, "FORMERR": FORMERR}.get(word, NOERROR)
            soa = [self._soa(q.name)] if word in ("NXDOMAIN", "NODATA") else []
            return [self._message(q, rcode, [], soa)]
        wrong_id = struct.pack("!H", q.ident ^ 0x5555) + good[2:]
        wrong_question = good[:12] + other + good[end:]
        wrong_case = good[:12] + q.wire[:-4].swapcase() + q.wire[-4:] + good[end:]
        forms = {
            "TRUNCATE": [good],
            "GARBAGE": [good[:2] + os.urandom(3 if q.ident % 7 == 0 else 60)],
            "SHORT": [good[:end + max(1, (len(good) - end) // 2)]],
            "WRONG_ID": [wrong_id],
            "WRONG_QUESTION": [wrong_question],
            "WRONG_CASE": [wrong_case],
            "NOT_A_RESPONSE": [good[:2] + bytes([good[2] & 0x7f]) + good[3:]],
            "SPOOFED": [wrong_id, wrong_question, good[:2] + os.urandom(40), good],
            "LOOP": [self._header(q, NOERROR, 1, 0) + q.wire + struct.pack("!H", 0xc000 | end) + bytes(10)],
            "COUNTS": [good[:6] + b"\x40\x00" + good[8:]],
            "UDP_BIG": [good + bytes(5000)],
        }
        return forms[word]

    def _header(self, q, rcode, answers, authority, truncated=False):
        flags = 0x8080 | (q.flags & 0x0100) | (0x0200 if truncated else 0) | rcode
        return struct.pack("!6H", q.ident, flags, 1, answers, authority, 0)

    def _message(self, q, rcode, answers, authority=(), truncated=False):
        head = self._header(q, rcode, len(answers), len(authority), truncated)
        return head + q.wire + b"".join(answers) + b"".join(authority)

    def _soa(self, name):
        entry = self._entry(name) or {}
        ttl = entry.get("negative_ttl", entry.get("ttl", DEFAULT_TTL))
        rdata = encode_name("ns.invalid") + encode_name("hostmaster.invalid") + struct.pack("!5I", 1, 2, 3, 4, ttl)
        return encode_record(b"\0", "SOA", 86400, rdata)

    def _normal(self, q):
        answers, name, rcode, is_empty = [], q.name, NOERROR, True
        for _ in range(LONGEST_CHAIN):
            owner = b"\xc0\x0c" if name == q.name else encode_name(name)
            entry = self._entry(name)
            if entry is None:
                has_below = any(each.endswith("." + name) for each in self.zone)
                rcode = NOERROR if has_below else NXDOMAIN
                break
            ttl = entry.get("ttl", DEFAULT_TTL)
            if "CNAME" not in entry or q.type_name == "CNAME":
                values = entry.get(q.type_name, [])
                answers += [encode_record(owner, q.type_name, ttl, encode_rdata(q.type_name, each)) for each in values]
                is_empty = not values
                break
            answers.append(encode_record(owner, "CNAME", ttl, encode_name(entry["CNAME"])))
            name = entry["CNAME"].lower().rstrip(".")
            is_empty = entry.get("chase", True) and len(answers) < LONGEST_CHAIN
            if not entry.get("chase", True):
                break
        return self._fit(q, self._message(q, rcode, answers, [self._soa(name)] if is_empty else []))

    def _fit(self, q, message):
        if q.is_tcp or len(message) <= q.udp_size:
            return message
        return self._message(q, message[3] & 15, [], truncated=True)


def main():
    parser = argparse.ArgumentParser(description="a small DNS server for tests")
    parser.add_argument("--zone", required=True, help="JSON file with the table, or - for standard input")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--counts", help="file for the counts of questions")
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    if options.zone == "-":
        zone = json.load(sys.stdin)
    else:
        with open(options.zone, encoding="utf-8") as file:
            zone = json.load(file)
    server = DnsServer(zone, options.address, options.port).start()

    def write_counts(*_):
        if options.counts:
            with open(options.counts + ".new", "w", encoding="utf-8") as file:
                json.dump(server.counts(), file, indent=1, sort_keys=True)
            os.rename(options.counts + ".new", options.counts)

    done = threading.Event()
    signal.signal(signal.SIGUSR1, write_counts)
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    signal.signal(signal.SIGINT, lambda *_: done.set())
    if options.until_eof:
        threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
    print("port %d" % server.port, flush=True)
    while not done.wait(0.2):
        pass
    server.stop()
    write_counts()


if __name__ == "__main__":
    main()
