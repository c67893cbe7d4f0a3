"""A small DNS server for tests: UDP and TCP on one loopback port, answers from a table, and misbehaves on request.

    server = DnsServer({"example.org": {"TXT": ["v=spf1 -all"], "A": ["192.0.2.1"]}})
    server.start()
    ... server.port, server.count("example.org", "TXT"), server.queries ...
    server.stop()

What may stand in the table: tests/lib/dns_table.py.
"""
import collections
import heapq
import selectors
import socket
import struct
import threading
import time

from tests.lib import dns_table, dns_wire


class DnsServer:
    """See the module's text. Safe to start and stop once; the table may be changed while it runs."""

    def __init__(self, zone=None, address="127.0.0.1", port=0):
        self._table = dns_table.Table(zone or {})
        self.address = address
        self.port = port
        self.queries = []          # Question, in order of arrival
        self.sources = set()       # (address, port) that UDP questions came from
        self.udp_sources = []      # the same, one for each UDP question
        self._lock = threading.Lock()
        self._timers = []
        self._timer_serial = 0
        self._selector = None
        self._thread = None
        self._streams = {}

    # -- for tests --

    def set_zone(self, zone):
        self._table.set_zone(zone)

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
        self._table.reset()

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

    def _decide(self, question):
        with self._lock:
            self.queries.append(question)
        return self._table.decide(question)

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
            question = dns_wire.parse_question(message, False)
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
            question = dns_wire.parse_question(message, True)
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
