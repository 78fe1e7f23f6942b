"""What the stand-ins for live models share: a WebSocket server of loopback in a thread of its own, what can
go wrong with a connection, an ear that knows speech from silence, and a voice.
"""

import array
import asyncio
import audioop
import http
import json
import math
import os
import socket
import ssl
import subprocess
import threading

import websockets
import websockets.exceptions

CANARY = "kestrelbrook"  # in every message of an error; no log may hold it
LOUD = 500  # the root mean square of 20 ms from which they count as speech


class Close(Exception):
    """The stand-in closes the connection."""

    def __init__(self, code, reason=""):
        super().__init__(code, reason)
        self.code, self.reason = code, reason[:123]


class Refusal(Exception):
    """A message that the real one would not take: where it is wrong."""


def fields(value, allowed, where, required=()):
    """An object of these fields and no others."""
    if not isinstance(value, dict):
        raise Refusal(where)
    for name in value:
        if name not in allowed:
            raise Refusal(f"{where}.{name}".lstrip("."))
    for name in required:
        if name not in value:
            raise Refusal(f"{where}.{name}".lstrip("."))
    return value


def tone(ms, rate, hz=440, loudness=8000):
    """A sine of 16 bits, little endian."""
    return array.array("h", (round(loudness * math.sin(2 * math.pi * hz * i / rate))
                             for i in range(ms * rate // 1000))).tobytes()


def pcmu(ms, hz=440, loudness=8000):
    return audioop.lin2ulaw(tone(ms, 8000, hz, loudness), 2)


class Ear:
    """Hears linear sound of 16 bits, in whatever pieces."""

    def __init__(self, rate, silence_ms):
        self.rate, self.silence_ms = rate, silence_ms
        self.rest, self.ms, self.talking, self.quiet = b"", 0, False, 0

    def hear(self, pcm):
        """What happened in it: a list of ("started" or "ended", at so many ms)."""
        happened, step = [], self.rate // 50 * 2
        self.rest += pcm
        while len(self.rest) >= step:
            frame, self.rest = self.rest[:step], self.rest[step:]
            loud = audioop.rms(frame, 2) >= LOUD
            if loud and not self.talking:
                self.talking = True
                happened.append(("started", self.ms))
            self.quiet = 0 if loud else self.quiet + 20
            self.ms += 20
            if self.talking and self.quiet >= self.silence_ms:
                self.talking = False
                happened.append(("ended", self.ms - self.quiet))
        return happened


class Plan:
    """What becomes of one connection. refuse: the HTTP status of the upgrade; hang: it never comes.
    Otherwise, at a moment that the stand-in knows ("open", "setup", "audio", "reply"), one deed."""

    def __init__(self, refuse=None, hang=False, body="", moment=None, deed=None):
        self.refuse, self.hang, self.body, self.moment, self.deed = refuse, hang, body, moment, deed


def close(code, reason=""):
    async def deed(_session):
        raise Close(code, reason)
    return deed


def drop():
    """The network is gone: no close frame."""
    async def deed(session):
        session.socket.transport.abort()
    return deed


def close_without_code():
    async def deed(session):
        session.socket.transport.write(b"\x88\x00")
    return deed


def spoil():
    """Something on the way writes into the TLS connection."""
    async def deed(session):
        wire = session.socket.transport.get_extra_info("socket").fileno()
        os.write(wire, b"\x17\x03\x03\x00\x20" + bytes(32))
    return deed


def stall():
    """It reads nothing more and says nothing more."""
    async def deed(session):
        session.socket.transport.pause_reading()
        session.frozen = True
        await asyncio.sleep(3600)
    return deed


def say(*messages):
    """These, whatever they are: texts in text frames, bytes in binary ones."""
    async def deed(session):
        for message in messages:
            await session.socket.send(message)
    return deed


def flood(count, message):
    async def deed(session):
        for _ in range(count):
            await session.socket.send(message)
    return deed


class Session:
    """One connection; a stand-in's own derives from it and has run()."""

    def __init__(self, fake, websocket, plan):
        self.fake, self.socket, self.plan = fake, websocket, plan
        self.frozen = False
        self.said = []       # every message that came, read
        self.sound = b""     # all that was sent to be heard
        self.closed = None   # (code, reason) of the client's close frame
        self.tasks = []

    async def moment(self, name):
        if self.plan.moment == name:
            self.plan.moment = None
            await self.plan.deed(self)

    async def send(self, message, binary=False):
        if self.frozen:
            await asyncio.sleep(3600)
        text = json.dumps(message)
        await self.socket.send(text.encode() if binary else text)

    def start(self, work):
        """Something that goes on beside reading."""
        async def guarded():
            try:
                await work
            except Close as no:
                await self.socket.close(no.code, no.reason)
            except websockets.exceptions.ConnectionClosed:
                pass
        task = asyncio.ensure_future(guarded())
        self.tasks.append(task)
        return task

    async def live(self):
        try:
            await self.moment("open")
            await self.run()
        except Close as no:
            await self.socket.close(no.code, no.reason)
        except websockets.exceptions.ConnectionClosed:
            pass
        finally:
            for task in self.tasks:
                task.cancel()
            self.closed = (self.socket.close_code, self.socket.close_reason)


class Server:
    """folder: of a certificate for localhost (server.pem, server.key); without it the socket is plain."""

    PATH = "/"
    SESSION = Session

    def __init__(self, folder=None):
        self.sessions, self.requests = [], []
        self.plans = []   # of the next connections, one each
        self.coming = {}  # the plans of those that are being opened
        self.faults = []  # what the real one would take, though it cannot be meant
        self.secure = folder is not None
        self.tls = None
        if self.secure:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(f"{folder}/server.pem", f"{folder}/server.key")
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        assert self.ready.wait(20)

    @property
    def url(self):
        return (f"wss://localhost:{self.port}" if self.secure else
                f"ws://127.0.0.1:{self.port}") + self.PATH

    def work(self):
        asyncio.set_event_loop(self.loop)

        async def main():
            self.over = asyncio.Event()
            async with websockets.serve(self.serve, sock=self.listener, ssl=self.tls,
                                        process_request=self.greet, compression=None,
                                        ping_interval=None, max_size=16 << 20, max_queue=64,
                                        close_timeout=2):
                self.ready.set()
                await self.over.wait()
                others = asyncio.all_tasks() - {asyncio.current_task()}
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)
        self.loop.run_until_complete(main())

    def close(self):
        self.loop.call_soon_threadsafe(self.over.set)
        self.thread.join(20)

    async def greet(self, path, headers):
        """Before the upgrade: None, or a refusal."""
        plan = self.plans.pop(0) if self.plans else Plan()
        self.requests.append({"path": path, "headers": dict(headers)})
        if plan.hang:
            await asyncio.sleep(3600)
        status, body = (plan.refuse, plan.body) if plan.refuse else self.refuse(path, headers)
        self.coming[headers["Sec-WebSocket-Key"]] = plan
        if status:
            return http.HTTPStatus(status), [("Content-Type", "application/json")], body.encode()
        return None

    def refuse(self, _path, _headers):
        """What the real one would answer instead of 101: (status, body), or (None, None)."""
        return None, None

    async def serve(self, websocket):
        plan = self.coming.pop(websocket.request_headers["Sec-WebSocket-Key"])
        session = self.SESSION(self, websocket, plan)
        self.sessions.append(session)
        await session.live()


def certificate(folder):
    """A CA (ca.pem) and a certificate of localhost (server.pem, server.key) in that folder."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=A CA",
            "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
            "-keyout", "server.key", "-out", "server.csr")
    (folder / "san").write_text("subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2",
            "-CAcreateserial", "-extfile", "san", "-out", "server.pem")
    return folder
