"""langchain-openai, as a chain uses it."""

import unittest
from concurrent.futures import ThreadPoolExecutor

import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

import control
from control import CUT, MODEL, MOST_TRIES, SLOW, TOOL, OnStage, fresh, said


def chat(**more):
    settings = {"base_url": control.BASE, "api_key": control.KEY, "max_retries": 0, "timeout": 120, "model": MODEL}
    return ChatOpenAI(**(settings | more))


def words(chunks):
    return "".join(chunk.content for chunk in chunks)


class Answers(OnStage):
    def test_in_one_piece(self):
        question = fresh()
        answer = chat().invoke(question)
        self.assertTrue(answer.content.startswith(said(question)))
        self.assertGreater(answer.usage_metadata["output_tokens"], 0)

    def test_as_a_stream(self):
        question = fresh()
        self.assertTrue(words(chat(stream_usage=True).stream(question)).startswith(said(question)))

    def test_tools(self):
        # It does not send thoughts back, so the model must not have any.
        llm = chat(extra_body={"thinking": {"type": "disabled"}}).bind_tools([TOOL])
        for how in [llm.invoke, lambda messages: sum_up(llm.stream(messages))]:
            messages = [HumanMessage(fresh("weather"))]
            answer = how(messages)
            call = answer.tool_calls[0]
            self.assertIn("weather", call["args"]["about"])
            messages += [answer, ToolMessage("rain", tool_call_id=call["id"])]
            self.assertEqual(how(messages).response_metadata["finish_reason"], "stop")

    def test_embeddings(self):
        embeddings = OpenAIEmbeddings(
            base_url=control.BASE, api_key=control.KEY, model="deepseek-embedding", check_embedding_ctx_length=False
        )
        vectors = embeddings.embed_documents([fresh("one"), fresh("two")])
        self.assertEqual([len(vector) for vector in vectors], [8, 8])


def sum_up(chunks):
    total, *rest = chunks
    for chunk in rest:
        total += chunk
    return total


class Errors(OnStage):
    def test_401(self):
        with self.assertRaises(openai.AuthenticationError) as caught:
            chat(api_key="sk-wrong").invoke(fresh())
        self.assertEqual(caught.exception.code, "invalid_api_key")

    def test_413(self):
        with self.assertRaises(openai.APIStatusError) as caught:
            chat().invoke("x" * (control.BODY_BYTES + 1))
        self.assertEqual(caught.exception.status_code, 413)

    def test_429(self):
        with self.assertRaises(openai.RateLimitError) as caught:
            for _ in range(20):
                chat(api_key=control.LIMITED_KEY).invoke(fresh())
        self.assertGreaterEqual(int(caught.exception.response.headers["retry-after"]), 1)

    def test_502(self):
        with self.assertRaises(openai.InternalServerError) as caught:
            chat(base_url=control.LOST).invoke(fresh())
        self.assertEqual(caught.exception.status_code, 502)

    def test_retries_are_not_multiplied(self):
        for stream in [False, True]:
            with self.subTest(stream=stream):
                self.turn(error_rate=1, error_status=503)
                llm, question = chat(max_retries=2), fresh()
                with self.assertRaises(openai.InternalServerError):
                    words(llm.stream(question)) if stream else llm.invoke(question)
                self.assertLessEqual(self.asked(), MOST_TRIES)

    def test_a_cut_stream_raises(self):
        self.turn(**CUT)
        with self.assertRaises(openai.APIError):
            words(chat().stream(fresh()))


class Manners(OnStage):
    def test_heartbeats_are_no_trouble(self):
        self.turn(**SLOW)
        question = fresh()
        self.assertTrue(words(chat().stream(question)).startswith(said(question)))
        self.assertTrue(chat().invoke(fresh()).content)

    def test_kept_answers_equal_live_ones(self):
        question = fresh()
        streamed = [words(chat().stream(question)) for _ in range(2)]
        whole = [chat().invoke(question).content for _ in range(2)]
        self.assertEqual(streamed + whole, [streamed[0]] * 4)
        self.assertLessEqual(self.asked(), 2)

    def test_merged_answers_equal_live_ones(self):
        self.hold()
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(chat().batch, [fresh()] * 8, config={"max_concurrency": 8})
            self.release(merged=7)
            answers = asked.result()
        self.assertEqual([answer.content for answer in answers], [answers[0].content] * 8)
        self.assertEqual(len({answer.response_metadata["id"] for answer in answers}), 1)
        self.assertEqual(self.asked(), 1)


if __name__ == "__main__":
    unittest.main()
