#!/usr/bin/python3
"""Checks the house's own rules that no common tool knows.

- Includes point down only: lib and conf at the ground (conf may see lib), lookup above them, then smtpd, deliver and
  queue side by side, control on top. Own header first.
- No circles: following includes from a header never leads back to it.
- A file has at most 400 lines, a function at most 60; in tests/ too.
- Each source file begins with a comment that says what happens on failure; each header has its guard.
- Only lib/durable_file.c calls fsync and its like, and renames.

What breaks a rule with good reason stands in ALLOWED, with the reason.
"""
import glob
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEES = {
    "lib": {"lib"},
    "conf": {"lib", "conf"},
    "lookup": {"lib", "conf", "lookup"},
    "smtpd": {"lib", "conf", "lookup", "smtpd"},
    "deliver": {"lib", "conf", "lookup", "deliver"},
    "queue": {"lib", "conf", "lookup", "queue"},
    "control": {"lib", "conf", "lookup", "smtpd", "deliver", "queue", "control"},
}
FILE_LINES, FUNCTION_LINES = 400, 60
ALLOWED = {}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
DURABLE = re.compile(r"\b(fsync|fdatasync|syncfs|sync_file_range|rename|renameat|renameat2)\s*\(")


def sources():
    for room in SEES:
        for pattern in ("*.c", "*.h"):
            yield from sorted(glob.glob(os.path.join(TOP, room, pattern)))


def tests():
    for pattern in ("*.c", "*.h"):
        yield from sorted(glob.glob(os.path.join(TOP, "tests", "**", pattern), recursive=True))


def read(paths):
    """{path from the top: text}"""
    texts = {}
    for full in paths:
        with open(full, encoding="utf-8") as file:
            texts[os.path.relpath(full, TOP)] = file.read()
    return texts


def check_includes(path, text):
    room = path.split("/")[0]
    included = INCLUDE.findall(text)
    for name in included:
        if not os.path.exists(os.path.join(TOP, name)):
            yield f"includes {name}, which does not exist; includes are written from the top folder"
        elif name.split("/")[0] not in SEES[room]:
            yield f"includes {name}: {room}/ must not look up, nor sideways"
    own = path[:-2] + ".h"
    if path.endswith(".c") and own in included and included[0] != own:
        yield f"its own header {own} must be the first of its includes"


def check_lengths(text):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES:
        yield f"has {len(lines) - 1} lines; {FILE_LINES} are the most: it holds two things"
    begun = None
    for number, line in enumerate(lines):
        if line == "{":
            begun = number
        elif line == "}" and begun is not None:
            if number - begun - 1 > FUNCTION_LINES:
                name = lines[begun - 1].split("(")[0]
                yield f"{name} has {number - begun - 1} lines; {FUNCTION_LINES} are the most"
            begun = None


def check_shape(path, text):
    head = text.split("*/")[0]
    if not text.startswith("/*") or "On failure" not in head:
        yield 'must begin with a comment that says what it is for, how far it is trusted, and "On failure:"'
    if path.endswith(".h"):
        guard = "TIDEGATE_" + re.sub(r"[/.]", "_", path).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            yield f"must have the guard {guard}"


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\\n])*\"", lambda match: "\n" * match.group().count("\n"), text, flags=re.S)


def check_durability(path, text):
    if path == "lib/durable_file.c":
        return
    for match in DURABLE.finditer(without_comments(text)):
        yield f"calls {match.group(1)}: only lib/durable_file.c does"


def circles(texts):
    """Headers from which includes lead back to themselves."""
    edges = {path: set(INCLUDE.findall(text)) for path, text in texts.items() if path.endswith(".h")}
    for start in sorted(edges):
        seen, waiting = set(), [(start, (start,))]
        while waiting:
            header, way = waiting.pop()
            for target in edges.get(header, ()):
                if target == start and start == min(way):
                    yield " -> ".join(way + (start,))
                elif target not in seen:
                    seen.add(target)
                    waiting.append((target, way + (target,)))


def main():
    texts = read(sources())
    complaints = []
    for path, text in texts.items():
        for complaint in (*check_includes(path, text), *check_lengths(text), *check_shape(path, text),
                          *check_durability(path, text)):
            complaints.append(f"{path}: {complaint}")
    for path, text in read(tests()).items():
        complaints += [f"{path}: {complaint}" for complaint in check_lengths(text)]
    complaints += [f"circle of includes: {way}" for way in circles(texts)]
    complaints = [complaint for complaint in complaints if complaint not in ALLOWED]
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
