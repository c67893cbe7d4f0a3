"""Runs the unittest cases of one file and writes one TAP line for each.

usage: tap.py FILE [PATTERN]     (PATTERN: only tests whose name contains it)
"""
import importlib.util
import os
import sys
import time
import traceback
import unittest


class TapResult(unittest.TestResult):
    """Prints "ok", "not ok" or "ok ... # SKIP" as each test ends; a failure's story follows on lines with "# "."""

    def __init__(self):
        super().__init__()
        self.begun = 0.0
        self.failed_subtests = 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()
        self.failed_subtests = 0

    def line(self, verdict, test, note=""):
        name = test.id().split(".", 1)[-1]
        print(f"{verdict} - {name} ({time.monotonic() - self.begun:.2f} s){note}", flush=True)

    def fail(self, test, err):
        self.line("not ok", test)
        frames = [frame for frame in traceback.extract_tb(err[2]) if "/unittest/" not in frame.filename]
        for text in "".join(traceback.format_list(frames) + traceback.format_exception_only(*err[:2])).splitlines():
            print("# " + text)
        for text in getattr(test, "story", lambda: [])():
            print("# | " + text)
        sys.stdout.flush()

    def addSuccess(self, test):
        if not self.failed_subtests:
            self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed_subtests += 1
            self.fail(subtest, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def addExpectedFailure(self, test, err):
        self.fail(test, err)

    def addUnexpectedSuccess(self, test):
        self.line("not ok", test, " unexpectedly")


def run_suite(suite):
    result = TapResult()
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


def chosen(suite, pattern):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from chosen(test, pattern)
        elif pattern in test.id():
            yield test


def main():
    path = os.path.abspath(sys.argv[1])
    top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    sys.path.insert(0, top)
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    if len(sys.argv) > 2:
        suite = unittest.TestSuite(chosen(suite, sys.argv[2]))
    return run_suite(suite)


if __name__ == "__main__":
    sys.exit(main())
