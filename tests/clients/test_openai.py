"""openai-python, as an application uses it."""

import unittest
from concurrent.futures import ThreadPoolExecutor

import openai

import control
from control import CUT, MODEL, MOST_TRIES, SLOW, SPARED, TOOL, OnStage, fresh, said


def client(**more):
    return openai.OpenAI(**({"base_url": control.BASE, "api_key": control.KEY, "max_retries": 0, "timeout": 120} | more))


def ask(question, of=None, **more):
    messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
    return (of or client()).chat.completions.create(model=MODEL, messages=messages, **more)


def read(stream):
    """All that a stream said: words, thoughts, calls by index, the reason to stop, the answer's id."""
    words, thoughts, calls, reason, name = "", "", {}, None, None
    for chunk in stream:
        name = chunk.id
        for choice in chunk.choices:
            words += choice.delta.content or ""
            thoughts += getattr(choice.delta, "reasoning_content", None) or ""
            for piece in choice.delta.tool_calls or []:
                call = calls.setdefault(piece.index, {"id": piece.id, "name": piece.function.name, "arguments": ""})
                call["arguments"] += piece.function.arguments or ""
            reason = choice.finish_reason or reason
    return words, thoughts, calls, reason, name


class Answers(OnStage):
    def test_in_one_piece(self):
        question = fresh()
        answer = ask(question)
        self.assertTrue(answer.choices[0].message.content.startswith(said(question)))
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertIn("The user wants", answer.choices[0].message.reasoning_content)
        self.assertEqual(answer.usage.prompt_cache_miss_tokens, answer.usage.prompt_tokens)

    def test_as_a_stream(self):
        question = fresh()
        words, thoughts, _, reason, _ = read(ask(question, stream=True))
        self.assertTrue(words.startswith(said(question)))
        self.assertIn("The user wants", thoughts)
        self.assertEqual(reason, "stop")

    def test_a_stream_tells_its_usage_when_asked(self):
        chunks = list(ask(fresh(), stream=True, stream_options={"include_usage": True}))
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)
        self.assertEqual(chunks[-1].choices, [])

    def test_tools_and_the_thoughts_that_go_back(self):
        messages = [{"role": "user", "content": fresh("weather")}]
        message = ask(messages, tools=[TOOL]).choices[0].message
        call = message.tool_calls[0]
        self.assertIn("weather", call.function.arguments)
        messages += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
        self.assertEqual(ask(messages, tools=[TOOL]).choices[0].finish_reason, "stop")
        del messages[1]["reasoning_content"]
        with self.assertRaisesRegex(openai.BadRequestError, "must be passed back"):
            ask(messages, tools=[TOOL])

    def test_tools_in_a_stream(self):
        messages = [{"role": "user", "content": fresh("weather")}]
        _, thoughts, calls, reason, _ = read(ask(messages, tools=[TOOL], stream=True))
        self.assertEqual((reason, calls[0]["name"]), ("tool_calls", "look_up"))
        function = {"name": "look_up", "arguments": calls[0]["arguments"]}
        call = {"id": calls[0]["id"], "type": "function", "function": function}
        messages += [
            {"role": "assistant", "content": "", "reasoning_content": thoughts, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "rain"},
        ]
        self.assertEqual(read(ask(messages, tools=[TOOL], stream=True))[3], "stop")

    def test_embeddings(self):
        texts = [fresh("one"), fresh("two")]
        vectors = client().embeddings.create(model="deepseek-embedding", input=texts, encoding_format="float").data
        self.assertEqual([len(vector.embedding) for vector in vectors], [8, 8])

    def test_models(self):
        self.assertIn(MODEL, [model.id for model in client().models.list()])

    def test_an_upload_arrives_whole(self):
        content = bytes(range(256)) * 2000
        upload = {"file": ("notes.bin", content), "purpose": "user_data"}
        direct = client(base_url=control.UPSTREAM + "/v1", api_key=control.UPSTREAM_KEY).files.create(**upload)
        through = client().files.create(**upload)
        self.assertEqual((through.id, through.bytes), (direct.id, len(content)))


class Errors(OnStage):
    def test_401(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            ask(fresh(), client(api_key="sk-wrong"))
        self.assertEqual(caught.exception.code, "invalid_api_key")
        self.assertTrue(caught.exception.request_id)

    def test_413(self):
        with self.assertRaises(openai.APIStatusError) as caught:
            ask("x" * (control.BODY_BYTES + 1))
        self.assertEqual((caught.exception.status_code, caught.exception.code), (413, "request_too_large"))

    def test_429(self):
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(20):
                ask(fresh(), client(api_key=control.LIMITED_KEY))
        self.assertGreaterEqual(int(caught.exception.response.headers["retry-after"]), 1)
        self.assertIn("error", caught.exception.response.json())

    def test_502(self):
        with self.assertRaises(openai.InternalServerError) as caught:
            ask(fresh(), client(base_url=control.LOST))
        self.assertEqual(caught.exception.status_code, 502)
        self.assertTrue(caught.exception.code)

    def test_retries_are_not_multiplied(self):
        for status, kind in [(503, openai.InternalServerError), (500, openai.InternalServerError), (429, openai.RateLimitError)]:
            for stream in [False, True]:
                with self.subTest(status=status, stream=stream):
                    self.turn(error_rate=1, error_status=status)
                    with self.assertRaises(kind):
                        ask(fresh(), client(max_retries=2), stream=stream)
                    self.assertLessEqual(self.asked(), MOST_TRIES)

    def test_a_cut_stream_raises(self):
        self.turn(**CUT)
        with self.assertRaises(openai.APIError):
            read(ask(fresh(), stream=True))


class Manners(OnStage):
    def test_heartbeats_are_no_trouble(self):
        self.turn(**SLOW)
        question = fresh()
        self.assertTrue(read(ask(question, stream=True))[0].startswith(said(question)))
        self.assertTrue(ask(fresh()).choices[0].message.content)

    def test_kept_answers_equal_live_ones(self):
        for stream in [False, True]:
            with self.subTest(stream=stream):
                question, answers = fresh(), []
                self.turn()
                for turn in range(3):
                    if turn == 2:
                        self.restart()
                    raw = client().chat.completions.with_raw_response.create(
                        model=MODEL, messages=[{"role": "user", "content": question}], stream=stream
                    )
                    parsed = read(raw.parse()) if stream else raw.parse().model_dump()
                    answers.append((raw.headers["x-dsline-cache"], parsed))
                self.assertIn([how for how, _ in answers], SPARED)
                self.assertEqual([answer for _, answer in answers], [answers[0][1]] * 3)
                self.assertEqual(self.asked(), 1)

    def test_an_answer_kept_as_a_stream_is_served_in_one_piece(self):
        question = fresh()
        words, *_, name = read(ask(question, stream=True, stream_options={"include_usage": True}))
        self.restart()
        whole = ask(question)
        self.assertEqual((whole.id, whole.choices[0].message.content), (name, words))
        self.assertEqual(self.asked(), 1)

    def test_merged_answers_equal_live_ones(self):
        for stream in [False, True]:
            with self.subTest(stream=stream):
                self.turn()
                question, of = fresh(), client()

                def one(_):
                    answer = ask(question, of, stream=stream)
                    return read(answer) if stream else answer.model_dump()

                self.hold()
                with ThreadPoolExecutor(8) as crowd:
                    answers = crowd.map(one, range(8))
                    self.release(merged=7)
                    answers = list(answers)
                self.assertEqual(answers, [answers[0]] * 8)
                self.assertEqual(self.asked(), 1)


if __name__ == "__main__":
    unittest.main()
