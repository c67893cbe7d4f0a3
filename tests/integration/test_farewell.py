"""The last words of the server reach a client that has not waited for them."""
import socket
import unittest

from tests.lib.cases import ServerCase

FLOOD = 1 << 20
READ = 8192  # of commands, by the server at a time


class Farewell(ServerCase):
    options = {"config": {"max-idle-commands": 100}}

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

    def test_quit_at_the_end_of_what_is_read(self):
        line = b"NOOP " + b"x" * 393 + b"\r\n"
        count, rest = divmod(READ - len(b"QUIT\r\n"), len(line))
        first = line * count + b"NOOP" + b" " * (rest - 6) + b"\r\nQUIT\r\n"
        self.assertEqual(len(first), READ)
        self.assertRegex(self.last_line(first + b"NOOP\r\n" * (FLOOD // 6)), "^221 2.0.0")


if __name__ == "__main__":
    unittest.main()
