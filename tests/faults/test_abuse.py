"""Clients that mean harm, over the real nginx and workers: slow ones, endless ones, malformed ones, and whoever may
write to the workers' own socket. The others are served meanwhile, in bounded time; what is held is bounded; and
nothing ends in a 5xx but what HTTP itself does not have (501, 505). With FAULTS_LARGE=1 there are 4,000 slow
connections instead of 200, more of all else, and the p99 of
the others is compared with what it is alone."""

import asyncio
import concurrent.futures
import contextlib
import itertools
import json
import multiprocessing
import os
import pathlib
import random
import signal
import socket
import ssl
import struct
import threading
import time
import urllib.parse

import pytest
import requests

from conftest import LARGE
from stack import eventually, title

SLOW = 4000 if LARGE else 200
HELD = 512  # requests of one address that nginx holds at once (limit_conn)
EVIL = "127.0.0.2"  # where the abuse comes from; the others are at 127.0.0.1
SOON = 10.0  # seconds, for one answer, on a machine that has other things to do as well
LIMIT = 1 << 20
FORK = multiprocessing.get_context("fork")
SEED = int(os.environ.get("FAULTS_SEED", random.randrange(1 << 32)))


# ---- the others ---------------------------------------------------------------------------------

class Others:
    """Customers who read and post all the while, in a process of their own; every answer must be a good one, and come
    soon. may_fail is a status that is counted and forgiven."""

    def __init__(self, world, may_fail=None):
        self.world, self.may_fail = world, may_fail
        self.took, self.faults, self.failed = [], [], 0
        self.ours, theirs = FORK.Pipe()
        self.process = FORK.Process(target=self.run, args=(theirs,), daemon=True)

    def run(self, pipe):
        os.setsid()  # see elsewhere()
        over = threading.Event()
        threads = [threading.Thread(target=self.ask, args=(i, over), daemon=True) for i in range(3)]
        for thread in threads:
            thread.start()
        pipe.poll(None)
        over.set()
        for thread in threads:
            thread.join(40)
        pipe.send((self.took, self.faults, self.failed))

    def ask(self, i, over):
        session = self.world.session()
        while not over.wait(0.02):
            began = time.monotonic()
            try:
                if i == 0:
                    answer = session.post(self.world.url("/calls"), json={"target_phone": 1}, timeout=30)
                else:
                    answer = session.get(self.world.url("/calls?limit=5"), timeout=30)
                status = answer.status_code
            except requests.RequestException as error:
                status = repr(error)
            self.took.append(time.monotonic() - began)
            if status == self.may_fail:
                self.failed += 1
            elif status != (422 if i == 0 else 200):
                self.faults.append(status)

    def p99(self):
        return sorted(self.took)[len(self.took) * 99 // 100]

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, kind, *_):
        self.ours.send(None)
        assert self.ours.poll(60)
        self.took, self.faults, self.failed = self.ours.recv()
        self.process.join(10)
        if kind is None:
            assert self.faults == []
            assert len(self.took) > 10
            assert max(self.took) < SOON, sorted(self.took)[-5:]


@contextlib.contextmanager
def others(world):
    """The others; in the large form compared with themselves, alone."""
    before = None
    if LARGE:
        with Others(world) as alone:
            time.sleep(10)
        before = alone.p99()
    with Others(world) as busy:
        yield busy
    if LARGE:
        print(f"p99 of the others: {busy.p99() * 1000:.1f} ms, alone {before * 1000:.1f} ms")
        assert busy.p99() <= 2 * before + 0.005


@contextlib.contextmanager
def elsewhere():
    """Threads for those who mean harm. They have machines of their own: here they get what of the processors nobody
    else wants, and so does this whole session, since Linux shares them out by sessions first (sched_autogroup)."""
    group = pathlib.Path("/proc/self/autogroup")
    with contextlib.suppress(OSError):
        group.write_text("19")
    try:
        with concurrent.futures.ThreadPoolExecutor(
                initializer=lambda: os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)) as threads:
            yield threads
    finally:
        with contextlib.suppress(OSError):
            group.write_text("0")


