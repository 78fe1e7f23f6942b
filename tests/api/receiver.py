"""receiver.py: a customer's webhook endpoint: a TLS server of the test's own, which does what it is
told and writes down what it got, events and forms. Signatures are checked by code written down a second time on
purpose."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import socket
import ssl
import threading
import time
import urllib.parse


class Message:
    """One request as it came."""

    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.at = time.time()
        self.taken = False  # answered as one that was understood
        if headers["content-type"].startswith("application/x-www-form-urlencoded"):
            self.pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True,
                                                strict_parsing=True)
            self.form = dict(self.pairs)
        else:
            self.event = json.loads(body)

    @property
    def id(self):
        return self.headers["webhook-id"]

    def signed_by(self, secret):
        """Whether one of the signatures is by this secret, and the time is now."""
        text = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        key = base64.b64decode(secret.removeprefix("whsec_"))
        right = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        assert abs(int(self.headers["webhook-timestamp"]) - self.at) < 60
        return right in self.headers["webhook-signature"].split(" ")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        try:
            self.request.do_handshake()
            super().handle()
        except OSError:
            pass  # whoever hangs up has his reasons

    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = Message(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        answer = receiver.take(message)
        if answer == "hang":
            receiver.ended.wait(30)
        if answer in ("hang", "close"):
            self.close_connection = True
            return
        status, headers, text = answer
        message.taken = 200 <= status < 300
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512

    def get_request(self):
        connection, peer = super().get_request()
        connection.settimeout(30)
        tls = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return tls, peer

    def handle_error(self, *_):
        pass


class Receiver:
    """Listens on a port of loopback, with the certificate for localhost in a stack's folder. What it
    answers at a path stands in answers: a status, (status, headers, body), "hang", "close", a list of
    these (the last one again and again), or a function of the message; 204 when nothing does."""

    def __init__(self, tls_folder):
        self.answers = {}
        self.messages = collections.defaultdict(list)
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.receiver = self
        self.server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.context.load_cert_chain(f"{tls_folder}/server.pem", f"{tls_folder}/server.key")
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def url(self, path):
        return f"https://localhost:{self.server.server_address[1]}{path}"

    def take(self, message):
        with self.lock:
            self.messages[message.path].append(message)
            answer = self.answers.get(message.path, 204)
            if isinstance(answer, list):
                answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(message)
        if isinstance(answer, int):
            return answer, {}, b""
        if isinstance(answer, dict):
            return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
        return answer

    def at(self, path):
        with self.lock:
            return list(self.messages[path])

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


def nobody():
    """A port of loopback on which nobody listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
