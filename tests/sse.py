"""sse.py: a client of event streams for tests: reads one stream in a thread of its own, keeps what
came and when, and, where asked to, comes back after an end and goes on where it was."""

import contextlib
import json
import socket
import threading
import time

import requests


class Stream:
    """url with its query; headers with the key. again: come back until close(), after pause_s at most."""

    def __init__(self, url, ca, headers, again=False, after=None, pause_s=1):
        self.url, self.ca, self.headers, self.again = url, ca, dict(headers), again
        self.pause_s = pause_s
        self.last = after
        self.frames = []    # the data of each event, in the order in which they came
        self.times = []     # when they came
        self.comments = []  # when comments came
        self.retry = None   # in milliseconds, the last one told
        self.opened = 0     # answers with 200
        self.refused = []   # other answers
        self.faults = []    # frames that are not what they ought to be
        self.response = None
        self.sock = None
        self.ended_at = None
        self.closing = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                self.read_one()
            except (requests.RequestException, OSError, AttributeError, ValueError) as error:
                # What urllib3 does when close() takes its connection away is of all these kinds.
                if not self.closing and not self.again:
                    self.faults.append(repr(error))
            if not self.again or self.closing:
                break
            time.sleep(min((self.retry or 200) / 1000, self.pause_s))
        self.ended_at = time.monotonic()

    def read_one(self):
        headers = dict(self.headers)
        if self.last is not None:
            headers["Last-Event-ID"] = str(self.last)
        with requests.Session() as session:
            session.trust_env = False
            self.response = session.get(self.url, headers=headers, stream=True, verify=self.ca,
                                        timeout=(10, 70))
            if self.response.status_code != 200:
                self.refused.append((self.response.status_code, dict(self.response.headers),
                                     self.response.text))
                return
            self.opened += 1
            self.sock = self.response.raw._connection.sock
            rest = b""
            for piece in self.response.iter_content(chunk_size=None):
                rest += piece
                *whole, rest = rest.split(b"\n\n")
                for frame in whole:
                    self.take(frame.decode())
            if rest:
                self.faults.append(f"cut off: {rest!r}")

    def take(self, text):
        if text.startswith(":"):
            self.comments.append(time.monotonic())
            return
        if text.startswith("retry: "):
            self.retry = int(text[7:])
            return
        fields = [line.partition(": ")[::2] for line in text.split("\n")]
        if [name for name, _ in fields] != ["id", "event", "data"]:
            self.faults.append(text)
            return
        (_, number), (_, kind), (_, data) = fields
        frame = json.loads(data)
        if frame["event_id"] != int(number) or frame["event_type"] != kind:
            self.faults.append(text)
        self.times.append(time.monotonic())
        self.frames.append(frame)
        self.last = int(number)

    def ids(self):
        return [f["event_id"] for f in self.frames]

    def cut(self):
        """Cuts the connection, however far it has come."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.closing = True
        while self.thread.is_alive():
            self.cut()
            self.thread.join(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
