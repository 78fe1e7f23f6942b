"""OpenAI's Realtime API over a WebSocket (GA), as strict as the real one in what it takes. It cannot think:
its turns are given beforehand (dialogue), and so is what it hears (hears). It knows speech from silence.
"""

import asyncio
import audioop
import base64
import binascii
import itertools
import json
import time
import urllib.parse

import wskit
from wskit import Close, Refusal, fields

KEY, MODEL = "sk-0123456789abcdef0123456789abcdef", "gpt-realtime-2.1"
VOICES = {"alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"}
SESSION = {"type", "output_modalities", "instructions", "audio", "tools", "tool_choice", "truncation",
           "parallel_tool_calls", "reasoning", "max_output_tokens", "include", "tracing", "prompt"}
ROLES = {"system": {"input_text"}, "user": {"input_text"}, "assistant": {"output_text"}}
DELTA_MS = 200


class Turn:
    """What the model says in one response: words of ms of sound, a tool (name, arguments), or both."""

    def __init__(self, says=None, ms=600, tool=None, hz=440, status="completed"):
        self.says, self.ms, self.tool, self.hz, self.status = says, ms, tool, hz, status
        self.sound = wskit.pcmu(ms, hz) if says else b""


def check_format(value, where):
    fields(value, {"type", "rate"}, where, ["type"])
    if value not in ({"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcmu"},
                     {"type": "audio/pcma"}):
        raise Refusal(where)


def number(value, low, high, where):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise Refusal(where)


def check_input(value):
    where = "session.audio.input"
    fields(value, {"format", "transcription", "noise_reduction", "turn_detection"}, where)
    if "format" in value:
        check_format(value["format"], where + ".format")
    if value.get("transcription") is not None:
        fields(value["transcription"], {"model", "language", "prompt"}, where + ".transcription",
               ["model"])
        language = value["transcription"].get("language", "en")
        if not (language.isalpha() and len(language) in (2, 3)):
            raise Refusal(where + ".transcription.language")
    detection = value.get("turn_detection")
    if detection is not None:
        where += ".turn_detection"
        if detection.get("type") != "server_vad":
            raise Refusal(where + ".type")
        fields(detection, {"type", "threshold", "prefix_padding_ms", "silence_duration_ms",
                           "create_response", "interrupt_response", "idle_timeout_ms"}, where)
        number(detection.get("threshold", 0.5), 0, 1, where + ".threshold")
        for name in ("prefix_padding_ms", "silence_duration_ms"):
            number(detection.get(name, 300), 0, 10000, f"{where}.{name}")
        for name in ("create_response", "interrupt_response"):
            if not isinstance(detection.get(name, True), bool):
                raise Refusal(f"{where}.{name}")


def check_tools(tools):
    if not isinstance(tools, list):
        raise Refusal("session.tools")
    for i, tool in enumerate(tools):
        where = f"session.tools[{i}]"
        fields(tool, {"type", "name", "description", "parameters"}, where, ["type", "name"])
        if tool["type"] != "function" or not isinstance(tool.get("parameters", {}), dict):
            raise Refusal(where)


def check_session(session, spoke):
    fields(session, SESSION, "session", ["type"])
    if session["type"] != "realtime":
        raise Refusal("session.type")
    if session.get("output_modalities", ["audio"]) not in (["audio"], ["text"]):
        raise Refusal("session.output_modalities")
    if not isinstance(session.get("instructions", ""), str):
        raise Refusal("session.instructions")
    sound = fields(session.get("audio", {}), {"input", "output"}, "session.audio")
    check_input(sound.get("input", {}))
    output = fields(sound.get("output", {}), {"format", "voice", "speed"}, "session.audio.output")
    if "format" in output:
        check_format(output["format"], "session.audio.output.format")
    if "voice" in output and (output["voice"] not in VOICES or spoke):
        raise Refusal("session.audio.output.voice")
    check_tools(session.get("tools", []))
    if session.get("tool_choice", "auto") not in ("auto", "none", "required"):
        raise Refusal("session.tool_choice")


