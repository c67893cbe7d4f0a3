#!/usr/bin/python3
"""Runs the tests and ends with the line "N passed, N failed, N skipped".

usage: run.py [--all] [--build FOLDER] [--jobs N] [--units] [PATTERN...]

Each program of tests/unit, the kept seeds of each fuzzer, each dialog, and each test_*.py of the other folders is one
job (--all adds the long_*.py); it runs in namespaces of its own (tests/lib/enclose.py), with a folder of its own on the
disk (TMPDIR) and one in memory (TIDEGATE_TEST_MEMORY), both removed afterwards, under a time limit ("# limit: SECONDS" in a file; a default otherwise). Every job reports in TAP.
A PATTERN picks the jobs whose name contains it.
"""
import argparse
import contextlib
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIB = os.path.join(TOP, "tests", "lib")
MEMORY = "/dev/shm"
FOLDERS = ("docs", "integration", "sandbox", "bad", "crash")
LIMIT_SECONDS = {"unit": 60, "dialog": 60, "python": 120}
# A slower build is given that many times as long.
PATIENCE = float(os.environ.get("TIDEGATE_TEST_PATIENCE", "1"))
TAP = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*(.*)$")
SKIP = re.compile(r"#\s*SKIP\b", re.IGNORECASE)


class Job:
    """One program to run, and what came of it."""

    def __init__(self, kind, name, command, limit):
        self.kind, self.name, self.command, self.limit = kind, name, command, int(limit * PATIENCE)
        self.passed = self.skipped = 0
        self.failures = []  # (name of the test, its story)
        self.reasons = []  # of skipped tests
        self.seconds = 0.0

    def read(self, output, code, over_time):
        """Counts the TAP lines of output; whatever else went wrong is a failure of its own."""
        story, name = [], None
        for line in output.splitlines():
            match = TAP.match(line)
            if not match:
                story.append(line)
                continue
            if name is not None:
                self.failures.append((name, story))
            fails, text = match.groups()
            name, story = (text, []) if fails else (None, [] if not fails else story)
            if not fails and SKIP.search(text):
                self.skipped += 1
                self.reasons.append(text)
            elif not fails:
                self.passed += 1
        if name is not None:
            self.failures.append((name, story))
        if over_time:
            self.failures.append((f"took more than {self.limit} s", output.splitlines()[-30:]))
        elif code and not self.failures:
            self.failures.append((f"ended with code {code}", output.splitlines()[-30:]))
        elif not self.failures and not self.passed and not self.skipped:
            self.failures.append(("ran no test", output.splitlines()[-30:]))


def limit_of(path, kind):
    with open(path, encoding="utf-8") as file:
        match = re.search(r"^# limit: (\d+)", file.read(4000), re.MULTILINE)
    return int(match.group(1)) if match else LIMIT_SECONDS[kind]


def collect(build, everything, only_units):
    jobs = []
    for source in sorted(glob.glob(os.path.join(TOP, "tests/unit/*/test_*.c"))):
        part = os.path.relpath(source, os.path.join(TOP, "tests/unit"))[:-2]
        program = os.path.join(build, "unit", part)
        jobs.append(Job("unit", "unit/" + part, [program], LIMIT_SECONDS["unit"]))
    for source in sorted(glob.glob(os.path.join(TOP, "tests/fuzz/fuzz_*.c"))):
        part = os.path.basename(source)[len("fuzz_"):-2]
        command = [os.path.join(build, "seeds", part), os.path.join(TOP, "tests/fuzz/seeds", part)]
        jobs.append(Job("unit", "seeds/" + part, command, LIMIT_SECONDS["unit"]))
    if only_units:
        return jobs
    for path in sorted(glob.glob(os.path.join(TOP, "tests/dialog/*.dialog"))):
        name = "dialog/" + os.path.basename(path)[:-7]
        jobs.append(Job("dialog", name, [sys.executable, os.path.join(LIB, "dialog.py"), path], limit_of(path, "dialog")))
    for folder in FOLDERS:
        paths = glob.glob(os.path.join(TOP, "tests", folder, "test_*.py"))
        if everything:
            paths += glob.glob(os.path.join(TOP, "tests", folder, "long_*.py"))
        for path in sorted(paths):
            name = folder + "/" + os.path.basename(path)[:-3]
            jobs.append(Job("python", name, [sys.executable, os.path.join(LIB, "tap.py"), path], limit_of(path, "python")))
    suite = os.path.join(TOP, "tests", "spf_suite.py")
    jobs.append(Job("python", "spf_suite", [sys.executable, suite], limit_of(suite, "python")))
    # The longest first, so that the last minutes are not spent waiting for one job on one core.
    return sorted(jobs, key=lambda job: -job.limit)


