"""The carrier's side of a media stream, strictly: a WebSocket client that sends what the carrier sends, takes
nothing else than what the carrier takes, plays what it is sent in real time, and echoes marks when it has come
to them."""

import asyncio
import base64
import collections
import json
import math
import os
import re
import ssl
import struct
import threading
import time
import urllib.parse
import xml.etree.ElementTree

import websockets

FRAME = 160  # bytes of mu-law: 20 ms
SILENCE = b"\xff" * FRAME
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


def mulaw(sample):
    """One sample of 16 bits as G.711 has it (its appendix, written down a second time)."""
    sign = 0x80 if sample < 0 else 0
    sample = min(abs(sample), 32635) + 132
    exponent = max(0, sample.bit_length() - 8)
    return ~(sign | exponent << 4 | sample >> exponent + 3 & 15) & 0xff


def linear(byte):
    byte = ~byte & 0xff
    value = ((byte & 15) << 3) + 132 << (byte >> 4 & 7)
    return 132 - value if byte & 0x80 else value - 132


def tone(hertz, ms, level=8000):
    return bytes(mulaw(int(level * math.sin(2 * math.pi * hertz * i / 8000)))
                 for i in range(8 * ms))


def babble(ms, level=6000):
    """Something that is loud and no tone, as speech is: pauses between syllables."""
    made = bytearray()
    seed = 12345
    for i in range(8 * ms):
        seed = (1103515245 * seed + 12345) & 0x7fffffff
        made.append(mulaw(int(level * (seed / 0x40000000 - 1))))
    return bytes(made)


def loudness(sound):
    """The root of the mean square of mu-law sound."""
    return math.sqrt(sum(linear(b) ** 2 for b in sound) / len(sound)) if sound else 0.0


def sid(prefix):
    return prefix + os.urandom(16).hex()


class Answer:
    """The TwiML of an answered call."""

    def __init__(self, text):
        self.root = xml.etree.ElementTree.fromstring(text)
        self.verbs = [verb.tag for verb in self.root]
        stream = self.root.find("Connect/Stream")
        self.url = stream.get("url") if stream is not None else None
        self.token = next((one.get("value") for one in self.root.iter("Parameter")
                           if one.get("name") == "token"), None)
        self.next = self.root.findtext("Redirect")


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"HTTP {status}")
        self.status = status


