"""What the Python clients' tests share: the stage's places and its switches."""

import json
import os
import unittest
import urllib.request
import uuid

BASE = os.environ["STAGE_BASE"]
LOST = os.environ["STAGE_LOST"]
UPSTREAM = os.environ["STAGE_UPSTREAM"]
KEY = os.environ["STAGE_KEY"]
LIMITED_KEY = os.environ["STAGE_LIMITED_KEY"]
UPSTREAM_KEY = os.environ["STAGE_UPSTREAM_KEY"]
BODY_BYTES = int(os.environ["STAGE_BODY_BYTES"])

MODEL = "deepseek-flash"
# The upstream tries nothing else after the first of these, and the gateway three times in all.
MOST_TRIES = 3
# So slow that several heartbeats come before the first token.
SLOW = {"first_token_ms": 2500, "keepalive_ms": 300}
# A few events, the first tokens among them, and no end.
CUT = {"cut_stream_after": 12}
# Where an answer comes from at first, at once again, and after a restart: until the cache has looked at an answer that
# has just ended, it is found among the calls of the last half minute.
SPARED = [["miss", "hit", "hit"], ["miss", "coalesced", "hit"]]
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks a subject up",
        "parameters": {
            "type": "object",
            "properties": {"about": {"type": "string"}},
            "required": ["about"],
        },
    },
}


def fresh(words="What is a line?"):
    """A question that nobody has asked before."""
    return f"{words} {uuid.uuid4()}"


def said(question, model=MODEL):
    """How the lab's answer to a question begins."""
    return f"You asked {model}: {question}"


def _post(path, body=None):
    request = urllib.request.Request(os.environ["STAGE_URL"] + path, json.dumps(body or {}).encode())
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


class OnStage(unittest.TestCase):
    """Begins every test with knobs at rest and a gateway that holds nothing against its upstream."""

    def setUp(self):
        self.turn()

    def turn(self, **knobs):
        """Other knobs; from now on `asked` counts anew."""
        self.before = _post("/begin", knobs)["requests"]

    def restart(self):
        """What the gateway had in its own memory is gone; Redis stays."""
        _post("/restart")

    def hold(self):
        """Nobody is answered until `release`."""
        _post("/hold")

    def release(self, merged):
        """Answers again, as soon as so many requests have joined another one's call."""
        _post("/release", {"merged": merged})

    def asked(self):
        """How often the upstream was asked since the last `turn`."""
        return _post("/stats")["requests"] - self.before
