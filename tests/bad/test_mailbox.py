"""Mailboxes in every bad state: the answer comes at RCPT, with the right code, and nothing outside is touched."""
import os
import shutil
import unittest

from tests.lib import server as tidegate
from tests.lib import smtp

ALICE, BOB = "alice@example.org", "bob@example.org"


class Mailbox(unittest.TestCase):
    """A server for each test: what deliver knows of a mailbox may be a second old."""

    def setUp(self):
        folder = tidegate.new_folder()
        recipients = tidegate.RECIPIENTS + f"path@example.org maildir {folder}/mail/deep/er/box\n"
        self.server = tidegate.Server(folder=folder, recipients=recipients).start()
        self.addCleanup(self.end)

    def end(self):
        code = self.server.stop()
        self.server.remove()
        self.assertEqual(code, 0)

    def story(self):
        return self.server.log.lines[-20:]

    def own(self, *paths):
        if self.server.is_root:
            for path in paths:
                os.chown(path, tidegate.MAILBOX_UID, tidegate.MAILBOX_UID, follow_symlinks=False)

    def make_box(self, address):
        path = self.server.maildir(address)
        for name in ("", "tmp", "new", "cur"):
            os.makedirs(os.path.join(path, name), mode=0o700, exist_ok=True)
            self.own(os.path.join(path, name))
        self.own(os.path.dirname(path))
        return path

    def rcpt(self, address):
        try:
            with self.server.client() as client:
                client.greet()
                client.expect("MAIL FROM:<sender@client.example>", 250)
                return client.say(f"RCPT TO:<{address}>")
        except OSError:
            return smtp.Reply(["400 gone"])

    def refused(self, address=ALICE, code="451 4.3.0"):
        smtp.check(self.rcpt(address), code)

    def test_missing_is_made(self):
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)
        self.assertEqual(len(self.server.mail(ALICE)), 1)

    def test_a_deep_path_is_made(self):
        smtp.check(self.server.deliver("path@example.org", smtp.message()), 250)
        self.assertEqual(len(os.listdir(os.path.join(self.server.mailboxes, "deep/er/box/new"))), 1)

    def test_parts_missing_are_made(self):
        path = self.make_box(ALICE)
        shutil.rmtree(os.path.join(path, "tmp"))
        shutil.rmtree(os.path.join(path, "cur"))
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)

    def test_read_only(self):
        path = self.make_box(ALICE)
        os.chmod(os.path.join(path, "new"), 0o500)
        self.refused()

    def test_read_only_tmp(self):
        path = self.make_box(ALICE)
        os.chmod(os.path.join(path, "tmp"), 0o500)
        self.refused()

    def test_domain_folder_read_only(self):
        self.make_box(BOB)
        os.chmod(os.path.join(self.server.mailboxes, "example.org"), 0o500)
        self.refused()
        smtp.check(self.server.deliver(BOB, smtp.message()), 250)

    @unittest.skipUnless(tidegate.IS_ROOT, "needs root")
    def test_owned_by_another(self):
        path = self.make_box(ALICE)
        for name in ("", "tmp", "new", "cur"):
            os.chown(os.path.join(path, name), 70999, 70999)
        self.refused()

    def test_a_file_in_its_place(self):
        path = self.make_box(ALICE)
        shutil.rmtree(path)
        with open(path, "w", encoding="utf-8"):
            pass
        self.refused()

    def test_symlinks_are_not_followed(self):
        elsewhere = os.path.join(self.server.folder, "elsewhere")
        for part in ("", "/new", "/tmp"):
            with self.subTest(part):
                domain = os.path.join(self.server.mailboxes, "example.org")
                shutil.rmtree(domain, ignore_errors=True)
                path = self.make_box(ALICE)
                shutil.rmtree(elsewhere, ignore_errors=True)
                os.makedirs(elsewhere, mode=0o777)
                for name in ("tmp", "new", "cur"):
                    os.makedirs(os.path.join(elsewhere, name))
                    os.chmod(os.path.join(elsewhere, name), 0o777)
                shutil.rmtree(path + part)
                os.symlink(elsewhere, path + part)
                # What deliver knows of the mailbox may be a second old.
                tidegate.wait_until(lambda: self.rcpt(ALICE).code == 451, "the link is refused", 5)
                self.assertEqual([name for _, _, files in os.walk(elsewhere) for name in files], [])

    def test_a_linked_domain_folder(self):
        elsewhere = os.path.join(self.server.folder, "elsewhere-domain")
        os.makedirs(elsewhere, exist_ok=True)
        os.chmod(elsewhere, 0o777)
        os.symlink(elsewhere, os.path.join(self.server.mailboxes, "example.org"))
        tidegate.wait_until(lambda: self.rcpt(ALICE).code == 451, "the link is refused", 5)
        self.assertEqual(os.listdir(elsewhere), [])

    def test_taken_away_between_rcpt_and_data(self):
        """The verdict of RCPT no longer holds: nothing is kept, 4xx."""
        path = self.make_box(ALICE)
        with self.server.client() as client:
            client.greet()
            client.expect("MAIL FROM:<sender@client.example>", 250)
            client.expect(f"RCPT TO:<{ALICE}>", 250)
            client.expect(f"RCPT TO:<{BOB}>", 250)
            os.chmod(os.path.join(path, "new"), 0o500)
            os.chmod(os.path.join(path, "tmp"), 0o500)
            client.expect("DATA", 354)
            client.send(smtp.stuff(smtp.message(number="taken")))
            smtp.check(client.reply(), "451 4.3.0")
        self.assertEqual(self.server.mail(BOB), [])
        self.assertEqual(self.server.leftovers(BOB), [])

    def test_old_files_in_tmp_do_not_matter(self):
        path = self.make_box(ALICE)
        with open(os.path.join(path, "tmp", "1.M1P1Q1.mx.example.org"), "w", encoding="utf-8"):
            pass
        smtp.check(self.server.deliver(ALICE, smtp.message()), 250)


class Root(unittest.TestCase):
    def test_missing_mailbox_root(self):
        server = tidegate.Server()
        try:
            server.compile_map()
            os.rmdir(server.mailboxes)
            server.spawn()
            if server.wait_log("tidegate: ready", seconds=15):
                smtp.check(server.deliver(ALICE, smtp.message()), "451")
            else:
                self.assertTrue(any(server.mailboxes in line for line in server.log.lines), server.log.lines)
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
