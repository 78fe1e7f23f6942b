"""Google's Gemini Live API (BidiGenerateContent), as strict as the real one in what it takes: it says no by
close frames alone. It cannot think: its turns are given beforehand (dialogue), and so is what it hears
(hears). It knows speech from silence. Its messages come in binary frames, as the real one's do.
"""

import asyncio
import base64
import binascii
import itertools
import json
import re
import urllib.parse

import wskit
from wskit import Close, Refusal, fields

KEY, MODEL = "AIza0123456789abcdef0123456789abcdef012", "gemini-3.8-live"
SETUP = {"model", "generationConfig", "systemInstruction", "tools", "realtimeInputConfig",
         "inputAudioTranscription", "outputAudioTranscription", "contextWindowCompression",
         "sessionResumption", "historyConfig", "proactivity", "safetySettings"}
PIECE_MS = 100


class Turn:
    """What the model says in one turn: words of ms of sound, tools (name, arguments), or both."""

    def __init__(self, says=None, ms=600, tools=(), hz=440):
        self.says, self.ms, self.tools = says, ms, tools
        self.sound = wskit.tone(ms, 24000, hz) if says else b""


def number(value, low, high, where):
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Refusal(where)


def check_generation(value):
    where = "setup.generation_config"
    fields(value, {"responseModalities", "speechConfig", "temperature", "topP", "topK",
                   "maxOutputTokens", "mediaResolution", "thinkingConfig"}, where)
    if value.get("responseModalities") != ["AUDIO"]:
        raise Refusal(where + ".response_modalities")
    speech = fields(value.get("speechConfig", {}), {"voiceConfig", "languageCode"},
                    where + ".speech_config")
    if "voiceConfig" in speech:
        voice = fields(speech["voiceConfig"], {"prebuiltVoiceConfig"}, where + ".voice_config")
        fields(voice["prebuiltVoiceConfig"], {"voiceName"}, where + ".prebuilt_voice_config")


def check_functions(tools):
    for tool in tools:
        fields(tool, {"functionDeclarations", "googleSearch"}, "tools")
        for i, one in enumerate(tool["functionDeclarations"]):
            where = f"setup.tools[0].function_declarations[{i}]"
            fields(one, {"name", "description", "parameters", "parametersJsonSchema", "behavior"},
                   where, ["name"])
            if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,128}", one["name"]):
                raise Refusal(where + ".name")
            if {"parameters", "parametersJsonSchema"} <= set(one):
                raise Refusal(where + ".parameters")
            schema = one.get("parameters") or one.get("parametersJsonSchema") or {"type": "object"}
            wanted = "OBJECT" if "parameters" in one else "object"
            if schema.get("type") != wanted:
                raise Refusal(where + ".parameters.type")
            if one.get("behavior", "BLOCKING") not in ("BLOCKING", "NON_BLOCKING"):
                raise Refusal(where + ".behavior")


def check_input(value):
    where = "setup.realtime_input_config"
    fields(value, {"automaticActivityDetection", "activityHandling", "turnCoverage"}, where)
    vad = fields(value.get("automaticActivityDetection", {}),
                 {"disabled", "startOfSpeechSensitivity", "endOfSpeechSensitivity",
                  "prefixPaddingMs", "silenceDurationMs"}, where + ".automatic_activity_detection")
    for name in ("prefixPaddingMs", "silenceDurationMs"):
        number(vad.get(name, 100), 0, 10000, name)
    for name, word in (("startOfSpeechSensitivity", "START"), ("endOfSpeechSensitivity", "END")):
        if vad.get(name, word + "_SENSITIVITY_LOW") not in (word + "_SENSITIVITY_LOW",
                                                            word + "_SENSITIVITY_HIGH"):
            raise Refusal(name)
    if value.get("activityHandling", "NO_INTERRUPTION") not in ("START_OF_ACTIVITY_INTERRUPTS",
                                                                "NO_INTERRUPTION"):
        raise Refusal(where + ".activity_handling")


def check_texts(value, where):
    fields(value, {"parts", "role"}, where, ["parts"])
    for part in value["parts"]:
        if not isinstance(fields(part, {"text"}, where + ".parts", ["text"])["text"], str):
            raise Refusal(where + ".parts")


