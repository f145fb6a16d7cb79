#!/usr/bin/env python3
"""Sums up tiers by the files that tier.py left: summary.py RESULT...

The time of each tier, the ten slowest tests, and for each failure its tier, its name and its last lines, so that the end
of a log alone tells what is wrong. Exit 0: nothing failed; 1: something did, or CI=true and something was skipped.
"""

import json
import os
import sys
from pathlib import Path

# How a tier says that it did not run: for a reason that CI must not have, or for one that it may.
CANNOT, MAY_NOT = 77, 78
SLOWEST = 10


def main():
    tiers = [read(path) for path in sys.argv[1:]]
    print("\n== summary")
    for tier in tiers:
        print(f"{tier['seconds']:8.1f} s  {tier['tier']:<13} {tier['verdict']}")
    print(f"{sum(tier['seconds'] for tier in tiers):8.1f} s  in all")
    tests = [(seconds, tier["tier"], name) for tier in tiers for name, seconds in tier["tests"]]
    if tests:
        print("\nthe slowest tests:")
    for seconds, tier, name in sorted(tests, reverse=True)[:SLOWEST]:
        print(f"{seconds:8.1f} s  {tier}: {name}")
    for tier in tiers:
        for name, lines in tier["failures"]:
            print(f"\n-- FAILED {tier['tier']}: {name}")
            print("\n".join(f"   {line}" for line in lines))
    forbidden = sum(tier["skipped"] for tier in tiers if tier["code"] != MAY_NOT)
    is_ci = os.environ.get("CI") == "true"
    if is_ci and forbidden:
        print("\n!! CI forbids skipping")
    passed, failed, skipped = (sum(tier[key] for tier in tiers) for key in ("passed", "failed", "skipped"))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or (is_ci and forbidden) else 0


def read(path):
    tier = json.loads(Path(path).read_text())
    if tier["code"] in (CANNOT, MAY_NOT):
        reason = tier["failures"][-1][1][-1:] or ["it did not say why"]
        tier |= {"passed": 0, "failed": 0, "skipped": 1, "failures": [], "tests": [], "verdict": f"SKIPPED: {reason[0]}"}
    else:
        word = "FAILED" if tier["code"] or tier["failed"] else "passed"
        tier["verdict"] = f"{word} ({tier['passed']} passed, {tier['failed']} failed, {tier['skipped']} skipped)"
    return tier


if __name__ == "__main__":
    sys.exit(main())