# ---- nginx --------------------------------------------------------------------------------------

class Door:
    """nginx, as an abuser sees it."""

    def __init__(self, stack):
        url = urllib.parse.urlsplit(stack.env["OFFHOOK_URL"])
        self.host, self.port = url.hostname, url.port
        self.ca = stack.env["OFFHOOK_CA"]
        master = stack.pid("nginx")
        self.workers = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()

    def context(self, *protocols):
        context = ssl.create_default_context(cafile=self.ca)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def connections(self):
        """Sockets that nginx has."""
        count = 0
        for pid in self.workers:
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):
                    count += os.readlink(entry).startswith("socket:")
        return count

    def memory(self):
        """Bytes of nginx's own."""
        return sum(int(line.split()[1]) << 10 for pid in self.workers
                   for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
                   if line.startswith("RssAnon:"))

    def tls(self, seconds=20, *protocols):
        plain = socket.create_connection(("127.0.0.1", self.port), seconds, source_address=(EVIL, 0))
        return self.context(*protocols).wrap_socket(plain, server_hostname=self.host)

    def raw(self, *parts, seconds=20):
        """Sends these very bytes; all that comes back until the connection ends."""
        got = b""
        with self.tls(seconds) as tls:
            try:
                for part in parts:
                    tls.sendall(part)
            except (ConnectionError, ssl.SSLError):
                pass  # refused before it was all there: the answer says why
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                while chunk := tls.recv(65536):
                    got += chunk
        return got


@pytest.fixture
def door(stack):
    return Door(stack)


def statuses(got):
    """Of all the answers in these bytes. A body of ours holds no such line."""
    return [int(part[:3]) for part in got.split(b"HTTP/1.1 ")[1:]]


class Slow:
    """Many connections at once in an event loop of their own, one more every so many seconds. Each runs
    talk(reader, writer); what came back of each, and how long it lived, is in self.answers and self.lived."""

    def __init__(self, door, count, talk, every=0.0):
        self.door, self.count, self.talk, self.every = door, count, talk, every
        self.answers, self.lived = [], []

    async def one(self, i, gate):
        await asyncio.sleep(i * self.every)
        async with gate:  # the handshakes cost more than all the rest
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.door.port, ssl=self.context, server_hostname=self.door.host,
                local_addr=(EVIL, 0), limit=1 << 16)
        began, got = time.monotonic(), b""
        try:
            await self.talk(reader, writer)
            while chunk := await reader.read(65536):
                got += chunk
        except (ConnectionError, ssl.SSLError, asyncio.TimeoutError):
            pass
        self.answers += statuses(got) or [None]
        self.lived.append(time.monotonic() - began)
        writer.transport.abort()

    async def all(self):
        gate = asyncio.Semaphore(64)
        await asyncio.gather(*(self.one(i, gate) for i in range(self.count)))

    def run(self):
        self.context = self.door.context()
        asyncio.run(asyncio.wait_for(self.all(), 240))


async def dribble(writer, text, every):
    """A byte now and then, for ever."""
    while True:
        writer.write(text)
        await writer.drain()
        await asyncio.sleep(every)


