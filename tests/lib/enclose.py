#!/usr/bin/python3
"""Runs one test program in a place of its own, and says when it left something behind.

usage: enclose.py COMMAND [ARGUMENT...]

tests/run.py starts this as process 1 of fresh PID, mount and network namespaces where it may make them. Then:
loopback is brought up, 10.99.0.0/24 and fd99::/64 are made addresses of it ("the outside" that SPF is asked about),
COMMAND runs without the capabilities that made this possible when it is an ordinary user's, and afterwards a process
or a mount that is still there is a failure: "not ok left behind: ...".

TIDEGATE_TEST_NETWORK=own tells the test that it has the network for itself.
"""
import os
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 3.0


def in_own_namespaces():
    return os.getpid() == 1


def bring_up_loopback():
    for words in (["addr", "add", "127.0.0.1/8", "dev", "lo"], ["link", "set", "lo", "up"],
                  ["addr", "add", "10.99.0.1/24", "dev", "lo"], ["-6", "addr", "add", "fd99::1/64", "dev", "lo"],
                  ["-6", "addr", "add", "fd99::2/64", "dev", "lo"]):
        subprocess.run(["ip"] + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def mounts():
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as table:
        return {line.split()[1] for line in table}


def reap():
    """Collects every child that has ended."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def others():
    """The processes of this PID namespace besides this one, as pid: name."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                name = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        found[int(entry)] = name or "(ended)"
    return found


def wait_for(child):
    """Waits for the test program, reaping orphans meanwhile; returns its exit code."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def left_behind(mounts_before):
    deadline = time.monotonic() + GRACE_SECONDS
    while True:
        reap()
        left = others()
        if not left or time.monotonic() > deadline:
            break
        # Processes that were told to end have no common event to wait for; they are looked at until the deadline.
        time.sleep(0.02)
    complaints = [f"process {pid} ({name})" for pid, name in left.items()]
    complaints += [f"mount {point}" for point in sorted(mounts() - mounts_before)]
    return complaints


def main():
    command = sys.argv[1:]
    own = in_own_namespaces()
    if own:
        bring_up_loopback()
        os.environ["TIDEGATE_TEST_NETWORK"] = "own"
        if os.getuid() != 0:
            command = ["setpriv", "--inh-caps=-all", "--ambient-caps=-all"] + command
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    before = mounts()
    child = os.posix_spawnp(command[0], command, os.environ)
    code = wait_for(child)
    if own:
        complaints = left_behind(before)
        for complaint in complaints:
            print(f"not ok - left behind: {complaint}", flush=True)
        code = code or (1 if complaints else 0)
    return code if 0 <= code < 256 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
