#!/usr/bin/python3
"""Writes docs/IPC.md from lib/ipc_messages.h."""
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
with open(os.path.join(TOP, "lib/ipc_messages.h"), encoding="utf-8") as file:
    TEXT = file.read()

ROW = re.compile(r"\bM\(([A-Z_]+), [a-z_]+, ([A-Z]+), ([A-Z]+), ([01])\)\s*(?:/\* (.*?) \*/)?")
FIELDS = re.compile(r"#define IPC_FIELDS_([A-Z_]+)\(F, S\)((?:.*\\\n)*.*)")


def fields_of(name, known):
    body = known[name]
    nested = re.findall(r"IPC_FIELDS_([A-Z_]+)\(F, S\)", body)
    result = [field for other in nested for field in fields_of(other, known)]
    for kind, field, limit in re.findall(r"F\(S, ([A-Z0-9]+), (\w+), ([^)]+)\)", body):
        result.append(f"{field} {kind.lower()}" + (f" ≤ {limit}" if limit != "0" else ""))
    return result


def main():
    known = dict(FIELDS.findall(TEXT))
    print("# Messages between the processes\n")
    print("Made from `lib/ipc_messages.h` by `scripts/ipc_document.py`; a test compares. SOCK_SEQPACKET datagrams: one message with its descriptor, or messages without any; u16 type,")
    print("then the fields in order, integers big-endian, strings and bytes with a u32 length. `child` is any process but the master.\n")
    print("| message | from | to | descriptors | fields | what for |")
    print("|---|---|---|---|---|---|")
    for name, speaker, hearer, descriptors, comment in ROW.findall(TEXT):
        fields = ", ".join(fields_of(name, known)) or "none"
        print(f"| {name} | {speaker.lower()} | {hearer.lower()} | {descriptors} | {fields} | {comment.strip()} |")


main()
