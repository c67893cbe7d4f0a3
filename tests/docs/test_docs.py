"""The documents and the code say the same: names in FLOW.md, keys, messages and events in the manuals and IPC.md."""
import glob
import os
import re
import subprocess
import unittest

from tests.lib.server import TOP


def read(*parts):
    with open(os.path.join(TOP, *parts), encoding="utf-8") as file:
        return file.read()


class Flow(unittest.TestCase):
    def test_every_name_exists(self):
        text = read("docs", "FLOW.md")
        file, names, wrong = None, 0, []
        for word in re.findall(r"`([^`]+)`", text):
            if re.fullmatch(r"[a-z]+/[a-z_]+\.[ch]", word):
                file = word
                names += 1
                if not os.path.exists(os.path.join(TOP, word)):
                    wrong.append(word)
            elif re.fullmatch(r"[a-z_]+\(\)", word):
                names += 1
                if file is None or not re.search(rf"(?m)^(?:[a-z].*[ *])?{word[:-2]}\(", read(file)):
                    wrong.append(f"{word} in {file}")
            elif re.fullmatch(r"[A-Z_]+", word):
                names += 1
                if not re.search(rf"\bM\({word},", read("lib", "ipc_messages.h")):
                    wrong.append(word)
        self.assertEqual(wrong, [], "names in docs/FLOW.md that the code does not have")
        self.assertGreater(names, 60)


class Manuals(unittest.TestCase):
    def keys(self):
        return re.findall(r'^\tK\([A-Z_]+, \w+, "([a-z-]+)"', read("conf", "schema.h"), re.MULTILINE)

    def test_every_key_is_in_the_manual_and_no_other(self):
        manual = read("docs", "man", "tidegate.conf.5")
        told = set()
        for line in re.findall(r"^\.It Cm (.+)$", manual, re.MULTILINE):
            told.update(word for word in line.split() if word != ",")
        self.assertEqual(sorted(told), sorted(self.keys()))

    def test_keys_that_need_a_restart_are_named(self):
        wanted = re.findall(r'"([a-z-]+)"', read("conf", "config_restart.c").split("restart_keys[] = {")[1].split("}")[0])
        paragraph = read("docs", "man", "tidegate.8").split("SIGHUP reads the configuration again.")[1].split("\n.It")[0]
        self.assertEqual(sorted(re.findall(r"^\.Cm ([a-z-]+)", paragraph, re.MULTILINE)), sorted(wanted))

    def test_presets_are_those_of_the_code(self):
        """But for empty ones, and those that the system gives."""
        manual = read("docs", "man", "tidegate.conf.5")
        items = [(head.split(), " ".join(text.split()))
                 for head, text in re.findall(r"(?ms)^\.It Cm ([^\n]+)\n(.*?)(?=^\.It Cm |^\.El|\Z)", manual)]
        presets = re.findall(r'^\tK\([A-Z_]+, \w+, "([a-z-]+)", "([^"]+)"', read("conf", "schema.h"), re.MULTILINE)
        self.assertGreater(len(presets), 40)
        for key, preset in presets:
            with self.subTest(key):
                told = " ".join(text for keys, text in items if key in keys)
                self.assertRegex(told, rf"Presets?: [^.]*(?<![\w.]){re.escape(preset)}(?!\w)")

    def test_every_key_and_event_of_the_log_is_in_the_manual(self):
        manual = read("docs", "man", "tidegate.8")
        written = set()
        for path in glob.glob(os.path.join(TOP, "[a-z]*", "*.c")):
            written.update(re.findall(r'log_(?:pair\w*\([^;"]*,|begin\([^;"]*,)\s*"([a-z0-9-]+)"', read(path)))
        self.assertGreater(len(written), 40)
        told = set()
        for line in re.findall(r"^\.(?:It )?Cm (.+)$", manual, re.MULTILINE):
            told.update(line.split())
        self.assertEqual(sorted(written - told), [])


class Messages(unittest.TestCase):
    def rows(self):
        return re.findall(r"\bM\(([A-Z_]+), [a-z_]+, ([A-Z]+), ([A-Z]+), ([01])\)", read("lib", "ipc_messages.h"))

    def test_ipc_md_has_each_message_and_no_other(self):
        told = re.findall(r"^\| ([A-Z_]+) \| ([a-z]+) \| ([a-z]+) \| ([01]) \|", read("docs", "IPC.md"), re.MULTILINE)
        self.assertEqual([(n, f.upper(), t.upper(), d) for n, f, t, d in told], self.rows())

    def test_ipc_md_has_each_field(self):
        made = subprocess.run(["/usr/bin/python3", os.path.join(TOP, "scripts", "ipc_document.py")], capture_output=True, text=True, check=True)
        self.assertEqual(made.stdout, read("docs", "IPC.md"), "scripts/ipc_document.py > docs/IPC.md makes it anew")


if __name__ == "__main__":
    unittest.main()
