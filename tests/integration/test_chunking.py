"""BDAT beside DATA: the same message lies in the Maildir byte for byte the same, however it was cut."""
import random
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp
from tests.lib.cases import ServerCase

SIZES = (0, 1, 2, 998, 32767, 32768, 32769, 65536, 262143, 262144, 262145, 1 << 20)


class Chunking(ServerCase):
    options = {"recipients": tidegate.RECIPIENTS + "data@example.org maildir\nbdat@example.org maildir\n"}

    def text(self, chance, number, size):
        """A legal message of about this size: lines of all lengths, dots, 8-bit, nothing bare."""
        message = smtp.message("", number=f"chunking-{number}")
        while len(message) < size:
            line = bytes(chance.choices(b"abcdefgh. .\xe9", k=min(chance.choice((0, 1, 3, 70, 990)), size)))
            message += line + b"\r\n"
        return message

    def by_bdat(self, client, message, cuts):
        """All chunks in one go; the replies to them."""
        sent = b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<bdat@example.org>\r\n"
        borders = [0, *cuts, len(message)]
        for number, (begin, end) in enumerate(zip(borders, borders[1:])):
            last = b" LAST" if number == len(cuts) else b""
            sent += b"BDAT %d%s\r\n" % (end - begin, last) + message[begin:end]
        client.send(sent)
        return [client.reply() for _ in range(2 + len(cuts) + 1)]

    def test_same_bytes_by_data_and_by_bdat(self):
        chance = random.Random(3030)
        self.begin("data@example.org", "bdat@example.org")
        with self.server.client(timeout=60) as client:
            client.greet()
            for number, size in enumerate(SIZES):
                with self.subTest(size=size):
                    message = self.text(chance, number, size)
                    smtp.check(smtp.transact(client, "sender@client.example", ["data@example.org"], message), 250)
                    cuts = sorted(chance.randrange(len(message) + 1) for _ in range(number % 5 * 3))
                    for reply in self.by_bdat(client, message, cuts):
                        smtp.check(reply, 250)
                    by_data, by_bdat = self.new_mail("data@example.org"), self.new_mail("bdat@example.org")
                    self.assertEqual((len(by_data), len(by_bdat)), (1, 1))
                    self.assertEqual(tidegate.split_mail(by_data[0])[1], tidegate.split_mail(by_bdat[0])[1])
                    self.assertEqual(tidegate.split_mail(by_bdat[0])[1], message.replace(b"\r\n", b"\n"))

    def test_one_octet_a_chunk(self):
        self.begin("bdat@example.org")
        message = smtp.message("one by one\r\n", number="octets")
        with self.server.client(timeout=60) as client:
            client.greet()
            for reply in self.by_bdat(client, message, range(1, len(message))):
                smtp.check(reply, 250)
        self.assertEqual(tidegate.split_mail(self.new_mail("bdat@example.org")[0])[1], message.replace(b"\r\n", b"\n"))

    def test_lines_of_lf_alone(self):
        """As Exchange Online sends what others have handed to it: all line ends bare."""
        self.begin("bdat@example.org")
        message = self.text(random.Random(5), "lf", 300000).replace(b"\r\n", b"\n")
        with self.server.client(timeout=60) as client:
            client.greet()
            for reply in self.by_bdat(client, message, range(65536, len(message), 65536)):
                smtp.check(reply, 250)
        self.assertEqual(tidegate.split_mail(self.new_mail("bdat@example.org")[0])[1], message)

    def test_reply_and_farewell_leave_together(self):
        """A QUIT pipelined behind BDAT LAST: 250 and 221 arrive in one piece."""
        message = smtp.message(number="quit")
        self.begin("bdat@example.org")
        with self.server.client(timeout=60) as client:
            client.greet()
            client.send(b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<bdat@example.org>\r\nBDAT %d LAST\r\n" % len(message)
                        + message + b"QUIT\r\n")
            for code in ("250 2.1.0", "250 2.1.5", "250 2.0.0"):
                smtp.check(client.reply(), code)
            self.assertIn(b"221 ", client.buffer)
            smtp.check(client.reply(), 221)
            self.assertTrue(client.is_closed())
        self.assertEqual(len(self.new_mail("bdat@example.org")), 1)

    def test_a_client_that_leaves_before_the_last_octet_leaves_no_mail(self):
        self.begin("bdat@example.org")
        with self.server.client(timeout=60) as client:
            client.greet()
            client.send(b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<bdat@example.org>\r\nBDAT 100 LAST\r\n" + 99 * b"x")
            smtp.check(client.reply(), 250)
            smtp.check(client.reply(), 250)
        self.assertIsNotNone(self.server.wait_log(r"event=transaction .*verdict=abandoned", self.log_mark))
        self.assertEqual(self.new_mail("bdat@example.org"), [])


if __name__ == "__main__":
    unittest.main()
