#!/usr/bin/python3
"""Runs a command where the kernel lets nobody make a user namespace: no_user_namespaces.py COMMAND [ARGUMENT...]

It enters a user namespace in which all uids stay what they are, and sets that namespace's limit of further ones to
nought. Only for root. Exit code 125 when that cannot be done here.
"""
import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    ready_read, ready_write = os.pipe()
    ours = os.getpid()
    helper = os.fork()
    if helper == 0:
        # Only a process outside may map more uids than its own.
        os.close(ready_write)
        os.read(ready_read, 1)
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{ours}/{name}", "w", encoding="utf-8") as file:
                file.write("0 0 100000")
        os._exit(0)
    if libc.unshare(CLONE_NEWUSER) != 0:
        print(f"no_user_namespaces.py: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
        return 125
    os.write(ready_write, b"x")
    _, status = os.waitpid(helper, 0)
    if status:
        return 125
    with open("/proc/sys/user/max_user_namespaces", "w", encoding="utf-8") as file:
        file.write("0")
    os.execvp(sys.argv[1], sys.argv[1:])
    return 125


if __name__ == "__main__":
    sys.exit(main())
