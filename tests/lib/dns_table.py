"""What the DNS server for tests (dnsd.py) answers, from a table.

The table: name -> entry. Names are compared without case; "*.example.org" answers for names that have no entry of
their own. An entry holds records and, if wanted, a behaviour:

    "A": ["192.0.2.1"], "AAAA": ["2001:db8::1"], "PTR": ["a.example"], "NS": ["ns.example"],
    "TXT": ["one string", ["several", "strings", "of one record"]],  # characters are bytes (latin-1); cut at 255
    "MX": [[10, "mx.example"]], "CNAME": "target.example",
    "ttl": 60            of its records (default 300); "negative_ttl": 30 of "there is none"
    "delay_ms": 200      answer later
    "chase": false       give the CNAME alone, do not follow it in the answer
    "behaviour": WORD    for every type, or {"TXT": WORD, "*": WORD} by type
    "times": 2           the behaviour is for the first so many questions, then all is well

Words: NXDOMAIN NODATA SERVFAIL REFUSED FORMERR as they say; TIMEOUT says nothing; TRUNCATE sets TC on UDP and gives no
records; TRUNCATE_DEAD the same, and TCP connections hear nothing; TCP_CLOSE the same, and TCP connections are closed
without an answer; GARBAGE random bytes behind the right id; SHORT the answer cut in its middle; WRONG_ID, WRONG_QUESTION,
WRONG_CASE, NOT_A_RESPONSE a forged answer and nothing else; SPOOFED forged ones first, then the right one; LOOP a
compression pointer to itself; COUNTS more records announced than there are; UDP_BIG a datagram over the EDNS size.

Unknown names are NXDOMAIN; a name that only has names below it is NODATA. Negative answers carry a SOA.
"""
import collections
import os
import struct
import threading

from tests.lib.dns_wire import FORMERR, NOERROR, NXDOMAIN, REFUSED, SERVFAIL, encode_name, encode_rdata, encode_record

DEFAULT_TTL = 300
LONGEST_CHAIN = 12