def enclosure():
    """The command that gives a job its own namespaces, or nothing where that is not allowed."""
    base = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.getuid() != 0:
        base[1:1] = ["--user", "--map-current-user", "--keep-caps"]
    works = subprocess.run(base + ["true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return base if works.returncode == 0 else []


def folder_of(build, job):
    return os.path.join(build, "tmp", re.sub(r"[^a-z0-9]+", "-", job.name))


def remove(folder):
    # An ordinary user cannot empty folders that a test has locked.
    subprocess.run(["chmod", "-R", "u+rwX", folder], capture_output=True, check=False)
    shutil.rmtree(folder)


def memory_folder():
    """A folder in memory for the time of all tests, or None."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return contextlib.nullcontext()
    return tempfile.TemporaryDirectory(prefix="tidegate-tests-", dir=MEMORY)


def make(folder):
    if os.path.exists(folder):
        remove(folder)
    os.makedirs(folder)
    # Accounts without rights must reach what a test puts there for them.
    os.chmod(folder, 0o755)


def run(job, build, memory, prefix):
    folder = folder_of(build, job)
    fast = os.path.join(memory, os.path.basename(folder)) if memory else folder
    folders = sorted({folder, fast})
    for each in folders:
        make(each)
    environment = dict(os.environ, TIDEGATE_BUILD=build, TIDEGATE_TEST_TMP=folder, CMOCKA_MESSAGE_OUTPUT="TAP",
                       PYTHONDONTWRITEBYTECODE="1", TMPDIR=folder, TIDEGATE_TEST_MEMORY=fast)
    begun = time.monotonic()
    process = subprocess.Popen(prefix + [sys.executable, os.path.join(LIB, "enclose.py")] + job.command,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=TOP,
                               env=environment)
    over_time = False
    try:
        output, _ = process.communicate(timeout=job.limit)
    except subprocess.TimeoutExpired:
        over_time = True
        process.terminate()
        try:
            output, _ = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    job.seconds = time.monotonic() - begun
    job.read(output.decode(errors="replace"), process.returncode, over_time)
    for each in folders:
        try:
            remove(each)
        except OSError as error:
            job.failures.append(("left behind", [f"{each} cannot be removed: {error}"]))
    return job


def report(job, lock):
    with lock:
        state = "FAIL" if job.failures else "ok" if job.passed else "skip"
        print(f"{state:4} {job.name:44} {job.passed:4} passed {job.seconds:6.1f} s", flush=True)
        for name, story in job.failures:
            print(f"  FAILED {job.name}: {name}")
            for line in story:
                print(f"    {line}")
        for reason in job.reasons:
            print(f"  skipped: {reason}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description="Runs the tests.")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--units", action="store_true")
    parser.add_argument("--build", default=os.path.join(TOP, "build"))
    parser.add_argument("--jobs", type=int, default=min(3, (os.cpu_count() or 1) + 1))
    parser.add_argument("patterns", nargs="*")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    jobs = collect(build, options.all, options.units)
    if options.patterns:
        jobs = [job for job in jobs if any(pattern in job.name for pattern in options.patterns)]
    prefix = enclosure()
    if any(job.kind == "python" for job in jobs):
        # Before the tests, which see no package source from their own networks.
        subprocess.run([sys.executable, os.path.join(LIB, "peers.py")], env=dict(os.environ, TIDEGATE_BUILD=build), check=False)
    lock = threading.Lock()
    with memory_folder() as memory, ThreadPoolExecutor(options.jobs) as pool:
        if memory:
            os.chmod(memory, 0o755)
        for future in [pool.submit(lambda job=job: report(run(job, build, memory, prefix), lock)) for job in jobs]:
            future.result()
    passed = sum(job.passed for job in jobs)
    failed = sum(len(job.failures) for job in jobs)
    skipped = sum(job.skipped for job in jobs)
    for job in jobs:
        for name, _ in job.failures:
            print(f"FAILED {job.name}: {name}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
