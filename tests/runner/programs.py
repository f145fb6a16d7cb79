#!/usr/bin/env python3
"""Lists a package's test programs: programs.py MESSAGES PACKAGE, where MESSAGES is what `cargo build` wrote as JSON.

A line for each, in cargo's order: name (`lib` for the unit tests), program, folder of the package, with tabs between.
"""

import json
import sys
from pathlib import Path

KINDS = ("lib", "bin", "test")


def main():
    messages, package = Path(sys.argv[1]), sys.argv[2]
    found = []
    for line in messages.read_text().splitlines():
        message = json.loads(line)
        if message.get("reason") != "compiler-artifact" or not message["profile"]["test"] or not message["executable"]:
            continue
        kind, folder = message["target"]["kind"][0], Path(message["manifest_path"]).parent
        if kind in KINDS and name_of(message["package_id"], folder) == package:
            name = "lib" if kind == "lib" else message["target"]["name"]
            found.append((KINDS.index(kind), name, message["executable"], folder))
    for _, name, program, folder in sorted(found):
        print(name, program, folder, sep="\t")


def name_of(package_id, folder):
    """path+file:///a/b#0.1.0 where the folder bears the package's name, else path+file:///a/b#name@0.1.0"""
    name, _, version = package_id.rpartition("#")[2].partition("@")
    return name if version else folder.name


if __name__ == "__main__":
    main()
