"""The requests of examples/flutter, read from the file that its own tests read, sent to the gateway as they are."""

import contextlib
import http.client
import json
import os
import unittest
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from control import BASE, KEY, OnStage

SHAPES = json.loads((Path(__file__).parents[2] / "examples/flutter/test/requests.json").read_text())


def send(name, key=KEY):
    shape, base = SHAPES[name], urlsplit(BASE)
    headers = {header: value.replace("TOKEN", key) for header, value in shape["headers"].items()}
    body = shape["body"]
    if body is not None:
        # A question that nobody has asked before.
        body = body | {"messages": [body["messages"][0] | {"content": f"What is a line? {uuid.uuid4()}"}]}
    with contextlib.closing(http.client.HTTPConnection(base.hostname, base.port, timeout=120)) as link:
        link.request(shape["method"], base.path + shape["path"], body and json.dumps(body), headers)
        answer = link.getresponse()
        try:
            return answer, answer.read().decode()
        except http.client.IncompleteRead as cut:
            # After a stream that broke, the gateway breaks the connection too.
            return answer, cut.partial.decode()


def data_of(text):
    return [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]


class Flutter(OnStage):
    def test_models_have_names(self):
        answer, text = send("models")
        self.assertEqual(answer.status, 200)
        self.assertTrue(all(isinstance(model["id"], str) for model in json.loads(text)["data"]))

    def test_each_event_is_one_line_and_the_last_says_so(self):
        answer, text = send("ask")
        self.assertEqual(answer.status, 200)
        *events, last = data_of(text)
        self.assertEqual(last, "[DONE]")
        choices = [choice for event in events for choice in json.loads(event)["choices"]]
        said = "".join(choice["delta"].get("content") or "" for choice in choices)
        self.assertIn("What is a line?", said)

    def test_a_cut_stream_ends_in_an_error_with_a_message(self):
        self.turn(cut_stream_after=6)
        _, text = send("ask")
        events = data_of(text)
        self.assertNotIn("[DONE]", events)
        self.assertIsInstance(json.loads(events[-1])["error"]["message"], str)

    def test_a_wrong_token_is_401_with_a_message(self):
        answer, text = send("models", key="nobody")
        self.assertEqual(answer.status, 401)
        self.assertIsInstance(json.loads(text)["error"]["message"], str)

    def test_a_limit_says_when_to_come_back(self):
        self.turn(error_rate=1, error_status=429)
        answer, text = send("ask")
        self.assertEqual(answer.status, 429)
        self.assertGreaterEqual(int(answer.getheader("retry-after")), 1)
        self.assertIsInstance(json.loads(text)["error"]["message"], str)


if __name__ == "__main__":
    unittest.main()
