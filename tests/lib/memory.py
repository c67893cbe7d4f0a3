"""What a process has in its memory: for tests that look for secrets where none may be. Root only."""
import os
import unittest

from tests.lib import server as tidegate

needs_memory = unittest.skipUnless(tidegate.IS_ROOT and os.path.basename(tidegate.BUILD) != "sanitize", "it reads the processes' memory")


def memory_of(pid):
    """All that a process can write of its own."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            memory.seek(start)
            try:
                found.append(memory.read(end - start) or b"")
            except OSError:
                continue
    return b"".join(found)