def check_setup(setup):
    fields(setup, SETUP, "setup", ["model"])
    check_generation(setup.get("generationConfig", {}))
    if "systemInstruction" in setup:
        check_texts(setup["systemInstruction"], "setup.system_instruction")
    check_functions(setup.get("tools", []))
    check_input(setup.get("realtimeInputConfig", {}))
    for name in ("inputAudioTranscription", "outputAudioTranscription"):
        fields(setup.get(name, {}), {"languageCodes", "languageHints"}, "setup." + name)
    squeeze = fields(setup.get("contextWindowCompression", {}), {"triggerTokens", "slidingWindow"},
                     "setup.context_window_compression")
    fields(squeeze.get("slidingWindow", {}), {"targetTokens"}, "sliding_window")
    fields(setup.get("sessionResumption", {}), {"handle"}, "setup.session_resumption")
    if "proactivity" in setup:
        raise Refusal("setup.proactivity")


class Session(wskit.Session):
    def __init__(self, fake, websocket, plan):
        super().__init__(fake, websocket, plan)
        self.setup, self.complete = None, False
        self.ear = None
        self.turn = None       # the task that speaks
        self.speaking = False  # until it would have been heard
        self.calls = {}        # tools that are not answered yet: {id: name}
        self.texts = []        # that the client put in
        self.answers = []      # of tools
        self.owed = False      # a turn, for an answer that came during another

    async def tell(self, **message):
        await self.send(message, binary=self.fake.binary)

    # ---- what the client says ----

    async def run(self):
        headers = self.socket.request_headers
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.socket.path).query)
        if KEY not in (headers.get("x-goog-api-key"), query.get("key", [None])[0]):
            raise Close(1007, "API key not valid. Please pass a valid API key.")
        async for raw in self.socket:
            if isinstance(raw, bytes):
                raise Close(1007, "Request contains an invalid argument.")
            try:
                message = json.loads(raw)
                await self.hear(message)
            except ValueError:
                raise Close(1007, "Invalid JSON payload received.") from None
            except Refusal as no:
                raise Close(1007, f"Invalid JSON payload received. Unknown name at '{no}'") from None

    async def hear(self, message):
        fields(message, {"setup", "clientContent", "realtimeInput", "toolResponse"}, "")
        if len(message) != 1:
            raise Refusal("message")
        self.said.append(message)
        (kind, value), = message.items()
        if (kind == "setup") == (self.setup is not None):
            raise Close(1007, "setup must be the first message and only the first")
        if kind != "setup" and not self.complete:
            raise Close(1007, "before setupComplete")
        await {"setup": self.take_setup, "realtimeInput": self.take_input,
               "toolResponse": self.take_answer, "clientContent": self.take_content}[kind](value)

    async def take_setup(self, setup):
        check_setup(setup)
        if setup["model"] != f"models/{MODEL}":
            raise Close(1008, "Requested entity was not found.")
        handle = setup.get("sessionResumption", {}).get("handle")
        if handle is not None and handle not in self.fake.handles:
            raise Close(1007, "Invalid session resumption handle")
        self.setup = setup
        vad = setup.get("realtimeInputConfig", {}).get("automaticActivityDetection", {})
        self.ear = wskit.Ear(16000, vad.get("silenceDurationMs", 800))
        await self.moment("begun")
        await self.tell(setupComplete={})
        self.complete = True
        if "sessionResumption" in setup:
            await self.give_handle()
        await self.moment("setup")
        if self.fake.go_away_s:
            self.start(self.go_away())

    async def give_handle(self):
        if self.speaking or self.calls:
            await self.tell(sessionResumptionUpdate={"newHandle": "", "resumable": False})
            return
        handle = f"h-{len(self.fake.handles):04x}"
        self.fake.handles.append(handle)
        await self.tell(sessionResumptionUpdate={"newHandle": handle, "resumable": True})

    async def go_away(self):
        await asyncio.sleep(self.fake.go_away_s)
        await self.tell(goAway={"timeLeft": "0.5s"})
        await asyncio.sleep(0.5)
        raise Close(1000, "session timeout")

    async def take_input(self, value):
        fields(value, {"audio", "text", "audioStreamEnd", "activityStart", "activityEnd"},
               "realtime_input")
        if "text" in value:
            self.texts.append(value["text"])
            await self.interrupt()
            self.speak()
        if "audio" not in value:
            return
        sound = fields(value["audio"], {"data", "mimeType"}, "realtime_input.audio",
                       ["data", "mimeType"])
        if sound["mimeType"] != "audio/pcm;rate=16000":
            raise Refusal("realtime_input.audio.mime_type")
        try:
            pcm = base64.b64decode(sound["data"], validate=True)
        except (TypeError, binascii.Error):
            raise Refusal("realtime_input.audio.data") from None
        self.sound += pcm
        await self.moment("audio")
        for what, _ in self.ear.hear(pcm):
            if what == "started":
                await self.interrupt()
            else:
                self.start(self.transcribe())
                self.speak()

    async def transcribe(self):
        words = self.fake.hears.pop(0) if self.fake.hears else "Yes."
        for word in words.split(" "):
            await self.tell(serverContent={"inputTranscription": {"text": word + " "}})

    async def take_content(self, value):
        fields(value, {"turns", "turnComplete"}, "client_content")
        for turn in value.get("turns", []):
            check_texts(turn, "client_content.turns")
        await self.interrupt()
        if value.get("turnComplete"):
            self.speak()

    async def take_answer(self, value):
        fields(value, {"functionResponses"}, "tool_response", ["functionResponses"])
        for one in value["functionResponses"]:
            fields(one, {"id", "name", "response", "scheduling", "willContinue"},
                   "tool_response.function_responses", ["id", "name", "response"])
            if self.calls.pop(one["id"], None) != one["name"]:
                raise Refusal("tool_response.function_responses.id")
            if not isinstance(one["response"], dict):
                raise Refusal("tool_response.function_responses.response")
            self.answers.append(one)
        if not self.calls:
            self.owed = self.speaking  # in the middle of a turn: the next one is about the answer
            self.speak()

    # ---- what the model says ----

    def speak(self):
        if not self.speaking:
            self.speaking = True
            self.turn = self.start(self.talk())

    async def interrupt(self):
        if not self.speaking:
            return
        self.turn.cancel()
        self.speaking = self.owed = False
        if self.calls and self.fake.cancels:
            await self.tell(toolCallCancellation={"ids": list(self.calls)})
            self.calls = {}
        await self.tell(serverContent={"interrupted": True})
        await self.tell(serverContent={"turnComplete": True})

    async def talk(self):
        turn = self.fake.dialogue.pop(0) if self.fake.dialogue else Turn("Mm-hm.", 400)
        step = PIECE_MS * 48
        words, pieces = (turn.says or "").split(" "), range(0, len(turn.sound), step)
        for i, at in enumerate(pieces):
            blob = {"mimeType": "audio/pcm;rate=24000",
                    "data": base64.b64encode(turn.sound[at:at + step]).decode()}
            content = {"modelTurn": {"role": "model", "parts": [{"inlineData": blob}]}}
            part = words[i * len(words) // len(pieces):(i + 1) * len(words) // len(pieces)]
            if part:
                content["outputTranscription"] = {"text": " ".join(part) + " "}
            if i % 2:
                del content["modelTurn"]["role"]
            await self.tell(serverContent=content)
            await self.moment("reply")
            await asyncio.sleep(PIECE_MS / 1000 / self.fake.pace)
        if turn.tools:
            await self.call(turn.tools)
        await self.tell(serverContent={"generationComplete": True})
        await asyncio.sleep(turn.ms / 1000 / self.fake.pace)  # held back until it would be heard
        self.speaking = False
        await self.tell(serverContent={"turnComplete": True}, usageMetadata={"totalTokenCount": 9})
        if "sessionResumption" in self.setup:
            await self.give_handle()
        if self.owed:
            self.owed = False
            self.speak()

    async def call(self, tools):
        listed = []
        for name, arguments in tools:
            one = f"fc-{next(self.fake.serial)}"
            self.calls[one] = name
            listed.append({"id": one, "name": name, "args": arguments})
        await self.tell(toolCall={"functionCalls": listed})


class GeminiLive(wskit.Server):
    PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    SESSION = Session

    def __init__(self, folder=None):
        self.dialogue, self.hears, self.handles = [], [], []
        self.pace = 20       # times as fast as it is spoken
        self.binary = True
        self.cancels = True  # an interruption takes calls of tools back
        self.go_away_s = None
        self.serial = itertools.count(41)
        super().__init__(folder)

    def refuse(self, path, _headers):
        if urllib.parse.urlsplit(path).path != self.PATH:
            return 404, "{}"
        return None, None
