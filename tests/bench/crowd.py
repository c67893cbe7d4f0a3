#!/usr/bin/python3
"""Many who only wait, and some who work: how long a refused RCPT takes among 10,000 idle sessions and 500 active ones.

usage: crowd.py [--idle N] [--active N] [--refusals N] [--rounds N] [--build FOLDER]

All clients are on loopback, from 200 source addresses; descriptors are raised and caps off. The active ones send their
next command as soon as the last is answered, so server and load generator share whatever cores there are. Prints for
each round the latencies of RCPT alone without the crowd and in it, CPU, and the longest sweep of deadlines.
"""
import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, TOP)

from tests.lib import limits  # noqa: E402
from tests.lib import server as tidegate  # noqa: E402


def raise_descriptors(wanted):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return
        except (ValueError, OSError):
            sys.exit(f"crowd.py: {wanted} descriptors are needed, and only {hard} may be had; raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def load(options, words, port):
    done = subprocess.run([os.path.join(options.build, "bench/smtpload"), *words, str(port)], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        sys.exit(f"smtpload: {done.stdout}{done.stderr}")
    return {key: float(value) for key, value in (pair.split("=") for pair in done.stdout.split())}


def hold(options, port):
    """Starts the idle clients; returns when all of them have been greeted."""
    holder = subprocess.Popen([os.path.join(options.build, "bench/smtpload"), "-s", str(options.idle), "-i", "600", "-a", "200",
                               "-d", "600", str(port)], stdout=subprocess.PIPE, text=True)
    if holder.stdout.readline() != f"held={options.idle}\n":
        holder.kill()
        sys.exit("crowd.py: not all of the idle clients were taken in")
    return holder


def cpu(server):
    """Seconds by role."""
    spent = {}
    for pid, role in server.children():
        spent[role] = spent.get(role, 0.0) + limits.cpu_seconds(pid)
    return spent


def measure(options, server, title):
    before = cpu(server)
    figures = load(options, ["-R", "-s", str(options.active), "-c", "5", "-m", str(options.refusals), "-a", "200"], server.port)
    spent = {role: value - before[role] for role, value in cpu(server).items()}
    print(f"  {title:22} RCPT p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms, most {figures['max_ms']:.1f} ms; "
          f"{figures['refused'] / figures['wall']:.0f} refusals/s; CPU " +
          ", ".join(f"{role} {value:.1f} s" for role, value in spent.items() if value >= 0.05) +
          f", generator {figures['own_cpu']:.1f} s", flush=True)
    return figures["p99_ms"]


def run_round(options):
    config = {"max-connections": 20000, "max-connections-per-address": 0, "max-connections-per-network": 0,
              "connection-rate-per-address": 0, "connection-rate-per-network": 0, "max-errors": 1000, "processes": 0,
              "postmaster": "u0@bench.test"}
    server = tidegate.Server(folder=tempfile.mkdtemp(prefix="crowd-"), recipients="u0@bench.test maildir\n", config=config)
    os.chmod(server.folder, 0o755)
    with server:
        measure(options, server, f"{options.active} active alone")
        holder = hold(options, server.port)
        try:
            begun = cpu(server)
            measured = measure(options, server, f"among {options.idle} idle")
            status = server.status()
            print(f"    sessions {status['smtpd.sessions']}, memory {status['smtpd.memory-bytes'] / 1024 / options.idle:.2f} KiB "
                  f"each of the budget, longest sweep {status['smtpd.longest-sweep-us'] / 1000:.1f} ms (all processes added), "
                  f"smtpd's CPU so far {cpu(server)['smtpd'] - begun['smtpd']:.1f} s", flush=True)
        finally:
            holder.terminate()
            holder.wait()
    shutil.rmtree(server.folder, ignore_errors=True)
    return measured


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--idle", type=int, default=10000)
    options.add_argument("--active", type=int, default=500)
    options.add_argument("--refusals", type=int, default=100000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--build", default=os.path.join(TOP, "build"))
    options = options.parse_args()
    raise_descriptors(options.idle + options.active + 1000)
    worst = 0.0
    for number in range(options.rounds):
        print(f"round {number}")
        worst = max(worst, run_round(options))
    print(f"worst p99 of a refused RCPT in the crowd: {worst:.1f} ms")


if __name__ == "__main__":
    main()
