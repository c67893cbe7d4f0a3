"""Resolvers that are silent, that lie, or that hand on what hostile domains publish."""
import re
import time
import unittest

from tests.lib import dnsd
from tests.lib import server as tidegate
from tests.lib import smtp

ALICE = "alice@example.org"
CLIENT = "10.99.0.2"
LIES = ("GARBAGE", "SHORT", "WRONG_ID", "WRONG_QUESTION", "WRONG_CASE", "NOT_A_RESPONSE", "LOOP", "COUNTS", "TRUNCATE_DEAD", "TCP_CLOSE")


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK, "needs a network of its own")
class Session(unittest.TestCase):
    """What a client from outside hears."""

    def rcpt(self, server, sender, recipient=ALICE):
        with server.client(CLIENT, timeout=30) as client:
            client.greet("helo.example")
            client.expect(f"MAIL FROM:<{sender}>", 250)
            return client.say(f"RCPT TO:<{recipient}>")

    def test_silent(self):
        with dnsd.DnsServer({name: {"behaviour": "TIMEOUT"} for name in ("localhost", "*.example", "*.arpa")}) as dns:
            with tidegate.Server(dns=dns) as server:
                begun = time.monotonic()
                smtp.check(self.rcpt(server, "x@sender.example"), "451 4.4.3")
                self.assertLess(time.monotonic() - begun, 15)
                # Who need not be asked about is served all the same.
                smtp.check(server.deliver(ALICE, smtp.message()), 250)

    def test_one_silent_domain_harms_only_itself(self):
        zone = {"silent.example": {"behaviour": "TIMEOUT"}, "good.example": {"TXT": [f"v=spf1 ip4:{CLIENT} -all"]}}
        with dnsd.DnsServer(zone) as dns, tidegate.Server(dns=dns, config={"spf-deadline": 2}) as server:
            smtp.check(self.rcpt(server, "x@good.example"), 250)
            smtp.check(self.rcpt(server, "x@silent.example"), 250)
            smtp.check(self.rcpt(server, "x@good.example"), 250)

    def test_lies_are_not_believed(self):
        zone = {f"{word.lower().replace('_', '-')}.example": {"TXT": ["v=spf1 -all"], "behaviour": word} for word in LIES}
        zone["good.example"] = {"TXT": [f"v=spf1 ip4:{CLIENT} -all"]}
        with dnsd.DnsServer(zone) as dns, tidegate.Server(dns=dns, config={"spf-deadline": 1}) as server:
            smtp.check(self.rcpt(server, "x@good.example"), 250)
            for name in zone:
                with self.subTest(name):
                    self.assertIn(self.rcpt(server, f"x@{name}").code, (250, 451))
            smtp.check(self.rcpt(server, "x@good.example"), 250)
            self.assertFalse(any("started again" in line for line in server.log.lines), "a child died")

    def test_the_right_answer_behind_forged_ones_counts(self):
        with dnsd.DnsServer({"spoofed.example": {"TXT": ["v=spf1 -all"], "behaviour": "SPOOFED"}}) as dns:
            with tidegate.Server(dns=dns) as server:
                smtp.check(self.rcpt(server, "x@spoofed.example"), "550 5.7.23")

    def test_dns_dies_while_a_client_waits(self):
        zone = {"slow.example": {"TXT": ["v=spf1 -all"], "delay_ms": 1500}}
        with dnsd.DnsServer(zone) as dns, tidegate.Server(dns=dns) as server:
            with server.client(CLIENT, timeout=30) as client:
                client.greet("helo.example")
                client.expect("MAIL FROM:<x@slow.example>", 250)
                client.send(f"RCPT TO:<{ALICE}>\r\n".encode())
                tidegate.wait_until(lambda: dns.count("slow.example"), "the question is asked")
                mark = server.mark()
                server.kill_child("dns")
                smtp.check(client.reply(), "451 4.4.3")
                server.expect_log("dns.* runs again", mark)
                client.expect("QUIT", 221)
            smtp.check(self.rcpt(server, "x@slow.example"), "550 5.7.23")

    def test_answers_are_kept_for_their_time(self):
        with dnsd.DnsServer({"good.example": {"TXT": [f"v=spf1 ip4:{CLIENT} -all"], "ttl": 300}}) as dns:
            with tidegate.Server(dns=dns) as server:
                for _ in range(5):
                    smtp.check(self.rcpt(server, "x@good.example"), 250)
                self.assertLessEqual(dns.count("good.example", "TXT"), 1)

    def test_a_second_resolver_helps(self):
        with dnsd.DnsServer({"fail.example": {"TXT": ["v=spf1 -all"]}}) as dns:
            config = {"resolvers": [f"127.0.0.1:{tidegate.free_port()}", f"127.0.0.1:{dns.port}"]}
            with tidegate.Server(dns=dns, config=config) as server:
                smtp.check(self.rcpt(server, "x@fail.example"), "550 5.7.23")


