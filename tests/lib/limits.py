"""What a running process of the server may use, and uses: limits lowered from outside, descriptors, time."""
import glob
import os
import subprocess


def set_limit(pid, name, value):
    """Sets a soft limit ("nofile", "as") of a running process, and works whoever owns it: as its own user."""
    words = ["prlimit", f"--pid={pid}", f"--{name}={value}:"]
    if os.getuid() == 0:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            ids = dict(line.split(":", 1) for line in file)
        uid, gid = ids["Uid"].split()[0], ids["Gid"].split()[0]
        words = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"] + words
    subprocess.run(words, check=True)


def highest_descriptor(pid):
    return max(int(os.path.basename(path)) for path in glob.glob(f"/proc/{pid}/fd/*"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid, field="VmSize"):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    raise AssertionError(f"/proc/{pid}/status has no {field}")
