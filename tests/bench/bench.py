#!/usr/bin/python3
"""Tidegate beside Postfix and the bare disk, in turns in one run: ratios, never absolute promises.

usage: bench.py [--rounds N] [--only NAME,...]

The environment's BENCH names a folder outside the repository; it gets an image with a journaled ext4 (mounted in a mount
namespace of this run) and a chroot with Postfix. Needs root. Files are never deleted between the runs.

Workloads: W1 50 clients, one 4 KiB message a connection into 100 Maildirs; W1-one the same from one client alone;
W1-tls the same as W1 under TLS, a whole handshake each; W1-tls-openssl the same with OpenSSL's client in the load
generator, which costs about as much as a server does; W4 refusals (unknown user) from 50 clients; idle: memory a
connection after EHLO at 5,000 and 10,000, under TLS at 5,000; calls: system calls a message.
"""
import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP)

USERS = 100
WORKLOADS = {
    "W1": ["-s", "50", "-c", "1", "-u", str(USERS)],
    "W1-one": ["-s", "1", "-c", "1", "-u", str(USERS)],
    "W1-tls": ["-s", "50", "-c", "1", "-u", str(USERS), "-t"],
    "W1-tls-openssl": ["-s", "50", "-c", "1", "-u", str(USERS), "-T"],
    "W4": ["-s", "50", "-c", "1", "-x"],
}
# One thread with OpenSSL's client cannot shake hands as fast as the servers can.
GENERATORS = {"W1-tls-openssl": 2}
COUNTS = {("tidegate", "W1"): 6000, ("postfix", "W1"): 1500, ("tidegate", "W1-one"): 600, ("postfix", "W1-one"): 300,
          ("tidegate", "W1-tls"): 6000, ("postfix", "W1-tls"): 2000,
          ("tidegate", "W1-tls-openssl"): 3000, ("postfix", "W1-tls-openssl"): 900,
          ("tidegate", "W4"): 10000, ("postfix", "W4"): 3000}
IDLE = 5000