class Hostile(unittest.TestCase):
    """Records made to harm, through tidegate explain."""

    def explain(self, zone, sender, ip="192.0.2.1"):
        with dnsd.DnsServer(zone) as dns:
            server = tidegate.Server(dns=dns)
            try:
                server.compile_map()
                code, out, err = server.run("explain", "--ip", ip, "--helo", "helo.example", "--from", sender)
            finally:
                server.remove()
            self.assertIn(code, (0, 1), err)
            found = re.search(r"(?m)^fact spf-mailfrom = (\S+)", out)
            self.assertTrue(found, out + err)
            return found.group(1), dns.count(), out

    def test_explanation_that_overran_libspf2(self):
        name = "a" * 60 + ".example"
        zone = {name: {"TXT": ["v=spf1 -all exp=exp.example"]}, "exp.example": {"TXT": ["%{d}x" * 43]}}
        result, _, out = self.explain(zone, f"x@{name}")
        self.assertEqual(result, "fail", out)

    def test_long_record_over_tcp(self):
        terms = " ".join(f"ip4:198.51.100.{number}" for number in range(200))
        zone = {"long.example": {"TXT": [f"v=spf1 {terms} ip4:192.0.2.1 -all"]}}
        self.assertEqual(self.explain(zone, "x@long.example")[0], "pass")

    def test_four_kilobytes_of_nonsense(self):
        zone = {"long.example": {"TXT": ["v=spf1 " + "include:" * 600 + " -all"]}}
        self.assertEqual(self.explain(zone, "x@long.example")[0], "permerror")

    def test_wide_and_deep_includes(self):
        zone = {}
        for depth in range(4):
            for number in range(9 ** min(depth, 2)):
                below = " ".join(f"include:l{depth + 1}-{number % 9}-{child}.example" for child in range(9))
                zone[f"l{depth}-{number // 9}-{number % 9}.example"] = {"TXT": [f"v=spf1 {below} -all"]}
        zone["wide.example"] = {"TXT": ["v=spf1 " + " ".join(f"include:l0-0-{n}.example" for n in range(9)) + " -all"]}
        zone["*.example"] = {"TXT": ["v=spf1 ?include:l1-0-0.example ?include:l1-0-1.example -all"]}
        result, questions, out = self.explain(zone, "x@wide.example")
        self.assertEqual(result, "permerror", out)
        # The HELO name's own question is not among the eleven.
        self.assertLessEqual(questions, 11 + 13, "questions asked")

    def test_cname_loops(self):
        zone = {"one.example": {"CNAME": "two.example", "chase": False}, "two.example": {"CNAME": "one.example", "chase": False}}
        self.assertIn(self.explain(zone, "x@one.example")[0], ("temperror", "none", "permerror"))

    def test_include_of_itself(self):
        zone = {"self.example": {"TXT": ["v=spf1 include:self.example -all"]}}
        self.assertEqual(self.explain(zone, "x@self.example")[0], "permerror")

    def test_redirect_of_itself(self):
        zone = {"self.example": {"TXT": ["v=spf1 redirect=self.example"]}}
        self.assertEqual(self.explain(zone, "x@self.example")[0], "permerror")

    def test_bytes_of_every_kind(self):
        zone = {"bytes.example": {"TXT": ["v=spf1 exists:%{l}.\u00ff\u0001%%%_%- -all", "v=spf1\0 -all"]}}
        self.assertIn(self.explain(zone, "x@bytes.example")[0], ("permerror", "fail", "none"))


if __name__ == "__main__":
    unittest.main()