@pytest.mark.alone
def test_slow_clients_of_every_kind(stack, world, door):
    """Who sends its headers for ever, says nothing, breaks off in the middle of TLS, or takes no answer: each is given
    ten seconds, for all of it, and whoever takes no answer half a minute. No worker hears of the first three. They
    come one after the other: a thousand good requests in one moment would be a queue for everybody."""
    before = door.connections()
    asks = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20

    async def headers(_reader, writer):
        writer.write(b"GET /calls HTTP/1.1\r\nHost: localhost\r\nX-A: ")
        await asyncio.wait_for(dribble(writer, b"a", 1), 14)

    async def takes_nothing(_reader, writer):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.transport.pause_reading()
        writer.write(asks)
        await asyncio.sleep(6)
        raise ConnectionError

    with others(world), elsewhere() as threads:
        silent = [socket.create_connection(("127.0.0.1", door.port), 10, source_address=(EVIL, 0))
                  for _ in range(SLOW)]
        for one in silent[::2]:
            one.sendall(b"\x16\x03\x01\x02\x00\x01")
        slow, greedy = Slow(door, SLOW, headers, 0.0025), Slow(door, SLOW // 4, takes_nothing, 0.01)
        for done in [threads.submit(one.run) for one in (slow, greedy)]:
            done.result(250)
        eventually(lambda: door.connections() <= before + 10, 60, "connections are left")
    assert set(slow.answers) <= {None, 408}
    assert len(slow.lived) == SLOW and max(slow.lived) < 25
    for one in silent:
        one.close()


@pytest.mark.alone
def test_bodies_that_never_end(stack, world, door):
    """No worker hears of them. One address holds so many and not more, however many it opens; the others are refused
    at once."""
    memory, piece, count = door.memory(), bytes(64 << 10), HELD + 88
    refused, held, polite = [], [], []
    begun, told = itertools.count(1), asyncio.Event()

    async def one_more():
        await asyncio.sleep(3)
        polite.append(await asyncio.to_thread(
            door.raw, b"GET /calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        told.set()

    async def talk(reader, writer):
        writer.write(b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % LIMIT + piece)
        more = asyncio.ensure_future(one_more()) if next(begun) == count else None
        answer = asyncio.ensure_future(reader.read(100))
        while not told.is_set() and not answer.done():
            await asyncio.wait([answer], timeout=3)
            writer.write(b"x")  # else nginx has had enough after ten seconds
        if more is not None:
            await more
        if answer.done():
            refused.append(answer.exception() or answer.result())
        else:
            answer.cancel()
            held.append(door.memory())
        raise ConnectionError

    with others(world), elsewhere() as threads:
        threads.submit(Slow(door, count, talk).run).result(250)
    assert len(refused) + len(held) == count
    assert len(held) == HELD
    assert statuses(polite[0]) == [429]
    grown = max(held) - memory
    assert grown < count * (192 << 10), f"{grown >> 20} MiB"


# ---- requests that are too large or malformed ---------------------------------------------------

HEAD = b"POST /calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
GET = b"GET /calls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
CASES = {
    "one byte over the limit": (413, [HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1), bytes(LIMIT + 1)]),
    "10 MiB": (413, [HEAD + b"Content-Length: %d\r\n\r\n" % (10 << 20)] + [bytes(LIMIT)] * 10),
    "10 MiB announced": (413, [HEAD + b"Content-Length: %d\r\n\r\n" % (10 << 20)]),
    "10 MiB in chunks": (413, [HEAD + b"Transfer-Encoding: chunked\r\n\r\n"] + [CHUNK] * 160 + [b"0\r\n\r\n"]),
    "a chunk of 2^63": (400, [HEAD + b"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n", bytes(64)]),
    "a chunk of 2^64 and more": (400, [HEAD + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"]),
    "a chunk of no number": (400, [HEAD + b"Transfer-Encoding: chunked\r\n\r\nx\r\n"]),
    "a negative chunk": (400, [HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n"]),
    "a length and chunks": (400, [HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
    "chunks and a length": (400, [HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"]),
    "chunks twice": (400, [HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
    "chunks, spelled": (501, [HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"]),
    "chunks by HTTP/1.0": (400, [HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
    "two lengths": (400, [HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"]),
    "a length of 2^64": (400, [HEAD + b"Content-Length: 18446744073709551616\r\n\r\n"]),
    "a length with a sign": (400, [HEAD + b"Content-Length: +2\r\n\r\n{}"]),
    "101 headers": (431, [GET + b"".join(b"X-%d: a\r\n" % i for i in range(101)) + b"\r\n"]),
    "10,000 headers": (431, [GET + b"X: a\r\n" * 10000 + b"\r\n"]),
    "a header of 64 KiB": (431, [GET + b"X-Big: " + b"x" * 65536 + b"\r\n\r\n"]),
    "a key of 64 KiB": (431, [GET + b"X-API-Key: " + b"x" * 65536 + b"\r\n\r\n"]),
    "a name of 64 KiB": (431, [GET + b"x" * 65536 + b": a\r\n\r\n"]),
    "a URL of 64 KiB": (414, [b"GET /calls?" + b"x" * 65536 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"]),
    "a method of 64 KiB": (414, [b"G" * 65536 + b" /calls HTTP/1.1\r\nHost: localhost\r\n\r\n"]),
    "a zero in a header": (400, [GET + b"X-A: a\0b\r\n\r\n"]),
    "a bare CR in a header": (400, [GET + b"X-A: a\rX-API-Key: b\r\n\r\n"]),
    "a space before the colon": (400, [GET + b"X-API-Key : b\r\n\r\n"]),
    "a folded header": (400, [GET + b"X-A: a\r\n b\r\n\r\n"]),
    "two hosts": (400, [GET + b"Host: other\r\n\r\n"]),
    "no host": (400, [b"GET /calls HTTP/1.1\r\n\r\n"]),
    "HTTP/2.0 by its line": (505, [b"GET /calls HTTP/2.0\r\nHost: localhost\r\n\r\n"]),
}


def test_what_is_too_large_or_malformed(stack, world, door):
    """Is refused, in the one way that is told here, and the connection ends."""
    with others(world):
        got = {case: statuses(door.raw(*parts)) for case, (_, parts) in CASES.items()}
    assert {case: got[case] for case in CASES if got[case] != [CASES[case][0]]} == {}


def test_no_request_is_hidden_in_another(stack, world, door):
    """What follows a request of doubtful length is not read as one more."""
    body = json.dumps({"target_phone": world.number(), "brief": world.brief}).encode()
    hidden = (b"POST /calls HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n"
              % (world.key.encode(), len(body))) + body
    for front in (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                  b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                  b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden),
                  b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"Content-Length: 0, 0\r\n\r\n",
                  b"Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n"):
        got = door.raw(b"POST /calls HTTP/1.1\r\nHost: localhost\r\n" + front + hidden, seconds=3)
        assert [s for s in statuses(got) if s not in (400, 501)] == [], front
    assert world.calls() == {}
    # The same, where the length is sound: it is two requests, and both are answered.
    got = door.raw(b"POST /calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}" + hidden, seconds=3)
    assert statuses(got) == [401, 202]
    world.verify()
    assert len(world.calls()) == 1


# ---- HTTP/2 -------------------------------------------------------------------------------------

def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header in HPACK, as it is."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


ASK_2 = b"".join(literal(n, v) for n, v in ((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/calls"),
                                            (b":authority", b"localhost")))
POST_2 = ASK_2.replace(literal(b":method", b"GET"), literal(b":method", b"POST"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
STREAMS = range(1, 20001 if LARGE else 4001, 2)
FLOODS = {
    "streams reset at once": lambda: [frame(1, 5, i, ASK_2) + frame(3, 0, i, struct.pack(">I", 8)) for i in STREAMS],
    "bodies that never end": lambda: [frame(1, 4, i, POST_2) + frame(0, 0, i, bytes(400)) for i in STREAMS],
    "headers that never end": lambda: [frame(1, 1, 1, ASK_2)] + [frame(9, 0, 1, literal(b"x", b"y" * 100))
                                                                  for _ in STREAMS],
    "settings": lambda: [frame(4, 0, 0, struct.pack(">HI", 4, i)) for i in STREAMS],
    "pings": lambda: [frame(6, 0, 0, struct.pack(">Q", i)) for i in STREAMS],
    "empty frames": lambda: [frame(1, 4, 1, POST_2)] + [frame(0, 0, 1) for _ in STREAMS],
    "windows": lambda: [frame(8, 0, 0, struct.pack(">I", 0x7fffffff)) for _ in STREAMS],
    "priorities": lambda: [frame(2, 0, i, struct.pack(">IB", i - 1, 16)) for i in STREAMS],
    "a table of headers": lambda: [frame(1, 5, i, b"\x3f\xff\xff\xff\x7f" + ASK_2) for i in STREAMS],
    "noise": lambda: [random.Random(SEED).randbytes(9) + bytes(64) for _ in STREAMS],
}


def test_floods_of_http_2(stack, world, door):
    before, memory = door.connections(), door.memory()

    def flood(parts):
        with door.tls(5, "h2") as tls:
            assert tls.selected_alpn_protocol() == "h2"
            with contextlib.suppress(ConnectionError, ssl.SSLError, TimeoutError):
                tls.sendall(PREFACE)
                for i in range(0, len(parts), 50):
                    tls.sendall(b"".join(parts[i:i + 50]))

    def all_floods():
        end = time.monotonic() + 2
        for turn in itertools.count():
            if turn >= 3 and time.monotonic() > end:
                break
            for make in FLOODS.values():
                flood(make())

    with others(world), elsewhere() as threads:
        threads.submit(all_floods).result(250)
        eventually(lambda: door.connections() <= before + 10, 20, "connections are left")
    assert door.memory() - memory < 64 << 20


# ---- the workers' own socket --------------------------------------------------------------------

def record(kind, content=b"", request=1, version=1, padding=0, length=None):
    return struct.pack(">BBHHBB", version, kind, request & 0xffff,
    (len(content) if length is None else length) & 0xffff,
                       padding, 0) + content + bytes(padding)


def pair(name, value):
    def size(text):
        return bytes((len(text),)) if len(text) < 128 else struct.pack(">I", len(text) | 1 << 31)
    return size(name) + size(value) + name + value


def parameters(path, body, method="GET"):
    return b"".join(pair(n.encode(), v.encode()) for n, v in (
        ("REQUEST_METHOD", method), ("REQUEST_URI", path), ("DOCUMENT_URI", path), ("QUERY_STRING", ""),
        ("CONTENT_TYPE", "application/json"), ("CONTENT_LENGTH", str(len(body))), ("REMOTE_ADDR", EVIL),
        ("HTTPS", "on"), ("HTTP_X_API_KEY", "nobody's")))


def begin(role=1, flags=0):
    return record(1, struct.pack(">HB5x", role, flags))


def request(path="/calls", body=b"", method="GET"):
    """The records of a whole request."""
    return [begin(), record(4, parameters(path, body, method)), record(4), *([record(5, body)] if body else []),
    record(5)]


# What the protocol does not say, or says and libfcgi hears seldom. Each is sent on a connection of its own.
TRICKS = [
    b"", b"\0", b"\x01", b"\x01\x01", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 8, b"\xff" * 4096, bytes(65536),
    begin(role=0), begin(role=2), begin(role=3), begin(role=9), begin(flags=255), record(1, b""), record(1, b"\0"),
    record(1, bytes(65535)), record(2), begin() + record(2), begin() + record(5), begin() + record(4) + record(5),
    record(4, pair(b"A", b"B")), record(5, b"x"), record(8), record(9, pair(b"FCGI_MAX_CONNS", b""), 0),
    begin() + record(9, pair(b"FCGI_MPXS_CONNS", b""), 0) + b"".join(request()[1:]), record(9, b"\x80", 0), record(9,
    b"\xff" * 8, 0),
    record(9, b"\xff\xff\xff\xff\x00", 0), record(9, pair(b"x" * 200, b"y" * 200) * 100, 0), record(77, b"x"),
    record(77, b"x", 0), begin() + begin(), begin() + record(4, b"x", request=2) + record(4),
    begin() + record(4, b"\x80"), begin() + record(4, b"\xff\xff\xff\xff"), begin() + record(4,
    b"\xff" * 8) + record(4),
    begin() + record(4, b"\xff\xff\xff\xff\xff\xff\xff\xffA") + record(4) + record(5),
    begin() + record(4, b"\x05\x05ab") + record(4) + record(5), begin() + record(4, b"\x01") + record(4) + record(5),
    begin() + record(4, b"\x7f\xff" + b"a" * 300) + record(4) + record(5),
    begin() + record(4, pair(b"", b"") * 2000) + record(4) + record(5),
    begin() + record(4, pair(b"A=B", b"C=D") + pair(b"REQUEST_METHOD", b"")) + record(4) + record(5),
    begin() + record(4, pair(b"REQUEST_METHOD", b"GET\0POST") + pair(b"DOCUMENT_URI", b"/\0")) + record(4) + record(5),
    begin() + record(4, pair(b"DOCUMENT_URI", b"no slash")) + record(4) + record(5),
    begin() + record(4, pair(b"HTTP_X", b"y" * 60000)) * 20 + record(4) + record(5),
    begin() + record(4, pair(b"CONTENT_LENGTH", b"-1")) + record(4) + record(5),
    begin() + record(4, pair(b"CONTENT_LENGTH", b"9" * 40)) + record(4) + record(5, b"x") + record(5),
    begin() + record(4, pair(b"CONTENT_LENGTH", b"1048576")) + record(4) + record(5, b"x") + record(5),
    begin() + record(4, pair(b"CONTENT_LENGTH", b"1")) + record(4) + record(5, b"x" * 65535) * 40 + record(5),
    begin(role=3) + record(4) + record(5) + record(8, b"x") + record(8),
    b"".join(request()) * 3, b"".join(request("/nothing")), b"".join(request("/calls", b"{}", "POST")),
    b"".join(request("/calls", b"{", "DELETE")), b"".join(request())[:-1], b"".join(request())[:40],
    record(3, bytes(8)), record(6, b"Status: 200 OK\r\n\r\n"), record(10, b"x", 0), record(11, b"x", 0),
    begin() + record(4, parameters("/calls", b""), length=65535), begin() + record(4, length=65535),
    record(1, struct.pack(">HB5x", 1, 0), request=0), record(1, struct.pack(">HB5x", 1, 0), version=2),
    record(1, struct.pack(">HB5x", 1, 0), padding=255) + record(4, padding=255) + record(5, padding=255),
]


def mutated(rng):
    """A request, some of whose records or bytes are not what they were."""
    records = request("/calls", rng.choice((b"", b"{}", bytes(300))), rng.choice(("GET", "POST", "PUT", "HEAD")))
    for _ in range(rng.randrange(3)):
        i = rng.randrange(len(records))
        rng.choice((lambda: records.pop(i), lambda: records.insert(i, records[i]),
                    lambda: records.insert(i, rng.choice(TRICKS)), lambda: rng.shuffle(records)))()
        if not records:
            return b""
    made = bytearray(b"".join(records))
    for _ in range(rng.choice((0, 1, 1, 2, 8))):
        if made:
            made[rng.randrange(len(made))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(made[:rng.randrange(len(made) + 1)] if rng.random() < 0.2 else made)


def asks_for_values(data):
    """Whether one of these records does: with many names, libfcgi ends by it (test_a_peer_that_ends_workers)."""
    at = 0
    while at + 8 <= len(data):
        if data[at + 1] == 9:
            return True
        at += 8 + int.from_bytes(data[at + 4:at + 6], "big") + data[at + 6]
    return False


def strike(path, data, patient):
    """Sends it to a worker; whether it said anything that is no FastCGI. Patient ones wait for the answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(8)
        with contextlib.suppress(OSError):  # closed by a worker, or one that has just died
            s.connect(path)
            s.sendall(data)
            if patient:
                s.shutdown(socket.SHUT_WR)
                got = b""
                while chunk := s.recv(65536):
                    got += chunk
                assert got == b"" or got[0] == 1, got[:100]


def workers(stack):
    """The pids of the workers, both kinds; quick, unlike stack.children()."""
    master = stack.pid("api")
    children = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return {int(pid) for pid in children if title(pid).rstrip().endswith("worker")}


def test_records_that_are_none(stack, world):
    """No sanitizer has anything to report, and no worker ends but by libfcgi, which believes a length of gigabytes and
    has an assertion for the memory (doc/dependencies.md): one record in some twenty thousand."""
    rng, log, before, sent = random.Random(SEED), len(stack.log("api")), workers(stack), 0
    print(f"FAULTS_SEED={SEED}")
    paths = [str(stack.folder / "sock" / f"{name}.sock") for name in ("api", "carrier")]
    with others(world):
        for trick in TRICKS:
            strike(paths[0], trick, True)
        end = time.monotonic() + (300 if LARGE else 4)
        while time.monotonic() < end:
            data = mutated(rng)
            if not asks_for_values(data):
                strike(rng.choice(paths), data, rng.random() < 0.7)
                sent += 1
    print(f"{sent} records")
    said = stack.log("api")[log:]
    assert "Sanitizer" not in said and "runtime error" not in said, said
    if stack.has_sanitizers():  # a build with sanitizers, whose memory is not that short
        assert workers(stack) == before, said
    assert said.count(" was killed by signal ") == said.count("fcgiapp.c:75: Malloc: Assertion"), said
    eventually(lambda: len(workers(stack)) == len(before), 10, "workers are missing")


def test_a_peer_that_ends_workers(stack, world):
    """libfcgi writes the names that it is asked for into 64 bytes, however many they are (doc/dependencies.md): a
    worker dies of it, and the service goes on."""
    if stack.has_sanitizers():
        pytest.skip("a build with sanitizers would report the library")
    deadly = begin() + record(9, pair(b"FCGI_MPXS_CONNS", b"") * 1000, 0) + b"".join(request()[1:])
    before = workers(stack)
    with Others(world):
        for _ in range(20):
            strike(str(stack.folder / "sock" / "api.sock"), deadly, True)
            time.sleep(0.1)
    assert workers(stack) != before
    eventually(lambda: len(workers(stack)) == len(before), 10, "workers are missing")


def test_silent_peers_hold_the_workers_for_seconds_at_most(stack, world):
    """As many as there are workers: each is back after its five seconds."""
    with contextlib.ExitStack() as held:
        for _ in workers(stack):
            s = held.enter_context(socket.socket(socket.AF_UNIX))
            s.connect(str(stack.folder / "sock" / "api.sock"))
            s.sendall(begin()[:5])
        began = time.monotonic()
        assert world.get("/calls").status_code == 200
        assert time.monotonic() - began < 2 * SOON


def test_ten_workers_killed_a_second(stack, world):
    """What they had in hand is lost, and nothing else; the next are there at once."""
    kills, count, rng = 0, len(workers(stack)), random.Random(SEED)
    with Others(world, may_fail=503) as busy:
        end = time.monotonic() + 60
        while kills < (600 if LARGE else 40) and time.monotonic() < end:
            for pid in sorted(workers(stack), key=lambda _: rng.random())[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    kills += 1
            strike(str(stack.folder / "sock" / "api.sock"), mutated(rng), False)
            time.sleep(0.1)
    assert kills >= 40
    assert len(busy.took) > 50 and busy.failed <= kills
    eventually(lambda: len(workers(stack)) == count, 10, "workers are missing")
    assert world.get("/calls").status_code == 200
