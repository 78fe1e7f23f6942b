"""What the tests of offhook-sim stand on: the program itself on a free port, and a customer's web
server that records what the carrier sends and checks every signature."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

ACCOUNT = "AC0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOKEN = "f3d1c0ffee5eed0123456789abcdef42"
FROM = "+15005550006"
API = f"/2010-04-01/Accounts/{ACCOUNT}"
FINAL = {"completed", "busy", "failed", "no-answer", "canceled"}


def program(name):
    folder = os.environ.get("OFFHOOK_BIN")
    assert folder, "OFFHOOK_BIN must name the folder of the programs"
    return str(pathlib.Path(folder) / name)


def signature(url, pairs, token=TOKEN):
    """The carrier's signature, written down a second time on purpose."""
    text = url + "".join(name + value for name, value in sorted(set(pairs)))
    mac = hmac.new(token.encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def eventually(what, seconds=8.0):
    """What what() returns once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


class Sim:
    """The simulator, started with these options."""

    def __init__(self, folder, *options):
        self.ledger = folder / "sim.jsonl"
        self.pid_file = folder / "sim.pid"
        self.log = folder / "sim.log"
        command = [program("offhook-sim"), "--listen", "127.0.0.1:0", "--account-sid", ACCOUNT,
                   "--auth-token", TOKEN, "--ledger", str(self.ledger), "--pid-file",
                   str(self.pid_file), "--recordings", str(folder), "--ring-ms", "40",
                   "--talk-ms", "40", *options]
        self.process = subprocess.Popen(command, stderr=open(self.log, "w"))
        eventually(lambda: self.process.poll() is not None or self.pid_file.exists())
        assert self.process.poll() is None, self.log.read_text()
        self.url = self.log.read_text().split("listening on ")[1].split()[0]
        self.http = requests.Session()
        self.http.auth = (ACCOUNT, TOKEN)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log.read_text()

    def get(self, path, **arguments):
        return self.http.get(self.url + path, **arguments)

    def post(self, path, data=None, **arguments):
        return self.http.post(self.url + path, data=data, **arguments)

    def delete(self, path):
        return self.http.delete(self.url + path)

    def dial(self, to, url, **more):
        data = {"To": to, "From": FROM, "Url": url, **more}
        return self.post(API + "/Calls.json", data)

    def call(self, to, url, **more):
        """A dial that must be accepted; its sid."""
        answer = self.dial(to, url, **more)
        assert answer.status_code == 201, answer.text
        return answer.json()["sid"]

    def fetch(self, sid):
        return self.get(f"{API}/Calls/{sid}.json").json()

    def ended(self, sid):
        return eventually(lambda: (lambda c: c["status"] in FINAL and c)(self.fetch(sid)))

    def errors(self, sid):
        notes = self.get(f"{API}/Calls/{sid}/Notifications.json").json()["notifications"]
        return [int(n["error_code"]) for n in notes]

    def calls(self):
        return requests.get(self.url + "/sim/calls").json()

    def rule(self, **rule):
        answer = requests.post(self.url + "/sim/rules", json=rule)
        assert answer.status_code == 201, answer.text

    def lines(self):
        return [json.loads(line) for line in self.ledger.read_text().splitlines()]


class Request:
    """One request from the carrier."""

    def __init__(self, method, path, pairs, headers):
        self.method, self.path, self.headers = method, path, headers
        self.pairs = pairs
        self.form = dict(pairs)
        self.at = time.monotonic()


class Hooks:
    """A customer's web server. answers maps a path to TwiML, to (status, headers, body), to a
    list of these given out in turn (the last one stays), or to a function of the request."""

    def __init__(self):
        self.answers, self.seen, self.faults = {}, [], []
        self.lock = threading.Lock()
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                hooks.serve(self, "")

            def do_POST(self):
                length = int(self.headers.get("Content-Length", 0))
                hooks.serve(self, self.rfile.read(length).decode())

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 512

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        assert not self.faults

    def serve(self, handler, body):
        pairs = urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body))
        wanted = signature(self.url + handler.path, pairs)
        if handler.headers.get("X-Twilio-Signature") != wanted:
            self.faults.append(("bad signature", handler.path, body))
        parts = urllib.parse.urlsplit(handler.path)
        if handler.command == "GET":
            pairs = urllib.parse.parse_qsl(parts.query, keep_blank_values=True)
        request = Request(handler.command, handler.path, pairs, dict(handler.headers))
        with self.lock:
            self.seen.append(request)
            answer = self.answers.get(parts.path, (204, {}, ""))
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, str):
            answer = (200, {"Content-Type": "text/xml"}, answer)
        status, headers, text = answer
        data = text if isinstance(text, bytes) else text.encode()
        try:
            handler.send_response(status)
            for name, value in headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def at(self, path):
        """The requests to this path, in order of arrival."""
        with self.lock:
            return [r for r in self.seen if urllib.parse.urlsplit(r.path).path == path]

    def statuses(self, path="/status"):
        return [r.form["CallStatus"] for r in self.at(path)]

    def wait(self, path, count=1, seconds=8.0):
        """The requests to this path once there are so many."""
        return eventually(lambda: (lambda s: len(s) >= count and s)(self.at(path)), seconds)


ALL_EVENTS = ["initiated", "ringing", "answered", "completed"]
HANGUP = "<Response><Hangup/></Response>"


def say(text, rest=""):
    return f"<Response><Say>{text}</Say>{rest}</Response>"


def gather(action, inside="", attributes='input="speech dtmf" timeout="1"'):
    return f'<Response><Gather {attributes} action="{action}">{inside}</Gather></Response>'
