"""A message that drips in more slowly than data-rate allows is given up after its first minute."""
import threading
import time
import unittest

from tests.lib import smtp
from tests.lib.cases import ServerCase

# limit: 200


class Drip(ServerCase):
    options = {"config": {"data-rate": 1000}}

    def test_too_slow(self):
        with self.server.client(timeout=150) as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect("RCPT TO:<alice@example.org>", 250)
            client.expect("DATA", 354)
            stopped = threading.Event()

            def drip():
                for _ in range(150):
                    try:
                        client.socket.sendall(b"x" * 8 + b"\r\n")
                    except OSError:
                        return
                    if stopped.wait(1):
                        return
            thread = threading.Thread(target=drip, daemon=True)
            begun = time.monotonic()
            thread.start()
            smtp.check(client.reply(), "421 4.4.2")
            self.assertLess(time.monotonic() - begun, 130)
            stopped.set()
            thread.join()
        self.assertEqual(self.server.mail("alice@example.org"), [])


if __name__ == "__main__":
    unittest.main()
