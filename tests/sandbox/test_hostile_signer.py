"""An smtpd that was taken over wants keys to sign what is no TLS handshake; each request is refused and logged."""
import re
import shutil
import unittest

from tests.lib import server as tidegate

REFUSED = ("nothing", "a-text", "a-token", "a-dkim-hash", "a-certificate", "a-client's-verify", "a-longer-verify", "a-hash-short",
           "another-curve", "another-kind-of-key", "no-scheme", "an-odd-curve", "a-point-with-a-tail", "the-longest-there-is")
SIGNED = ("a-handshake", "an-exchange", "a-handshake-at-last")


class HostileSigner(unittest.TestCase):
    def programs(self):
        folder = tidegate.with_stand_in("hostile-signer")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def test_only_handshakes_are_signed(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 1, "drain-time": 1})
        try:
            server.start()
            server.expect_log("signer: all done|signer: .* silent", seconds=30)
            outcomes = dict(re.findall(r"(?m)^signer: (\S+) (\S+)$", "\n".join(server.log.lines)))
            wanted = {**dict.fromkeys(REFUSED, "refused"), **dict.fromkeys(SIGNED, "done"), "all": "done",
                      "a-key-that-is-not-there": "unknown", "private-key": "not-given"}
            self.assertEqual(outcomes, wanted)
            pattern = r"process=keys\.0 event=sign-refused smtpd=0 scheme=\d+ size=\d+ reason=\"[^\"]+\"$"
            tidegate.wait_until(lambda: len([line for line in server.log.lines if re.search(pattern, line)]) == len(REFUSED),
                                "each refusal is logged")
        finally:
            server.remove()

    def test_a_breach_of_the_protocol_costs_the_asker(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 2, "drain-time": 1})
        try:
            server.start()
            server.run("status")
            server.expect_log(r"process=keys\.0 .*smtpd\.1 broke the protocol", seconds=20)
            server.expect_log(r"process=master .*keys\.0 says that smtpd\.1 broke the protocol.*smtpd\.1 is killed", seconds=20)
            self.assertEqual([line for line in server.log.lines if re.search(r"keys\S* ended", line)], [])
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
