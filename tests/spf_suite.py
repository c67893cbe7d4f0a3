#!/usr/bin/python3
"""Runs a suite of RFC 7208 (the YAML format of the openspf.org test suite) through `tidegate explain`, result and
explanation, against a DNS server of its own.

usage: spf_suite.py [SUITE.yml] [PATTERN]

The suite is not part of this repository: without an argument it is taken from the environment's TIDEGATE_SPF_SUITE, and
when there is none the test is skipped. All but 3 cases in 203 must come out right; every miss is told.
"""
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.lib import dnsd  # noqa: E402
from tests.lib import server as tidegate  # noqa: E402

# limit: 240
MISSES_ALLOWED = 3
JOBS = 4


def text_of(value):
    """A record's text as the DNS server wants it: one string, or several."""
    if isinstance(value, list):
        return [str(part) for part in value]
    return str(value)


def entry_of(records):
    """One name's records in the table of tests/lib/dns_table.py."""
    entry, seen, has_txt = {}, [], False
    for record in records:
        if record == "TIMEOUT":
            entry["behaviour"] = dict({name: "NORMAL" for name in seen}, **{"*": "TIMEOUT"})
            continue
        (name, value), = record.items()
        if name == "TXT":
            has_txt = True
            if value == "NONE":
                continue
        if name in ("TXT", "SPF"):
            value = text_of(value)
        seen.append(name)
        if name == "CNAME":
            entry[name] = value
        else:
            entry.setdefault(name, []).append(value)
    # The suite's convention: what stands as SPF is published as TXT too, unless TXT is spoken of.
    if "SPF" in entry and not has_txt:
        entry["TXT"] = entry["SPF"]
        seen.append("TXT")
        if isinstance(entry.get("behaviour"), dict) and records.index("TIMEOUT") > 0:
            entry["behaviour"]["TXT"] = "NORMAL"
    return entry


class Scenario:
    """One document of the suite: its cases, and what they need to run."""

    def __init__(self, document):
        self.name, self.cases = document["description"], document["tests"]
        self.zone = {name: entry_of(records) for name, records in document["zonedata"].items()}

    def __enter__(self):
        self.dns = dnsd.DnsServer(self.zone).start()
        self.server = tidegate.Server(dns=self.dns)
        self.server.compile_map()
        return self

    def __exit__(self, *_):
        self.server.remove()
        self.dns.stop()

    def run(self, case):
        """None when it came out right, else what was wrong."""
        words = ["--ip", str(case["host"]), "--helo", str(case["helo"]), "--from", str(case.get("mailfrom") or "")]
        code, out, err = self.server.run("explain", *words, seconds=60)
        facts = dict(re.findall(r"(?m)^fact (\S+) = (.*?)(?:  #.*)?$", out))
        wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
        got = facts.get("spf-mailfrom")
        if got not in wanted:
            return f"wanted {' or '.join(wanted)}, got {got}; exit code {code}\n{out}{err}"
        explanation = facts.get("spf-explanation", "").strip('"')
        wanted_text = case.get("explanation", "DEFAULT")
        if got == "fail" and explanation != ("" if wanted_text == "DEFAULT" else wanted_text):
            return f"wanted the explanation {wanted_text!r}, got {explanation!r}"
        return None


def run_suite(documents, pattern):
    """(right, wrong) as lists of names and (name, story)."""
    right, wrong = [], []
    for document in documents:
        with Scenario(document) as scenario, ThreadPoolExecutor(JOBS) as pool:
            chosen = {name: case for name, case in scenario.cases.items() if pattern in name}
            for name, story in zip(chosen, pool.map(scenario.run, chosen.values())):
                label = f"{scenario.name}: {name}"
                if story is None:
                    right.append(label)
                else:
                    wrong.append((label, story))
    return right, wrong


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("TIDEGATE_SPF_SUITE")
    if not path or not os.path.exists(path):
        print("ok - suite of RFC 7208 # SKIP TIDEGATE_SPF_SUITE names no file")
        return 0
    try:
        import yaml
    except ImportError:
        print("ok - suite of RFC 7208 # SKIP python3-yaml is not installed")
        return 0
    with open(path, encoding="utf-8") as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    right, wrong = run_suite(documents, sys.argv[2] if len(sys.argv) > 2 else "")
    total = len(right) + len(wrong)
    for name, story in wrong:
        print(f"# miss: {name}")
        for line in story.splitlines():
            print(f"#     {line}")
    is_good = len(wrong) * 203 <= MISSES_ALLOWED * total
    print(f"{'ok' if is_good else 'not ok'} - suite of RFC 7208: {len(right)} of {total}")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
