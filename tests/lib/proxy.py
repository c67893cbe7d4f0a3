"""A TCP relay that can cut a session off at the reply to the final dot, as a bad line does."""
import select
import socket
import threading

from tests.lib.listener import Listener


def reset(connection):
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    except OSError:
        pass


class Proxy(Listener):
    """Relays to a port. While `cuts` is above zero, the reply to a final dot is swallowed and both sides are reset."""

    def __init__(self, target_port, cuts=0):
        self.target_port, self.cuts, self.cut_count = target_port, cuts, 0
        self.lock = threading.Lock()
        self.cut_happened = threading.Condition(self.lock)
        super().__init__()

    def passed_on(self, _source, _is_client, data):
        """What becomes of data from a client or a server; for subclasses."""
        return data

    def serve(self, client):
        """One thread for both ways: a socket that another thread waits on would not be reset when it is closed."""
        server = socket.create_connection(("127.0.0.1", self.target_port))
        other, tail, has_dot = {client: server, server: client}, b"", False
        try:
            while other:
                for source in select.select(list(other), [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        other.pop(source).shutdown(socket.SHUT_WR)
                        continue
                    if source is client:
                        tail = (tail + data)[-len(data) - 8:]
                        has_dot = has_dot or b"\r\n.\r\n" in tail
                    elif has_dot and self.take_cut():
                        reset(server)
                        reset(client)
                        self.tell_cut()
                        return
                    other[source].sendall(self.passed_on(source, source is client, data))
        except (OSError, KeyError):
            pass
        client.close()
        server.close()

    def tell_cut(self):
        with self.lock:
            self.cut_count += 1
            self.cut_happened.notify_all()

    def take_cut(self):
        with self.lock:
            if self.cuts <= 0:
                return False
            self.cuts -= 1
            return True

    def wait_cut(self, count, seconds=30.0):
        with self.lock:
            if not self.cut_happened.wait_for(lambda: self.cut_count >= count, seconds):
                raise AssertionError(f"{self.cut_count} of {count} sessions came to be cut")
