"""An smtpd that was taken over asks deliver for what it must not have; each request is refused and logged."""
import os
import re
import shutil
import unittest

from tests.lib import server as tidegate

REFUSED = ("before-claims", "foreign-path", "second-commit-of-a-handle", "another-session", "older-session", "invented-handle",
           "one-handle-twice", "no-handle", "changed-body", "changed-sealed-file", "unsealed-file", "short-file", "socket-for-a-file",
           "endless-file", "wrong-length", "newline-in-sender")


class Hostile(unittest.TestCase):
    def programs(self):
        folder = tidegate.with_stand_in("hostile-smtpd")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def test_every_wrong_request_is_refused_and_logged(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 1, "drain-time": 1})
        try:
            server.start()
            server.expect_log("hostile: all done|hostile: .* (silent|unsendable)", seconds=60)
            outcomes = dict(re.findall(r"(?m)^hostile: (\S+) (\S+)$", "\n".join(server.log.lines)))
            self.assertEqual(outcomes.get("honest"), "done", outcomes)
            self.assertEqual({name: outcomes.get(name) for name in REFUSED}, dict.fromkeys(REFUSED, "refused"))
            self.assertEqual(outcomes.get("past-deadline"), "late")

            def refusals():
                return [line for line in server.log.lines if "event=commit" in line and "outcome=refused" in line]
            # The foreign addresses are refused at PROBE already. An answer may be read before its line is.
            tidegate.wait_until(lambda: len(refusals()) == len(REFUSED) - 1, "each refusal is logged")
            self.assertTrue(all("reason=" in line for line in refusals()), refusals())
            self.assertEqual(len(server.mail("alice@example.org")), 1)
            for raw in server.mail("bob@example.org"):
                self.assertNotIn(b"\nX-Injected:", raw)
            self.assertEqual(server.leftovers("alice@example.org"), [])
            written = [os.path.join(folder, name) for folder, _, names in os.walk(server.mailboxes) for name in names]
            self.assertTrue(all("/new/" in path for path in written), written)
        finally:
            server.remove()

    def test_a_breach_of_the_protocol_costs_the_connection_and_the_process(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 4, "drain-time": 1})
        try:
            server.start()
            server.run("status")
            for instance in (1, 2, 3):
                server.expect_log(rf"process=deliver\S* .*smtpd\.{instance}\b", seconds=20)
                server.expect_log(rf"process=master .*smtpd\.{instance}\b", seconds=20)
            self.assertEqual([line for line in server.log.lines if re.search(r"deliver\S* ended", line)], [])
        finally:
            server.remove()

    def test_nobody_speaks_of_clients_of_another(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 7, "drain-time": 1})
        try:
            server.start()
            server.run("status")
            for instance, what in ((5, "ANNOUNCED_ASK"), (6, "HARVEST")):
                server.expect_log(rf"process=master .*door\.0 says that smtpd\.{instance} broke the protocol \({what}", seconds=20)
            self.assertEqual([line for line in server.log.lines if re.search(r"door\.0 (ended|is killed)", line)], [])
        finally:
            server.remove()

    def test_only_a_neighbour_can_be_accused(self):
        server = tidegate.Server(programs=self.programs(), config={"processes": 5, "drain-time": 1})
        try:
            server.start()
            server.run("status")
            server.expect_log("hostile: accusation sent", seconds=20)
            server.expect_log(r"process=master .*smtpd\.4 broke the protocol", seconds=20)
            self.assertEqual([line for line in server.log.lines if re.search(r"smtpd\.0.* (ended|is killed)", line)], [])
        finally:
            server.remove()


if __name__ == "__main__":
    unittest.main()
