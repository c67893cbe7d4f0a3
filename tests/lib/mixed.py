"""Messages of mixed size and content, the same ones at every run, and what must be found of them in a Maildir."""
import random
import re

SIZES = (200, 900, 4000, 31000, 34000, 70000, 300000)
# A sender may put fields of its own on top; from this field on every byte is the author's.
FIRST_FIELD = b"Message-ID: "


def message(number):
    """CRLF-ended, as on the wire: dots where they hurt, 8-bit text, lines of up to 990 octets."""
    dice = random.Random(number)
    size = SIZES[number % len(SIZES)] + dice.randrange(200)
    head = f"Message-ID: <{number}.mixed@client.example>\r\nDate: Sun, 22 Nov 2026 05:51:58 +0000\r\n" \
           f"From: Sender <sender@client.example>\r\nTo: alice@example.org\r\nSubject: number {number}\r\n" \
           "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    lines = [head]
    length = len(head)
    while length < size:
        kind = dice.randrange(8)
        if kind == 0:
            line = dice.choice((".", "..", ".\t", ". a dot leads", "...From"))
        elif kind == 1:
            line = ""
        elif kind == 2:
            line = "Grüße, übermäßig " * dice.randrange(1, 40)
        else:
            line = "".join(dice.choices("abcdefghij klmnop=.", k=dice.randrange(1, 990 if kind == 3 else 76)))
        # Trailing blanks are some programs' to keep, and not the question here.
        line = line.encode()[:990].decode(errors="ignore").rstrip()
        lines.append(line + "\r\n")
        length += len(line) + 2
    return "".join(lines).encode()


def number_of(text):
    match = re.search(rb"(?m)^Message-ID: <(\d+)\.mixed@client\.example>", text)
    return int(match.group(1)) if match else None


def from_author(stored):
    """What the author wrote of a stored message, with the wire's line ends."""
    begin = re.search(rb"(?m)^" + FIRST_FIELD, stored)
    return stored[begin.start():].replace(b"\n", b"\r\n") if begin else None


def compare(stored, count):
    """What is wrong with the stored messages, when 0 … count - 1 should be there once each, byte for byte; or None."""
    found = {}
    for text in stored:
        number = number_of(text)
        if number in found:
            return f"message {number} is there twice"
        found[number] = from_author(text)
    if set(found) != set(range(count)):
        return f"missing: {sorted(set(range(count)) - set(found))[:9]}; strange: {sorted(set(found) - set(range(count)), key=str)[:9]}"
    for number, text in found.items():
        sent = message(number)
        if text != sent:
            at = next((i for i, (a, b) in enumerate(zip(text, sent)) if a != b), min(len(text), len(sent)))
            return f"message {number} differs at byte {at}: sent {sent[at - 20:at + 20]!r}, stored {text[at - 20:at + 20]!r}"
    return None
