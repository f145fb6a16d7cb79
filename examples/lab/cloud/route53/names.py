"""DNS names the way Route 53 keeps, writes and orders them."""

import re

_ESCAPE = re.compile(r"\\([0-7]{3})")
_PLAIN = set("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def canonical(name):
    """Lower case, with a final dot, every unusual character as \\ooo (so a wildcard is \\052)."""
    lowered = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in _unescaped(name))
    written = "".join(c if c in _PLAIN else f"\\{ord(c):03o}" for c in lowered)
    return written if written.endswith(".") else written + "."


def order(name):
    """The sorting key of a name: its labels from the right, as Route 53 lists them."""
    return [_unescaped(label) for label in reversed(canonical(name).rstrip(".").split("."))]


def lies_within(name, zone_name):
    """Whether a canonical name belongs to a zone."""
    return name == zone_name or name.endswith("." + zone_name)


def valid(name):
    """Whether a name has at most 255 characters and labels of 1 to 63."""
    labels = _unescaped(name).rstrip(".").split(".")
    return (
        len(name) <= 1024
        and sum(len(label) + 1 for label in labels) <= 255
        and all(1 <= len(label) <= 63 for label in labels)
    )


def _unescaped(name):
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 8)), name)
