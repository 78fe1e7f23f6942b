"""A language model behind OpenAI's chat completions, as strict as the real one in what it takes. It cannot
read: it is told beforehand what to answer to a material that holds a word."""

import http.server
import json
import threading

KEY, NAME = "sk-0123456789abcdef0123456789abcdef", "a-model"
FIELDS = {"model", "messages", "max_tokens", "response_format", "temperature"}


def fault(body):
    """What the real one would refuse, or None."""
    if set(body) - FIELDS or body.get("model") != NAME:
        return "an unknown field or model"
    if [m["role"] for m in body["messages"]] != ["system", "user"] or not all(
            isinstance(m["content"], str) and set(m) == {"role", "content"}
            for m in body["messages"]):
        return "messages"
    wanted = body["response_format"]
    if set(wanted) != {"type", "json_schema"} or wanted["type"] != "json_schema":
        return "response_format"
    named = wanted["json_schema"]
    if set(named) - {"name", "schema", "strict", "description"} or named.get("strict") is not True:
        return "json_schema"
    schema = named["schema"]
    if (schema["type"] != "object" or schema["additionalProperties"] is not False
            or sorted(schema["required"]) != sorted(schema["properties"])):
        return "a strict schema names every property and allows no other"
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.answer(401, {"error": {"code": "invalid_api_key"}})
        if self.path != "/v1/chat/completions" or fault(body):
            return self.answer(400, {"error": {"code": "bad", "message": fault(body)}})
        material = body["messages"][1]["content"]
        self.server.asked.append(body)
        for word, answers in self.server.rules.items():
            if word in material and answers:
                status, value = answers.pop(0)
                if status != 200:
                    return self.answer(status, {"error": {"code": "server_error"}})
                return self.answer(200, {"choices": [{"finish_reason": "stop", "message": {
                    "role": "assistant", "content": json.dumps(value), "refusal": None}}],
                    "usage": {"prompt_tokens": 100, "completion_tokens": 10}})
        return self.answer(503, {"error": {"code": "overloaded"}})


class Model:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.asked, self.server.rules = [], {}
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def say(self, word, *answers):
        """Answers, one after the other, to a material that holds the word: a value, or a status."""
        self.server.rules[word] = [(a, None) if isinstance(a, int) else (200, a) for a in answers]

    def asked(self, word):
        return [body for body in self.server.asked if word in body["messages"][1]["content"]]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
