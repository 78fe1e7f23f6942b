"""A customer's media server for the tests of offhook-sim: WebSocket over TLS by a CA of its own. It
keeps every message with the time of its arrival, and does what a script says."""

import asyncio
import base64
import json
import math
import ssl
import subprocess
import threading
import time

import websockets

from simkit import TOKEN, eventually, signature

FRAME = 160


def make_certificates(folder, name="localhost"):
    """ca.pem, and server.pem and server.key for this name."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA",
            "-days", "2")
    openssl("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={name}")
    (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "server.pem", "-days", "2", "-extfile", "names")
    return folder / "ca.pem"


def tone(seconds, hz=440, loud=8000):
    """So much of a sine, as mu-law."""
    return bytes(ulaw(int(loud * math.sin(2 * math.pi * hz * i / 8000)))
                 for i in range(int(seconds * 8000)))


def key_tones(keys, seconds=0.1):
    """Keys as an agent presses them, with a pause behind each."""
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    sound = b""
    for key in keys:
        row, column = divmod("123A456B789C*0#D".index(key), 4)
        sound += bytes(ulaw(int(5000 * (math.sin(math.tau * rows[row] * i / 8000) +
                                        math.sin(math.tau * columns[column] * i / 8000))))
                       for i in range(int(seconds * 8000))) + b"\xff" * 800
    return sound


def ulaw(sample):
    """G.711 mu-law, written down a second time on purpose."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 15) & 0xff


class Line:
    """One stream: what the carrier sent, and ways to answer."""

    def __init__(self, socket, headers, path):
        self.socket, self.headers, self.path = socket, headers, path
        self.messages, self.times = [], []
        self.closed = threading.Event()
        self.close_code = None
        self.started = asyncio.Event()
        self.news = asyncio.Event()

    @property
    def sid(self):
        return self.messages[1]["streamSid"]

    def of(self, event):
        return [m for m in list(self.messages) if m["event"] == event]

    def marks(self):
        return [m["mark"]["name"] for m in self.of("mark")]

    def time_of(self, event, number=0):
        return [t for m, t in zip(list(self.messages), list(self.times)) if m["event"] == event][number]

    def heard(self):
        """All that the callee said, as mu-law."""
        return b"".join(base64.b64decode(m["media"]["payload"]) for m in self.of("media"))

    async def send(self, event, **parts):
        await self.socket.send(json.dumps({"event": event, "streamSid": self.sid, **parts}))

    async def say(self, sound, mark=None):
        """All of it at once, as a model does, and a mark behind it."""
        for at in range(0, len(sound), 8000):
            payload = base64.b64encode(sound[at:at + 8000]).decode()
            await self.send("media", media={"payload": payload})
        if mark:
            await self.send("mark", mark={"name": mark})

    async def until(self, what, seconds=8.0):
        """Waits until what() is true; looks again after each message."""
        end = time.monotonic() + seconds
        while not what():
            self.news.clear()
            left = end - time.monotonic()
            assert left > 0, "it never happened"
            try:
                await asyncio.wait_for(self.news.wait(), left)
            except asyncio.TimeoutError:
                pass


class Media:
    """The server. script is a coroutine of a Line which is started with each stream; when it ends
    the socket is closed."""

    def __init__(self, folder):
        self.ca = folder / "ca.pem"
        if not self.ca.exists():
            make_certificates(folder)
        self.lines, self.faults, self.script, self.refuse = [], [], None, None
        self.asked, self.hold = [], 0  # paths of upgrades, and how long each has to wait
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        threading.Thread(target=self.run, args=(ready,), daemon=True).start()
        assert ready.wait(10)
        self.url = f"wss://localhost:{self.port}"

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(websockets.serve(
            self.serve, "127.0.0.1", 0, ssl=self.tls, process_request=self.look_at,
            ping_interval=None, compression=None, max_queue=None))
        self.port = self.server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    def stop(self):
        async def end():
            self.server.close()
            await self.server.wait_closed()
            self.loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self.loop)
        eventually(lambda: not self.loop.is_running())
        assert not self.faults

    async def look_at(self, path, headers):
        if headers.get("X-Twilio-Signature") != signature(self.url + path, [], TOKEN):
            self.faults.append(("bad signature", path))
        self.asked.append(path)
        await asyncio.sleep(self.hold)
        return self.refuse

    async def serve(self, socket, path):
        line = Line(socket, socket.request_headers, path)
        self.lines.append(line)
        script = None
        try:
            async for message in socket:
                line.times.append(time.monotonic())
                line.messages.append(json.loads(message))
                line.news.set()
                if len(line.messages) == 2 and self.script:
                    script = asyncio.ensure_future(self.play(line))
        except websockets.ConnectionClosed:
            pass
        line.close_code = socket.close_code
        line.closed.set()
        if script and not script.done():
            script.cancel()

    async def play(self, line):
        try:
            await self.script(line)
            await line.socket.close()
        except (websockets.ConnectionClosed, asyncio.CancelledError):
            pass
        except BaseException as fault:
            self.faults.append(repr(fault))
            await line.socket.close()

    def line(self, number=0, seconds=8.0):
        """The stream with this number, once it has started."""
        return eventually(lambda: len(self.lines) > number and len(self.lines[number].messages) > 1 and
                          self.lines[number], seconds)


def connect(url, inside="", rest="<Hangup/>", attributes=""):
    return (f'<Response><Connect><Stream url="{url}" {attributes}>{inside}</Stream></Connect>'
            f'{rest}</Response>')
