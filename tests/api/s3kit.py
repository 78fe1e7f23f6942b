"""An S3-compatible store that verifies signatures (npm's @20minutes/s3rver), and a client that signs
on its own: the third implementation of Signature Version 4 beside the product's and the server's.

The server is installed by npm ci from the lock file in s3/ into the folder that OFFHOOK_NODE_MODULES
names (a build folder), once. Without npm and node this fails; it never skips.
"""

import contextlib
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import urllib.parse

import requests

HERE = pathlib.Path(__file__).parent / "s3"
FILES = ("package.json", "package-lock.json", ".npmrc", "serve.js")
KEY = SECRET = "S3RVER"
REGION = "eu-central-1"
BUCKET = "recordings"


def install(folder):
    """Installs the server's package there, unless it is."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "node_modules" / ".installed-lock.json"
    wanted = (HERE / "package-lock.json").read_text()
    for name in FILES:
        shutil.copyfile(HERE / name, folder / name)
    if not mark.exists() or mark.read_text() != wanted:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                              cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        mark.write_text(wanted)
    return folder


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
        named = os.environ.get("OFFHOOK_NODE_MODULES")
        self.modules = install(pathlib.Path(named) / "s3" if named else folder / "node")
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