class Session(wskit.Session):
    def __init__(self, fake, websocket, plan):
        super().__init__(fake, websocket, plan)
        self.serial = itertools.count(1)
        self.config = {"type": "realtime", "model": fake.model, "output_modalities": ["audio"],
                       "instructions": "", "tools": [], "audio": {
                           "input": {"format": {"type": "audio/pcm", "rate": 24000},
                                     "turn_detection": {"type": "server_vad"}},
                           "output": {"format": {"type": "audio/pcm", "rate": 24000},
                                      "voice": "alloy"}}}
        self.updated = False
        self.items = {}        # of the conversation, by id; those of the agent with "ms" of sound
        self.calls = set()     # ids of calls of tools
        self.response = None   # the task that speaks
        self.running = None    # the id of its response
        self.ear = None
        self.place = None      # of what is being said …
        self.spoken = []       # … and its words so far

    def name(self, kind):
        return f"{kind}_{next(self.serial):04d}"

    async def tell(self, kind, **more):
        await self.send({"type": kind, "event_id": self.name("event"), **more})

    async def error(self, code, param=None, event=None):
        await self.tell("error", error={"type": "invalid_request_error", "code": code,
                                        "message": "No. " + wskit.CANARY, "param": param,
                                        "event_id": event})

    # ---- what the client says ----

    async def run(self):
        if self.fake.expire_s:
            self.start(self.expire())
        await self.tell("session.created", session={
            **self.config, "id": self.name("sess"), "object": "realtime.session",
            "expires_at": int(time.time()) + 3600})
        async for raw in self.socket:
            if isinstance(raw, bytes):
                raise Close(1003, "text only")
            try:
                event = json.loads(raw)
                kind = event["type"]
            except (ValueError, KeyError, TypeError):
                await self.error("invalid_json")
                continue
            self.said.append(event)
            try:
                handler = self.HANDLERS.get(kind)
                if handler is None:
                    raise Refusal("type")
                await handler(self, event)
            except Refusal as no:
                self.fake.refused.append((kind, str(no)))
                await self.error("invalid_value", str(no), event.get("event_id"))

    async def expire(self):
        await asyncio.sleep(self.fake.expire_s)
        await self.error("session_expired")
        raise Close(1001, "session expired")

    async def update(self, event):
        fields(event, {"type", "event_id", "session"}, "", ["session"])
        check_session(event["session"], any("ms" in i for i in self.items.values()))
        for name, value in event["session"].items():
            if name == "audio":
                for way in value:
                    self.config["audio"][way].update(value[way])
            else:
                self.config[name] = value
        if self.fake.other_format:
            self.config["audio"]["output"]["format"] = {"type": "audio/pcm", "rate": 24000}
        vad = self.config["audio"]["input"]["turn_detection"]
        if vad is None:
            self.ear = None
        elif self.ear is None or self.ear.silence_ms != vad.get("silence_duration_ms", 500):
            self.ear = wskit.Ear(8000, vad.get("silence_duration_ms", 500))
        self.updated = True
        await self.tell("session.updated", session=self.config)
        await self.moment("setup")

    async def append(self, event):
        fields(event, {"type", "event_id", "audio"}, "", ["audio"])
        try:
            sound = base64.b64decode(event["audio"], validate=True)
        except (TypeError, binascii.Error):
            raise Refusal("audio") from None
        if not self.updated or self.config["audio"]["input"]["format"]["type"] != "audio/pcmu":
            self.fake.faults.append("sound in the default format")
            return
        self.sound += sound
        await self.moment("audio")
        for what, ms in self.ear.hear(audioop.ulaw2lin(sound, 2)) if self.ear else ():
            await (self.speech_started(ms) if what == "started" else self.speech_ended(ms))

    async def speech_started(self, ms):
        vad = self.config["audio"]["input"]["turn_detection"]
        self.item = self.name("item_u")
        await self.tell("input_audio_buffer.speech_started", audio_start_ms=ms, item_id=self.item)
        if vad.get("interrupt_response", True):
            await self.interrupt("turn_detected")

    async def speech_ended(self, ms):
        vad = self.config["audio"]["input"]["turn_detection"]
        item = self.item
        await self.tell("input_audio_buffer.speech_stopped", audio_end_ms=ms, item_id=item)
        await self.tell("input_audio_buffer.committed", item_id=item, previous_item_id=None)
        self.items[item] = {"role": "user"}
        await self.tell("conversation.item.added", item={"id": item, "type": "message",
                                                         "role": "user", "content": []})
        if vad.get("create_response", True) and self.running is None:
            self.response = self.start(self.respond())
        if self.config["audio"]["input"].get("transcription"):
            self.start(self.transcribe(item))

    async def transcribe(self, item):
        words = self.fake.hears.pop(0) if self.fake.hears else "Yes."
        kind = "conversation.item.input_audio_transcription."
        await asyncio.sleep(0.05)
        for word in words.split(" "):
            await self.tell(kind + "delta", item_id=item, content_index=0, delta=word + " ")
        await self.tell(kind + "completed", item_id=item, content_index=0, transcript=words,
                        usage={"type": "tokens", "total_tokens": 9})

    async def create_item(self, event):
        fields(event, {"type", "event_id", "item", "previous_item_id"}, "", ["item"])
        item = event["item"]
        kind = item.get("type")
        if kind == "message":
            fields(item, {"type", "role", "content", "id", "status"}, "item", ["role", "content"])
            allowed = ROLES.get(item["role"]) or set()
            for part in item["content"]:
                fields(part, {"type", "text"}, "item.content", ["type", "text"])
                if part["type"] not in allowed or not isinstance(part["text"], str):
                    raise Refusal("item.content")
        elif kind == "function_call_output":
            fields(item, {"type", "call_id", "output", "id", "status"}, "item",
                   ["call_id", "output"])
            if item["call_id"] not in self.calls or not isinstance(item["output"], str):
                raise Refusal("item.call_id")
        else:
            raise Refusal("item.type")
        made = item.get("id") or self.name("item_c")
        self.items[made] = item
        await self.tell("conversation.item.added", item={**item, "id": made})
        await self.tell("conversation.item.done", item={**item, "id": made})

    async def truncate(self, event):
        fields(event, {"type", "event_id", "item_id", "content_index", "audio_end_ms"}, "",
               ["item_id", "content_index", "audio_end_ms"])
        item = self.items.get(event["item_id"])
        if item is None or "ms" not in item or event["content_index"] != 0:
            raise Refusal("item_id")
        number(event["audio_end_ms"], 0, item["ms"], "audio_end_ms")
        item["truncated"] = event["audio_end_ms"]
        await self.tell("conversation.item.truncated", item_id=event["item_id"], content_index=0,
                        audio_end_ms=event["audio_end_ms"])

    async def create_response(self, event):
        fields(event, {"type", "event_id", "response"}, "")
        if self.running is not None:
            self.fake.refused.append(("response.create", "running"))
            await self.error("conversation_already_has_active_response")
            return
        self.response = self.start(self.respond())

    async def cancel(self, event):
        fields(event, {"type", "event_id", "response_id"}, "")
        if self.running is None:
            await self.error("response_cancel_not_active")
        else:
            await self.interrupt("client_cancelled")

    async def clear(self, event):
        fields(event, {"type", "event_id"}, "")
        await self.tell("input_audio_buffer.cleared")

    HANDLERS = {"session.update": update, "input_audio_buffer.append": append,
                "input_audio_buffer.clear": clear, "conversation.item.create": create_item,
                "conversation.item.truncate": truncate, "response.create": create_response,
                "response.cancel": cancel}

    # ---- what the model says ----

    async def interrupt(self, reason):
        if self.running is None:
            return
        running, self.running = self.running, None
        self.response.cancel()
        if self.place:  # what ends early has its ends told as well
            await self.tell("response.output_audio.done", **self.place)
            await self.tell("response.output_audio_transcript.done", **self.place,
                            transcript=" ".join(self.spoken))
            self.place = None
        await self.finish(running, "cancelled", {"type": "cancelled", "reason": reason})

    async def finish(self, response, status, details=None):
        await self.tell("response.done", response={
            "id": response, "object": "realtime.response", "status": status,
            "status_details": details, "output": [], "usage": {"total_tokens": 310}})

    async def respond(self):
        turn = self.fake.dialogue.pop(0) if self.fake.dialogue else Turn("Mm-hm.", 400)
        self.running = response = self.name("resp")
        await self.tell("response.created", response={"id": response, "status": "in_progress"})
        if turn.says:
            await self.speak(response, turn)
        if turn.tool:
            await self.call(response, *turn.tool)
        self.running = None
        await self.finish(response, turn.status)

    async def speak(self, response, turn):
        item, words = self.name("item_a"), turn.says.split(" ")
        place = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        self.items[item] = {"role": "assistant", "ms": 0, "says": turn.says}
        self.place, self.spoken = place, []
        await self.tell("response.output_item.added", response_id=response, output_index=0,
                        item={"id": item, "type": "message", "role": "assistant"})
        await self.tell("response.content_part.added", **place, part={"type": "audio"})
        pieces = range(0, len(turn.sound), DELTA_MS * 8)
        for i, at in enumerate(pieces):
            piece = turn.sound[at:at + DELTA_MS * 8]
            self.items[item]["ms"] += len(piece) // 8
            await self.tell("response.output_audio.delta", **place,
                            delta=base64.b64encode(piece).decode())
            part = words[i * len(words) // len(pieces):(i + 1) * len(words) // len(pieces)]
            for word in part:
                self.spoken.append(word)
                await self.tell("response.output_audio_transcript.delta", **place,
                                delta=word + " ")
            await self.moment("reply")
            await asyncio.sleep(DELTA_MS / 1000 / self.fake.pace)
        self.place = None
        await self.tell("response.output_audio.done", **place)
        await self.tell("response.output_audio_transcript.done", **place, transcript=turn.says)
        await self.tell("response.output_item.done", response_id=response, output_index=0,
                        item={"id": item, "type": "message", "role": "assistant"})

    async def call(self, response, tool, arguments):
        item, call = self.name("item_f"), self.name("call")
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        self.calls.add(call)
        place = {"response_id": response, "item_id": item, "output_index": 1, "call_id": call}
        await self.tell("response.output_item.added", response_id=response, output_index=1,
                        item={"id": item, "type": "function_call", "name": tool})
        await self.tell("response.function_call_arguments.delta", **place, delta=text[:3])
        await self.tell("response.function_call_arguments.done", **place, name=tool,
                        arguments=text)
        await self.tell("response.output_item.done", response_id=response, output_index=1,
                        item={"id": item, "type": "function_call", "name": tool})


class Realtime(wskit.Server):
    PATH = "/v1/realtime"
    SESSION = Session

    def __init__(self, folder=None):
        self.dialogue, self.hears = [], []
        self.model = MODEL
        self.pace = 20          # times as fast as it is spoken
        self.expire_s = None
        self.other_format = False  # it answers with another format than was asked for
        self.refused = []       # (kind, where) of messages that it did not take
        super().__init__(folder)

    def refuse(self, path, headers):
        split = urllib.parse.urlsplit(path)
        if split.path != self.PATH:
            return 404, "{}"
        if headers.get("Authorization") != f"Bearer {KEY}":
            return 401, json.dumps({"error": {"code": "invalid_api_key"}})
        if "OpenAI-Beta" in headers:
            return 400, json.dumps({"error": {"code": "beta_api_shape_disabled"}})
        if urllib.parse.parse_qs(split.query, strict_parsing=True) != {"model": [MODEL]}:
            return 400, json.dumps({"error": {"code": "model_not_found"}})
        return None, None
