"""A language model behind OpenAI's chat completions, as strict as the real one in what it takes. It cannot
read: it is told beforehand what to answer to a material that holds a word."""

import http.server
import json
import threading
import time

KEY, NAME = "sk-0123456789abcdef0123456789abcdef", "a-model"
FIELDS = {"model", "messages", "max_tokens", "response_format", "temperature"}
# What strict structured output knows.
KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf",
            "description"}


def strict_fault(schema, depth=1):
    """What strict structured output would refuse in a schema, or None."""
    if set(schema) - KEYWORDS or depth > 10:
        return "a keyword that strict does not know, or too deep"
    kinds = schema.get("type", [])
    if "object" in (kinds if isinstance(kinds, list) else [kinds]):
        if schema.get("additionalProperties") is not False or sorted(
                schema["required"]) != sorted(schema["properties"]):
            return "a strict schema names every property and allows no other"
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ()),
             *([schema["items"]] if "items" in schema else [])]
    return next((no for no in (strict_fault(one, depth + 1) for one in inner) if no), None)


def fault(body):
    """What the real one would refuse, or None."""
    if set(body) - FIELDS or body.get("model") != NAME:
        return "an unknown field or model"
    if [m["role"] for m in body["messages"]] != ["system", "user"] or not all(
            isinstance(m["content"], str) and set(m) == {"role", "content"}
            for m in body["messages"]):
        return "messages"
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        return "max_tokens"
    wanted = body["response_format"]
    if set(wanted) != {"type", "json_schema"} or wanted["type"] != "json_schema":
        return "response_format"
    named = wanted["json_schema"]
    if set(named) - {"name", "schema", "strict", "description"} or named.get("strict") is not True:
        return "json_schema"
    if named["schema"].get("type") != "object":
        return "the top of a schema is an object"
    return strict_fault(named["schema"])


class Reply:
    """An answer that is not simply a value: an HTTP status with a code and headers; what stands in the
    choice; a text that is no completion at all; a wait before it."""

    def __init__(self, status=200, *, code="server_error", headers=(), content=None,
                 finish="stop", refusal=None, body=None, wait=0):
        self.status, self.code, self.headers, self.wait = status, code, dict(headers), wait
        self.content, self.finish, self.refusal, self.body = content, finish, refusal, body

    def text(self):
        if self.body is not None:
            return self.body
        if self.status != 200:
            return json.dumps({"error": {"code": self.code, "message": "No."}})
        return json.dumps({"choices": [{"finish_reason": self.finish, "message": {
            "role": "assistant", "content": self.content, "refusal": self.refusal}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10}})


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, reply):
        time.sleep(reply.wait)
        text = reply.text().encode()
        try:
            self.send_response(reply.status)
            for header, value in reply.headers.items():
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        except OSError:
            pass  # nobody waits any more

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.answer(Reply(401, code="invalid_api_key"))
        if self.path != "/v1/chat/completions" or fault(body):
            self.server.faults.append(fault(body) or self.path)
            return self.answer(Reply(400, code="bad"))
        with self.server.lock:
            self.server.asked.append(body)
            reply = self.server.choose(body)
        self.answer(reply)


class Model:
    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.asked, self.server.faults, self.server.rules = [], [], {}
        self.server.lock, self.server.choose = threading.Lock(), self.choose
        self.always = None  # what is answered to all that no rule is about: body -> Reply
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def choose(self, body):
        material = body["messages"][1]["content"]
        for word, answers in self.server.rules.items():
            if word in material and answers:
                return answers.pop(0)
        return self.always(body) if self.always else Reply(503, code="overloaded")

    def say(self, word, *answers):
        """Answers, one after the other, to a material that holds the word: a Reply, a value, or a
        status."""
        self.server.rules[word] = [
            a if isinstance(a, Reply) else Reply(a) if isinstance(a, int)
            else Reply(content=json.dumps(a)) for a in answers]

    def asked(self, word):
        return [body for body in self.server.asked if word in body["messages"][1]["content"]]

    @property
    def faults(self):
        """What it was asked as nobody may ask it."""
        return self.server.faults

    def close(self):
        self.server.shutdown()
        self.server.server_close()
