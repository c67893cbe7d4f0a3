"""A TCP relay that can cut a session off at the reply to the final dot, as a bad line does."""
import socket
import threading


def reset(connection):
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    except OSError:
        pass


class Proxy:
    """Relays to a port. While `cuts` is above zero, the reply to a final dot is swallowed and both sides are reset."""

    def __init__(self, target_port, cuts=0):
        self.target_port, self.cuts, self.cut_count = target_port, cuts, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.cut_happened = threading.Condition(self.lock)
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target_port))
            state = {"tail": b"", "dot": False}
            threading.Thread(target=self.upstream, args=(client, server, state), daemon=True).start()
            threading.Thread(target=self.downstream, args=(client, server, state), daemon=True).start()

    def upstream(self, client, server, state):
        try:
            while True:
                data = client.recv(65536)
                if not data:
                    server.shutdown(socket.SHUT_WR)
                    return
                state["tail"] = (state["tail"] + data)[-len(data) - 8:]
                if b"\r\n.\r\n" in state["tail"]:
                    state["dot"] = True
                server.sendall(data)
        except OSError:
            return

    def downstream(self, client, server, state):
        try:
            while True:
                data = server.recv(65536)
                if data and state["dot"] and self.take_cut():
                    reset(server)
                    reset(client)
                    return
                if not data:
                    client.shutdown(socket.SHUT_WR)
                    return
                client.sendall(data)
        except OSError:
            return

    def take_cut(self):
        with self.lock:
            if self.cut_count >= self.cuts:
                return False
            self.cut_count += 1
            self.cut_happened.notify_all()
            return True

    def wait_cut(self, count, seconds=30.0):
        with self.lock:
            if not self.cut_happened.wait_for(lambda: self.cut_count >= count, seconds):
                raise AssertionError(f"only {self.cut_count} of {count} sessions came to be cut")
