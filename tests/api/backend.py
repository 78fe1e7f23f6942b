"""A call backend of somebody else's, for the tests of negotiations."""

import http.server
import json
import os
import threading
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def make_key():
    """A key that is right in form, for a stack that has to know it before it is up."""
    body = "".join(DIGITS[byte % 62] for byte in os.urandom(32))
    crc, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        check = DIGITS[digit] + check
    return "ohk_" + body + check


KEY = make_key()


class Backend:
    """Keeps what it is asked and answers as it is told."""

    def __init__(self):
        self.asked, self.told, self.answers, self.wait, self.port = [], [], [], 0, 0
        self.open()

    def open(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept = outer.asked if self.command == "POST" else outer.told
                kept.append((self.path, dict(self.headers), json.loads(body)))
                threading.Event().wait(outer.wait)
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            do_PATCH = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
