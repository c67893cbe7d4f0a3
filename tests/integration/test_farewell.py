"""The last words of the server reach a client that has not waited for them."""
import socket
import unittest

from tests.lib.cases import ServerCase

FLOOD = 1 << 20


class Farewell(ServerCase):
    def last_line(self, flood):
        """What a client hears last that says all of it at once, however much of that is read."""
        with socket.create_connection(self.server.address, timeout=30) as client:
            client.recv(4096)
            try:
                client.sendall(flood)
            except ConnectionError:
                pass
            heard = b""
            while True:
                try:
                    more = client.recv(65536)
                except ConnectionError:
                    break
                if not more:
                    break
                heard += more
            return heard.decode().splitlines()[-1] if heard else ""

    def test_too_many_errors(self):
        self.assertRegex(self.last_line(b"WHAT\r\n" * (FLOOD // 6)), "^421 4.7.0 Too many refused commands")

    def test_an_endless_line(self):
        self.assertRegex(self.last_line(b"x" * FLOOD), "^500 5")

    def test_a_broken_line(self):
        self.assertRegex(self.last_line(b"NOOP\n" + b"x" * FLOOD), "^500 5.5.2")

    def test_quit(self):
        self.assertRegex(self.last_line(b"QUIT\r\n" + b"NOOP\r\n" * (FLOOD // 6)), "^221 2.0.0")


if __name__ == "__main__":
    unittest.main()