def own_namespace():
    """Starts this program again in a mount namespace of its own, so that no mount is left behind."""
    if os.environ.get("TIDEGATE_BENCH_INSIDE") != "1":
        os.environ["TIDEGATE_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable] + sys.argv)


def mount_image(bench):
    image, root = os.path.join(bench, "image"), os.path.join(bench, "root")
    os.makedirs(root, exist_ok=True)
    if not os.path.exists(image):
        with open(image, "wb") as file:
            file.truncate(12 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    return root


class Group:
    """A control group: the CPU of all its processes."""

    def __init__(self, name):
        self.is_old = os.path.isdir("/sys/fs/cgroup/cpuacct")
        self.folder = os.path.join("/sys/fs/cgroup/cpuacct" if self.is_old else "/sys/fs/cgroup", "tidegate_bench_" + name)
        self.file = os.path.join(self.folder, "cpuacct.usage" if self.is_old else "cpu.stat")
        os.makedirs(self.folder, exist_ok=True)

    def pids(self):
        with open(os.path.join(self.folder, "cgroup.procs"), encoding="ascii") as file:
            return [int(line) for line in file]

    def cpu_seconds(self):
        with open(self.file, encoding="ascii") as file:
            text = file.read()
        match = re.search(r"usage_usec (\d+)", text)
        return int(match.group(1)) / 1e6 if match else int(text) / 1e9


class Tidegate:
    name = "tidegate"
    workloads = WORKLOADS

    def __init__(self, root):
        from tests.lib import server
        self.group = Group(self.name)
        folder = os.path.join(root, f"tidegate-{int(time.time())}")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        recipients = "".join(f"u{i}@bench.test maildir\n" for i in range(USERS))
        self.server = server.Server(
            folder=folder, recipients=recipients, wrap=["sh", "-c", f'echo $$ >{self.group.folder}/cgroup.procs; exec "$@"', "sh"],
            config={"postmaster": "u0@bench.test", "max-connections-per-address": 0, "max-connections-per-network": 0, "max-connections": 20000,
                    "processes": 0})
        self.watch = os.path.join(self.server.mailboxes, "bench.test/u%ld/new")
        for i in range(USERS):
            for part in ("tmp", "new", "cur"):
                os.makedirs(os.path.join(self.server.mailboxes, f"bench.test/u{i}", part), mode=0o700)
        subprocess.run(["chown", "-R", f"{server.MAILBOX_UID}:{server.MAILBOX_UID}", self.server.mailboxes], check=True)
        self.port = self.server.port

    def start(self):
        """The log goes to a file, as Postfix's does: a reader of it would take CPU from the server on a small machine."""
        self.server.compile_map()
        name = os.path.join(self.server.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(name)
            notified.settimeout(30)
            with open(os.path.join(self.server.folder, "log"), "ab") as log:
                self.process = subprocess.Popen(
                    self.server.wrap + [os.path.join(self.server.programs, "tidegate"), "run", "-c", self.server.config_path],
                    stdin=subprocess.DEVNULL, stderr=log, env=dict(os.environ, NOTIFY_SOCKET=name))
            while b"READY=1" not in notified.recv(4096):
                pass
        os.unlink(name)

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Postfix:
    """As Debian ships it. It holds mail back for a second where it comes faster than the queue manager takes it on."""
    name = "postfix"
    workloads = WORKLOADS
    settings = []
    script = os.path.join(TOP, "tests/bench/peers/postfix.sh")

    def __init__(self, _root):
        subprocess.run([self.script, "setup"], check=True)
        values = dict(pair.split("=", 1) for pair in
                      subprocess.run([self.script, "vars"], check=True, capture_output=True, text=True).stdout.split())
        self.port, self.watch = int(values["port"]), values["watch"]
        self.group = Group("postfix")

    def start(self):
        subprocess.run([self.script, "start"] + self.settings, check=True)

    def stop(self):
        subprocess.run([self.script, "stop"], check=True)


class PostfixUnthrottled(Postfix):
    """The same without that second."""
    name = "postfix-0s"
    workloads = ("W1", "W1-tls")
    settings = ["in_flow_delay=0s"]


def shares(arguments, count):
    """The arguments of so many load generators that do together what these ask of one."""
    for number in range(count):
        share = list(arguments)
        for flag in ("-s", "-m", "-u"):
            if flag in share:
                at = share.index(flag) + 1
                share[at] = str(int(share[at]) // count)
        yield share[:-1] + ["-f", str(number * USERS // count), share[-1]]


def load(build, arguments, generators=1):
    """Figures of all generators: sums, and of times the greatest."""
    program = os.path.join(build, "bench/smtpload")
    running = [subprocess.Popen([program] + share, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for share in shares(arguments, generators)]
    figures = {}
    for generator in running:
        said, errors = generator.communicate()
        if generator.returncode == 2 or not said:
            sys.exit("smtpload: " + errors)
        if errors:
            print("  note:", errors.strip().splitlines()[-1])
        for key, value in (pair.split("=") for pair in said.split()):
            is_time = key.endswith("_ms") or key in ("wall", "delivered_s")
            figures[key] = max(figures.get(key, 0), float(value)) if is_time else figures.get(key, 0) + float(value)
    return figures


def measure(build, peer, workload, count):
    words = WORKLOADS[workload] + (["-w", peer.watch] if workload != "W4" else [])
    generators = GENERATORS.get(workload, 1)
    load(build, words + ["-m", "200", str(peer.port)], generators)
    before = peer.group.cpu_seconds()
    figures = load(build, words + ["-m", str(count), str(peer.port)], generators)
    cpu = peer.group.cpu_seconds() - before
    done = figures["refused"] if workload == "W4" else figures["delivered"]
    wall = figures["wall"] if workload == "W4" else figures["delivered_s"]
    return {"rate": done / wall, "cpu_ms": 1000 * cpu / done, "load_ms": 1000 * figures["own_cpu"] / done,
            "p50_ms": figures["p50_ms"], "p99_ms": figures["p99_ms"],
            "dropped": figures["dropped"]}


def measure_disk(build, root, serial):
    done = subprocess.run([os.path.join(build, "bench/disk"), os.path.join(root, f"disk-{int(time.time())}-{serial}"), "50",
                           "6000", "4096"], capture_output=True, text=True, check=True)
    figures = {k: float(v) for k, v in (pair.split("=") for pair in done.stdout.split())}
    return {"rate": figures["files"] / figures["wall"], "cpu_ms": 1000 * figures["cpu"] / figures["files"]}


def pss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE).group(1))
    return total


def measure_idle(build, peer, count=IDLE, options=()):
    """KiB of PSS a connection that said EHLO and nothing more, when the server has had time to give back what it needed for
    the crowd."""
    load(build, ["-s", "50", "-m", "2000", "-x", str(peer.port)])
    before = pss_kib(peer.group.pids())
    holder = subprocess.Popen([os.path.join(build, "bench/smtpload"), "-s", str(count), "-i", "9", "-a", "100", *options,
                               str(peer.port)],
                              stdout=subprocess.PIPE, text=True)
    held = holder.stdout.readline()
    time.sleep(7)
    after = pss_kib(peer.group.pids())
    holder.communicate()
    return {"held": int(held.split("=")[1]), "kib": (after - before) / int(held.split("=")[1])}


def load_for_count(build, peer, workload, count):
    arguments = WORKLOADS[workload] + ["-m", str(count)] + (["-w", peer.watch] if workload != "W4" else [])
    load(build, arguments + [str(peer.port)])


def count_calls_undisturbed(build, peer, workload, count=20000):
    """System calls a message of all the server's processes, by the kernel's own trace point; None without perf."""
    orders, order = os.pipe()
    receipt, receipts = os.pipe()
    command = ["perf", "stat", "-x,", "-D", "-1", "--control", f"fd:{orders},{receipts}", "-e", "raw_syscalls:sys_enter",
               "-p", ",".join(map(str, peer.group.pids()))]
    load_for_count(build, peer, workload, 1000)
    try:
        counter = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=(orders, receipts))
    except FileNotFoundError:
        return None
    finally:
        os.close(orders)
        os.close(receipts)
    os.write(order, b"enable\n")
    os.read(receipt, 16)
    load_for_count(build, peer, workload, count)
    counter.send_signal(signal.SIGINT)
    match = re.search(r"^(\d+),", counter.communicate()[1], re.MULTILINE)
    return int(match.group(1)) / count if match else None


def count_calls(build, peer, workload, count=4000):
    """The same by name, through strace: which makes threads wait for each other more often."""
    pids = peer.group.pids()
    trace = os.path.join(os.environ["BENCH"], "calls")
    tracer = subprocess.Popen(["strace", "-f", "-c", "-S", "calls", "-o", trace] + [x for pid in pids for x in ("-p", str(pid))],
                              stderr=subprocess.PIPE, text=True)
    attached = 0
    while attached < len(pids):
        if "attached" in tracer.stderr.readline():
            attached += 1
    load_for_count(build, peer, workload, count)
    tracer.terminate()
    tracer.communicate()
    calls = {}
    with open(trace, encoding="ascii") as file:
        for line in file:
            match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if match and match.group(2) != "total":
                calls[match.group(2)] = int(match.group(1)) / count
    return calls


def show(results):
    print("\nmedians (least-most)")
    for (workload, peer), runs in sorted(results.items()):
        parts = []
        for key in runs[0]:
            values = [run[key] for run in runs]
            parts.append(f"{key} {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})")
        print(f"  {workload:14} {peer:10} " + "  ".join(parts))
    print("\nratios of the medians, Tidegate to Postfix")
    for workload in WORKLOADS:
        for name in ("postfix", "postfix-0s"):
            ours, theirs = results.get((workload, "tidegate")), results.get((workload, name))
            if not ours or not theirs:
                continue
            rate = statistics.median(r["rate"] for r in ours) / statistics.median(r["rate"] for r in theirs)
            cpu = statistics.median(r["cpu_ms"] for r in theirs) / statistics.median(r["cpu_ms"] for r in ours)
            print(f"  {workload:14} {name:10} rate {rate:.2f} x, CPU 1/{cpu:.1f}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", default="tidegate,postfix,postfix-0s,disk,idle,calls")
    options.add_argument("--build", default=os.path.join(TOP, "build"))
    options = options.parse_args()
    bench = os.environ.get("BENCH")
    if os.getuid() != 0 or not bench:
        sys.exit("bench.py: needs root, and BENCH=FOLDER outside the repository (12 GiB, for an image and a chroot)")
    bench = os.environ["BENCH"] = os.path.abspath(bench)
    own_namespace()
    root = mount_image(bench)
    only = options.only.split(",")
    peers = [kind(root) for kind in (Tidegate, Postfix, PostfixUnthrottled) if kind.name in only]
    results = {}
    for serial in range(options.rounds):
        for peer in peers:
            peer.start()
            try:
                for workload in peer.workloads:
                    figures = measure(options.build, peer, workload, COUNTS[peer.name.removesuffix("-0s"), workload])
                    results.setdefault((workload, peer.name), []).append(figures)
                    print(f"round {serial}: {workload:14} {peer.name:10}",
                          " ".join(f"{k}={v:.2f}" for k, v in figures.items()), flush=True)
            finally:
                peer.stop()
        if "disk" in only:
            results.setdefault(("W1", "disk"), []).append(measure_disk(options.build, root, serial))
    if "tidegate" in only and ("idle" in only or "calls" in only):
        ours = peers[0]
        ours.start()
        try:
            if "calls" in only:
                for workload in ("W1", "W4"):
                    calls = count_calls(options.build, ours, workload)
                    undisturbed = count_calls_undisturbed(options.build, ours, workload)
                    print(f"calls a transaction, {workload}: {undisturbed and round(undisturbed, 1)} by perf")
                    print(f"  by strace, {workload}: {sum(calls.values()):.1f}: " + " ".join(
                        f"{k} {v:.2f}" for k, v in sorted(calls.items(), key=lambda item: -item[1]) if v >= 0.02))
            if "idle" in only:
                for what, count, words in (("plain", IDLE, ()), ("plain", 2 * IDLE, ()), ("TLS", IDLE, ("-T",))):
                    idle = measure_idle(options.build, ours, count, words)
                    print(f"idle, {what}: {idle['held']} connections, {idle['kib']:.2f} KiB PSS each")
        finally:
            ours.stop()
    show(results)


if __name__ == "__main__":
    main()
