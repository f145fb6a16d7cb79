"""What the tests' programs print, as the runner reads it."""

import unittest

from outcome import Outcome


def read(text, names=(), threads=2, code=0):
    """An outcome of lines that come a second apart."""
    outcome = Outcome("tier", 0, lambda command: (list(names), threads))
    for second, line in enumerate(text.splitlines(), start=1):
        outcome.take(line, second)
    outcome.end(code)
    return outcome


class Libtest(unittest.TestCase):
    def test_a_test_lasts_from_when_a_thread_was_free(self):
        text = "     Running unit: /x/y\nrunning 3 tests\ntest a ... ok\ntest c ... ok\ntest b ... ignored, long\ntest result: ok. 2 passed; 0 failed"
        outcome = read(text, ["a", "b", "c"])
        self.assertEqual((outcome.passed, outcome.failed, outcome.skipped), (2, 0, 0))
        self.assertEqual(outcome.tests, [("unit: a", 1), ("unit: c", 1)])

    def test_a_failure_has_the_lines_of_its_own_block(self):
        text = (
            "     Running unit: /x/y\nrunning 2 tests\ntest a ... FAILED\ntest b ... FAILED\n\nfailures:\n\n---- a stdout ----\n"
            "one\n\n---- b stdout ----\ntwo\n\n\nfailures:\n    a\n    b\n\ntest result: FAILED. 0 passed; 2 failed"
        )
        failures = dict(read(text, ["a", "b"], code=101).as_dict()["failures"])
        self.assertEqual(failures, {"unit: a": ["one"], "unit: b": ["two"]})

    def test_those_that_have_begun_and_not_ended_still_run(self):
        outcome = Outcome("tier", 0, lambda command: (["a", "b", "c", "d"], 2))
        for line in ["     Running unit: /x/y", "running 4 tests", "test b ... ok"]:
            outcome.take(line, 1)
        self.assertEqual(outcome.running(), ["unit: a", "unit: c"])

    def test_a_failure_whose_program_hangs_says_how_to_see_why(self):
        outcome = Outcome("tier", 0, lambda command: (["a", "b"], 2))
        for line in ["     Running unit: /x/y --quiet", "running 2 tests", "test b ... FAILED"]:
            outcome.take(line, 1)
        outcome.explain_silence()
        self.assertEqual(outcome.running(), ["unit: a"])
        self.assertIn("/x/y --quiet --exact b", outcome.as_dict()["failures"][0][1][0])

    def test_with_one_thread_the_verdict_may_come_lines_later(self):
        text = "     Running lab: /x/y\nrunning 2 tests\ntest a ... == told\n   more\nok\ntest b ... ok\ntest result: ok. 2 passed"
        outcome = read(text, ["a", "b"], threads=1)
        self.assertEqual(outcome.tests, [("lab: a", 3), ("lab: b", 1)])

    def test_a_program_that_ends_without_a_word_has_failed(self):
        outcome = read("     Running unit: /x/y\nrunning 2 tests\nSegmentation fault", ["a", "b"], code=139)
        self.assertEqual(outcome.as_dict()["failures"][0][0], "unit")
        self.assertEqual(outcome.failed, 1)


class Unittest(unittest.TestCase):
    def test_verdicts_and_blocks(self):
        rule, line = "=" * 70, "-" * 70
        text = (
            f"test_a (m.C.test_a) ... ok\ntest_b (m.C.test_b)\nWhat it does ... ERROR\ntest_c (m.C.test_c) ... noise\nFAIL\n"
            f"test_d (m.C.test_d) ... skipped 'no Redis'\n\n{rule}\nERROR: test_b (m.C.test_b)\n{line}\nTraceback\n{rule}\n"
            f"FAIL: test_c (m.C.test_c)\n{line}\nAssertionError\n\n{line}\nRan 4 tests in 1.0s\n\nFAILED (failures=1, errors=1, skipped=1)"
        )
        outcome = read(text, code=1)
        self.assertEqual((outcome.passed, outcome.failed, outcome.skipped), (1, 2, 1))
        failures = dict(outcome.as_dict()["failures"])
        self.assertEqual(failures["test_b (m.C.test_b)"][-1], "Traceback")
        self.assertEqual(failures["test_c (m.C.test_c)"][-1], "AssertionError")

    def test_an_unfinished_line_names_the_test_that_runs(self):
        outcome = Outcome("tier", 0)
        self.assertEqual(outcome.running("test_a (m.C.test_a) ... "), ["test_a (m.C.test_a)"])


class Others(unittest.TestCase):
    def test_checks(self):
        outcome = read("accepted  one\nREFUSED   two\n   because", code=1)
        self.assertEqual((outcome.passed, outcome.failed), (1, 1))
        self.assertEqual(outcome.as_dict()["failures"], [("two", ["   because"])])

    def test_a_program_of_no_known_kind_is_one_test(self):
        self.assertEqual(read("all well").passed, 1)
        failed = read("first\nlast", code=2)
        self.assertEqual((failed.failed, failed.as_dict()["failures"]), (1, [("tier", ["first", "last"])]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