class Stream:
    """One stream. Everything that happens in it is in .log as (seconds, kind, value)."""

    def __init__(self, stack, call_id, call_sid, token, **odd):
        self.stack, self.call_id, self.call_sid, self.token = stack, call_id, call_sid, token
        self.stream_sid = sid("MZ")
        self.odd = odd  # what to do otherwise than the carrier does
        self.log = []
        self.heard = bytearray()     # what was really played
        self.played = []             # (seconds, bytes) of it
        self.faults = []
        self.marks = []              # names in the order in which they were echoed
        self.queue = collections.deque()   # what the callee says, frames
        self.buffer = collections.deque()  # what the agent has sent: bytes, or the name of a mark
        self.closed = None           # (code, reason)
        self.status = None           # of HTTP, when it was refused
        self.sequence = 0
        self.open = threading.Event()
        self.over = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.began = time.monotonic()
        self.thread.start()

    # ---- what tests ask and do ----

    def wait_open(self, seconds=10):
        assert self.open.wait(seconds), "the handshake is not over"
        if self.status is not None:
            raise Refused(self.status)
        return self

    def wait_closed(self, seconds=10):
        assert self.over.wait(seconds), "the stream is still open"
        assert not self.faults, self.faults
        return self.closed

    def say(self, sound):
        """The callee says this, from now on, behind what he is saying."""
        sound += SILENCE[:-len(sound) % FRAME]
        for at in range(0, len(sound), FRAME):
            self.queue.append(sound[at:at + FRAME])

    def talk(self, ms=600):
        self.say(babble(ms))

    def press(self, digit):
        self.later({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": digit}})

    def stop(self):
        """The callee hangs up."""
        self.later({"event": "stop", "stop": {"accountSid": self.account, "callSid": self.call_sid}})
        try:
            self.call(self.socket.close())
        except TimeoutError:
            raise AssertionError(f"the close is not over: {self.state()}") from None

    def drop(self):
        """The line breaks off."""
        def cut():
            self.socket.transport.abort()
        self.loop.call_soon_threadsafe(cut)

    def state(self):
        """How far the connection is, for whoever asks why it does not end."""
        one = self.socket
        return {"state": one.state.name, "sent": one.close_sent, "received": one.close_rcvd,
                "untaken": len(one.messages), "unread": len(one.reader._buffer),
                "unwritten": one.transport.get_write_buffer_size(), "closing": one.transport.is_closing(),
                "last": self.log[-1:], "after": time.monotonic() - self.began}

    def send_text(self, text):
        self.call(self.socket.send(text))

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def later(self, message):
        self.call(self.send(message))

    def first(self, kind):
        """Seconds from the start to the first of a kind, or None."""
        return next((at for at, what, _ in self.log if what == kind), None)

    def count(self, kind):
        return sum(what == kind for _, what, _ in self.log)

    def quiet(self):
        """Whether everything that the agent has sent was played."""
        return not self.buffer

    def spoken_ms(self):
        return len(self.heard) // 8

    # ---- the protocol ----

    @property
    def account(self):
        return self.odd.get("account", self.stack.account)

    def note(self, kind, value=None):
        self.log.append((time.monotonic() - self.began, kind, value))

    def fault(self, what):
        self.faults.append(what)

    def run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.live())
        except Exception as error:  # a fault of the kit must not look like silence
            self.fault(repr(error))
        finally:
            self.open.set()
            self.over.set()

    async def live(self):
        url = self.odd.get("url") or self.stack.media_url(self.call_id)
        context = ssl.create_default_context(cafile=self.stack.ca)
        headers = {"X-Twilio-Signature": self.odd.get("signature") or self.stack.sign(
            self.odd.get("signed", url), [])}
        if self.odd.get("unsigned"):
            headers = {}
        try:
            self.socket = await websockets.connect(
                url, ssl=context, extra_headers=headers, compression=None, max_size=2 ** 20,
                open_timeout=10, ping_interval=None, close_timeout=2)
        except websockets.exceptions.InvalidStatusCode as error:
            self.status = error.status_code
            return
        self.open.set()
        tasks = [asyncio.ensure_future(one()) for one in (self.talker, self.listener, self.player)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for one in results:
                if isinstance(one, Exception) and not isinstance(
                        one, (websockets.exceptions.ConnectionClosed, asyncio.CancelledError)):
                    self.fault(repr(one))
            await self.socket.close()
            self.closed = (self.socket.close_code, self.socket.close_reason)

    async def send(self, message):
        if message["event"] != "connected":
            self.sequence += 1
            message = {**message, "sequenceNumber": str(self.sequence), "streamSid": self.stream_sid}
        await self.socket.send(json.dumps(message))

    async def talker(self):
        await self.send({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        if self.odd.get("silent"):
            await asyncio.sleep(60)
        start = {"streamSid": self.stream_sid, "accountSid": self.account, "callSid": self.call_sid,
                 "tracks": ["inbound"], "customParameters": {"token": self.token},
                 "mediaFormat": self.odd.get("format", FORMAT)}
        if self.token is None:
            start["customParameters"] = {}
        await self.send({"event": "start", "start": start})
        self.started = time.monotonic()
        chunk = 0
        while True:
            chunk += 1
            frame = self.queue.popleft() if self.queue else SILENCE
            await self.send({"event": "media", "media": {
                "track": "inbound", "chunk": str(chunk), "timestamp": str(20 * chunk),
                "payload": base64.b64encode(frame).decode()}})
            await asyncio.sleep(max(0, self.started + 0.02 * chunk - time.monotonic()))

    async def listener(self):
        while self.odd.get("deaf"):
            await asyncio.sleep(0.1)
        async for text in self.socket:
            if self.odd.get("deaf"):
                while self.odd.get("deaf"):
                    await asyncio.sleep(0.1)
            if not isinstance(text, str):
                self.fault("a binary message")
                continue
            self.take(json.loads(text))

    def take(self, message):
        kind = message.get("event")
        fields = {"media": {"payload"}, "mark": {"name"}, "clear": None}.get(kind, ())
        wanted = {"event", "streamSid"} | ({kind} if fields else set())
        if fields == () or set(message) != wanted or message["streamSid"] != self.stream_sid or (
                fields and set(message[kind]) != fields):
            self.fault(f"the carrier does not take {message}")
            return
        self.note(kind, message.get("mark", {}).get("name"))
        if kind == "media":
            sound = base64.b64decode(message["media"]["payload"], validate=True)
            if not sound:
                self.fault("no sound in it")
            self.buffer.append(bytearray(sound))
        elif kind == "mark":
            self.buffer.append(message["mark"]["name"])
        else:
            gone = [one for one in self.buffer if isinstance(one, str)]
            self.buffer.clear()
            for name in gone:
                asyncio.ensure_future(self.echo(name))

    async def echo(self, name):
        self.marks.append(name)
        self.note("echo", name)
        if not self.odd.get("markless"):
            await self.send({"event": "mark", "mark": {"name": name}})

    async def player(self):
        """Plays 20 ms every 20 ms."""
        at, count = time.monotonic(), 0
        while True:
            frame = bytearray()
            while self.buffer and len(frame) < FRAME:
                if isinstance(self.buffer[0], str):
                    await self.echo(self.buffer.popleft())
                    continue
                take = FRAME - len(frame)
                frame += self.buffer[0][:take]
                del self.buffer[0][:take]
                if not self.buffer[0]:
                    self.buffer.popleft()
            while self.buffer and isinstance(self.buffer[0], str):
                await self.echo(self.buffer.popleft())
            if frame:
                self.heard += frame
                self.played.append((time.monotonic(), bytes(frame)))
                if len(self.played) == 1:
                    self.note("first_sound")
            count += 1
            await asyncio.sleep(max(0, at + 0.02 * count - time.monotonic()))


class Line:
    """A call that the simulator lets ring for ever, so that these tests are the carrier from there on."""

    def __init__(self, stack, client, **body):
        self.stack, self.client = stack, client
        self.call_id, self.to = client.ring(language="en", **body)
        self.call_sid = client.call(self.call_id)["call_sid"]
        [dial] = stack.dials(self.to)
        self.attempt = urllib.parse.parse_qs(urllib.parse.urlsplit(dial["url"]).query)["attempt"][0]

    def form(self, **more):
        return {"CallSid": self.call_sid, "AccountSid": self.stack.account,
                "CallStatus": "in-progress", "To": self.to, "From": "+15005550006", **more}

    def answer(self, **more):
        """The callee answers: what the carrier is told to do."""
        got = self.stack.hook(f"/twilio/voice/{self.call_id}?attempt={self.attempt}",
                              self.form(**more))
        assert got.status_code == 200, got.text
        return Answer(got.text)

    def stream(self, answer=None, **odd):
        answer = answer or self.answer()
        return Stream(self.stack, self.call_id, odd.pop("call_sid", self.call_sid),
                      odd.pop("token", answer.token), **odd)

    def after(self):
        """The stream is over: what the carrier is told to do now."""
        got = self.stack.hook(f"/twilio/voice/{self.call_id}?attempt={self.attempt}&after=stream",
                              self.form())
        assert got.status_code == 200, got.text
        return Answer(got.text)

    def hung_up(self, duration=7):
        got = self.stack.hook(f"/twilio/status/{self.call_id}?attempt={self.attempt}",
                              self.form(CallStatus="completed", CallDuration=str(duration)))
        assert got.status_code == 200, got.text

    def finish(self):
        """As the carrier goes on once the stream is over; the call as its customer sees it then."""
        self.after()
        self.hung_up()
        return self.client.ended(self.call_id)

    def events(self, kind=None):
        return [e["data"] for e in self.client.events(self.call_id)
                if kind is None or e["event_type"] == kind]
