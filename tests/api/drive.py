"""Drives an engine of voice/ by tests/unit/voice/drive.c: what the session does goes in, what the engine tells
comes out."""

import base64
import json
import os
import pathlib
import subprocess
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("OFFHOOK_BUILD") or "build")
PROGRAM = (BUILD if BUILD.is_absolute() else TOP / BUILD) / "tests/unit/voice/drive"
FRAME = 160


class Drive:
    def __init__(self, ca=None, **begin):
        self.told = []  # (name, value, when), as it came
        self.changed = threading.Condition()
        self.process = subprocess.Popen([PROGRAM] + ([ca] if ca else []), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.log = ""
        self.logger = threading.Thread(target=self.read_log, daemon=True)
        self.logger.start()
        self.at_ms = 0
        self.write(begin)

    def read(self):
        for line in self.process.stdout:
            (name, value), = json.loads(line).items()
            with self.changed:
                self.told.append((name, value, time.monotonic()))
                self.changed.notify_all()

    def read_log(self):
        for line in self.process.stderr:
            self.log += line

    def write(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def all(self, name):
        with self.changed:
            return [value for one, value, _ in self.told if one == name]

    def wait(self, name, count=1, seconds=20):
        """The count-th of what was told by that name."""
        end = time.monotonic() + seconds
        while True:
            found = self.all(name)
            if len(found) >= count:
                return found[count - 1]
            with self.changed:
                left = end - time.monotonic()
                assert left > 0, f"no {name} in {seconds} s: {self.names()} {self.log}"
                self.changed.wait(min(left, 0.2))

    def names(self):
        with self.changed:
            return [name for name, _, _ in self.told]

    def hear(self, pcmu, pace=10):
        """A frame after the other, so many times as fast as it is spoken."""
        for at in range(0, len(pcmu), FRAME):
            frame = pcmu[at:at + FRAME]
            self.write({"hear": [base64.b64encode(frame).decode(), self.at_ms]})
            self.at_ms += len(frame) // 8
            if pace:
                time.sleep(0.02 / pace)

    def sound(self):
        """All that the agent has said so far."""
        return b"".join(base64.b64decode(text) for _, text in self.all("audio"))

    def end(self):
        """It ends as it should: nothing is left of it, and the sanitizers have seen nothing."""
        if self.process.poll() is None:
            try:
                self.write({"end": True})
            except BrokenPipeError:
                pass
        assert self.process.wait(20) == 0, self.log
        self.reader.join(20)
        self.logger.join(20)
        self.process.stdin.close()
        return self.log
