"""curl, which shows what really goes over the wire."""

import json
import os
import subprocess
import tempfile
import unittest

import control
from control import CUT, MODEL, MOST_TRIES, SLOW, SPARED, TOOL, OnStage, fresh, said


def start(path, *more, body=None, base=control.BASE, key=control.KEY):
    command = ["curl", "--silent", "--show-error", "--no-buffer", "--max-time", "120", "--dump-header", "-", base + path, *more]
    # The key goes by a file of headers, not by the command line, which everybody on the machine can read.
    with tempfile.NamedTemporaryFile("w", suffix=".headers", delete=False) as headers:
        headers.write(f"authorization: Bearer {key}\n")
    command += ["--header", f"@{headers.name}"]
    if body is not None:
        command += ["--header", "content-type: application/json", "--header", "expect:", "--data-binary", "@-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.headers = headers.name
    if body is not None:
        process.stdin.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())
        process.stdin.close()
        process.stdin = None
    return process


class Answer:
    def __init__(self, process):
        out, self.complaint = process.communicate(timeout=130)
        os.unlink(process.headers)
        self.code = process.returncode
        head, _, self.body = out.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, self.body = self.body.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines[1:])

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def content(self):
        """The body without the heartbeats, whose number is the clock's."""
        return self.body.replace(b": keep-alive\n", b"")

    @property
    def events(self):
        """What the events carry, comments left out."""
        lines = self.body.decode().split("\n")
        return [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]


def ask(*more, **how):
    return Answer(start(*more, **how))


def chat(question, **more):
    messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
    return {"model": MODEL, "messages": messages} | more


CHAT = "/chat/completions"


class Answers(OnStage):
    def test_in_one_piece(self):
        question = fresh()
        answer = ask(CHAT, body=chat(question))
        self.assertEqual((answer.code, answer.status, answer.headers["content-type"]), (0, 200, "application/json"))
        self.assertTrue(answer.json["choices"][0]["message"]["content"].startswith(said(question)))
        self.assertTrue(answer.headers["x-request-id"])

    def test_as_a_stream(self):
        answer = ask(CHAT, body=chat(fresh(), stream=True))
        self.assertEqual(answer.headers["x-accel-buffering"], "no")
        self.assertTrue(answer.headers["content-type"].startswith("text/event-stream"))
        self.assertEqual(answer.events[-1], "[DONE]")

    def test_tools_and_the_thoughts_that_go_back(self):
        messages = [{"role": "user", "content": fresh("weather")}]
        message = ask(CHAT, body=chat(messages, tools=[TOOL])).json["choices"][0]["message"]
        told = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "rain"}
        again = ask(CHAT, body=chat([*messages, message, told], tools=[TOOL]))
        self.assertEqual(again.json["choices"][0]["finish_reason"], "stop")
        del message["reasoning_content"]
        refused = ask(CHAT, body=chat([*messages, message, told], tools=[TOOL]))
        self.assertEqual(refused.status, 400)
        self.assertIn("must be passed back", refused.json["error"]["message"])

    def test_embeddings_and_models(self):
        answer = ask("/embeddings", body={"model": "deepseek-embedding", "input": fresh()})
        self.assertEqual(len(answer.json["data"][0]["embedding"]), 8)
        self.assertIn(MODEL, [model["id"] for model in ask("/models").json["data"]])

    def test_an_upload_arrives_whole(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(os.urandom(500_000))
            file.flush()
            form = ["--form", "purpose=user_data", "--form", f"file=@{file.name}"]
            direct = ask("/files", *form, base=control.UPSTREAM + "/v1", key=control.UPSTREAM_KEY)
            through = ask("/files", *form)
        self.assertEqual(through.json["id"], direct.json["id"])

    def test_sql_html_and_a_megabyte_pass_untouched(self):
        for question in ["'; DROP TABLE users; --", "<script>alert('x')</script>\u00e9\U0001f600", "1 MB " + "y" * 1_000_000]:
            question = f"{question} {fresh()}"
            answer = ask(CHAT, body=chat(question)).json
            self.assertTrue(answer["choices"][0]["message"]["content"].startswith(said(question)))


class Errors(OnStage):
    def refused(self, answer, status, code=None):
        error = answer.json["error"]
        self.assertEqual(answer.status, status)
        self.assertLessEqual({"message", "type", "code"}, error.keys())
        self.assertIn(answer.headers["x-request-id"], answer.body.decode())
        if code:
            self.assertEqual(error["code"], code)

    def test_401(self):
        self.refused(ask("/models", key="sk-wrong"), 401, "invalid_api_key")

    def test_400_is_no_json(self):
        self.refused(ask(CHAT, body='{"model": "x", "messages": ['), 400)

    def test_413(self):
        self.refused(ask(CHAT, body=chat("x" * control.BODY_BYTES)), 413, "request_too_large")

    def test_429(self):
        for _ in range(20):
            answer = ask("/models", key=control.LIMITED_KEY)
            if answer.status != 200:
                break
        self.refused(answer, 429)
        self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)

    def test_502(self):
        answer = ask(CHAT, body=chat(fresh()), base=control.LOST)
        self.refused(answer, 502)
        self.assertIn("retry-after", answer.headers)

    def test_after_our_own_retries_a_client_is_told_not_to(self):
        self.turn(error_rate=1, error_status=503)
        answer = ask(CHAT, body=chat(fresh()))
        self.assertGreaterEqual(answer.status, 500)
        self.assertEqual(answer.headers["x-should-retry"], "false")
        self.assertLessEqual(self.asked(), MOST_TRIES)

    def test_a_cut_stream_ends_in_an_error_and_not_cleanly(self):
        self.turn(**CUT)
        answer = ask(CHAT, body=chat(fresh(), stream=True))
        self.assertIn("error", json.loads(answer.events[-1]))
        self.assertNotIn("[DONE]", answer.events)
        self.assertNotEqual(answer.code, 0, "curl saw a clean end")


