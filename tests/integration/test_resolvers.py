"""Other resolvers after a reload, and a caller that dies: what is in flight goes on."""
import unittest

from tests.lib import dnsd
from tests.lib import server as tidegate
from tests.lib import smtp

ALICE = "alice@example.org"
CLIENT = "10.99.0.2"


@unittest.skipUnless(tidegate.HAS_OWN_NETWORK, "needs a network of its own")
class Resolvers(unittest.TestCase):
    def rcpt(self, server, sender):
        with server.client(CLIENT, timeout=30) as client:
            client.greet("helo.example")
            client.expect(f"MAIL FROM:<{sender}>", 250)
            return client.say(f"RCPT TO:<{ALICE}>")

    def test_a_reload_takes_other_resolvers_and_drops_nothing(self):
        first = dnsd.DnsServer({"slow.example": {"TXT": ["v=spf1 -all"], "delay_ms": 700}})
        second = dnsd.DnsServer({"new.example": {"TXT": ["v=spf1 -all"]}})
        with first, second, tidegate.Server(dns=first) as server:
            with server.client(CLIENT, timeout=30) as client:
                client.greet("helo.example")
                client.expect("MAIL FROM:<x@slow.example>", 250)
                client.send(f"RCPT TO:<{ALICE}>\r\n".encode())
                tidegate.wait_until(lambda: first.count("slow.example"), "the question is asked")
                server.write_config(resolvers=[f"127.0.0.1:{second.port}"])
                code, _, err = server.run("reload")
                self.assertEqual(code, 0, err)
                smtp.check(client.reply(), "550 5.7.23")
            asked_before = first.count()
            smtp.check(self.rcpt(server, "x@new.example"), "550 5.7.23")
            self.assertGreaterEqual(second.count("new.example"), 1)
            self.assertEqual(first.count(), asked_before)

    def test_a_dead_caller_costs_nothing_that_is_lent(self):
        zone = {"fail.example": {"TXT": ["v=spf1 -all"]}, "more.example": {"TXT": ["v=spf1 -all"]},
                "big.example": {"TXT": ["v=spf1 " + "ip4:198.51.100.1 " * 100 + "-all"]}}
        with dnsd.DnsServer(zone) as dns, tidegate.Server(dns=dns) as server:
            smtp.check(self.rcpt(server, "x@fail.example"), "550 5.7.23")
            mark = server.mark()
            server.kill_child("caller")
            smtp.check(self.rcpt(server, "x@more.example"), "550 5.7.23")
            server.expect_log("caller.* runs again", mark)
            # Over TCP it takes the new caller.
            smtp.check(self.rcpt(server, "x@big.example"), "550 5.7.23")

    def test_questions_leave_from_many_ports(self):
        zone = {f"d{number}.example": {"TXT": ["v=spf1 -all"]} for number in range(60)}
        with dnsd.DnsServer(zone) as dns, tidegate.Server(dns=dns) as server:
            for name in zone:
                smtp.check(self.rcpt(server, f"x@{name}"), "550 5.7.23")
            self.assertGreaterEqual(len(dns.sources), 16)


if __name__ == "__main__":
    unittest.main()
