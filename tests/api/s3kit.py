"""An S3-compatible store that verifies signatures (npm's @20minutes/s3rver), and a client that signs
on its own: the third implementation of Signature Version 4 beside the product's and the server's.

Without npm and node this fails; it never skips.
"""

import contextlib
import datetime
import hashlib
import hmac
import json
import pathlib
import signal
import subprocess
import sys
import threading
import urllib.parse

import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import nodekit  # noqa: E402

HERE = pathlib.Path(__file__).parent / "s3"
FILES = ("package.json", "package-lock.json", ".npmrc", "serve.js")
KEY = SECRET = "S3RVER"
REGION = "eu-central-1"
BUCKET = "recordings"


def signature(method, host, path, headers):
    """The Authorization header of a request whose payload is not signed."""
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/{REGION}/s3/aws4_request"
    names = ";".join(sorted(["host", *headers]))
    lines = "".join(f"{n}:{v}\n" for n, v in sorted({"host": host, **headers}.items()))
    request = f"{method}\n{path}\n\n{lines}\n{names}\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + SECRET.encode()
    for part in (date[:8], REGION, "s3", "aws4_request", text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return (f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names},"
            f" Signature={key.hex()}")


class Store:
    def __init__(self, folder):
        self.modules = nodekit.install(HERE, FILES, "s3", folder / "node")
        self.folder = folder / "objects"
        self.folder.mkdir()
        self.port, self.process, self.seen = 0, None, []
        self.start()

    def start(self):
        """Starts it, on the port that it had before."""
        self.process = subprocess.Popen(
            ["node", "serve.js", self.folder, str(self.port)], cwd=self.modules,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.reader = threading.Thread(target=self.read, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def read(self, lines):
        for line in lines:
            self.seen.append(json.loads(line))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.reader.join(20)
        self.process.stdout.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def request(self, method, key, data=None, **more):
        path = urllib.parse.quote(f"/{BUCKET}/{key}", safe="/-_.~")
        now = datetime.datetime.now(datetime.timezone.utc)
        headers = {"x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
                   "x-amz-content-sha256": "UNSIGNED-PAYLOAD", **more}
        headers["Authorization"] = signature(method, f"127.0.0.1:{self.port}", path, headers)
        answer = requests.request(method, self.url + path, data=data, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer

    @contextlib.contextmanager
    def denied(self):
        """While this lasts, the key may do nothing."""
        mark = self.folder.with_suffix(".deny")
        mark.touch()
        try:
            yield
        finally:
            mark.unlink()

    def put(self, key, data, **more):
        self.request("PUT", key, data, **more)

    def delete(self, key):
        self.request("DELETE", key)