class Manners(OnStage):
    def test_heartbeats_come_with_one_line_end(self):
        self.turn(first_token_ms=2500)
        answer = ask(CHAT, body=chat(fresh(), stream=True))
        self.assertIn(b": keep-alive\n", answer.body)
        self.assertNotIn(b": keep-alive\n\n", answer.body)
        self.assertEqual(answer.events[-1], "[DONE]")

    def test_the_upstreams_keep_alives_are_no_trouble(self):
        self.turn(**SLOW)
        self.assertEqual(ask(CHAT, body=chat(fresh(), stream=True)).events[-1], "[DONE]")
        self.assertTrue(ask(CHAT, body=chat(fresh())).json["choices"])

    def test_kept_answers_equal_live_ones(self):
        for stream in [False, True]:
            with self.subTest(stream=stream):
                self.turn()
                body = chat(fresh(), stream=stream)
                answers = [ask(CHAT, body=body), ask(CHAT, body=body)]
                self.restart()
                answers.append(ask(CHAT, body=body))
                hows = [answer.headers["x-dsline-cache"] for answer in answers]
                self.assertIn(hows, SPARED)
                self.assertEqual([answer.content for answer in answers], [answers[0].content] * 3)
                self.assertEqual(self.asked(), 1)

    def test_no_store_is_obeyed(self):
        body = chat(fresh())
        hows = [ask(CHAT, "--header", "cache-control: no-store", body=body).headers["x-dsline-cache"] for _ in range(2)]
        self.assertNotIn("hit", hows)
        self.assertEqual(self.asked(), 2)

    def test_merged_answers_equal_live_ones(self):
        body = chat(fresh(), stream=True)
        self.hold()
        processes = [start(CHAT, body=body) for _ in range(8)]
        self.release(merged=7)
        answers = [Answer(process) for process in processes]
        self.assertEqual([answer.content for answer in answers], [answers[0].content] * 8)
        self.assertEqual(sum(answer.headers["x-dsline-cache"] == "coalesced" for answer in answers), 7)
        self.assertEqual(self.asked(), 1)


if __name__ == "__main__":
    unittest.main()
