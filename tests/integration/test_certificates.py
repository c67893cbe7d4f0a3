"""Certificates: which one a name gets, new ones on the disk, bad ones, the one of the server's own making, and a keys that
is dead, stopped or back again."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from tests.lib import certificates
from tests.lib import memory
from tests.lib import server as tidegate
from tests.lib import smtp

# limit: 240
ALICE = "alice@example.org"


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=tidegate.new_folder("pairs"))
        self.addCleanup(shutil.rmtree, self.folder)

    def pair(self, name, **options):
        return certificates.Pair(self.folder, name, **options)

    def expect_shown(self, server, der, name=None):
        tidegate.wait_until(lambda: certificates.shown(server.address, name) == der, "the certificate is the new one")


class Names(Folder):
    def test_a_name_gets_its_certificate_with_either_key(self):
        ecdsa, rsa = self.pair("ecdsa"), self.pair("rsa", kind="rsa")
        other = self.pair("other", names=("mail.example.net", "*.example.com"))
        config = {'certificate "mx.example.org"': ecdsa.section(), 'certificate  "mx.example.org"': rsa.section(),
                  'certificate "mail.example.net"': other.section()}
        old = {"version": "TLSv1.2", "ciphers": "ECDHE-RSA-AES256-GCM-SHA384"}
        with tidegate.Server(config=config) as server:
            for name, der in ((None, ecdsa.der), ("MX.example.ORG", ecdsa.der), ("mail.example.net", other.der),
                              ("any.example.com", other.der), ("unknown.example", ecdsa.der)):
                self.assertEqual(certificates.shown(server.address, name), der, name)
            self.assertEqual(certificates.shown(server.address, "mx.example.org", **old), rsa.der)
            self.assertEqual(server.status()["keys.signatures"], 6)
            self.assertIsNone(server.wait_log("self-signed", seconds=0.1))

    @memory.needs_memory
    def test_one_file_for_both_gives_smtpd_no_key(self):
        pair = self.pair("both")
        with open(pair.key, encoding="ascii") as key, open(pair.chain, "a", encoding="ascii") as chain:
            chain.write(key.read())
        with tidegate.Server(config={'certificate "mx.example.org"': pair.section(key=pair.chain)}) as server:
            self.assertEqual(certificates.shown(server.address), pair.der)
            # Everybody may read this one, which is said.
            server.expect_log(r"everybody on this machine may read the private key")
            self.expect_key_nowhere_but_in_keys(server, pair)

    def expect_key_nowhere_but_in_keys(self, server, pair):
        done = subprocess.run(["openssl", "pkey", "-in", pair.key, "-noout", "-text"], capture_output=True, text=True, check=True)
        number = done.stdout.split("priv:")[1].split("pub:")[0]
        secret = bytes.fromhex(number.replace(":", "").replace("\n", "").replace(" ", ""))[-32:]
        with open(pair.key, encoding="ascii") as key:
            line = key.read().splitlines()[1].encode()
        for pid, role in [*server.children(), (server.process.pid, "master")]:
            held = memory.memory_of(pid)
            if role == "keys":
                self.assertTrue(secret in held or secret[::-1] in held, "keys has it, or this test finds nothing")
            else:
                self.assertFalse(secret in held or secret[::-1] in held or line in held, role)


class Changes(Folder):
    def archive(self, number):
        """What certbot does: live/ has links into archive/, which are set anew one after the other."""
        os.makedirs(os.path.join(self.folder, "archive"), exist_ok=True)
        return certificates.Pair(os.path.join(self.folder, "archive"), f"cert{number}")

    def link(self, target, name):
        live = os.path.join(self.folder, "live")
        os.makedirs(live, exist_ok=True)
        aside = os.path.join(live, name + ".new")
        os.symlink(target, aside)
        os.replace(aside, os.path.join(live, name))

    def live(self, pair):
        self.link(pair.key, "privkey.pem")
        self.link(pair.chain, "fullchain.pem")

    def section(self):
        return {"chain": os.path.join(self.folder, "live", "fullchain.pem"), "key": os.path.join(self.folder, "live", "privkey.pem")}

    def test_certbots_switch_of_links(self):
        first, second = self.archive(1), self.archive(2)
        self.live(first)
        with tidegate.Server(config={'certificate "mx.example.org"': self.section()}) as server:
            with certificates.starttls(server.address) as running:
                self.assertEqual(running.socket.tls.getpeercert(binary_form=True), first.der)
                mark = server.mark()
                self.live(second)
                self.expect_shown(server, second.der)
                # Who was there before goes on.
                running.expect("NOOP", 250)
            server.expect_log(r"certificate mx\.example\.org from \S+ is in force, good until \d{4}-\d\d-\d\d", since=mark)
            self.assertFalse([line for line in server.log.lines[mark:] if "event=error" in line], server.log.lines)

    def test_a_broken_pair_keeps_the_old_and_is_logged_once(self):
        first, second = self.archive(1), self.archive(2)
        self.live(first)
        with tidegate.Server(config={'certificate "mx.example.org"': self.section()}) as server:
            for break_it, pattern in ((lambda: self.link(second.chain, "fullchain.pem"), r"privkey\.pem: the private key is not"),
                                      (lambda: self.write(first.key, "nonsense"), r"privkey\.pem: it holds no private key"),
                                      (lambda: os.unlink(os.path.join(self.folder, "live", "fullchain.pem")), r"fullchain\.pem: No such"),
                                      (lambda: self.link(self.empty(), "fullchain.pem"), r"fullchain\.pem: it is empty")):
                mark = server.mark()
                break_it()
                server.expect_log("event=error.*certificate mx.example.org: .*" + pattern + ".*the pair in use stays", since=mark)
                for _ in range(5):
                    self.assertEqual(certificates.shown(server.address), first.der)
                time.sleep(2.5)  # there is no event for "nothing more is said"
                self.assertEqual(len([line for line in server.log.lines[mark:] if "event=error" in line]), 1, server.log.lines[mark:])
            # keys that comes back has the good pair, though the disk has it no more.
            mark = server.mark()
            server.kill_child("keys")
            server.expect_log("keys.0 runs again", since=mark)
            self.assertEqual(certificates.shown(server.address), first.der)
            server.kill_child("smtpd")
            server.expect_log("smtpd.0 runs again", since=mark)
            self.assertEqual(certificates.shown(server.address), first.der)
            mark = server.mark()
            self.live(second)
            self.expect_shown(server, second.der)

    def write(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def empty(self):
        path = os.path.join(self.folder, "nothing")
        self.write(path, "")
        return path

    def test_a_reload_takes_sections(self):
        first, second = self.archive(1), certificates.Pair(self.folder, "second", names=("mail.example.net",))
        with tidegate.Server(config={'certificate "mx.example.org"': first.section()}) as server:
            server.write_config(**{'certificate "mail.example.net"': second.section()})
            server.process.send_signal(signal.SIGHUP)
            tidegate.wait_until(lambda: certificates.shown(server.address, "mail.example.net") == second.der, "the new name is there")
            self.assertEqual(certificates.shown(server.address), first.der)
            server.write_config(**{'certificate "mail.example.net"': second.section(chain="/nonexistent")})
            code, out, err = server.run("reload")
            self.assertEqual(code, 1, out + err)
            self.assertRegex(out + err, r"certificate mail\.example\.net: /nonexistent: No such file")
            self.assertEqual(certificates.shown(server.address, "mail.example.net"), second.der)
            # With the key of another: only keys can tell.
            server.write_config(**{'certificate "mail.example.net"': second.section(key=first.key)})
            code, out, err = server.run("reload")
            self.assertEqual(code, 1, out + err)
            self.assertRegex(err, r"certificate mail\.example\.net: \S+: the private key is not ")
            server.expect_log(r"certificate mail\.example\.net: \S+: the private key is not .*; the pair in use stays")
            self.expect_shown(server, second.der, "mail.example.net")
            # A name that had none has nothing to fall back on.
            server.write_config(**{'certificate "mail.example.net"': second.section(),
                                   'certificate "new.example.net"': second.section(key=first.key)})
            self.assertEqual(server.run("reload")[0], 1)
            server.expect_log(r"certificate new\.example\.net: \S+: the private key is not .*; it is left out")
            self.expect_shown(server, first.der, "new.example.net")
            self.assertEqual(certificates.shown(server.address, "mail.example.net"), second.der)

    def test_one_kind_of_key_a_name(self):
        """Two of a kind would leave smtpd without any: it is an error at the start, and keeps a running server as it is."""
        first, second, rsa = self.pair("one"), self.pair("two"), self.pair("three", kind="rsa")
        server = tidegate.Server(config={'certificate "mx.example.org"': first.section(), 'certificate  "mx.example.org"': second.section()})
        try:
            code, _, err = server.run("config")
            self.assertEqual(code, 1)
            self.assertRegex(err, r"certificate mx\.example\.org: \S+/two\.pem: .*this kind of key")
            with self.assertRaises(AssertionError):
                server.start()
        finally:
            server.remove()
        with tidegate.Server(config={'certificate "mx.example.org"': first.section()}) as server:
            # Two sections of the name, one of them bad: which is whose successor nobody can say.
            server.write_config(**{'certificate "mx.example.org"': rsa.section(key=first.key),
                                   'certificate  "mx.example.org"': second.section()})
            self.assertEqual(server.run("reload")[0], 1)
            self.expect_shown(server, second.der)

    def test_sighup_takes_a_new_pair_at_once(self):
        first, second = self.archive(1), self.archive(2)
        self.live(first)
        with tidegate.Server(config={'certificate "mx.example.org"': self.section()}) as server:
            self.live(second)
            server.process.send_signal(signal.SIGHUP)
            self.expect_shown(server, second.der)

    def test_tls_policy_follows_a_reload(self):
        rsa = certificates.Pair(self.folder, "rsa", kind="rsa")
        dhe = {"version": "TLSv1.2", "ciphers": "DHE-RSA-AES128-GCM-SHA256"}
        with tidegate.Server(config={'certificate "mx.example.org"': rsa.section()}) as server:
            self.assertEqual(certificates.shown(server.address, **dhe), rsa.der)
            server.write_config(tls_policy="modern")
            self.assertEqual(server.run("reload")[0], 0)

            def is_refused():
                try:
                    certificates.shown(server.address, **dhe)
                except OSError:
                    return True
                return False
            tidegate.wait_until(is_refused, "DHE is refused")


class Starts(Folder):
    def refused(self, section, pattern):
        server = tidegate.Server(config={'certificate "mx.example.org"': section})
        try:
            server.compile_map()
            server.spawn()
            server.expect_log(pattern)
            self.assertEqual(server.process.wait(20), 1)
            self.assertIsNone(server.wait_log("tidegate: ready", seconds=0.1))
        finally:
            server.remove()

    def test_a_pair_that_cannot_be_used_is_the_end(self):
        one, two = self.pair("one"), self.pair("two")
        self.refused(one.section(key="/nonexistent/key.pem"), r"certificate mx\.example\.org: /nonexistent/key\.pem: No such file")
        self.refused(one.section(key=self.folder), r"it is no file")
        self.refused(one.section(key=two.key), r"two\.key: the private key is not that of the first certificate")
        with open(one.chain, "a", encoding="ascii") as file:
            file.write("x" * 70000)
        self.refused(one.section(), r"one\.pem: it is over 64 KiB")

    def test_the_end_of_a_certificate_is_foretold(self):
        with tidegate.Server(config={'certificate "mx.example.org"': self.pair("short", days=3).section()}) as server:
            server.expect_log(r"event=warning .*certificate mx\.example\.org ends on \d{4}-\d\d-\d\d; put a new one into \S+short\.pem")


class SelfSigned(unittest.TestCase):
    def own(self, server):
        return certificates.der_of(os.path.join(server.state, "self-signed.pem"))

    def test_made_once_for_the_host_name(self):
        server = tidegate.Server()
        try:
            server.start()
            server.expect_log(r"no certificate is configured: TLS uses a self-signed one for mx\.example\.org, just made in \S+self-signed\.pem")
            own = self.own(server)
            self.assertEqual(certificates.shown(server.address), own)
            self.assertEqual(os.stat(os.path.join(server.state, "self-signed.pem")).st_mode & 0o777, 0o600)
            facts = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=own, capture_output=True, check=True).stdout
            for part in (b"CN = mx.example.org", b"DNS:mx.example.org", b"prime256v1", b"TLS Web Server Authentication", b"CA:FALSE"):
                self.assertIn(part, facts)
            server.stop()
            server.start()
            mark = server.mark()
            server.expect_log("self-signed one for mx.example.org, found in", since=0)
            self.assertEqual(self.own(server), own)
            # A new name, at a reload: a new certificate.
            server.write_config(hostname="mail.example.org")
            self.assertEqual(server.run("reload")[0], 0)
            server.expect_log("self-signed one for mail.example.org, just made in", since=mark)
            self.assertNotEqual(self.own(server), own)
            tidegate.wait_until(lambda: certificates.shown(server.address) == self.own(server), "it is shown")
            server.stop()
        finally:
            server.remove()

    def test_one_that_has_expired_or_is_broken_is_made_anew(self):
        server = tidegate.Server()
        path = os.path.join(server.state, "self-signed.pem")
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write("nonsense")
            os.chmod(path, 0o600)
            server.start()
            own = self.own(server)
            server.stop()
            pair = certificates.Pair(server.folder, "old", days=2)
            with open(path, "w", encoding="ascii") as file, open(pair.chain, encoding="ascii") as chain, open(pair.key, encoding="ascii") as key:
                file.write(chain.read() + key.read())
            server.start()
            self.assertNotIn(self.own(server), (own, pair.der))
            self.assertEqual(certificates.shown(server.address), self.own(server))
            server.stop()
        finally:
            server.remove()


class KeysInTrouble(unittest.TestCase):
    def mail_passes(self, server):
        reply = server.deliver([ALICE], smtp.message())
        self.assertEqual(reply.code, 250)

    def test_dead_and_back(self):
        with tidegate.Server() as server:
            with certificates.starttls(server.address) as running:
                server.kill_child("keys")
                running.expect("NOOP", 250)
            self.mail_passes(server)
            server.expect_log("keys.0 ended by signal 9")
            server.expect_log("keys.0 runs again")
            certificates.shown(server.address)

    def test_stopped(self):
        """One handshake waits out the time limit; the others fail at once, and mail passes."""
        with tidegate.Server() as server:
            pid = server.kill_child("keys", signal.SIGSTOP)
            try:
                begun = time.monotonic()
                with self.assertRaises(OSError):
                    certificates.shown(server.address)
                self.assertGreater(time.monotonic() - begun, 1.9)
                server.expect_log("tidegate-keys has not answered within 2000 ms")
                server.expect_log(r"process=smtpd.*tidegate-keys did not answer in time")
                begun = time.monotonic()
                for _ in range(5):
                    with self.assertRaises(OSError):
                        certificates.shown(server.address)
                self.mail_passes(server)
                self.assertLess(time.monotonic() - begun, 8)
                server.expect_log(r"tidegate-keys has not answered an earlier question")
            finally:
                os.kill(pid, signal.SIGCONT)
            tidegate.wait_until(lambda: self.shakes(server), "handshakes work again", 20)

    def shakes(self, server):
        try:
            certificates.shown(server.address)
        except OSError:
            return False
        return True


if __name__ == "__main__":
    unittest.main()
