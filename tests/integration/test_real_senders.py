"""Two hundred messages of mixed size from each of the programs that send mail in the field; each is found once, byte for byte."""
import os
import smtplib
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor

from tests.lib import mixed, opensmtpd, peers, postfix
from tests.lib import server as tidegate
from tests.lib import smtp, tls

# limit: 400
ALICE, SENDER = "alice@example.org", "sender@client.example"
COUNT = 200
MODES = ("clear", "tls")


def each(send):
    """Calls send(number, message) for all of them, four at a time."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: send(number, mixed.message(number)), range(COUNT)))


def run(words, data):
    done = subprocess.run(words, input=data, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}")


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK and tidegate.IS_ROOT, "needs root and namespaces of its own")
class TwoHundredMessages(unittest.TestCase):
    def in_both_modes(self, send_all):
        """Runs send_all(server, is_tls) in clear and under TLS, each on a server of its own."""
        for mode in MODES:
            with self.subTest(mode), tidegate.Server() as server:
                since = server.mark()
                send_all(server, mode == "tls")
                self.assertIsNone(mixed.compare(server.mail(ALICE), COUNT))
                server.expect_log(r"event=transaction .*tls=" + ("TLSv1" if mode == "tls" else "no"), since)

    def test_postfix(self):
        if not postfix.is_there():
            self.skipTest("Postfix cannot be unpacked here")

        def send_all(server, is_tls):
            with postfix.Postfix(server.port, {"smtp_tls_security_level": "encrypt" if is_tls else "none"}) as sender:
                each(lambda number, message: sender.send(SENDER, [ALICE], message))
                sender.wait_sent(COUNT, 150)

        self.in_both_modes(send_all)

    def test_opensmtpd(self):
        if not opensmtpd.is_there():
            self.skipTest("OpenSMTPD cannot be unpacked here")

        def send_all(server, is_tls):
            with opensmtpd.OpenSmtpd(server.port, *(["smtp+tls", "tls no-verify"] if is_tls else [])) as sender:
                each(lambda number, message: sender.send(SENDER, [ALICE], message))
                sender.wait_sent(COUNT, 150)

        self.in_both_modes(send_all)

    def test_msmtp(self):
        root = peers.root("msmtp")
        if not root:
            self.skipTest("msmtp cannot be unpacked here")
        peers.devices(root)

        def send_all(server, is_tls):
            words = ["chroot", root, "/usr/bin/msmtp", "--host=127.0.0.1", f"--port={server.port}", "--domain=client.example",
                     f"--from={SENDER}", "--timeout=60", f"--tls={'on' if is_tls else 'off'}", "--tls-starttls=on", "--tls-certcheck=off",
                     "--set-date-header=off", "--", ALICE]
            each(lambda number, message: run(words, message.replace(b"\r\n", b"\n")))

        self.in_both_modes(send_all)

    @unittest.skipUnless(peers.swaks(), "swaks cannot be unpacked here")
    def test_swaks(self):
        def send_all(server, is_tls):
            folder = os.path.join(server.folder, "swaks")
            os.mkdir(folder)

            def send(number, message):
                path = os.path.join(folder, str(number))
                with open(path, "wb") as file:
                    file.write(smtp.stuff(message))  # swaks would add an empty line
                run([*peers.swaks(), "--server", f"127.0.0.1:{server.port}", "--helo", "client.example", "--from", SENDER, "--to", ALICE,
                     "--no-data-fixup", "--data", "@" + path, "--suppress-data", "--hide-all", *(["-tls"] if is_tls else [])], b"")

            each(send)

        self.in_both_modes(send_all)

    def test_smtplib(self):
        def send_all(server, is_tls):
            context = tls.make_context()

            def send(number, message):
                with smtplib.SMTP("127.0.0.1", server.port, local_hostname="client.example", timeout=60) as client:
                    if is_tls:
                        client.starttls(context=context)
                    client.ehlo()
                    # One address of every other message is not ASCII.
                    sender = "jörg@bücher.example" if number % 2 else SENDER
                    client.sendmail(sender, [ALICE], message, ["BODY=8BITMIME", *(["SMTPUTF8"] if number % 2 else [])])

            each(send)

        self.in_both_modes(send_all)


if __name__ == "__main__":
    unittest.main()
