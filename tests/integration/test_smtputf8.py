"""Internationalised mail (RFC 6531): Python's smtplib and swaks bring it, and it lies in the mailbox byte for byte."""
import email
import email.message
import email.policy
import os
import re
import smtplib
import subprocess
import unittest

from tests.lib import peers
from tests.lib import server as tidegate
from tests.lib.cases import ServerCase

RECIPIENTS = tidegate.RECIPIENTS + """\
jürgen@bücher.example    maildir
*@例子.example           maildir
info@xn--bcher-kva.example alias jürgen@bücher.example почта@example.org
почта@example.org        maildir
שלום@דוגמה.example       maildir
"""
JUERGEN = "jürgen@xn--bcher-kva.example"


def eai_message(sender="Jörg <jörg@bücher.example>", to="jürgen@bücher.example"):
    message = email.message.EmailMessage(email.policy.SMTPUTF8)
    message["From"], message["To"], message["Subject"] = sender, to, "Grüße aus 例子"
    message["Message-ID"], message["Date"] = "<eai@bücher.example>", "Sun, 22 Nov 2026 05:51:58 +0000"
    message.set_content("Ein Gruß: ü 用户\n.\n..\n", cte="8bit")
    return message


class Smtplib(ServerCase):
    options = {"recipients": RECIPIENTS}

    def client(self):
        return smtplib.SMTP("127.0.0.1", self.server.port, local_hostname="client.example", timeout=60)

    def test_send_message(self):
        """send_message sees by itself that the addresses need SMTPUTF8."""
        message = eai_message()
        self.begin(JUERGEN)
        with self.client() as client:
            self.assertEqual(client.send_message(message), {})
            self.assertTrue(client.has_extn("smtputf8"))
        stored = self.new_mail(JUERGEN)
        self.assertEqual(len(stored), 1)
        ours, body = tidegate.split_mail(stored[0])
        self.assertEqual(body, message.as_bytes().replace(b"\r\n", b"\n"))
        self.assertIn("Return-Path: <jörg@bücher.example>\n".encode(), ours)
        self.assertIn(f"Delivered-To: {JUERGEN}\n".encode(), ours)
        self.assertRegex(ours.decode(), r"with UTF8SMTP id \S+\s+for <jürgen@bücher\.example>;")
        read = email.message_from_bytes(stored[0], policy=email.policy.SMTPUTF8)
        self.assertEqual(read["Subject"], "Grüße aus 例子")

    def test_sendmail_in_other_spellings(self):
        """NFD, capitals, A-labels, a sub-address: one mailbox."""
        spellings = ["ju\u0308rgen@bu\u0308cher.example", "JÜRGEN@BÜCHER.EXAMPLE", "jürgen+büro@XN--Bcher-KVA.example"]
        self.begin(JUERGEN)
        with self.client() as client:
            client.ehlo()
            for number, spelling in enumerate(spellings):
                text = eai_message(to=spelling).as_bytes().replace(b"<eai@", b"<eai-%d@" % number)
                self.assertEqual(client.sendmail("jörg@bücher.example", [spelling], text, ["SMTPUTF8", "BODY=8BITMIME"]), {})
        self.assertEqual(len(self.new_mail(JUERGEN)), len(spellings))

    def test_alias_and_catch_all(self):
        self.begin(JUERGEN)
        self.begin("почта@example.org")
        with self.client() as client:
            client.ehlo()
            text = eai_message().as_bytes()
            self.assertEqual(client.sendmail("a@b.example", ["info@bücher.example", "用户@例子.example"], text, ["SMTPUTF8"]), {})
        self.assertEqual(len(self.new_mail(JUERGEN)), 1)
        self.assertEqual(len(self.new_mail("почта@example.org")), 1)
        [caught] = [path for path in os.listdir(os.path.join(self.server.mailboxes, "xn--fsqu00a.example"))]
        self.assertEqual(caught, "%2A")

    def test_refusals(self):
        with self.client() as client:
            client.ehlo()
            with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
                client.sendmail("a@b.example", ["niemand@bücher.example", "nämlich@bücher.example"], b"", ["SMTPUTF8"])
        refused = caught.exception.recipients
        self.assertRegex(refused["niemand@bücher.example"][1].decode("ascii"), r"niemand@xn--bcher-kva\.example")
        self.assertRegex(refused["nämlich@bücher.example"][1].decode("ascii"), r"n\?\?mlich@xn--bcher-kva\.example")

    def test_hebrew(self):
        self.begin("שלום@xn--6dbbec0c.example")
        with self.client() as client:
            client.ehlo()
            self.assertEqual(client.sendmail("a@b.example", ["שלום@דוגמה.example"], eai_message().as_bytes(), ["SMTPUTF8"]), {})
        self.assertEqual(len(self.new_mail("שלום@xn--6dbbec0c.example")), 1)

    def test_folders_are_where_the_manual_says(self):
        """DOMAIN in A-labels, the local part in NFC and lower case."""
        with self.client() as client:
            client.ehlo()
            client.sendmail("a@b.example", ["JU\u0308RGEN@bücher.example"], eai_message().as_bytes(), ["SMTPUTF8"])
        names = os.listdir(os.path.join(self.server.mailboxes, "xn--bcher-kva.example"))
        self.assertIn("jürgen", names)
        self.assertNotIn("ju\u0308rgen", names)

    @unittest.skipUnless(peers.swaks(), "swaks cannot be unpacked here")
    def test_swaks_without_the_parameter(self):
        """swaks has no SMTPUTF8: its UTF-8 address is refused, its ASCII ones are taken."""
        words = [*peers.swaks(), "--server", "127.0.0.1", "--port", str(self.server.port), "--helo", "client.example",
                 "--from", "a@b.example", "--body", "x"]
        self.begin(JUERGEN)
        done = subprocess.run(words + ["--to", "jürgen@bücher.example"], capture_output=True, timeout=60, check=False)
        self.assertRegex(done.stdout.decode(), r"553 5\.6\.7")
        done = subprocess.run(words + ["--to", "info@xn--bcher-kva.example"], capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(len(self.new_mail(JUERGEN)), 1)


class Commands(ServerCase):
    options = {"recipients": RECIPIENTS}

    def test_lookup(self):
        for spelling in ("jürgen@bücher.example", "JU\u0308RGEN+x@XN--BCHER-KVA.example", '"jürgen"@BÜCHER.example'):
            code, out, err = self.server.run("lookup", spelling)
            self.assertEqual((code, err), (0, ""), spelling)
            self.assertIn(f"mailbox {JUERGEN} {self.server.mailboxes}/xn--bcher-kva.example/jürgen", out)
        code, out, _ = self.server.run("lookup", "jürgеn@bücher.example")
        self.assertEqual((code, "unknown" in out), (1, True))
        code, out, _ = self.server.run("lookup", "jürgen@bucher.example")
        self.assertEqual((code, "not-ours" in out), (1, True))

    def test_explain(self):
        code, out, err = self.server.run("explain", "--ip", "192.0.2.7", "--helo", "mail.example", "--from", "jörg@bücher.example",
                                         "--to", "nämlich@BÜCHER.example")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"answer: 550 5\.1\.1 There is no address n\?\?mlich@xn--bcher-kva\.example here")
        out.encode("ascii")
        code, out, err = self.server.run("explain", "--ip", "192.0.2.7", "--helo", "mail.example", "--from", "a@b.example",
                                         "--to", "JÜRGEN@bücher.example")
        self.assertRegex(out, r"mailbox = .*/xn--bcher-kva\.example/j\\xc3\\xbcrgen")

    def test_map(self):
        """Every mistake is named with its file and line, and the old map stays."""
        bad = {"jürgen@bücher.example maildir\nJU\u0308RGEN@xn--bcher-kva.example maildir\n":
               r"recipients:2: jürgen@xn--bcher-kva\.example is there already, on line 1",
               "a@☕.example maildir\n": r"recipients:1: .*RFC 5892",
               "a@אבa.example maildir\n": r"recipients:1: .*RFC 5893",
               "a\u200b@example.org maildir\n": r"recipients:1: .*cannot be seen"}
        with tidegate.Server(recipients=RECIPIENTS) as server:
            for text, problem in bad.items():
                server.write_recipients(text)
                code, _, err = server.run("map")
                self.assertEqual(code, 1)
                self.assertRegex(err, problem)
            with open(server.recipients_path, "wb") as file:
                file.write("jürgen@bücher.example maildir\n".encode("latin-1"))
            code, _, err = server.run("map")
            self.assertEqual(code, 1)
            self.assertRegex(err, r"recipients:1: .*save the file as UTF-8")
            self.assertEqual(server.run("lookup", "jürgen@bücher.example")[0], 0)


class Log(ServerCase):
    options = {"recipients": RECIPIENTS}

    def test_lines_are_ascii_and_can_be_read_back(self):
        mark = self.server.mark()
        with smtplib.SMTP("127.0.0.1", self.server.port, local_hostname="client.example", timeout=60) as client:
            client.ehlo()
            client.sendmail("jörg@bücher.example", ["jürgen@bücher.example"], eai_message().as_bytes(), ["SMTPUTF8"])
        line = self.server.expect_log(r"event=transaction .*verdict=accepted", mark)
        line.encode("ascii")
        value = re.search(r' to="([^"]*)"', line).group(1)
        self.assertEqual(value.encode("ascii").decode("unicode_escape").encode("latin-1").decode(), "jürgen@bücher.example")


if __name__ == "__main__":
    unittest.main()
