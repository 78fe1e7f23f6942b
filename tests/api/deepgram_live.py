"""Deepgram's live speech to text, as strict as the real one in what it takes. It cannot hear words: what is
said is given beforehand, an utterance a text (hears; "": sound without words), and is spread over the speech
that it hears, which it knows from silence.
"""

import asyncio
import audioop
import json
import urllib.parse
import uuid

import wskit
from wskit import Close

KEY = "dg-0123456789abcdef0123456789abcdef01234567"
BOOLEANS = {"true", "false"}
PARAMETERS = {
    "model": {"nova-3", "nova-2", "nova-2-phonecall"}, "encoding": {"mulaw", "linear16"},
    "language": {"en", "en-US", "ru", "de", "es", "fr", "multi"}, "channels": {"1"},
    "interim_results": BOOLEANS, "vad_events": BOOLEANS, "smart_format": BOOLEANS,
    "punctuate": BOOLEANS, "mip_opt_out": BOOLEANS,
    "sample_rate": {"8000"}, "endpointing": {"false", *map(str, range(10, 1001))},
    "utterance_end_ms": set(map(str, range(1000, 5001))),
}
CONTROL = ({"type": "KeepAlive"}, {"type": "Finalize"}, {"type": "CloseStream"})


class Session(wskit.Session):
    def __init__(self, fake, websocket, plan):
        super().__init__(fake, websocket, plan)
        query = urllib.parse.urlsplit(websocket.path).query
        self.asked = dict(urllib.parse.parse_qsl(query))
        self.ear = wskit.Ear(8000, int(self.asked.get("endpointing", "10")))
        self.from_ms = None  # speech has begun there

    async def run(self):
        while True:
            try:
                raw = await asyncio.wait_for(self.socket.recv(), self.fake.idle_s)
            except asyncio.TimeoutError:
                raise Close(1011, "NET-0001 no audio") from None
            if isinstance(raw, bytes):
                if not raw:
                    self.fake.faults.append("an empty frame")
                    raw = json.dumps({"type": "CloseStream"})
                else:
                    await self.hear(raw)
                    continue
            try:
                message = json.loads(raw)
            except ValueError:
                message = None
            if message not in CONTROL:
                raise Close(1008, "DATA-0000 not decodable")
            self.said.append(message["type"])
            await self.moment(message["type"])
            await asyncio.sleep(self.fake.slow_s if message["type"] == "Finalize" else 0)
            if message["type"] == "Finalize":
                await self.end(self.ear.ms, from_finalize=True)
            if message["type"] == "CloseStream":
                await self.end(self.ear.ms)
                await self.send({"type": "Metadata", "transaction_key": "deprecated",
                                 "request_id": str(uuid.uuid4()), "created": "2026-11-20T10:00:00Z",
                                 "duration": len(self.sound) / 8000, "channels": 1})
                raise Close(1000)

    async def hear(self, sound):
        self.sound += sound
        await self.moment("audio")
        for what, ms in self.ear.hear(audioop.ulaw2lin(sound, 2)):
            if what == "started":
                self.from_ms = ms
                if self.asked.get("vad_events") == "true":
                    await self.send({"type": "SpeechStarted", "channel": [0, 1],
                                     "timestamp": ms / 1000})
            elif not self.fake.lazy:
                await self.end(ms)

    async def end(self, ms, from_finalize=False):
        """Speech has ended there: a guess, two settled parts, and the mark of the end."""
        if self.from_ms is None:
            return
        start, self.from_ms = self.from_ms, None
        words = (self.fake.hears.pop(0) if self.fake.hears else "Yes.").split()
        if not words:
            await self.results([], True, True, from_finalize, (start, ms))
            return
        half, step = len(words) // 2, (ms - start) / len(words)
        timed = [{"word": word.lower().strip(".,?!"), "punctuated_word": word, "confidence": 0.98,
                  "start": (start + i * step) / 1000, "end": (start + (i + 1) * step) / 1000}
                 for i, word in enumerate(words)]
        if self.asked.get("interim_results") == "true":
            await self.results(timed[:1], False, False)
        if half:
            await self.results(timed[:half], True, False)
        await self.results(timed[half:], True, not self.fake.noisy, from_finalize)
        await self.send({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": ms / 1000})

    async def results(self, words, final, speech_final, from_finalize=False, span_ms=None):
        start, end = (at / 1000 for at in span_ms) if span_ms else (words[0]["start"], words[-1]["end"])
        await self.send({
            "type": "Results", "channel_index": [0, 1], "start": start, "duration": end - start,
            "is_final": final,
            "speech_final": speech_final, "from_finalize": from_finalize,
            "channel": {"alternatives": [{
                "transcript": " ".join(w["punctuated_word"] for w in words), "confidence": 0.98,
                "words": words}]},
            "metadata": {"request_id": str(uuid.uuid4()), "model_info": {"name": "general-nova-3"}}})


class DeepgramLive(wskit.Server):
    PATH = "/v1/listen"
    SESSION = Session

    def __init__(self, folder=None):
        self.hears = []
        self.idle_s = 10     # so long without a message
        self.lazy = False    # it tells nothing before it is asked to (Finalize, CloseStream) …
        self.slow_s = 0      # … and takes so long then
        self.noisy = False   # it hears no pause: UtteranceEnd alone ends an utterance
        super().__init__(folder)

    def refuse(self, path, headers):
        split = urllib.parse.urlsplit(path)
        if split.path != self.PATH:
            return 404, "Not Found"
        asked = urllib.parse.parse_qsl(split.query, keep_blank_values=True)
        names = [name for name, _ in asked]
        if (len(set(names)) != len(names) or "model" not in names
                or any(value not in PARAMETERS.get(name, ()) for name, value in asked)
                or not {"encoding", "sample_rate"} <= set(names)
                or "utterance_end_ms" in names and ("interim_results", "true") not in asked):
            return 400, json.dumps({"err_code": "INVALID_QUERY_PARAMETER", "err_msg": "No.",
                                    "request_id": str(uuid.uuid4())})
        if headers.get("Authorization") != f"Token {KEY}":
            return 401, json.dumps({"err_code": "INVALID_AUTH", "err_msg": "No.",
                                    "request_id": str(uuid.uuid4())})
        return None, None
