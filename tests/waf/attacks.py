"""The Core Rule Set's own tests of its rules, as requests to a gateway: the same attack in query, path, header and cookie.

They come with the Debian source of modsecurity-crs. Taken are those that must raise a rule of paranoia level 1 which by
itself is enough for a refusal (severity critical), of the classes below. What they put into a body stands in the query here,
since bodies are not looked at.
"""

import pathlib
import re
import urllib.parse

import yaml

CLASSES = {"913": "scanner", "930": "traversal", "931": "inclusion", "932": "command", "933": "php", "934": "node",
           "941": "html", "942": "sql", "944": "java"}  # fmt: skip
SAFE = "/?&=%+:;,.-_~!*()@$'[]"


def strong_rules(rules):
    """Numbers of the rules that refuse by themselves at level 1."""
    found = set()
    for path in pathlib.Path(rules).glob("REQUEST-9*.conf"):
        for block in re.split(r"\n(?=SecRule )", path.read_text()):
            number = re.search(r'"id:(\d+)|\bid:(\d+)', block)
            if number and "paranoia-level/1'" in block and "severity:'CRITICAL'" in block:
                found.add(number[1] or number[2])
    return found


def stages(tests):
    """Every stage of every test, with the rule it must raise."""
    for path in sorted(pathlib.Path(tests).glob("REQUEST-9*/*.yaml")):
        if path.parent.name[8:11] not in CLASSES:
            continue
        for test in yaml.safe_load(path.read_text())["tests"]:
            for stage in test["stages"]:
                stage = stage["stage"]
                rule = re.fullmatch(r'id "(\d+)"', str(stage["output"].get("log_contains", "")))
                if rule and "encoded_request" not in stage["input"]:
                    yield test["test_title"], rule[1], stage["input"]


def encoded(text):
    """Only what cannot stand in a target is encoded; what the test encoded stays so."""
    return urllib.parse.quote(text, safe=SAFE)


def as_it_is(given):
    """The test's own target and headers, with a form's body as the query; nothing for what cannot be sent."""
    target = encoded(str(given.get("uri", "/")))
    data = given.get("data")
    if isinstance(data, list):
        data = "".join(data)
    if data:
        target += ("&" if "?" in target else "?") + encoded(str(data).strip())
    dropped = ("host", "content-length", "content-type", "connection", "transfer-encoding")
    headers = {name: value for name, value in given.get("headers", {}).items() if name.lower() not in dropped}
    # nginx hands on no header of another shape, so whatever stands there reaches nobody.
    if not all(re.fullmatch("[A-Za-z0-9-]+", name) for name in headers):
        return None
    return target, headers


def payload(target):
    """The attack alone: the longest value of the query."""
    query = target.partition("?")[2]
    values = [value for pair in query.split("&") for value in [pair.partition("=")[2] or pair]]
    return urllib.parse.unquote_plus(max(values, key=len, default=""))


def cases(tests, rules):
    """(name, class, place, method, target, headers) of each case."""
    strong = strong_rules(rules)
    for name, rule, given in stages(tests):
        if rule not in strong:
            continue
        known = as_it_is(given)
        if not known:
            continue
        target, headers = known
        kind = CLASSES[rule[:3]]
        where = "query" if "?" in target else "header"
        if where == "header" and "Cookie" in headers:
            where = "cookie"
        if where == "header" and target != "/":
            where = "path"
        yield name, kind, where, target, headers
        attack = payload(target)
        # The same in other places, where these classes of attack make sense.
        # A plain word is none: then the attack was in a name or a header.
        if kind in ("sql", "html") and attack.isprintable() and not re.fullmatch(r"[\w.-]*", attack):
            whole = urllib.parse.quote(attack, safe="")
            yield name, kind, "cookie", "/v1/models", {"Cookie": f"session={whole}"}
            yield name, kind, "path", f"/v1/files/{whole}", {}
            yield name, kind, "header", "/v1/models", {"User-Agent": attack}
