"""Attacks are refused, wherever they stand, and none of them reaches the gateway."""

import collections
import json
import os
import unittest

import attacks
import wire

VERDICTS = "/var/lib/dsline/waf/verdicts"
CASES = list(attacks.cases(os.environ["CRS_TESTS"], "/usr/share/modsecurity-crs/rules"))


class Attacks(unittest.TestCase):
    def test_nineteen_in_twenty_are_refused(self):
        total, refused, missed = collections.Counter(), collections.Counter(), []
        for name, kind, place, target, headers in CASES:
            answer = wire.ask(target=target, headers=headers)
            for key in (place, kind, "all"):
                total[key] += 1
                refused[key] += answer.status in (400, 403)
            if answer.status not in (400, 403):
                missed.append(f"{name} in {place}: {answer.status} {target} {headers}")
        for key in sorted(total):
            print(f"  {key:10} {refused[key]:4} of {total[key]:4} refused, {100 * refused[key] / total[key]:.1f} %")
        if os.environ.get("SHOW_MISSED"):
            print("\n".join(missed))
        self.assertGreaterEqual(total["all"], 300)
        for place in ("query", "path", "header", "cookie"):
            self.assertGreaterEqual(refused[place] / total[place], 0.95, f"{place}: {missed[:5]}")

    def test_the_answer_is_an_error_that_sdks_understand(self):
        answer = wire.ask(target="/v1/x?q=%3Cscript%3Ealert(1)%3C/script%3E")
        self.assertEqual(answer.status, 403)
        error = json.loads(answer.body)["error"]
        self.assertEqual((error["type"], error["code"]), ("invalid_request_error", "request_refused"))
        self.assertEqual(error["request_id"], answer.headers["X-Request-Id"])
        self.assertIn("max-age", answer.headers["Strict-Transport-Security"])

    def test_a_verdict_is_written_with_the_request_id_and_without_keys(self):
        answer = wire.ask(target="/v1/x?q=%3Cscript%3Ealert(1)%3C/script%3E", headers={"Authorization": "Bearer sk-canary"})
        self.assertEqual(answer.status, 403)
        number = answer.headers["X-Request-Id"]
        with open(VERDICTS) as file:
            lines = [line for line in file if number in line]
        self.assertEqual(len(lines), 1)
        self.assertEqual(json.loads(lines[0])["transaction"]["unique_id"], number)
        self.assertNotIn("sk-canary", lines[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
