"""Listener sections: what is served where, what a reload changes, who may connect where proxies are expected."""
import os
import signal
import unittest

from tests.lib import certificates, smtp
from tests.lib import server as tidegate


class Sections(unittest.TestCase):
    def setUp(self):
        self.port = tidegate.free_port()
        self.server = tidegate.Server(config={'listener "second"': {"address": f"127.0.0.1:{self.port}"}})
        self.server.start()

    def tearDown(self):
        try:
            self.assertEqual(self.server.stop(), 0)
        finally:
            self.server.remove()

    def reload(self, pattern="in force", **changes):
        self.server.write_config(**changes)
        since = self.server.mark()
        self.server.process.send_signal(signal.SIGHUP)
        return self.server.expect_log(pattern, since=since)

    def is_refused(self, port):
        try:
            smtp.Client(("127.0.0.1", port), timeout=1).close()
            return False
        except OSError:
            return True

    def test_short_form_and_sections_stand_together(self):
        for port in (self.server.port, self.port):
            with smtp.Client(("127.0.0.1", port)) as client:
                client.greet()

    def test_sections_alone_are_enough(self):
        self.reload(listen=None)
        tidegate.wait_until(lambda: self.is_refused(self.server.port), "the address of `listen` is closed")
        with smtp.Client(("127.0.0.1", self.port)) as client:
            client.greet()

    def test_a_reload_changes_what_a_listener_is_for_and_keeps_its_sessions(self):
        with smtp.Client(("127.0.0.1", self.port)) as client:
            client.greet()
            self.reload(**{'listener "second"': {"address": f"127.0.0.1:{self.port}", "proxy-protocol": True,
                                                 "proxy-from": ["192.0.2.0/24"]}})
            client.expect("NOOP", 250)
            since = self.server.mark()
            with smtp.Client(("127.0.0.1", self.port)) as stranger:
                self.assertTrue(stranger.is_closed())
            self.server.expect_log("event=turned-away client=127.0.0.1 reason=proxy-from", since=since)
            client.expect("NOOP", 250)

    def test_a_wrong_section_keeps_the_old_ones(self):
        line = self.reload(pattern="refused", **{'listener "second"': {"address": "127.0.0.1:none"}})
        self.assertRegex(line, r"tidegate.conf:[0-9]+: address is")
        with smtp.Client(("127.0.0.1", self.port)) as client:
            client.greet()

    def write(self, *names):
        for name in names:
            with open(os.path.join(self.server.folder, name), "w", encoding="ascii") as file:
                file.write("what it holds is judged by whoever uses it\n")

    def test_config_says_which_certificates_could_not_come_into_force(self):
        """What keys would say at the start: all of it, and nothing of the server's own is touched."""
        good, other = (certificates.Pair(self.server.folder, name) for name in ("good", "other"))
        self.write("text.pem")
        self.server.write_config(**{'certificate "good.example.org"': good.section(),
                                    'certificate "cross.example.org"': good.section(key=other.key),
                                    'certificate "text.example.org"': good.section(chain="text.pem")})
        state = sorted(os.listdir(os.path.join(self.server.folder, "state")))
        code, out, err = self.server.run("config")
        self.assertEqual(code, 1)
        self.assertIn("hostname = ", out)
        lines = err.splitlines()
        self.assertEqual(len(lines), 2, err)
        self.assertRegex(lines[0], r"^tidegate config: certificate cross\.example\.org: \S+/other\.key: ")
        self.assertRegex(lines[1], r"^tidegate config: certificate text\.example\.org: \S+/text\.pem: ")
        self.assertEqual(sorted(os.listdir(os.path.join(self.server.folder, "state"))), state)

    def test_config_says_which_file_of_a_certificate_cannot_be_read(self):
        self.write("chain.pem", "key.pem")
        self.server.write_config(**{'certificate "good.example.org"': {"chain": "chain.pem", "key": "key.pem"},
                                    'certificate "bad.example.org"': {"chain": "chain.pem", "key": "other.pem"}})
        code, out, err = self.server.run("config")
        self.assertEqual(code, 1)
        self.assertIn("hostname = ", out)
        self.assertRegex(err, r"(?m)^tidegate config: certificate bad\.example\.org: \S+/other\.pem: No such file")

    def test_config_prints_the_sections(self):
        pair = certificates.Pair(self.server.folder, "chain")
        self.server.write_config(**{'certificate "mx.example.org"': pair.section(chain="chain.pem")})
        code, out, err = self.server.run("config")
        self.assertEqual((code, err), (0, ""))
        self.assertIn('listener "second" {\n\taddress = "127.0.0.1:%d"\n\trole = mx\n\ttls = starttls\n'
                      "\tproxy-protocol = false\n\tproxy-from = {}\n}\n" % self.port, out)
        self.assertIn('certificate "mx.example.org" {\n\tchain = "%s/chain.pem"' % self.server.folder, out)


if __name__ == "__main__":
    unittest.main()
