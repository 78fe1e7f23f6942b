"""Deepgram's batch speech to text, as strict as the real one in what it takes and with the same three
shapes of errors. It cannot hear: it is told beforehand what is said, and spreads the words over the
length of the MP3 that it is sent, which it reads frame by frame. (A WAV it takes at its length.)
"""

import http.server
import json
import threading
import time
import urllib.parse
import uuid

import mp3

PARAMETERS = {
    "model": {"nova-3", "nova-2"},
    "punctuate": {"true", "false"}, "smart_format": {"true", "false"},
    "detect_language": {"true", "false"}, "utterances": {"true", "false"},
    "diarize_model": {"latest", "v1", "v2"},
    "language": {"en", "en-US", "ru", "de", "es", "fr", "multi"},
}
TYPES = {"audio/mpeg", "audio/wav", "application/octet-stream"}
KEY = "dg-0123456789abcdef0123456789abcdef01234567"


class Refusal(Exception):
    def __init__(self, status, body):
        super().__init__(status)
        self.status, self.body = status, body


def old_shape(status, code):
    return Refusal(status, {"err_code": code, "err_msg": "No.", "request_id": str(uuid.uuid4())})


def new_shape(status, category):
    return Refusal(status, {"category": category, "message": "No.", "details": "Nowhere.",
                            "request_id": str(uuid.uuid4())})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type",
                         "text/plain" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def check_key(self):
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Token" or key != KEY:
            raise old_shape(401, "INVALID_AUTH")

    def do_GET(self):
        try:
            self.check_key()
            if self.path != "/v1/projects":
                raise Refusal(404, "Not Found")
            self.answer(200, {"projects": []})
        except Refusal as no:
            self.answer(no.status, no.body)

    def do_POST(self):
        fake = self.server.fake
        length = self.headers.get("Content-Length")
        body = self.rfile.read(int(length)) if length else b""
        with fake.lock:
            fake.requests.append({"path": self.path, "bytes": len(body),
                                  "headers": dict(self.headers)})
            mishap = fake.mishaps.pop(0) if fake.mishaps else None
        fake.gate.wait(60)
        try:
            self.answer(200, self.listen(length, body, mishap))
        except Refusal as no:
            self.answer(no.status, no.body)

    def listen(self, length, body, mishap):
        split = urllib.parse.urlsplit(self.path)
        if split.path != "/v1/listen":
            raise Refusal(404, "Not Found")
        try:
            asked = urllib.parse.parse_qsl(split.query, keep_blank_values=True,
                                           strict_parsing=True)
        except ValueError:
            raise old_shape(400, "Bad Request") from None
        for name, value in asked:  # before the key, as the real one does with some
            if value not in PARAMETERS.get(name, ()):
                raise old_shape(400, "INVALID_QUERY_PARAMETER")
        names = [name for name, _ in asked]
        if len(set(names)) != len(names) or {"language", "detect_language"} <= set(names):
            raise old_shape(400, "INVALID_QUERY_PARAMETER")
        self.check_key()
        if mishap:
            raise mishap
        if self.headers.get("Content-Type") not in TYPES:
            raise new_shape(400, "INVALID_JSON")
        if length is None:
            raise new_shape(411, "LENGTH_REQUIRED")
        try:
            seconds = len(body) / 16000 if body.startswith(b"RIFF") else mp3.seconds(body)
        except ValueError:
            raise old_shape(400, "Bad Request") from None
        return self.server.fake.hear(seconds, dict(asked))


class Deepgram:
    def __init__(self):
        self.lock = threading.Lock()
        self.says = ""        # what is heard in any recording …
        self.talk = []        # … or, where speakers are told apart, (speaker, text) of each turn
        self.requests = []    # what it was asked
        self.mishaps = []     # refusals for the next requests, one each
        self.gate = threading.Event()
        self.gate.set()       # cleared: answers wait
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.fake = self
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(20)

    def hear(self, seconds, asked):
        """The words one after the other, each as long as its letters, a fifth of it a pause."""
        texts = self.says.split()
        letters = sum(map(len, texts)) or 1
        words, at = [], 0.0
        for text in texts:
            took = seconds * len(text) / letters
            words.append({"word": text.lower().strip(".,?!"), "start": round(at, 6),
                          "end": round(at + took * 0.8, 6), "confidence": 0.98})
            if asked.get("punctuate") == "true":
                words[-1]["punctuated_word"] = text
            at += took
        channel = {"alternatives": [{"transcript": self.says, "confidence": 0.98, "words": words}]}
        if asked.get("detect_language") == "true":
            channel["detected_language"] = "en"
        results = {"channels": [channel]}
        if asked.get("utterances") == "true":
            told = "diarize_model" in asked
            results["utterances"] = [
                {"start": 1.5 * i, "end": 1.5 * i + 1.25, "confidence": 0.97, "channel": 0,
                 "transcript": text, "words": [], "id": str(uuid.uuid4()),
                 **({"speaker": speaker} if told else {})}
                for i, (speaker, text) in enumerate(self.talk)]
        model = str(uuid.uuid4())
        return {"metadata": {"request_id": str(uuid.uuid4()), "duration": seconds, "channels": 1,
                             "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                             "models": [model], "model_info": {model: {"name": "general-nova-3"}}},
                "results": results}
