#!/usr/bin/env python3
"""Reads testssl.sh's findings: nothing below TLS 1.3 may be offered, and nothing weak: judge.py FINDINGS.json"""

import json
import sys

OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2")
BAD = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def main(path):
    with open(path) as file:
        findings = json.load(file)
    said = {finding["id"]: finding for finding in findings}
    wrong = [f"{name} is offered" for name in OLD if not said[name]["finding"].startswith("not offered")]
    if not said["TLS1_3"]["finding"].startswith("offered"):
        wrong.append("TLS 1.3 is not offered")
    # A protocol that is not offered, and a connection of the tool's that failed, are no weakness of the server.
    wrong += [
        f"{finding['id']}: {finding['severity']} {finding['finding']}"
        for finding in findings
        if finding["severity"] in BAD and finding["id"] not in OLD and not finding["id"].startswith("scan")
    ]
    print(f"accepted  testssl.sh: {len(findings)} findings, nothing below TLS 1.3, no weak suite" if not wrong else "REFUSED   testssl.sh")
    for line in wrong:
        print(f"          {line}")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1]))
