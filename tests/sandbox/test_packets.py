"""A thousand mixed transactions make no packet but to the clients and the resolver.

The server runs in a network namespace of its own whose only way out is a pair of virtual cables to this test's
namespace, where the clients, the resolver and a fake outside live; every packet that leaves the server is looked at.
"""
import os
import socket
import struct
import subprocess
import threading
import unittest

from tests.lib import dnsd
from tests.lib import server as tidegate
from tests.lib import smtp, tls

# limit: 180
OUR_NET, SERVER_IP, CLIENT_IP, OUTSIDE_IP, RESOLVER_IP = "10.98.0", "10.98.0.2", "10.98.0.1", "10.98.0.9", "10.98.0.53"
TRANSACTIONS = 1000
ETH_P_ALL, OUTGOING = 3, 4


class Watch(threading.Thread):
    """Notes protocol, destination and ports of every packet that comes from the server."""

    def __init__(self, interface):
        super().__init__(daemon=True)
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.raw.bind((interface, 0))
        self.raw.settimeout(0.2)
        self.stopping = False
        self.seen = {}
        self.start()

    def run(self):
        while True:
            try:
                frame, where = self.raw.recvfrom(65536)
            except TimeoutError:
                if self.stopping:
                    return
                continue
            if where[2] != OUTGOING:
                self.note(frame)

    def note(self, frame):
        kind = struct.unpack("!H", frame[12:14])[0]
        if kind == 0x0806:
            key = ("arp", ".".join(map(str, frame[38:42])), 0, 0)
        elif kind == 0x0800:
            head = (frame[14] & 15) * 4 + 14
            source, target = struct.unpack("!HH", frame[head:head + 4])
            # Only a SYN without ACK begins a connection.
            syn = frame[23] == 6 and frame[head + 13] & 0x12 == 0x02
            key = ({6: "tcp", 17: "udp"}.get(frame[23], str(frame[23])), ".".join(map(str, frame[30:34])),
                   source if frame[23] == 6 else target, "syn" if syn else "")
        elif kind == 0x86dd and frame[20] == 58:
            return  # the kernel looks for IPv6 neighbours by itself
        else:
            key = (hex(kind), "", 0, "")
        self.seen[key] = self.seen.get(key, 0) + 1

    def stop(self):
        self.stopping = True
        self.join()
        self.raw.close()


@unittest.skipUnless(tidegate.IS_ROOT and tidegate.HAS_OWN_NETWORK, "needs root and a network of its own")
class Packets(unittest.TestCase):
    def setUp(self):
        self.keeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.addCleanup(self.end_keeper)
        tidegate.wait_until(lambda: os.readlink(f"/proc/{self.keeper.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
                            "the server's namespace is there")
        self.enter = ["nsenter", f"--net=/proc/{self.keeper.pid}/ns/net"]
        self.ip("link", "add", "cable0", "type", "veth", "peer", "name", "cable1", "netns", str(self.keeper.pid))
        for address in (CLIENT_IP, OUTSIDE_IP, RESOLVER_IP):
            self.ip("address", "add", f"{address}/24", "dev", "cable0")
        self.ip("link", "set", "cable0", "up")
        self.addCleanup(self.ip, "link", "delete", "cable0")
        # Neighbour discovery and multicast reports are the kernel's own.
        subprocess.run(self.enter + ["sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"], check=False)
        for words in (["address", "add", f"{SERVER_IP}/24", "dev", "cable1"], ["link", "set", "cable1", "up"],
                      ["link", "set", "lo", "up"], ["route", "add", "default", "via", OUTSIDE_IP]):
            subprocess.run(self.enter + ["ip", *words], check=True)

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True)

    def end_keeper(self):
        self.keeper.terminate()
        self.keeper.wait()

    def test_only_clients_and_the_resolver(self):
        zone = {"client.example": {"TXT": ["v=spf1 ip4:10.98.0.0/24 mx a:outside.example -all"], "MX": [[10, "outside.example"]]},
                "outside.example": {"A": [OUTSIDE_IP], "TXT": ["v=spf1 -all exp=why.outside.example"]},
                "why.outside.example": {"TXT": ["go away"]}, "1.0.98.10.in-addr.arpa": {"PTR": ["client.example"]}}
        dns = dnsd.DnsServer(zone, address=RESOLVER_IP).start()
        self.addCleanup(dns.stop)
        watch = Watch("cable0")
        # A client that may be as rude as it likes, and need not wait for it.
        config = {"resolvers": [f"{RESOLVER_IP}:{dns.port}"], "max-errors": 1000, "max-idle-commands": 1000,
                  "greeting-delay": 0, "tarpit-limit": 0, "harvest-limit": 0, "harvest-rate-per-address": 0,
                  "harvest-rate-per-network": 0}
        server = tidegate.Server(wrap=self.enter, config=config, recipients=tidegate.RECIPIENTS + 'spam@example.org refuse "No."\n')
        server.write_config(listen=[f"{SERVER_IP}:{server.port}"])
        try:
            server.start()
            self.talk(server)
            self.assertEqual(server.stop(), 0)
        finally:
            server.remove()
            watch.stop()
        # Answers are kept, so the resolver is asked little; but it was asked, and about the client and the senders.
        self.assertTrue({"client.example", "outside.example", "1.0.98.10.in-addr.arpa"} <= {query.name for query in dns.queries})
        allowed = {("tcp", CLIENT_IP, server.port, ""), ("udp", RESOLVER_IP, dns.port, "")}
        odd = {key: count for key, count in watch.seen.items()
               if key not in allowed and key[:2] not in {("arp", CLIENT_IP), ("arp", RESOLVER_IP), ("tcp", RESOLVER_IP)}}
        self.assertEqual(odd, {})
        self.assertGreater(watch.seen.get(("tcp", CLIENT_IP, server.port, ""), 0), TRANSACTIONS)

    def talk(self, server):
        """A thousand transactions: delivered, refused for every reason, cut off, null senders, reports, forged ones."""
        address = (SERVER_IP, server.port)
        senders = ["sender@client.example", "", "x@outside.example", f"x@[{OUTSIDE_IP}]", "postmaster@outside.example"]
        recipients = ["alice@example.org", "nobody@example.org", "info@example.org", "victim@outside.example", "spam@example.org",
                      f"root@[{OUTSIDE_IP}]", "postmaster"]
        done = 0
        while done < TRANSACTIONS:
            with smtp.Client(address, CLIENT_IP) as client:
                client.greet("client.example")
                if done // 20 % 2:
                    tls.start(client)
                    client.expect("EHLO client.example", 250)
                for number in range(20):
                    sender = senders[(done + number) % len(senders)]
                    text = f"Return-Receipt-To: x@outside.example\r\nErrors-To: x@outside.example\r\nX: {done + number}\r\n"
                    reply = smtp.transact(client, sender, [recipients[(done // 7 + number) % len(recipients)]],
                                          text.encode() + smtp.message(number=done + number))
                    self.assertIn(reply.code, (250, 550, 451, 452), reply)
                    smtp.check(client.say("RSET"), 250)
                done += 20
                if done % 60 == 0:
                    client.send(b"MAIL FROM:<x@client.example>\r\n")
                    client.reset()


if __name__ == "__main__":
    unittest.main()
