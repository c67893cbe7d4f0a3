"""What the programs link and say: no code could make a report or a bounce, and none that talks to the network but
through what it was lent."""
import os
import re
import subprocess
import unittest

from tests.lib import server as tidegate

# Words that a program which could bounce, report, forward or pipe mail would need.
REPORTS = re.compile(r"mailer-daemon|multipart/report|message/delivery-status|delivery-status|report-type|auto-submitted|"
                     r"auto-replied|sendmail|undeliver|returned mail|reporting-mta|final-recipient|/bin/sh |x-failed-recipients",
                     re.IGNORECASE)
# What each process has no use for; the master makes sockets, the caller connects, the door accepts.
NETWORK = {"socket", "connect", "bind", "listen", "accept", "accept4", "getaddrinfo", "gethostbyname"}
FORBIDDEN = {
    "tidegate-smtpd": NETWORK,
    "tidegate-dns": NETWORK,
    "tidegate-auth": NETWORK,
    "tidegate-deliver": NETWORK | {"sendto"},
    "tidegate-door": NETWORK - {"accept4"},
    "tidegate-caller": NETWORK - {"socket", "connect"},
}
EXEC = {"execve", "execl", "execlp", "execvp", "execv", "system", "popen", "posix_spawn", "posix_spawnp", "fork", "vfork"}
RES = re.compile(r"^(__)?res_|^ns_|^dns_.*resolve|^SPF_server_new_dns|^ares_(query|send|init)")


def undefined_symbols(program):
    done = subprocess.run(["nm", "--dynamic", "--undefined-only", program], capture_output=True, text=True, check=True)
    return {line.split()[-1].split("@")[0] for line in done.stdout.splitlines() if line.strip()}


@unittest.skipIf(os.path.basename(tidegate.BUILD) == "sanitize", "the sanitizers bring their own symbols")
class Symbols(unittest.TestCase):
    def test_no_words_of_reports(self):
        for name in tidegate.PROGRAMS:
            done = subprocess.run(["strings", "-a", "-n", "6", os.path.join(tidegate.BIN, name)], capture_output=True, text=True,
                                  errors="replace", check=True)
            # selftest's twins, which are every program, try to execute a shell; what the walls refuse is no way out.
            found = [line for line in done.stdout.splitlines() if REPORTS.search(line) and line != "/bin/sh"]
            self.assertEqual(found, [], name)

    def test_no_calls_that_a_process_has_no_use_for(self):
        for name, forbidden in FORBIDDEN.items():
            symbols = undefined_symbols(os.path.join(tidegate.BIN, name))
            self.assertEqual(symbols & forbidden, set(), name)
            self.assertEqual(symbols & EXEC, set(), name)
            self.assertEqual({symbol for symbol in symbols if RES.match(symbol)}, set(), name)

    def test_no_source_calls_a_resolver_or_a_shell(self):
        pattern = re.compile(r"\b(system|popen|getaddrinfo|gethostbyname|res_query|ares_query|ares_init|execl\w*|execvp)\s*\(")
        found = []
        for room in ("lib", "conf", "lookup", "smtpd", "deliver", "control"):
            for name in sorted(os.listdir(os.path.join(tidegate.TOP, room))):
                with open(os.path.join(tidegate.TOP, room, name), encoding="utf-8") as file:
                    for number, line in enumerate(file, 1):
                        if pattern.search(line) and not line.lstrip().startswith(("*", "/*")):
                            found.append(f"{room}/{name}:{number}: {line.strip()}")
        self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
