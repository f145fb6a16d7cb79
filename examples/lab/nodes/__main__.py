"""Nodes by hand: `python3 -m nodes off i-0123…` does to a node what no cloud would do for you."""

import argparse
import os
import sys

from nodes import Fleet, NodeError

WORDS = {
    "off": (Fleet.power_off, "pull the plug"),
    "on": (Fleet.power_on, "start it again"),
    "pause": (Fleet.pause, "freeze all its processes"),
    "resume": (Fleet.resume, "thaw them"),
    "reboot": (Fleet.reboot, "shut down in order, and start"),
    "cut": (Fleet.cut, "drop every packet to and from it"),
    "mend": (Fleet.mend, "let them through again"),
    "terminate": (Fleet.terminate, "remove it and its disk (the cloud is not told)"),
}


def main() -> int:
    """Reads the command line, does the one thing, and returns the exit code."""
    known = "\n".join(f"  {word:10} NODE  {text}" for word, (_, text) in WORDS.items())
    parser = argparse.ArgumentParser(
        prog="python3 -m nodes",
        description="Looks at the lab's nodes and disturbs them.",
        epilog=f"words:\n  list             all nodes\n  sweep            remove all nodes\n{known}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--state", default=os.environ.get("DSLINE_LAB_STATE", "/var/lib/dsline-lab"), metavar="DIR")
    parser.add_argument("word", choices=["list", "sweep", *WORDS], metavar="WORD")
    parser.add_argument("node", nargs="?", metavar="NODE", help="its instance id or address")
    wanted = parser.parse_args()

    try:
        fleet = Fleet(wanted.state)
        nodes = fleet.list()
        if wanted.word == "sweep":
            print(f"{fleet.sweep()} nodes removed")
        elif wanted.word == "list":
            for node in nodes:
                print(f"{node.instance_id}  {node.address:15}  {node.kind:5}  {node.state}{', cut' if node.cut else ''}")
        else:
            found = [node for node in nodes if wanted.node in (node.instance_id, node.address)]
            if not found:
                there = ", ".join(node.instance_id for node in nodes) or "none"
                raise NodeError(f"there is no node '{wanted.node or ''}'; there are: {there}")
            WORDS[wanted.word][0](fleet, found[0].instance_id)
    except NodeError as error:
        print(f"nodes: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