class Table:
    """See the module's text. The zone may be changed while it is asked."""

    def __init__(self, zone):
        self.zone = {}
        self.set_zone(zone)
        self._behaved = collections.Counter()
        self._lock = threading.Lock()

    def set_zone(self, zone):
        self.zone = {name.lower().rstrip("."): entry for name, entry in zone.items()}

    def reset(self):
        with self._lock:
            self._behaved.clear()

    def decide(self, question):
        """(entry, replies) to one question; None instead of replies for "close the connection"."""
        entry = self._entry(question.name) or {}
        try:
            return entry, self._replies(question, self._behaviour(question, entry))
        except ValueError:  # the table holds what no message can
            return entry, [self._message(question, SERVFAIL, [])]

    def _entry(self, name):
        if name in self.zone:
            return self.zone[name]
        labels = name.split(".")
        for cut in range(1, len(labels)):
            wildcard = "*." + ".".join(labels[cut:])
            if wildcard in self.zone:
                return self.zone[wildcard]
        return None

    def _behaviour(self, question, entry):
        word = entry.get("behaviour")
        if isinstance(word, dict):
            word = word.get(question.type_name, word.get("*"))
        if word is None:
            return "NORMAL"
        with self._lock:
            key = (question.name, question.type_name)
            self._behaved[key] += 1
            if self._behaved[key] > entry.get("times", float("inf")):
                return "NORMAL"
        return word

    def _replies(self, q, word):
        if word == "NORMAL":
            return [self._normal(q)]
        if word in ("TIMEOUT",):
            return []
        if word in ("TRUNCATE", "TRUNCATE_DEAD", "TCP_CLOSE") and not q.is_tcp:
            return [self._message(q, NOERROR, [], truncated=True)]
        if word == "TRUNCATE_DEAD":
            return []
        if word == "TCP_CLOSE":
            return None
        return self._forged(q, word)

    def _forged(self, q, word):
        good = self._normal(q)
        end = 12 + len(q.wire)
        other = b"\5other\4test\0" + q.wire[-4:]
        if word in ("NXDOMAIN", "NODATA", "SERVFAIL", "REFUSED", "FORMERR"):
            rcode = {"NXDOMAIN": NXDOMAIN, "SERVFAIL": SERVFAIL, "REFUSED": REFUSED, "FORMERR": FORMERR}.get(word, NOERROR)
            soa = [self._soa(q.name)] if word in ("NXDOMAIN", "NODATA") else []
            return [self._message(q, rcode, [], soa)]
        wrong_id = struct.pack("!H", q.ident ^ 0x5555) + good[2:]
        wrong_question = good[:12] + other + good[end:]
        wrong_case = good[:12] + q.wire[:-4].swapcase() + q.wire[-4:] + good[end:]
        forms = {
            "TRUNCATE": [good],
            "GARBAGE": [good[:2] + os.urandom(3 if q.ident % 7 == 0 else 60)],
            "SHORT": [good[:end + max(1, (len(good) - end) // 2)]],
            "WRONG_ID": [wrong_id],
            "WRONG_QUESTION": [wrong_question],
            "WRONG_CASE": [wrong_case],
            "NOT_A_RESPONSE": [good[:2] + bytes([good[2] & 0x7f]) + good[3:]],
            "SPOOFED": [wrong_id, wrong_question, good[:2] + os.urandom(40), good],
            "LOOP": [self._header(q, NOERROR, 1, 0) + q.wire + struct.pack("!H", 0xc000 | end) + bytes(10)],
            "COUNTS": [good[:6] + b"\x40\x00" + good[8:]],
            "UDP_BIG": [good + bytes(5000)],
        }
        return forms[word]

    def _header(self, q, rcode, answers, authority, truncated=False):
        flags = 0x8080 | (q.flags & 0x0100) | (0x0200 if truncated else 0) | rcode
        return struct.pack("!6H", q.ident, flags, 1, answers, authority, 0)

    def _message(self, q, rcode, answers, authority=(), truncated=False):
        head = self._header(q, rcode, len(answers), len(authority), truncated)
        return head + q.wire + b"".join(answers) + b"".join(authority)

    def _soa(self, name):
        entry = self._entry(name) or {}
        ttl = entry.get("negative_ttl", entry.get("ttl", DEFAULT_TTL))
        rdata = encode_name("ns.invalid") + encode_name("hostmaster.invalid") + struct.pack("!5I", 1, 2, 3, 4, ttl)
        return encode_record(b"\0", "SOA", 86400, rdata)

    def _normal(self, q):
        answers, name, rcode, is_empty = [], q.name, NOERROR, True
        for _ in range(LONGEST_CHAIN):
            owner = b"\xc0\x0c" if name == q.name else encode_name(name)
            entry = self._entry(name)
            if entry is None:
                has_below = any(each.endswith("." + name) for each in self.zone)
                rcode = NOERROR if has_below else NXDOMAIN
                break
            ttl = entry.get("ttl", DEFAULT_TTL)
            if "CNAME" not in entry or q.type_name == "CNAME":
                values = entry.get(q.type_name, [])
                answers += [encode_record(owner, q.type_name, ttl, encode_rdata(q.type_name, each)) for each in values]
                is_empty = not values
                break
            answers.append(encode_record(owner, "CNAME", ttl, encode_name(entry["CNAME"])))
            name = entry["CNAME"].lower().rstrip(".")
            is_empty = entry.get("chase", True) and len(answers) < LONGEST_CHAIN
            if not entry.get("chase", True):
                break
        return self._fit(q, self._message(q, rcode, answers, [self._soa(name)] if is_empty else []))

    def _fit(self, q, message):
        if q.is_tcp or len(message) <= q.udp_size:
            return message
        return self._message(q, message[3] & 15, [], truncated=True)
