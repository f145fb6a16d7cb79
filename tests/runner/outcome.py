"""What a tier printed, read line by line: which tests passed, failed and were left out, how long each took, what still runs.

Four kinds of test programs are understood: Rust's libtest, Python's unittest (verbose), lines "accepted NAME" and
"REFUSED NAME", and anything else, which is one test by itself. Pure: time comes in with each line.
"""

import re

# How many lines of a failure are told.
TAIL = 30

PROGRAM = re.compile(r"^ +Running (?P<name>.+?): (?P<command>/.+)$")
LIBTEST = re.compile(r"^test (?P<name>\S+)(?: - should panic)? \.\.\. (?P<rest>.*)$")
# With one thread, the name is printed at the start, and what the test prints itself stands before the verdict.
LIBTEST_VERDICT = re.compile(r"^(?P<verdict>ok|FAILED|ignored\b.*)$")
BEGUN = re.compile(r"^running \d+ tests?$")
ENDED = re.compile(r"^test result: (?P<verdict>ok|FAILED)\. ")
BLOCK = re.compile(r"^---- (?P<name>\S+) stdout ----$")
UNITTEST = re.compile(r"^(?P<method>\w+) \((?P<where>[\w.]+)\)")
# What a test printed itself may stand before its verdict, or push it to a line of its own.
VERDICT = re.compile(r"(?:^|\.\.\. )(?P<verdict>ok|FAIL|ERROR|skipped .*|expected failure)$")
UNITTEST_BLOCK = re.compile(r"^(?:FAIL|ERROR): (?P<name>\w+ \([\w.]+\))")
UNITTEST_RULE = re.compile(r"^(?:={70}|Ran \d+ tests? in .*)$")
CHECK = re.compile(r"^(?P<verdict>accepted|REFUSED) +(?P<name>.+)$")


class Outcome:
    """A tier's outcome as it becomes known."""

    def __init__(self, tier, now, list_tests=lambda command: ([], 1)):
        """`list_tests` tells the names of a libtest program's tests, in the order of their start, and how many run at a time."""
        self.tier = tier
        self.list_tests = list_tests
        self.passed = self.failed = self.skipped = 0
        self.tests = []  # (name, seconds)
        self.failures = {}  # name -> lines
        self.lines = []  # the last ones
        self._program = self._command = None
        self._block = None
        self._since = now  # when the test before ended
        self._unittest = None  # the test whose verdict is awaited
        self._cases = None  # of a libtest program: those that have not ended, in the order of their start
        self._case = None  # the one whose verdict is awaited
        self._threads = 1
        self._starts = {}

    def take(self, line, now):
        """One line without its end."""
        line = line.rstrip("\r\n")
        self.lines = [*self.lines[-200:], line]
        if self._read_libtest(line, now) or self._read_check(line, now):
            return
        self._read_unittest(line, now)
        if self._block is not None:
            self.failures[self._block].append(line)

    def running(self, partial=""):
        """The tests that have begun and not ended; `partial` is an unfinished last line."""
        found = UNITTEST.match(partial)
        if found:
            return [found[0]]
        if self._cases:
            return [f"{self._program}: {name}" for name in self._cases[: self._threads]]
        return [self._program] if self._program else []

    def end(self, code):
        """The tier has ended with this exit code; a failure without a name is the tier's own."""
        if code == 0 and self.passed + self.failed + self.skipped == 0:
            self.passed = 1
        if code != 0 and not self.failed:
            self.fail(self._program or self.tier, self.lines[-TAIL:])

    def fail(self, name, lines):
        """One more failure, and the lines that tell of it."""
        self.failed += 1
        self.failures.setdefault(name, []).extend(lines)

    def explain_silence(self):
        """Tells of failures that nothing was printed about why: libtest does so when all of a program's tests have ended."""
        for name, lines in self.failures.items():
            if not lines:
                lines.append(f"why it failed would have been printed at the end of its program; alone: {self._command} --exact {name.rpartition(': ')[2]}")

    def as_dict(self):
        """For the summary: plain values."""
        told = [(name, tail(lines)) for name, lines in self.failures.items()]
        return {"tier": self.tier, "passed": self.passed, "failed": self.failed, "skipped": self.skipped, "tests": self.tests, "failures": told}

    # ---- libtest

    def _read_libtest(self, line, now):
        if found := PROGRAM.match(line):
            self._block = None
            self._program, self._command = found["name"], found["command"]
            self._cases, self._threads = self.list_tests(found["command"])
            self._start(now)
        elif BEGUN.match(line):
            self._start(now, again=True)
        elif found := LIBTEST.match(line):
            self._case = found["name"]
            self._read_verdict(found["rest"], now)
        elif self._case and LIBTEST_VERDICT.match(line):
            self._read_verdict(line, now)
        elif found := BLOCK.match(line):
            self._block = self._full(found["name"])
            self.failures.setdefault(self._block, [])
        elif line == "failures:" or ENDED.match(line):
            self._block = None
            if ENDED.match(line):
                self._cases, self._program = None, None
        else:
            return False
        return True

    def _read_verdict(self, text, now):
        if found := LIBTEST_VERDICT.match(text):
            self._end_case(self._case, found["verdict"], now)
            self._case = None

    def _full(self, name):
        return f"{self._program}: {name}" if self._program else name

    def _start(self, now, again=False):
        if again:
            self._starts = {}
        for name in (self._cases or [])[: self._threads]:
            self._starts.setdefault(name, now)

    def _end_case(self, name, verdict, now):
        began = self._starts.pop(name, now)
        if self._cases and name in self._cases:
            self._cases.remove(name)
        self._start(now)
        if verdict.startswith("ignored"):
            return
        self.tests.append((self._full(name), now - began))
        if verdict == "ok":
            self.passed += 1
        else:
            self.fail(self._full(name), [])

    # ---- unittest

    def _read_unittest(self, line, now):
        if UNITTEST_RULE.match(line):
            self._block = None
        if found := UNITTEST_BLOCK.match(line):
            self._block = found["name"]
            self.failures.setdefault(self._block, [])
        elif found := UNITTEST.match(line):
            self._unittest = found[0]
        if self._unittest and (found := VERDICT.search(line)):
            self._end_unittest(found["verdict"], now)

    def _end_unittest(self, verdict, now):
        self.tests.append((self._unittest, now - self._since))
        self._since = now
        if verdict.startswith("skipped"):
            self.skipped += 1
        elif verdict in ("ok", "expected failure"):
            self.passed += 1
        else:
            self.fail(self._unittest, [])
        self._unittest = None

    # ---- accepted and REFUSED

    def _read_check(self, line, now):
        found = CHECK.match(line)
        if not found:
            return False
        self.tests.append((found["name"], now - self._since))
        self._since = now
        self._block = None
        if found["verdict"] == "accepted":
            self.passed += 1
        else:
            self.fail(found["name"], [])
            self._block = found["name"]
        return True


def tail(lines):
    """The last lines, without empty ones and unittest's rule at the end."""
    while lines and not lines[-1].strip("- "):
        lines = lines[:-1]
    return lines[-TAIL:]
